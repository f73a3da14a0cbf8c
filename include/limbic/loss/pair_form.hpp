// The operation behind MMD and its relatives: a kernel form over all pairs of samples of two batches.
//
//   y = offset + sum_ij w_ij prod_l k_l(|z^l_i - z^l_j|^2),  z^l = [s^l; t^l]     s (n, d), t (m, d)
//
// Value and gradient come from one pass in O((n + m) d) memory (backend/cpu/pairwise.hpp). The graph of
// the gradient is written with (N, N) matrices: second derivatives take O(N^2) memory.
#pragma once

#include <limbic/loss/batches.hpp>
#include <limbic/loss/kernel.hpp>
#include <limbic/ops/concat.hpp>
#include <limbic/ops/exponential.hpp>
#include <limbic/ops/matmul.hpp>

namespace limbic {

namespace detail {

// Points of both batches, centred. Throws when one is not finite, by the batch's name.
template <class T, class D>
struct CentredPoints {
  Tensor<T, D> points, norms;
  decltype(centre_rows(D{}, points, norms, points,
                       points)) sum_norms{};  // a number; on other devices a tensor ()

  CentredPoints(std::string_view op, const Tensor<T, D>& s, const Tensor<T, D>& t,
                const char* s_name = "source", const char* t_name = "target") {
    const index_t rows = s.size(0) + t.size(0);
    points = Tensor<T, D>::empty({rows, s.size(1)});
    norms = Tensor<T, D>::empty({rows});
    sum_norms = centre_rows(D{}, points, norms, s.contiguous(), t.contiguous());
    require_finite_features(D{}, op, sum_norms, s_name, s, t_name, t);
  }
};

// k(D) and k'(D) in terms of Vars (backend's radial()).
template <class T, class D>
Var<T, D> radial_value(const RadialKernel& k, const Var<T, D>& d) {
  using Kind = RadialKernel::Kind;
  if (k.kind == Kind::square) return d * T(-0.5);
  if (k.kind == Kind::distance) return -root(d);
  const Var<T, D> x = k.kind == Kind::gaussian ? d + static_cast<T>(k.eps) : root(d + static_cast<T>(k.eps));
  Var<T, D> sum;
  for (int i = 0; i < k.count; ++i) {
    const double rate = k.kind == Kind::gaussian ? k.inverse[i] : std::sqrt(k.inverse[i]);
    const Var<T, D> e = exp(x * static_cast<T>(-rate));
    sum = sum.defined() ? sum + e : e;
  }
  return sum;
}
template <class T, class D>
Var<T, D> radial_slope(const RadialKernel& k, const Var<T, D>& d) {
  using Kind = RadialKernel::Kind;
  if (k.kind == Kind::square) return Var<T, D>(Tensor<T, D>::full(d.shape(), T(-0.5)));
  const bool rooted = k.kind != Kind::gaussian;
  const Var<T, D> inside = k.kind == Kind::distance ? d : d + static_cast<T>(k.eps);
  const Var<T, D> x = rooted ? root(inside) : inside;
  Var<T, D> sum;
  if (k.kind == Kind::distance) {
    sum = Var<T, D>(Tensor<T, D>::full(d.shape(), T(-1)));
  } else {
    for (int i = 0; i < k.count; ++i) {
      const double rate = rooted ? std::sqrt(k.inverse[i]) : k.inverse[i];
      const Var<T, D> e = exp(x * static_cast<T>(-rate)) * static_cast<T>(-rate);
      sum = sum.defined() ? sum + e : e;
    }
  }
  return rooted ? RootF{}.slope(x) * sum : sum;
}

// The (n, m) squared distances of the rows of a and b. da = 2 (rowsum(dy) a - dy b), db likewise.
template <class T, class D>
struct SquaredDistances {
  static constexpr const char* name = "squared_distances";
  bool keep = false;
  Saved<T, D> kept_a{}, kept_b{};

  Shape infer(const Tensor<T, D>& a, const Tensor<T, D>& b) {
    check_batches(name, a.shape(), b.shape());
    return {a.size(0), b.size(0)};
  }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& a, const Tensor<T, D>& b) {
    const CentredPoints<T, D> z(name, a, b, "a", "b");
    squared_distances(D{}, y, z.points, z.norms);
    if (!keep) return;
    kept_a = a;
    kept_b = b;
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    const Var<T, D> a = c.input(0, kept_a), b = c.input(1, kept_b);
    if (c.wants(0)) c.give(0, T(2) * (sum(dy, {1}, true) * a - matmul(dy, b)));
    if (c.wants(1)) c.give(1, T(2) * (reshape(sum(dy, {0}), {b.size(0), 1}) * b - matmul(transpose(dy), a)));
  }
};

// Gradients of the form with respect to each z^l, in terms of Vars.
template <class T, class D>
std::vector<Var<T, D>> pair_gradients(const std::vector<Var<T, D>>& z,
                                      const std::vector<RadialKernel>& kernels,
                                      const PairWeights<T, D>& weights) {
  Tensor<T, D> omega = matmul(weights.left, transpose(weights.right));
  if (!weights.diagonal) omega.diagonal().fill(T(0));
  std::vector<Var<T, D>> d, out;
  for (const auto& x : z) d.push_back(apply(Site::here(), SquaredDistances<T, D>{}, x, x));
  for (std::size_t l = 0; l < z.size(); ++l) {
    Var<T, D> w = omega * radial_slope(kernels[l], d[l]);
    for (std::size_t other = 0; other < z.size(); ++other)
      if (other != l) w = w * radial_value(kernels[other], d[other]);
    out.push_back(T(4) * (sum(w, {1}, true) * z[l] - matmul(w, z[l])));
  }
  return out;
}

// dx = dy times the rows [begin, end) of the gradient that forward left.
template <class T, class D>
void give_rows(Grad<T, D>& dx, const Tensor<T, D>& gradient, index_t begin, index_t end,
               const Tensor<T, D>& dy) {
  dx.write([&](Tensor<T, D>& g) {
    elementwise(
        D{}, [](auto v, auto d) { return v * d; }, g, gradient.slice(0, begin, end), dy);
  });
}

// y = max(y, 0), of a form that is never below 0 but for roundings; its gradient stays as it is.
template <class T, class D>
void lift_to_zero(Tensor<T, D>& y) {
  elementwise_update(
      D{}, [](auto v) { return math::max(v, T(0)); }, y);
}

template <class T, class D>
struct PairForm {
  const char* name;
  KernelOptions options;
  PairWeights<T, D> weights;
  double offset = 0;
  bool may_be_negative = false;
  bool keep = false;
  PairKernel<D> kernel{};
  Saved<T, D> kept_s{}, kept_t{};
  Tensor<T, D> whole{};  // the gradient of [s; t]

  Shape infer(const Tensor<T, D>& s, const Tensor<T, D>& t) {
    check_batches(name, s.shape(), t.shape());
    return {};
  }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& s, const Tensor<T, D>& t) {
    CentredPoints<T, D> z(name, s, t);
    kernel = pair_kernel(options, z.points, z.norms, z.sum_norms);
    PairLayer<T, D> layer{z.points, z.norms, kernel};
    if (keep) layer.gradient = whole = Tensor<T, D>::empty(z.points.shape());
    pair_form(D{}, y, std::span(&layer, 1), weights, offset);
    if (!may_be_negative) lift_to_zero(y);
    if (!keep) return;
    kept_s = s;
    kept_t = t;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& ds, Grad<T, D>& dt) {
    const index_t n = kept_s.get().size(0);
    give_rows(ds, whole, 0, n, dy);
    give_rows(dt, whole, n, whole.size(0), dy);
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    const Var<T, D> s = c.input(0, kept_s), t = c.input(1, kept_t);
    const auto dz = pair_gradients<T, D>({concat({s, t})}, {on_host(kernel)}, weights);
    if (c.wants(0)) c.give(0, dy * slice(dz[0], 0, 0, s.size(0)));
    if (c.wants(1)) c.give(1, dy * slice(dz[0], 0, s.size(0)));
  }
};

}  // namespace detail

// Squared Euclidean distances of the rows of a (n, d) and b (m, d) -> (n, m), exact for equal rows. Throws
// for other shapes, and if a feature is not finite.
template <Operand A, Operand B>
result_of<A, B> squared_distances(const A& a, const B& b, Site site = Site::here()) {
  return apply(site, detail::SquaredDistances<scalar_of<A>, device_of<A>>{}, a, b);
}

}  // namespace limbic
