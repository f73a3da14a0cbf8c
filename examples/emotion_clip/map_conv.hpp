// The convolution of maps of g x g tokens with kernels of 3 x 3 or 5 x 5, zeros around them, by way of
// cyclic.hpp.
//
//   x (g^2, N, C), weight (O, C, k, k), bias (O) -> y (g^2, N, O)      the token's place is the first
//   dimension
//
//   xf (P, N, C) = A x,  wf (P, C, O) = B weight,  yf_p (N, O) = xf_p wf_p,  y = C yf + bias
//   dyf = C' dy,  dxf_p = dyf_p wf_p',  dx = A' dxf,  dwf_p = xf_p' dyf_p,  dweight = B' dwf,  dbias = sum dy
//
// All of them matrix products. They go over blocks of maps, so that the planes stay in the cache and need
// little memory; only x is kept. Parts of a block are computed in parallel, blocks one after another: results
// do not depend on the number of threads.
#pragma once

#include "emotion_clip/cyclic.hpp"

#include <limbic/ops/activation.hpp>
#include <limbic/ops/matmul.hpp>

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

// y of x and wf; bias (O) may be undefined.
template <class T>
void map_conv_forward(Tensor<T>& y, const CyclicMatrices<T>& m, const Tensor<T>& x, const Tensor<T>& wf,
                      const Tensor<T>& bias, cpu::Activation activation = cpu::Activation::none) {
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
void map_conv_backward(Tensor<T>* dx, Tensor<T>* dwf, const CyclicMatrices<T>& m, const Tensor<T>& x,
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

template <class T>
struct MapConv {
  static constexpr const char* name = "map_conv";
  std::shared_ptr<const CyclicMatrices<T>> matrices;
  bool relu = false;
  bool keep = false;
  Saved<T, Cpu> kept_x{}, kept_wf{}, kept_bias{}, kept_y{};

  Shape infer(const Tensor<T>& x, const Tensor<T>& wf, const Tensor<T>& bias) {
    if (x.rank() != 3 || wf.rank() != 3 || x.size(0) != matrices->output.size(0) ||
        wf.size(0) != matrices->planes() || x.size(2) != wf.size(1))
      fail(name, "x (", matrices->output.size(0), ", N, C) and transformed weights (", matrices->planes(),
           ", C, O) are needed; got x ", x.shape(), ", weights ", wf.shape());
    if (bias.defined() && !(bias.shape() == Shape{wf.size(2)}))
      fail(name, "bias (O) is needed; got bias ", bias.shape(), ", weights ", wf.shape());
    return {x.size(0), x.size(1), wf.size(2)};
  }
  void forward(Tensor<T>& y, const Tensor<T>& x, const Tensor<T>& wf, const Tensor<T>& bias) {
    const Tensor<T> dense = x.contiguous(), w = wf.contiguous();
    map_conv_forward(y, *matrices, dense, w, bias, relu ? cpu::Activation::relu : cpu::Activation::none);
    if (!keep) return;
    kept_x = dense;
    kept_wf = w;
    if (bias.defined()) kept_bias = bias;
    if (relu) kept_y = y;
  }
  void backward(const Tensor<T>& cotangent, Grad<T, Cpu>& dx, Grad<T, Cpu>& dwf, Grad<T, Cpu>& dbias) {
    Tensor<T> dy = cotangent.contiguous(), gx, gw;
    if (relu) {
      Tensor<T> dz = Tensor<T>::empty(dy.shape());
      elementwise(
          Cpu{}, [](T d, T v) { return v > T(0) ? d : T(0); }, dz, dy, kept_y.get());
      dy = dz;
    }
    if (dx) gx = Tensor<T>::empty(dx.shape());
    if (dwf) gw = Tensor<T>::empty(dwf.shape());
    if (dx || dwf)
      map_conv_backward(dx ? &gx : nullptr, dwf ? &gw : nullptr, *matrices, kept_x.get(), kept_wf.get(), dy);
    if (dx) dx.give(gx);
    if (dwf) dwf.give(gw);
    dbias.write([&](Tensor<T>& g) { column_sums(Cpu{}, g, dy, false); });
  }
  const Saved<T, Cpu>& saved_input(int i) const { return i == 0 ? kept_x : i == 1 ? kept_wf : kept_bias; }
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
template <class T, Operand W>
W transform_weight(const CyclicMatrices<T>& m, const W& weight) {
  const Shape& s = weight.shape();
  const W taps = reshape(permute(weight, {2, 3, 1, 0}), {s[2] * s[3], s[1] * s[0]});
  return reshape(matmul(m.weight, taps), {m.planes(), s[1], s[0]});
}

// The convolution of x (g^2, N, C) with weights that transform_weight() has transformed, and bias (O), which
// may be undefined -> (g^2, N, O); max(0, that) if `relu`. Throws for other shapes.
template <class T, Operand X, Operand W, Operand B>
result_of<X, W, B> map_conv(const std::shared_ptr<const CyclicMatrices<T>>& matrices, const X& x, const W& wf,
                            const B& bias, bool relu = false, Site site = Site::here()) {
  return apply(site, detail::MapConv<T>{.matrices = matrices, .relu = relu}, x, wf, bias);
}

}  // namespace limbic::emotion_clip
