// Log-Euclidean CORAL: covariances compared as points of the manifold of positive definite matrices.
//
//   y = |log(C_s + eps I) - log(C_t + eps I)|_F^2 / (4 d^2)                          >= 0
//
// Source: Wang, Li, Dai and Van Gool, "Deep domain adaptation by geodesic distance minimization", 2017,
// arXiv:1707.09842. Derivatives of the matrix logarithm, of any order, by divided differences
// (backend/cpu/eigh.hpp): defined where eigenvalues are equal.
#pragma once

#include <limbic/loss/coral.hpp>

namespace limbic {

// Options of log_coral().
struct LogCoralOptions {
  double eps = 1e-2;  // positive; what it adds to the covariances keeps them invertible
};

// "log_coral(eps 0.01)", for logs.
inline std::string to_text(const LogCoralOptions& o) { return "log_coral(eps " + to_text(o.eps) + ")"; }

namespace detail {

template <class D>
struct Eigenpairs {
  Tensor<double, D> values, vectors;
};

// The p-th derivative of log at a, in p directions. Inputs: a, then the directions. Symmetric in all
// directions and in the cotangent, so its derivatives are of its own kind.
template <class T, class D>
struct LogmDerivative {
  static constexpr const char* name = "logm_derivative";
  Eigenpairs<D> pairs;
  bool keep = false;
  std::vector<Saved<T, D>> kept{};

  using Inputs = std::span<const Tensor<T, D>>;
  Shape infer(Inputs x) { return x[0].shape(); }
  void forward(Tensor<T, D>& y, Inputs x) {
    log_derivative(D{}, y, pairs.values, pairs.vectors, x.subspan(1));
    if (keep) kept.assign(x.begin(), x.end());
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    std::vector<Var<T, D>> x;
    for (const auto& saved : kept) x.push_back(c.input(static_cast<int>(x.size()), saved));
    x.push_back(dy);
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (!c.wants(static_cast<int>(i))) continue;
      std::vector<Var<T, D>> with = x;
      if (i > 0) {
        with[i] = dy;
        with.pop_back();
      }
      c.give(static_cast<int>(i), of(pairs, with));
    }
  }

  static Var<T, D> of(const Eigenpairs<D>& pairs, const std::vector<Var<T, D>>& x) {
    return apply<LogmDerivative, Var<T, D>>(Site::here(), LogmDerivative{pairs},
                                            std::span<const Var<T, D>>(x));
  }
};

template <class T, class D>
struct LogmSpd {
  static constexpr const char* name = "logm_spd";
  bool keep = false;
  Eigenpairs<D> pairs{};
  Saved<T, D> kept{};

  Shape infer(const Tensor<T, D>& a) {
    if (a.rank() != 2 || a.size(0) != a.size(1)) fail(name, "a square matrix is needed; got ", a);
    return a.shape();
  }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& a) {
    const index_t d = a.size(0);
    pairs = {Tensor<double, D>::empty({d}), Tensor<double, D>::empty({d, d})};
    if (!eigh(D{}, a, pairs.values, pairs.vectors)) fail(name, "the matrix must be finite; got ", a);
    require_positive_definite(D{}, name, pairs.values);
    spectral_function(D{}, y, pairs.values, pairs.vectors, [](auto e) { return math::log(e); });
    if (keep) kept = a;
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, LogmDerivative<T, D>::of(pairs, {c.input(0, kept), dy}));
  }
};

}  // namespace detail

// Logarithm (d, d) of a symmetric positive definite matrix (d, d); of the symmetric part of one that is not
// symmetric. Throws for other shapes, matrices that are not finite, and when an eigenvalue is not positive.
template <Operand X>
X logm_spd(const X& a, Site site = Site::here()) {
  return apply(site, detail::LogmSpd<scalar_of<X>, device_of<X>>{}, a);
}

// Log-Euclidean CORAL distance of source (n, d) and target (m, d) -> (). Throws as coral(), and for eps that
// is not positive and finite.
template <Operand A, Operand B>
result_of<A, B> log_coral(const A& source, const B& target, const LogCoralOptions& options = {},
                          const SampleWeightsFor<A, B>& weights = {}) {
  using T = scalar_of<A>;
  constexpr const char* kName = "log_coral";
  detail::check_batches(kName, source.shape(), target.shape());
  check(options.eps > 0 && std::isfinite(options.eps), kName, "eps must be positive; got ", options.eps);
  detail::check_finite(kName, "source", source);
  detail::check_finite(kName, "target", target);
  const auto ridge = Tensor<T, device_of<A>>::eye(source.size(1)) * static_cast<T>(options.eps);
  const auto s = logm_spd(detail::covariance(kName, "source", source, weights.source) + ridge);
  const auto t = logm_spd(detail::covariance(kName, "target", target, weights.target) + ridge);
  const T d = static_cast<T>(source.size(1));
  return sum(square(s - t)) * (T(1) / (T(4) * d * d));
}

}  // namespace limbic
