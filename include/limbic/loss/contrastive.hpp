// Contrastive losses on L2-normalised features.
//
//   clip_loss  logits = a b' exp(log_scale); mean of both cross-entropies to the diagonal
//              (Radford et al., 2021, arXiv:2103.00020)
//   info_nce   cross-entropy of a b' / tau to the diagonal, one way (van den Oord et al., 2018, arXiv:1807.03748)
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
}  // namespace detail

// Symmetric contrastive loss of paired features a and b (N, d) and the logarithm of the scale () -> (). Sample weights
// (N) are those of the pairs. Throws for other shapes.
template <Operand A, Operand B, Operand S>
result_of<A, B, S> clip_loss(const A& a, const B& b, const S& log_scale, const WeightsFor<A>& weights = {},
                             Site site = Site::here()) {
  using T = scalar_of<A>;
  using D = device_of<A>;
  constexpr const char* kName = "clip_loss";
  detail::check_pairs(kName, a, b);
  if (log_scale.numel() != 1) fail(kName, "log_scale must be one number; got ", log_scale.shape());
  const auto cosines = matmul(detail::unit_rows(kName, a, site), transpose(detail::unit_rows(kName, b, site)), site);
  const result_of<A, B, S> logits = cosines * reshape(exp(log_scale), {});
  const auto diagonal = Tensor<index_t, D>::arange(a.size(0));
  const CrossEntropyWeights<T, D> pairs{.samples = detail::row_weights(kName, weights, {a.size(0)})};
  const result_of<A, B, S> loss =
      (cross_entropy(logits, diagonal, {}, pairs) + cross_entropy(transpose(logits), diagonal, {}, pairs)) * T(0.5);
  return detail::finite_loss(kName, loss, detail::named("log_scale", log_scale));
}

// Contrastive loss of queries and keys (N, d): the i-th key belongs to the i-th query -> (). Sample weights (N) are
// those of the queries. Throws for other shapes and temperatures that are not positive.
template <Operand A, Operand B>
result_of<A, B> info_nce(const A& query, const B& key, double temperature = 0.1, const WeightsFor<A>& weights = {},
                         Site site = Site::here()) {
  using T = scalar_of<A>;
  constexpr const char* kName = "info_nce";
  detail::check_pairs(kName, query, key);
  detail::check_temperature(kName, temperature);
  const result_of<A, B> logits =
      matmul(detail::unit_rows(kName, query, site), transpose(detail::unit_rows(kName, key, site)), site) *
      static_cast<T>(1 / temperature);
  return cross_entropy(logits, Tensor<index_t, device_of<A>>::arange(query.size(0)), {},
                       {.samples = detail::row_weights(kName, weights, {query.size(0)})});
}

// Supervised contrastive loss of features x (N, d) and labels (N), any integers -> (). Sample weights (N) are
// those of the anchors. Throws for other shapes and temperatures that are not positive.
template <Operand X>
X supcon(const X& x, const Tensor<index_t, device_of<X>>& labels, double temperature = 0.1,
         const WeightsFor<X>& weights = {}, Site site = Site::here()) {
  using T = scalar_of<X>;
  using D = device_of<X>;
  constexpr const char* kName = "supcon";
  const X unit = detail::unit_rows(kName, x, site);
  detail::check_temperature(kName, temperature);
  const index_t n = x.size(0);
  if (!(labels.shape() == Shape{n})) fail(kName, "labels must be of shape (", n, "); got ", labels.shape());
  const auto self = detail::label_mask(Tensor<index_t, D>::arange(n), n);
  Tensor<T, D> positive = Tensor<T, D>::empty({n, n});
  elementwise(D{}, [](auto a, auto b, auto own) { return math::choose((a == b) && !own, T(1), T(0)); }, positive,
              labels.unsqueeze(1), labels.unsqueeze(0), self);
  const Tensor<T, D> count = sum(positive, {1}, true);
  // What each anchor counts: its weight, over the sum of those with a positive.
  Tensor<T, D> own = weights.defined() ? detail::weight_column(kName, "sample", weights, n) : Tensor<T, D>::ones({n, 1});
  own = masked_fill(own, eq(count, T(0)), T(0));
  const Tensor<T, D> share =
      positive * own * detail::over_sum(T(1), own) / masked_fill(count, eq(count, T(0)), T(1));
  const X s = matmul(unit, transpose(unit), site) * static_cast<T>(1 / temperature);
  const X log_p = log_softmax(masked_fill(s, self, T(-1e30)), 1);
  return -sum(log_p * share);
}

}  // namespace limbic
