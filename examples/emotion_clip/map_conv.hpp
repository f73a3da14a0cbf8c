// The convolution of maps of g x g tokens with kernels of 3 x 3 or 5 x 5, zeros around them, by way of
// cyclic.hpp.
//
//   x (g^2, N, C), weight (O, C, k, k), bias (O) -> y (g^2, N, O)      the token's place is the first
//   dimension
//
//   xf (P, N, C) = A x,  wf (P, C, O) = B weight,  yf_p (N, O) = xf_p wf_p,  y = C yf + bias
//   dyf = C' dy,  dxf_p = dyf_p wf_p',  dx = A' dxf,  dwf_p = xf_p' dyf_p,  dweight = B' dwf,  dbias = sum dy
//
// All of them matrix products; only x is kept. On the CPU they go over blocks of maps, so that the planes
// stay in the cache and need little memory. Parts of a block are computed in parallel, blocks one after
// another: results do not depend on the number of threads. A GPU, whose cache holds no planes, gets the
// products of all maps at once, as cuBLAS likes them.
#pragma once

#include "emotion_clip/cyclic.hpp"

#include <limbic/ops/activation.hpp>
#include <limbic/ops/matmul.hpp>

#include <limits>
#include <memory>

namespace limbic::emotion_clip {

namespace detail {

// What a plane needs of memory and of products is nearly the same for any block of 64 maps and more.
inline constexpr index_t kMapBlock = 128;

// to (rows, maps of `block`, channels) = m (rows, k) from (k, N, channels), for the maps from `first` on.
// `from_maps` and `to_maps` are how many maps lie between two rows of each.
template <class T>
void transform_maps(const Tensor<T>& m, bool transposed, const T* from, index_t from_maps, T* to,
                    index_t to_maps, index_t maps, index_t channels,
                    cpu::Activation activation = cpu::Activation::none) {
  const cpu::MatrixRef<T> whole{m.data(), m.size(1), 1};
  const index_t rows = m.size(transposed ? 1 : 0), inner = m.size(transposed ? 0 : 1);
  constexpr index_t kGrain = 8;
  parallel_for(maps, kGrain, [&](index_t begin, index_t end) {
    cpu::gemm<T>(rows, (end - begin) * channels, inner, transposed ? whole.transposed() : whole,
                 {from + begin * channels, from_maps * channels, 1}, to + begin * channels,
                 to_maps * channels, {.activation = activation});
  });
}

// y of x and wf, or max(0, y); bias (O) may be undefined.
template <class T>
void map_conv_forward(Cpu, Tensor<T>& y, const CyclicMatrices<T>& m, const Tensor<T>& x, const Tensor<T>& wf,
                      const Tensor<T>& bias, bool relu) {
  const auto activation = relu ? cpu::Activation::relu : cpu::Activation::none;
  const index_t planes = m.planes(), n = x.size(1), c = x.size(2), o = wf.size(2);
  const index_t block = std::min(n, kMapBlock);
  Tensor<T> xf = Tensor<T>::empty({planes, block, c}), yf = Tensor<T>::empty({planes, block, o});
  Tensor<T> constant;
  if (bias.defined()) constant = bias * m.constant;
  for (index_t at = 0; at < n; at += block) {
    const index_t maps = std::min(block, n - at);
    transform_maps(m.input, false, x.data() + at * c, n, xf.mutable_data(), maps, maps, c);
    const T* const from = xf.data();
    T* const to = yf.mutable_data();
    parallel_for(planes, 1, [&](index_t begin, index_t end) {
      for (index_t p = begin; p < end; ++p)
        cpu::gemm<T>(maps, o, c, {from + p * maps * c, c, 1}, {wf.data() + p * c * o, o, 1},
                     to + p * maps * o, o, {.bias = p == 0 && bias.defined() ? constant.data() : nullptr});
    });
    transform_maps(m.output, false, yf.data(), maps, y.mutable_data() + at * o, n, maps, o, activation);
  }
}

// Gradients: dx (of x's shape, or null), dwf (of wf's shape, overwritten, or null).
template <class T>
void map_conv_backward(Cpu, Tensor<T>* dx, Tensor<T>* dwf, const CyclicMatrices<T>& m, const Tensor<T>& x,
                       const Tensor<T>& wf, const Tensor<T>& dy) {
  const index_t planes = m.planes(), n = x.size(1), c = x.size(2), o = wf.size(2);
  const index_t block = std::min(n, kMapBlock);
  Tensor<T> xf = Tensor<T>::empty({planes, block, c}), yf = Tensor<T>::empty({planes, block, o});
  for (index_t at = 0; at < n; at += block) {
    const index_t maps = std::min(block, n - at);
    transform_maps(m.output, true, dy.data() + at * o, n, yf.mutable_data(), maps, maps, o);
    const T* const d = yf.data();
    if (dwf) {
      transform_maps(m.input, false, x.data() + at * c, n, xf.mutable_data(), maps, maps, c);
      T* const to = dwf->mutable_data();
      parallel_for(planes, 1, [&](index_t begin, index_t end) {
        for (index_t p = begin; p < end; ++p)
          cpu::gemm<T>(c, o, maps, {xf.data() + p * maps * c, 1, c}, {d + p * maps * o, o, 1}, to + p * c * o,
                       o, {.accumulate = at > 0});
      });
    }
    if (!dx) continue;
    T* const to = xf.mutable_data();  // its planes are not needed any more
    parallel_for(planes, 1, [&](index_t begin, index_t end) {
      for (index_t p = begin; p < end; ++p)
        cpu::gemm<T>(maps, c, o, {d + p * maps * o, o, 1}, {wf.data() + p * c * o, 1, o}, to + p * maps * c,
                     c);
    });
    transform_maps(m.input, true, xf.data(), maps, dx->mutable_data() + at * c, n, maps, c);
  }
}

// The same on a device.
template <class T, class D>
void multiply(Tensor<T, D>& y, const Tensor<T, D>& a, bool a_transposed, const Tensor<T, D>& b,
              bool b_transposed = false) {
  constexpr MatrixForm kForm = MatrixForm::matrix;
  matmul(D{}, y, kForm, matrices(a, kForm, a_transposed), matrices(b, kForm, b_transposed), false);
}
// to (rows, N, channels) = m (rows, k), or its transpose, times from (k, N, channels). Both dense.
template <class T, class D>
void transform_maps(Tensor<T, D>& to, const Tensor<T, D>& m, bool transposed, const Tensor<T, D>& from) {
  const index_t columns = from.size(1) * from.size(2);
  Tensor<T, D> rows = to.reshape({to.size(0), columns});
  multiply(rows, m, transposed, from.reshape({from.size(0), columns}));
}

template <class T, class D>
void map_conv_forward(D, Tensor<T, D>& y, const CyclicMatrices<T, D>& m, const Tensor<T, D>& x,
                      const Tensor<T, D>& wf, const Tensor<T, D>& bias, bool relu) {
  const index_t planes = m.planes(), n = x.size(1), o = wf.size(2);
  Tensor<T, D> xf = Tensor<T, D>::empty({planes, n, x.size(2)}), yf = Tensor<T, D>::empty({planes, n, o});
  transform_maps(xf, m.input, false, x);
  multiply(yf, xf, false, wf);
  transform_maps(y, m.output, false, yf);
  if (!bias.defined() && !relu) return;
  const T low = relu ? T(0) : -std::numeric_limits<T>::infinity();
  const auto finish = [low](auto v, auto b) {
    const auto z = v + b;
    return math::choose(z <= low, low, z);  // NaN stays
  };
  elementwise_update(D{}, finish, y, bias.defined() ? bias : Tensor<T, D>::zeros({o}));
}

template <class T, class D>
void map_conv_backward(D, Tensor<T, D>* dx, Tensor<T, D>* dwf, const CyclicMatrices<T, D>& m,
                       const Tensor<T, D>& x, const Tensor<T, D>& wf, const Tensor<T, D>& dy) {
  const index_t planes = m.planes(), n = x.size(1);
  Tensor<T, D> yf = Tensor<T, D>::empty({planes, n, wf.size(2)}),
               xf = Tensor<T, D>::empty({planes, n, x.size(2)});
  transform_maps(yf, m.output, true, dy);
  if (dwf) {
    transform_maps(xf, m.input, false, x);
    multiply(*dwf, xf, true, yf);
  }
  if (!dx) return;
  multiply(xf, yf, false, wf, true);  // its planes are not needed any more
  transform_maps(*dx, m.input, true, xf);
}

template <class T, class D>
struct MapConv {
  static constexpr const char* name = "map_conv";
  std::shared_ptr<const CyclicMatrices<T, D>> matrices;
  bool relu = false;
  bool keep = false;
  Saved<T, D> kept_x{}, kept_wf{}, kept_bias{}, kept_y{};

  Shape infer(const Tensor<T, D>& x, const Tensor<T, D>& wf, const Tensor<T, D>& bias) {
    if (x.rank() != 3 || wf.rank() != 3 || x.size(0) != matrices->output.size(0) ||
        wf.size(0) != matrices->planes() || x.size(2) != wf.size(1))
      fail(name, "x (", matrices->output.size(0), ", N, C) and transformed weights (", matrices->planes(),
           ", C, O) are needed; got x ", x.shape(), ", weights ", wf.shape());
    if (bias.defined() && !(bias.shape() == Shape{wf.size(2)}))
      fail(name, "bias (O) is needed; got bias ", bias.shape(), ", weights ", wf.shape());
    return {x.size(0), x.size(1), wf.size(2)};
  }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x, const Tensor<T, D>& wf, const Tensor<T, D>& bias) {
    const Tensor<T, D> dense = x.contiguous(), w = wf.contiguous();
    map_conv_forward(D{}, y, *matrices, dense, w, bias, relu);
    if (!keep) return;
    kept_x = dense;
    kept_wf = w;
    if (bias.defined()) kept_bias = bias;
    if (relu) kept_y = y;
  }
  void backward(const Tensor<T, D>& cotangent, Grad<T, D>& dx, Grad<T, D>& dwf, Grad<T, D>& dbias) {
    Tensor<T, D> dy = cotangent.contiguous(), gx, gw;
    if (relu) {
      Tensor<T, D> dz = Tensor<T, D>::empty(dy.shape());
      elementwise(
          D{}, [](auto d, auto v) { return math::choose(v > T(0), d, T(0)); }, dz, dy, kept_y.get());
      dy = dz;
    }
    if (dx) gx = Tensor<T, D>::empty(dx.shape());
    if (dwf) gw = Tensor<T, D>::empty(dwf.shape());
    if (dx || dwf)
      map_conv_backward(D{}, dx ? &gx : nullptr, dwf ? &gw : nullptr, *matrices, kept_x.get(), kept_wf.get(),
                        dy);
    if (dx) dx.give(gx);
    if (dwf) dwf.give(gw);
    dbias.write([&](Tensor<T, D>& g) { column_sums(D{}, g, dy, false); });
  }
  const Saved<T, D>& saved_input(int i) const { return i == 0 ? kept_x : i == 1 ? kept_wf : kept_bias; }
  template <class X>
  X reference(const X& x, const X& wf, const X& bias) const {
    const index_t g2 = x.size(0), n = x.size(1), c = x.size(2), planes = matrices->planes();
    const X xf = reshape(matmul(matrices->input, reshape(x, {g2, n * c})), {planes, n, c});
    const X yf = reshape(matmul(xf, wf), {planes, -1});
    const X y = reshape(matmul(matrices->output, yf), {g2, n, wf.size(2)});
    const X z = bias.defined() ? y + bias : y;
    return relu ? limbic::relu(z) : z;
  }
};

}  // namespace detail

// The weights (O, C, k, k) of a convolution, transformed: (P, C, O).
template <class T, class D, Operand W>
W transform_weight(const CyclicMatrices<T, D>& m, const W& weight) {
  const Shape& s = weight.shape();
  const W taps = reshape(permute(weight, {2, 3, 1, 0}), {s[2] * s[3], s[1] * s[0]});
  return reshape(matmul(m.weight, taps), {m.planes(), s[1], s[0]});
}

// The convolution of x (g^2, N, C) with weights that transform_weight() has transformed, and bias (O), which
// may be undefined -> (g^2, N, O); max(0, that) if `relu`. Throws for other shapes.
template <class T, class D, Operand X, Operand W, Operand B>
result_of<X, W, B> map_conv(const std::shared_ptr<const CyclicMatrices<T, D>>& matrices, const X& x,
                            const W& wf, const B& bias, bool relu = false, Site site = Site::here()) {
  return apply(site, detail::MapConv<T, D>{.matrices = matrices, .relu = relu}, x, wf, bias);
}

}  // namespace limbic::emotion_clip
