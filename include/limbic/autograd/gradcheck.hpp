// Numerical checks of gradients, for limbic's operations and for users' own.
//
// Central differences in double: (f(x + h) - f(x - h)) / 2h with h = step * max(1, |x|), of
// s(x) = sum f(x) * c for a fixed cotangent c without symmetry.
#pragma once

#include <limbic/autograd/engine.hpp>

#include <cmath>

namespace limbic {

// How differences are taken, and how far off a gradient may be.
struct GradcheckOptions {
  double step = 1e-5;       // h of an element of magnitude up to 1
  double tolerance = 1e-6;  // of |analytic - numeric| / max(1, |analytic|, |numeric|)
};

namespace detail {

// Reproducible numbers in (-1, 1), away from 0.
inline double cotangent_at(index_t i) {
  std::uint64_t z = static_cast<std::uint64_t>(i) * 0x9E3779B97F4A7C15u + 0x632BE59BD9B4E019u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  const double u = static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
  return u < 0.5 ? -0.25 - 1.5 * u : 0.25 + 1.5 * (u - 0.5);
}
template <class D>
Tensor<double, D> cotangent(const Shape& shape, index_t offset) {
  std::vector<double> v(static_cast<std::size_t>(numel(shape)));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = cotangent_at(static_cast<index_t>(i) + offset);
  return Tensor<double, D>::from(shape, v);
}

inline double weighted_sum(const std::vector<double>& y, index_t offset) {
  double s = 0;
  for (std::size_t i = 0; i < y.size(); ++i) s += y[i] * cotangent_at(static_cast<index_t>(i) + offset);
  return s;
}

// Compares `analytic` with differences of value(inputs), a double, in every element of every input.
template <class D, class F>
void compare_with_differences(std::string_view op, F&& value, const std::vector<Tensor<double, D>>& inputs,
                              const std::vector<Tensor<double, D>>& analytic,
                              const GradcheckOptions& options) {
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const std::vector<double> at = inputs[k].to_vector(), g = analytic[k].to_vector();
    for (std::size_t i = 0; i < at.size(); ++i) {
      const double h = options.step * std::max(1.0, std::fabs(at[i]));
      auto moved = [&](double by) {
        std::vector<double> v = at;
        v[i] += by;
        std::vector<Tensor<double, D>> x = inputs;
        x[k] = Tensor<double, D>::from(inputs[k].shape(), v);
        return value(x);
      };
      const double numeric = (moved(h) - moved(-h)) / (2 * h);
      const double error = std::fabs(g[i] - numeric) / std::max({1.0, std::fabs(g[i]), std::fabs(numeric)});
      if (!(error <= options.tolerance))
        fail(op, "the gradient must agree with differences; got ", g[i], " and ", numeric, " for element ", i,
             " of input ", k, " ", inputs[k].shape());
    }
  }
}

template <class D>
std::vector<Var<double, D>> leaves(const std::vector<Tensor<double, D>>& inputs) {
  std::vector<Var<double, D>> v;
  for (const auto& x : inputs) v.push_back(Var<double, D>::leaf(x.clone()));
  return v;
}

}  // namespace detail

// Checks the gradients of f: std::vector<Var<double>> -> Var<double> at `inputs`, which must not be near
// kinks. Throws Error with the first element that disagrees. f is called twice for each element, and must
// give the same each time: no dropout.
template <class D, class F>
void gradcheck(F&& f, const std::vector<Tensor<double, D>>& inputs, const GradcheckOptions& options = {}) {
  const auto x = detail::leaves(inputs);
  const Var<double, D> y = f(x);
  const auto g = grad(y, x, Var<double, D>(detail::cotangent<D>(y.shape(), 0)));
  std::vector<Tensor<double, D>> analytic;
  for (const auto& v : g) analytic.push_back(v.value());
  auto value = [&](const std::vector<Tensor<double, D>>& at) {
    NoGrad off;
    std::vector<Var<double, D>> v(at.begin(), at.end());
    return detail::weighted_sum(f(v).value().to_vector(), 0);
  };
  detail::compare_with_differences("gradcheck", value, inputs, analytic, options);
}

// The same for the gradients' gradients, of inputs and cotangent.
template <class D, class F>
void gradgradcheck(F&& f, const std::vector<Tensor<double, D>>& inputs,
                   const GradcheckOptions& options = {}) {
  // The function (inputs, cotangent) -> all first gradients, weighted into one number.
  Shape y_shape;
  {
    NoGrad off;
    y_shape = f(std::vector<Var<double, D>>(inputs.begin(), inputs.end())).shape();
  }
  std::vector<Tensor<double, D>> all = inputs;
  all.push_back(detail::cotangent<D>(y_shape, 1));
  auto gradients = [&](const std::vector<Tensor<double, D>>& at, bool create_graph,
                       std::vector<Var<double, D>>& leaves) {
    leaves = detail::leaves(at);
    std::vector<Var<double, D>> x(leaves.begin(), leaves.end() - 1);
    return grad(f(x), x, leaves.back(), create_graph);
  };
  std::vector<Var<double, D>> x;
  const auto first = gradients(all, true, x);
  std::vector<Tensor<double, D>> analytic;
  for (const auto& v : x) analytic.push_back(Tensor<double, D>::zeros(v.shape()));
  for (std::size_t k = 0; k < first.size(); ++k) {
    if (!first[k].requires_grad()) continue;  // constant: its differences must then be zero
    const auto second = grad(
        first[k], x, Var<double, D>(detail::cotangent<D>(first[k].shape(), 1000 * static_cast<index_t>(k))));
    for (std::size_t i = 0; i < x.size(); ++i) add_into(D{}, analytic[i], second[i].value());
  }
  auto value = [&](const std::vector<Tensor<double, D>>& at) {
    std::vector<Var<double, D>> v;
    const auto g = gradients(at, false, v);
    double s = 0;
    for (std::size_t k = 0; k < g.size(); ++k)
      s += detail::weighted_sum(g[k].value().to_vector(), 1000 * static_cast<index_t>(k));
    return s;
  };
  detail::compare_with_differences("gradgradcheck", value, all, analytic, options);
}

}  // namespace limbic
