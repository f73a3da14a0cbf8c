// The affine map of a layer, over the last dimension.
//
//   x (..., C_in), weight (C_out, C_in), bias (C_out), y (..., C_out)
//   y = x weight' + bias, for linear_relu max(0, that)
//
//   dz = dy, for linear_relu where y > 0, else 0
//   dx = dz weight      dweight = dz' x      dbias = sum over rows of dz
#pragma once

#include <limbic/ops/arithmetic.hpp>
#include <limbic/ops/matmul.hpp>

namespace limbic {

namespace detail {

template <class T, class D, bool Relu>
struct Linear {
  static constexpr const char* name = Relu ? "linear_relu" : "linear";
  bool keep = false;
  Saved<T, D> kept_x{}, kept_weight{}, kept_y{};

  Shape infer(const Tensor<T, D>& x, const Tensor<T, D>& weight, const Tensor<T, D>& bias) {
    const bool fits = weight.rank() == 2 && x.rank() >= 1 && x.shape().back() == weight.shape()[1];
    if (!fits)
      fail(name, "x (..., C_in) and weight (C_out, C_in) are needed; got x ", x.shape(), ", weight ",
           weight.shape());
    const index_t out = weight.shape()[0];
    if (bias.defined() && !(bias.rank() == 1 && bias.shape()[0] == out))
      fail(name, "bias (C_out) is needed; got bias ", bias.shape(), " with weight ", weight.shape());
    Shape y = x.shape();
    y[y.rank() - 1] = out;
    return y;
  }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x, const Tensor<T, D>& weight, const Tensor<T, D>& bias) {
    if (x.is_contiguous() || x.rank() == 2) {
      run(y, x, weight, bias);
    } else {
      run(y, x.contiguous(), weight, bias);
    }
    if (!keep) return;
    kept_weight = weight;
    if constexpr (Relu) kept_y = y;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx, Grad<T, D>& dweight, Grad<T, D>& dbias) {
    if constexpr (Relu) {
      Tensor<T, D> dz = Tensor<T, D>::empty(dy.shape());
      elementwise(
          D{}, [](auto d, auto v) { return math::choose(v > T(0), d, T(0)); }, dz, dy, kept_y.get());
      hand_on(dz, dx, dweight, dbias);
    } else if (dy.is_contiguous()) {
      hand_on(dy, dx, dweight, dbias);
    } else {
      hand_on(dy.contiguous(), dx, dweight, dbias);
    }
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    const Var<T, D> x = c.input(0, kept_x), weight = c.input(1, kept_weight);
    Var<T, D> dz = dy;
    if constexpr (Relu) {
      Tensor<T, D> open = Tensor<T, D>::empty(dy.shape());
      elementwise(
          D{}, [](auto v) { return math::step(v); }, open, kept_y.get());
      dz = dy * Var<T, D>(open);
    }
    if (c.wants(0)) c.give(0, matmul(dz, weight));
    if (c.wants(1)) {
      const index_t out = weight.shape()[0], in = weight.shape()[1], rows = kept_rows();
      c.give(1, matmul(transpose(reshape(dz, {rows, out})), reshape(x, {rows, in})));
    }
    if (c.wants(2)) c.give(2, sum_to(dz, {weight.shape()[0]}));
  }

 private:
  void run(Tensor<T, D>& y, const Tensor<T, D>& x, const Tensor<T, D>& weight, const Tensor<T, D>& bias) {
    linear_fwd(D{}, y, x, weight, bias.is_contiguous() ? bias : bias.contiguous(), Relu);
    if (keep) kept_x = x;
  }
  index_t kept_rows() const {
    index_t rows = 1;
    const Shape& s = kept_x.get().shape();
    for (int d = 0; d + 1 < s.rank(); ++d) rows *= s[d];
    return rows;
  }
  void hand_on(const Tensor<T, D>& dz, Grad<T, D>& dx, Grad<T, D>& dweight, Grad<T, D>& dbias) {
    if (dx) {
      auto [g, accumulate] = dx.out();
      linear_bwd_input(D{}, g, dz, kept_weight.get(), accumulate);
    }
    if (dweight) {
      auto [g, accumulate] = dweight.out();
      linear_bwd_weight(D{}, g, dz, kept_x.get(), accumulate);
    }
    if (dbias) {
      auto [g, accumulate] = dbias.out();
      column_sums(D{}, g, dz, accumulate);
    }
  }
};

template <bool Relu, Operand X, Operand W, Operand B>
result_of<X, W, B> linear(Site site, const X& x, const W& weight, const B& bias) {
  return apply(site, Linear<scalar_of<X>, device_of<X>, Relu>{}, x, weight, bias);
}

}  // namespace detail

// x weight' + bias, with x (..., C_in), weight (C_out, C_in), bias (C_out) -> (..., C_out). An undefined bias
// (Tensor{} or Var{}) is left out. Throws if the shapes do not fit. (torch.nn.functional.linear)
template <Operand X, Operand W, Operand B>
result_of<X, W, B> linear(const X& x, const W& weight, const B& bias, Site site = Site::here()) {
  return detail::linear<false>(site, x, weight, bias);
}
template <Operand X, Operand W>
result_of<X, W> linear(const X& x, const W& weight, Site site = Site::here()) {
  return detail::linear<false>(site, x, weight, W{});
}

// max(0, linear(x, weight, bias)) in one pass over the result; shapes and errors are linear()'s. NaN stays
// NaN; its gradient is 0 there.
template <Operand X, Operand W, Operand B>
result_of<X, W, B> linear_relu(const X& x, const W& weight, const B& bias, Site site = Site::here()) {
  return detail::linear<true>(site, x, weight, bias);
}

}  // namespace limbic
