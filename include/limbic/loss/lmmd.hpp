// MMD class by class: aligns what the batches have of each class rather than the batches as a whole.
//
//   y = 1/C sum over the C classes c present in both batches of
//       w^s_c' K w^s_c + w^t_c' K w^t_c - 2 w^s_c' K w^t_c
//
//   lmmd       w^s = one-hot / count, w^t = soft prediction / its column sum; a class is present in the target
//              if it is the most likely one of some sample (Zhu et al., "Deep subdomain adaptation network",
//              IEEE TNNLS 2020, arXiv:2106.09388)
//   class_mmd  the same with hard target labels: the mean over classes of the biased MMD
//
// One bandwidth from all samples; eps = 0, as published, unless it is set (BareKernelOptions). >= 0; 0 with
// gradient 0 when no class is in both batches. Labels and predictions carry no gradient. Weights by class
// take O((n + m) K) memory.
#pragma once

#include <limbic/loss/pair_form.hpp>

namespace limbic {

namespace detail {

// For each sample the classes it counts towards and how much: (N, C) as rows on the host.
struct ClassWeights {
  index_t rows, classes;
  std::vector<double> values;
  std::vector<bool> present;

  ClassWeights(index_t n, index_t k)
      : rows(n),
        classes(k),
        values(static_cast<std::size_t>(n * k), 0.0),
        present(static_cast<std::size_t>(k), false) {}
  double& at(index_t row, index_t c) { return values[static_cast<std::size_t>(row * classes + c)]; }

  static ClassWeights of_labels(const std::vector<index_t>& labels, index_t classes,
                                const std::vector<double>& w) {
    ClassWeights out(static_cast<index_t>(labels.size()), classes);
    for (std::size_t i = 0; i < labels.size(); ++i) {
      out.at(static_cast<index_t>(i), labels[i]) = w[i];
      if (w[i] > 0) out.present[static_cast<std::size_t>(labels[i])] = true;
    }
    return out;
  }
  // Every column scaled to sum 1.
  void normalise() {
    for (index_t c = 0; c < classes; ++c) {
      double total = 0;
      for (index_t i = 0; i < rows; ++i) total += at(i, c);
      for (index_t i = 0; i < rows && total > 0; ++i) at(i, c) /= total;
    }
  }
};

template <class T>
PairWeights<T, Cpu> class_pair_weights(ClassWeights s, ClassWeights t) {
  s.normalise();
  t.normalise();
  std::vector<index_t> both;
  for (index_t c = 0; c < s.classes; ++c)
    if (s.present[static_cast<std::size_t>(c)] && t.present[static_cast<std::size_t>(c)]) both.push_back(c);
  const index_t count = static_cast<index_t>(both.size()), rank = std::max(index_t{1}, count);
  std::vector<T> u(static_cast<std::size_t>((s.rows + t.rows) * rank), T(0));
  for (index_t i = 0; i < s.rows + t.rows; ++i)
    for (index_t c = 0; c < count; ++c)
      u[static_cast<std::size_t>(i * rank + c)] =
          static_cast<T>(i < s.rows ? s.at(i, both[static_cast<std::size_t>(c)])
                                    : -t.at(i - s.rows, both[static_cast<std::size_t>(c)]));
  const auto left = Tensor<T, Cpu>::from({s.rows + t.rows, rank}, u);
  for (T& v : u) v /= static_cast<T>(rank);
  return {left, Tensor<T, Cpu>::from({s.rows + t.rows, rank}, u)};
}

// The pairs' weights by labels of the source and probabilities (m, K) of the target.
template <class T>
PairWeights<T, Cpu> soft_class_weights(const char* op, const Tensor<index_t, Cpu>& source_labels,
                                       const Tensor<T, Cpu>& probabilities,
                                       const SampleWeights<T, Cpu>& weights) {
  const index_t n = source_labels.size(0), m = probabilities.size(0), classes = probabilities.size(1);
  const auto ws = normalised_weights(op, "source", weights.source, n);
  const auto wt = normalised_weights(op, "target", weights.target, m);
  ClassWeights t(m, classes);
  const std::vector<T> values = probabilities.to_vector();
  for (index_t i = 0; i < m; ++i) {
    const T* row = values.data() + i * classes;
    for (index_t c = 0; c < classes; ++c) {
      if (!(row[c] >= T(0)) || !(row[c] - row[c] == T(0)))
        fail(op, "probabilities must be finite and not negative; got ", static_cast<double>(row[c]),
             " for class ", c, " of target ", i, " (hint: softmax)");
      t.at(i, c) = static_cast<double>(row[c]) * wt[static_cast<std::size_t>(i)];
    }
    const index_t best = std::max_element(row, row + classes) - row;
    if (!(row[best] > T(0))) fail(op, "probabilities must not all be 0; got none for target ", i);
    if (wt[static_cast<std::size_t>(i)] > 0) t.present[static_cast<std::size_t>(best)] = true;
  }
  return class_pair_weights<T>(ClassWeights::of_labels(source_labels.to_vector(), classes, ws), std::move(t));
}
template <class T, class D>
PairWeights<T, D> soft_class_weights(const char* op, const Tensor<index_t, D>& source_labels,
                                     const Tensor<T, D>& probabilities, const SampleWeights<T, D>& weights) {
  check_weight_shapes(op, source_labels.size(0), probabilities.size(0), weights);
  return soft_class_pair_weights(D{}, op, source_labels, probabilities, weights.source, weights.target);
}

// The same by labels of both.
template <class T>
PairWeights<T, Cpu> hard_class_weights(const char* op, const Tensor<index_t, Cpu>& source,
                                       const Tensor<index_t, Cpu>& target, index_t classes,
                                       const SampleWeights<T, Cpu>& weights) {
  const auto ws = normalised_weights(op, "source", weights.source, source.size(0));
  const auto wt = normalised_weights(op, "target", weights.target, target.size(0));
  return class_pair_weights<T>(ClassWeights::of_labels(source.to_vector(), classes, ws),
                               ClassWeights::of_labels(target.to_vector(), classes, wt));
}
template <class T, class D>
PairWeights<T, D> hard_class_weights(const char* op, const Tensor<index_t, D>& source,
                                     const Tensor<index_t, D>& target, index_t classes,
                                     const SampleWeights<T, D>& weights) {
  check_weight_shapes(op, source.size(0), target.size(0), weights);
  return hard_class_pair_weights(D{}, op, source, target, classes, weights.source, weights.target);
}

}  // namespace detail

// Local MMD of source (n, d) with labels (n) in [0, K) and target (m, d) with class probabilities (m, K) ->
// (). Throws for other shapes, labels out of range, probabilities that are negative, not finite or all 0 for
// a sample, and as mmd().
template <Operand A, Operand B>
result_of<A, B> lmmd(const A& source, const B& target, const Tensor<index_t, device_of<A>>& source_labels,
                     const std::type_identity_t<Tensor<scalar_of<A>, device_of<A>>>& target_probabilities,
                     const BareKernelOptions& kernel = {}, const SampleWeightsFor<A, B>& weights = {},
                     Site site = Site::here()) {
  using T = scalar_of<A>;
  using D = device_of<A>;
  detail::check_batches("lmmd", source.shape(), target.shape());
  detail::check_kernel("lmmd", kernel);
  const index_t n = source.size(0), m = target.size(0);
  const auto& p = target_probabilities;
  if (p.rank() != 2 || p.size(0) != m || p.size(1) < 1)
    fail("lmmd", "target probabilities must be of shape (", m, ", K); got ", p.shape());
  const index_t classes = p.size(1);
  detail::check_labels("lmmd", "source labels", source_labels, n, classes);
  return apply(
      site,
      detail::PairForm<T, D>{.name = "lmmd",
                             .options = kernel,
                             .weights = detail::soft_class_weights("lmmd", source_labels, p, weights)},
      source, target);
}

// Class-wise MMD of source (n, d) and target (m, d) with labels (n) and (m) in [0, classes) -> (). Throws for
// other shapes, labels out of range, and as mmd().
template <Operand A, Operand B>
result_of<A, B> class_mmd(const A& source, const B& target,
                          const Tensor<index_t, device_of<A>>& source_labels,
                          const Tensor<index_t, device_of<A>>& target_labels, index_t classes,
                          const BareKernelOptions& kernel = {}, const SampleWeightsFor<A, B>& weights = {},
                          Site site = Site::here()) {
  using T = scalar_of<A>;
  using D = device_of<A>;
  detail::check_batches("class_mmd", source.shape(), target.shape());
  detail::check_kernel("class_mmd", kernel);
  check(classes >= 1, "class_mmd", "at least one class is needed; got ", classes);
  detail::check_labels("class_mmd", "source labels", source_labels, source.size(0), classes);
  detail::check_labels("class_mmd", "target labels", target_labels, target.size(0), classes);
  return apply(site,
               detail::PairForm<T, D>{.name = "class_mmd",
                                      .options = kernel,
                                      .weights = detail::hard_class_weights("class_mmd", source_labels,
                                                                            target_labels, classes, weights)},
               source, target);
}

}  // namespace limbic
