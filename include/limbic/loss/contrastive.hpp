// Contrastive losses on L2-normalised features.
//
//   clip_loss  logits = a b' exp(log_scale); mean of both cross-entropies to the diagonal
//              (Radford et al., 2021, arXiv:2103.00020)
//   info_nce   cross-entropy of a b' / tau to the diagonal, one way (van den Oord et al., 2018,
//              arXiv:1807.03748)
//   supcon     mean over the anchors i with a positive of
//              -mean over positives j of (s_ij - log sum_{k != i} e^s_ik), s = cosine / tau
//              (Khosla et al., 2020, arXiv:2004.11362, outside form); 0 if no anchor has one
//
// A row of zeros is an error.
#pragma once

#include <limbic/loss/cross_entropy.hpp>
#include <limbic/loss/similarity.hpp>

namespace limbic {

namespace detail {
template <Operand A, Operand B>
void check_pairs(const char* op, const A& a, const B& b) {
  if (a.rank() != 2 || !(a.shape() == b.shape()))
    fail(op, "features (N, d) of one shape are needed; got ", a.shape(), " and ", b.shape());
}

// `along` times the cross-entropy of the rows of logits = scale a b' to the diagonal, and `down` times that
// of its columns; weights (N) of the pairs, or undefined.
template <class X, class W>
X contrast_of(const X& logits, const W& weights, double along, double down) {
  using T = scalar_of<X>;
  const auto diagonal = Tensor<index_t, device_of<X>>::arange(logits.size(0));
  const CrossEntropyWeights<T, device_of<X>> pairs{.samples = weights};
  if (down == 0) return cross_entropy(logits, diagonal, {}, pairs);
  return cross_entropy(logits, diagonal, {}, pairs) * static_cast<T>(along) +
         cross_entropy(transpose(logits), diagonal, {}, pairs) * static_cast<T>(down);
}

// The same without the matrix of logits, for devices with a kernel for it.
template <class T, class D>
struct Contrast {
  const char* name;
  Tensor<T, D> weights{};
  double along = 1, down = 0;
  bool keep = false;
  Saved<T, D> kept_a{}, kept_b{}, kept_scale{};
  Tensor<T, D> lse{};

  Shape infer(const Tensor<T, D>&, const Tensor<T, D>&, const Tensor<T, D>&) { return {}; }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& a, const Tensor<T, D>& b, const Tensor<T, D>& scale) {
    const Tensor<T, D> dense_a = a.contiguous(), dense_b = b.contiguous(), dense = scale.contiguous();
    lse = Tensor<T, D>::empty({2, a.size(0)});
    contrast_fwd(D{}, y, lse, dense_a, dense_b, dense, weights, along, down);
    if (!keep) return;
    kept_a = dense_a;
    kept_b = dense_b;
    kept_scale = dense;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& da, Grad<T, D>& db, Grad<T, D>& dscale) {
    const auto memory = [](Grad<T, D>& g) { return g ? Tensor<T, D>::empty(g.shape()) : Tensor<T, D>(); };
    const auto at = [](Tensor<T, D>& t) { return t.defined() ? &t : nullptr; };
    Tensor<T, D> a = memory(da), b = memory(db), s = memory(dscale);
    contrast_bwd(D{}, at(a), at(b), at(s), kept_a.get(), kept_b.get(), kept_scale.get(), weights, lse,
                 dy.contiguous(), along, down);
    da.give(a);
    db.give(b);
    dscale.give(s);
  }
  Var<T, D> reference(const Var<T, D>& a, const Var<T, D>& b, const Var<T, D>& scale) const {
    return contrast_of(matmul(a, transpose(b)) * scale, weights, along, down);
  }
  const Saved<T, D>& saved_input(int i) const { return i == 0 ? kept_a : i == 1 ? kept_b : kept_scale; }
};
}  // namespace detail

// Symmetric contrastive loss of paired features a and b (N, d) and the logarithm of the scale () -> ().
// Sample weights (N) are those of the pairs. Throws for other shapes, rows of zeros or that are not finite, a
// log_scale whose exponential is not finite, and weights that are negative or not finite.
template <Operand A, Operand B, Operand S>
result_of<A, B, S> clip_loss(const A& a, const B& b, const S& log_scale, const WeightsFor<A>& weights = {},
                             Site site = Site::here()) {
  constexpr const char* kName = "clip_loss";
  detail::check_pairs(kName, a, b);
  if (log_scale.numel() != 1) fail(kName, "log_scale must be one number; got ", log_scale.shape());
  const A unit_a = detail::unit_rows(kName, a, site, "a");
  const B unit_b = detail::unit_rows(kName, b, site, "b");
  const S scale = reshape(exp(log_scale), {});
  const auto w = detail::row_weights(kName, weights, {a.size(0)});
  result_of<A, B, S> loss;
  if constexpr (std::is_same_v<device_of<A>, Cpu>)
    loss =
        detail::contrast_of(result_of<A, B, S>(matmul(unit_a, transpose(unit_b), site) * scale), w, 0.5, 0.5);
  else
    loss = apply(site,
                 detail::Contrast<scalar_of<A>, device_of<A>>{
                     .name = kName, .weights = w.defined() ? w.contiguous() : w, .along = 0.5, .down = 0.5},
                 unit_a, unit_b, scale);
  return detail::finite_loss(kName, loss, detail::named("log_scale", log_scale));
}

// Contrastive loss of queries and keys (N, d): the i-th key belongs to the i-th query -> (). Sample weights
// (N) are those of the queries. Throws for other shapes, temperatures that are not positive, rows of zeros or
// that are not finite, and weights that are negative or not finite.
template <Operand A, Operand B>
result_of<A, B> info_nce(const A& query, const B& key, double temperature = 0.1,
                         const WeightsFor<A>& weights = {}, Site site = Site::here()) {
  using T = scalar_of<A>;
  constexpr const char* kName = "info_nce";
  detail::check_pairs(kName, query, key);
  detail::check_temperature(kName, temperature);
  const A unit_query = detail::unit_rows(kName, query, site, "query");
  const B unit_key = detail::unit_rows(kName, key, site, "key");
  const auto w = detail::row_weights(kName, weights, {query.size(0)});
  if constexpr (std::is_same_v<device_of<A>, Cpu>)
    return detail::contrast_of(
        result_of<A, B>(matmul(unit_query, transpose(unit_key), site) * static_cast<T>(1 / temperature)), w,
        1, 0);
  else
    return apply(site,
                 detail::Contrast<T, device_of<A>>{
                     .name = kName, .weights = w.defined() ? w.contiguous() : w, .along = 1, .down = 0},
                 unit_query, unit_key, Tensor<T, device_of<A>>::scalar(static_cast<T>(1 / temperature)));
}

// Supervised contrastive loss of features x (N, d) and labels (N), any integers -> (). Sample weights (N) are
// those of the anchors. Throws for other shapes, temperatures that are not positive, rows of zeros or that
// are not finite, and weights that are negative, not finite or all 0.
template <Operand X>
X supcon(const X& x, const Tensor<index_t, device_of<X>>& labels, double temperature = 0.1,
         const WeightsFor<X>& weights = {}, Site site = Site::here()) {
  using T = scalar_of<X>;
  using D = device_of<X>;
  constexpr const char* kName = "supcon";
  const X unit = detail::unit_rows(kName, x, site, "x");
  detail::check_temperature(kName, temperature);
  const index_t n = x.size(0);
  if (!(labels.shape() == Shape{n})) fail(kName, "labels must be of shape (", n, "); got ", labels.shape());
  const auto self = detail::label_mask(Tensor<index_t, D>::arange(n), n);
  Tensor<T, D> positive = Tensor<T, D>::empty({n, n});
  elementwise(
      D{}, [](auto a, auto b, auto own) { return math::choose((a == b) && !own, T(1), T(0)); }, positive,
      labels.unsqueeze(1), labels.unsqueeze(0), self);
  const Tensor<T, D> count = sum(positive, {1}, true);
  // What each anchor counts: its weight, over the sum of those with a positive.
  Tensor<T, D> own =
      weights.defined() ? detail::weight_column(kName, "sample", weights, n) : Tensor<T, D>::ones({n, 1});
  own = masked_fill(own, eq(count, T(0)), T(0));
  const Tensor<T, D> share =
      positive * own * detail::over_sum(T(1), own) / masked_fill(count, eq(count, T(0)), T(1));
  const X s = matmul(unit, transpose(unit), site) * static_cast<T>(1 / temperature);
  const X log_p = log_softmax(masked_fill(s, self, T(-1e30)), 1);
  return -sum(log_p * share);
}

}  // namespace limbic
