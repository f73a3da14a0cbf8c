// Batch normalisation (Ioffe and Szegedy, ICML 2015).       x, y: (B, C) or (B, C, ...)       the rest: (C)
//
//   xhat = (x - m) r,   r = 1 / sqrt(v + eps)
//   y    = weight xhat + bias
//   training    m, v: mean and biased variance of each channel over the batch and all dimensions but C
//     dx = weight r (dy - mean(dy) - xhat mean(dy xhat)),   dweight = sum dy xhat,   dbias = sum dy
//     running mean += momentum (m - running mean); the same for the variance, with the unbiased one
//   evaluation  m, v: the running ones
//     dx = weight r dy,   dweight and dbias as above
#pragma once

#include <limbic/backend/cpu/batch_norm.hpp>
#include <limbic/ops/power.hpp>

namespace limbic {

// Options of batch_norm().
struct BatchNormOptions {
  bool training = true;
  double momentum = 0.1;  // weight of the new batch in the running statistics, as in PyTorch
  double eps = 1e-5;      // added to the variance
};

namespace detail {

template <class T, class D>
struct BatchNorm {
  static constexpr const char* name = "batch_norm";
  BatchNormOptions options;
  Tensor<T, D> running_mean, running_var;
  Site site;
  bool keep = false;
  Saved<T, D> kept_x{}, kept_weight{}, kept_bias{};
  Tensor<T, D> mean{}, rstd{};

  bool batch_statistics() const { return options.training || !running_mean.defined(); }

  Shape infer(const Tensor<T, D>& x, const Tensor<T, D>& weight, const Tensor<T, D>& bias) {
    if (x.rank() < 2) fail(name, "x must be (B, C) or (B, C, ...); got x ", x.shape());
    const Shape channels{x.shape()[1]};
    auto of_channels = [&](const char* what, const Tensor<T, D>& t) {
      if (t.defined() && !(t.shape() == channels))
        fail(name, what, " must be (C); got x ", x.shape(), ", ", what, " ", t.shape());
    };
    of_channels("weight", weight);
    of_channels("bias", bias);
    of_channels("running_mean", running_mean);
    of_channels("running_var", running_var);
    check(options.eps >= 0, name, "eps must not be negative; got ", options.eps);
    if (running_mean.defined() != running_var.defined())
      fail(name, "running_mean and running_var must be given both or neither");
    if (batch_statistics() && x.numel() <= x.shape()[1])
      fail(name, "batch statistics need more than one value a channel; got x ", x.shape());
    return x.shape();
  }

  void forward(Tensor<T, D>& y, const Tensor<T, D>& input, const Tensor<T, D>& weight,
               const Tensor<T, D>& bias) {
    const Tensor<T, D> x = input.contiguous();
    const Shape channels{x.shape()[1]};
    rstd = Tensor<T, D>::empty(channels);
    if (batch_statistics()) {
      mean = Tensor<T, D>::empty(channels);
      Tensor<T, D> variance = Tensor<T, D>::empty(channels);
      batch_norm_moments(D{}, mean, variance, x);
      batch_norm_rstd(D{}, rstd, variance, options.eps);
      if (options.training && running_mean.defined() && !recomputing()) {
        const double n = static_cast<double>(x.numel() / channels[0]);
        batch_norm_follow(D{}, running_mean, mean, options.momentum, 1, site);
        batch_norm_follow(D{}, running_var, variance, options.momentum, n / (n - 1), site);
      }
    } else {
      mean = running_mean.clone();  // a later training step changes it in place
      batch_norm_rstd(D{}, rstd, running_var, options.eps);
    }
    batch_norm_apply(D{}, y, x, mean, scale(weight),
                     bias.defined() ? bias.contiguous() : Tensor<T, D>::zeros(channels));
    if (!keep) return;
    kept_x = x;
    if (weight.defined()) kept_weight = weight;
    if (bias.defined()) kept_bias = bias;
  }

  void backward(const Tensor<T, D>& cotangent, Grad<T, D>& dx, Grad<T, D>& dweight, Grad<T, D>& dbias) {
    const Tensor<T, D>&x = kept_x.get(), dy = cotangent.contiguous();
    const Tensor<T, D> a = scale(kept_weight.defined() ? kept_weight.get() : Tensor<T, D>());
    if (!batch_statistics() && !dweight && !dbias) {
      write_scaled(dx, dy, a);
      return;
    }
    Tensor<T, D> sum = Tensor<T, D>::empty(mean.shape()), dot = Tensor<T, D>::empty(mean.shape());
    batch_norm_sums(D{}, sum, dot, x, dy, mean);
    dweight.give(dot * rstd);
    dbias.give(sum);
    if (!batch_statistics()) write_scaled(dx, dy, a);
    else dx.write([&](Tensor<T, D>& g) { batch_norm_gradient(D{}, g, x, dy, mean, rstd, a, sum, dot); });
  }

  const Saved<T, D>& saved_input(int i) const { return i == 0 ? kept_x : i == 1 ? kept_weight : kept_bias; }
  Var<T, D> reference(const Var<T, D>& x, const Var<T, D>& weight, const Var<T, D>& bias) {
    Shape wide = Dims::filled(x.rank(), 1);
    wide[1] = x.shape()[1];
    Var<T, D> y;
    if (batch_statistics()) {
      Dims dims;
      for (int d = 0; d < x.rank(); ++d)
        if (d != 1) dims.push_back(d);
      const Var<T, D> centred = x - limbic::mean(x, dims, true);
      y = centred * rsqrt(limbic::mean(square(centred), dims, true) + options.eps);
    } else {
      y = (x - mean.reshape(wide)) * rstd.reshape(wide);
    }
    if (weight.defined()) y = y * reshape(weight, wide);
    if (bias.defined()) y = y + reshape(bias, wide);
    return y;
  }

 private:
  Tensor<T, D> scale(const Tensor<T, D>& weight) const { return weight.defined() ? weight * rstd : rstd; }
  void write_scaled(Grad<T, D>& dx, const Tensor<T, D>& dy, const Tensor<T, D>& a) {
    const Tensor<T, D> zero = Tensor<T, D>::zeros(mean.shape());
    dx.write([&](Tensor<T, D>& g) { batch_norm_apply(D{}, g, dy, zero, a, zero); });
  }
};

}  // namespace detail

// Batch normalisation of x (B, C) or (B, C, ...) over everything but C, with weight and bias (C); either may
// be undefined: 1 and 0. In training the running statistics (C), which may be undefined too, are changed in
// place (not while checkpoint() recomputes). In evaluation they are used; without them, those of the batch.
// Throws when shapes do not fit, one running statistic is there without the other, for a negative eps, and
// where statistics are to be taken of a single value.
template <Operand X, Operand W, Operand B>
result_of<X, W, B> batch_norm(const X& x, const W& weight, const B& bias,
                              const Tensor<scalar_of<X>, device_of<X>>& running_mean,
                              const Tensor<scalar_of<X>, device_of<X>>& running_var,
                              const BatchNormOptions& options = {}, Site site = Site::here()) {
  return apply(site, detail::BatchNorm<scalar_of<X>, device_of<X>>{options, running_mean, running_var, site},
               x, weight, bias);
}

// The same without running statistics: always of the batch.
template <Operand X, Operand W, Operand B>
result_of<X, W, B> batch_norm(const X& x, const W& weight, const B& bias, double eps = 1e-5,
                              Site site = Site::here()) {
  return batch_norm(x, weight, bias, {}, {}, {.eps = eps}, site);
}

}  // namespace limbic
