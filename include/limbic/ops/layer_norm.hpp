// Normalisation of rows (the last dimension).
//
//   layer_norm  y = (x - mean) / sqrt(var + eps) * weight + bias, var biased    (Ba et al., arXiv 1607.06450)
//   rms_norm    y = x / sqrt(mean x^2 + eps) * weight                           (Zhang and Sennrich, 2019)
//
// With xhat = (x - mean) rstd, g = dy weight:   dx = rstd (g - mean g - xhat mean(g xhat))
// dweight = sum over rows of dy xhat,  dbias = sum over rows of dy. RMS norm: the same without the means.
#pragma once

#include <limbic/backend/cpu/row_ops.hpp>
#include <limbic/ops/arithmetic.hpp>
#include <limbic/ops/power.hpp>

namespace limbic {

namespace detail {

template <class T, class D>
void check_norm(const char* name, const Tensor<T, D>& x, const Tensor<T, D>& weight, const Tensor<T, D>& bias,
                T eps) {
  if (x.rank() < 1) fail(name, "at least one dimension is needed; got x ", x.shape());
  const Shape row{x.shape().back()};
  if ((weight.defined() && !(weight.shape() == row)) || (bias.defined() && !(bias.shape() == row)))
    fail(name, "weight and bias must be ", row, "; got x ", x.shape(), ", weight ", weight.shape(), ", bias ",
         bias.shape());
  check(eps >= T(0), name, "eps must not be negative; got ", static_cast<double>(eps));
}

template <class T, class D>
Shape row_count(const Shape& shape) {
  return {shape.back() ? numel(shape) / shape.back() : 0};
}

template <class T, class D>
struct LayerNorm {
  static constexpr const char* name = "layer_norm";
  T eps;
  bool keep = false;
  Saved<T, D> x_{}, weight_{}, bias_{}, mean_{}, rstd_{};

  Shape infer(const Tensor<T, D>& x, const Tensor<T, D>& weight, const Tensor<T, D>& bias) {
    check_norm(name, x, weight, bias, eps);
    return x.shape();
  }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x, const Tensor<T, D>& weight, const Tensor<T, D>& bias) {
    const Tensor<T, D> dense = x.contiguous(), w = weight.contiguous(), b = bias.contiguous();
    auto mean = Tensor<T, D>::empty(row_count<T, D>(x.shape())), rstd = Tensor<T, D>::empty(mean.shape());
    layer_norm_fwd(D{}, y, mean, rstd, dense, w, b, eps);
    if (!keep) return;
    x_ = dense;
    weight_ = w;
    bias_ = b;
    mean_ = mean;
    rstd_ = rstd;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx, Grad<T, D>& dweight, Grad<T, D>& dbias) {
    Tensor<T, D> gx, gw, gb;
    bool accumulate = false;
    if (dx) {
      const auto target = dx.out();
      gx = target.tensor;
      accumulate = target.accumulate;
    }
    const Shape row{x_.get().shape().back()};
    if (dweight) gw = Tensor<T, D>::empty(row);
    if (dbias) gb = Tensor<T, D>::empty(row);
    layer_norm_bwd(D{}, dx ? &gx : nullptr, accumulate, dweight ? &gw : nullptr, dbias ? &gb : nullptr,
                   x_.get(), weight_.get(), mean_.get(), rstd_.get(), dy.contiguous());
    if (dweight) dweight.give(gw);
    if (dbias) dbias.give(gb);
  }
  const Saved<T, D>& saved_input(int i) const { return i == 0 ? x_ : i == 1 ? weight_ : bias_; }
  template <class X>
  X reference(const X& x, const X& weight, const X& bias) const {
    const X centred = x - mean(x, {-1}, true);
    X y = centred * rsqrt(mean(centred * centred, {-1}, true) + eps);
    if (weight.defined()) y = y * weight;
    return bias.defined() ? y + bias : y;
  }
};

template <class T, class D>
struct RmsNorm {
  static constexpr const char* name = "rms_norm";
  T eps;
  bool keep = false;
  Saved<T, D> x_{}, weight_{}, rstd_{};

  Shape infer(const Tensor<T, D>& x, const Tensor<T, D>& weight) {
    check_norm(name, x, weight, Tensor<T, D>(), eps);
    return x.shape();
  }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x, const Tensor<T, D>& weight) {
    const Tensor<T, D> dense = x.contiguous(), w = weight.contiguous();
    auto rstd = Tensor<T, D>::empty(row_count<T, D>(x.shape()));
    rms_norm_fwd(D{}, y, rstd, dense, w, eps);
    if (!keep) return;
    x_ = dense;
    weight_ = w;
    rstd_ = rstd;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx, Grad<T, D>& dweight) {
    Tensor<T, D> gx, gw;
    bool accumulate = false;
    if (dx) {
      const auto target = dx.out();
      gx = target.tensor;
      accumulate = target.accumulate;
    }
    if (dweight) gw = Tensor<T, D>::empty({x_.get().shape().back()});
    rms_norm_bwd(D{}, dx ? &gx : nullptr, accumulate, dweight ? &gw : nullptr, x_.get(), weight_.get(),
                 rstd_.get(), dy.contiguous());
    if (dweight) dweight.give(gw);
  }
  const Saved<T, D>& saved_input(int i) const { return i == 0 ? x_ : weight_; }
  template <class X>
  X reference(const X& x, const X& weight) const {
    const X y = x * rsqrt(mean(x * x, {-1}, true) + eps);
    return weight.defined() ? y * weight : y;
  }
};

}  // namespace detail

// Layer norm of x (..., C) over the last dimension. weight and bias (C); an undefined one stands for ones or
// zeros. Throws if the shapes do not fit or eps is negative. (PyTorch's takes any number of last dimensions.)
template <Operand X, Operand W, Operand B>
result_of<X, W, B> layer_norm(const X& x, const W& weight, const B& bias, double eps = 1e-5,
                              Site site = Site::here()) {
  using T = scalar_of<X>;
  return apply(site, detail::LayerNorm<T, device_of<X>>{.eps = static_cast<T>(eps)}, x, weight, bias);
}
// Without weight and bias, eps 1e-5.
template <Operand X>
X layer_norm(const X& x, Site site = Site::here()) {
  return layer_norm(x, X{}, X{}, 1e-5, site);
}

// RMS norm of x (..., C) over the last dimension; weight (C) or undefined. Throws as layer_norm(). (PyTorch's
// eps is the scalar type's epsilon where none is given.)
template <Operand X, Operand W>
result_of<X, W> rms_norm(const X& x, const W& weight, double eps = 1e-5, Site site = Site::here()) {
  using T = scalar_of<X>;
  return apply(site, detail::RmsNorm<T, device_of<X>>{.eps = static_cast<T>(eps)}, x, weight);
}

}  // namespace limbic
