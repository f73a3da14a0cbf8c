// An affine map followed by batch normalisation with known statistics is one affine map.
//
//   y = weight (x W' + b - m) / sqrt(v + eps) + bias = x (s W)' + (b - m) s + bias,   s = weight / sqrt(v +
//   eps)
#pragma once

#include <limbic/nn/linear.hpp>
#include <limbic/nn/norm.hpp>
#include <limbic/ops/power.hpp>

namespace limbic::emotion_clip {

// weight (O, ...), bias (O)
template <class T, class D = Cpu>
struct Affine {
  Var<T, D> weight, bias;
  bool defined() const { return weight.defined(); }
};

// The map with a norm of those statistics (O) behind it.
template <class T, class D, class S>
Affine<T, D> folded(const Var<T, D>& weight, const Var<T, D>& bias, const BatchNorm1d<T, D>& norm,
                    const S& mean, const S& variance) {
  const Var<T, D> s = norm.weight * rsqrt(variance + static_cast<T>(norm.eps));
  Shape rows = Dims::filled(weight.rank(), 1);
  rows[0] = weight.size(0);
  return {weight * reshape(s, rows), (bias - mean) * s + norm.bias};
}
// With the running ones, as in evaluation.
template <class T, class D>
Affine<T, D> folded(const Var<T, D>& weight, const Var<T, D>& bias, const BatchNorm1d<T, D>& norm) {
  return folded(weight, bias, norm, norm.running_mean, norm.running_var);
}

// The same map with the numbers of its weight (O, I) lying as products read them, inputs first.
template <class T, class D>
Affine<T, D> inputs_first(const Affine<T, D>& a) {
  return {Var<T, D>(a.weight.value().transpose(0, 1).clone().transpose(0, 1)), a.bias};
}

}  // namespace limbic::emotion_clip
