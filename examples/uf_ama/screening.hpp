// Confidence-aware screening of a target batch (arXiv 2606.00170).
//
// Confidence = largest softmax probability of the EEG and of the eye classifier: 2B values. The B largest are
// selected (of equal ones the lower index, EEG before eye). Samples, in the order of their first appearance
// among the selected:
//   both selected, same label    agree: the label is a pseudo-label of the fused classifier
//   both selected, other label   dropped
//   one selected                 that modality teaches the other
//
// Nothing here carries a gradient. Below is what runs on the host; a device has its own, PredictionScreening
// (core/screening.hpp), for which the host does not wait.
#pragma once

#include <limbic/core/screening.hpp>

#include <algorithm>
#include <cmath>

namespace limbic::uf_ama {

struct Screening {
  Tensor<index_t> agree, eeg_teaches, eye_teaches;  // numbers of samples, the most confident first
  Tensor<index_t> eeg_label, eye_label;             // (B), the most likely class
  double mid_confidence = 0;                        // the smallest that is selected
  index_t eeg_selected = 0, eye_selected = 0, dropped = 0;
};

namespace detail {

// Most likely class and its softmax probability for each row of logits (B, K).
template <class T>
void most_likely(const char* what, const Tensor<T>& logits, index_t* label, T* confidence) {
  const Tensor<T> dense = logits.contiguous();
  const index_t rows = dense.size(0), classes = dense.size(1);
  const T* x = dense.data();
  for (index_t i = 0; i < rows; ++i, x += classes) {
    const index_t best = std::max_element(x, x + classes) - x;
    T sum = T(0);
    for (index_t k = 0; k < classes; ++k) sum += std::exp(x[k] - x[best]);
    label[i] = best;
    confidence[i] = T(1) / sum;
    if (!(confidence[i] > T(0))) fail("uf_ama", what, " must be finite; got ", logits, ", not so in row ", i);
  }
}

}  // namespace detail

// Screens by logits (B, K) of both classifiers. Throws for other shapes, an empty batch and logits that are
// not finite.
template <class T>
Screening screen(const Tensor<T>& eeg_logits, const Tensor<T>& eye_logits) {
  if (eeg_logits.rank() != 2 || !(eeg_logits.shape() == eye_logits.shape()) || eeg_logits.numel() == 0)
    fail("uf_ama", "screening needs logits (B, K) of both classifiers, not empty; got eeg ",
         eeg_logits.shape(), ", eye ", eye_logits.shape());
  const index_t batch = eeg_logits.size(0);
  Screening s;
  s.eeg_label = Tensor<index_t>::empty({batch});
  s.eye_label = Tensor<index_t>::empty({batch});
  auto confidence = Tensor<T>::empty({2 * batch});
  T* c = confidence.mutable_data();
  detail::most_likely("eeg logits", eeg_logits, s.eeg_label.mutable_data(), c);
  detail::most_likely("eye logits", eye_logits, s.eye_label.mutable_data(), c + batch);

  auto order = Tensor<index_t>::empty({2 * batch});
  index_t* first = order.mutable_data();
  for (index_t i = 0; i < 2 * batch; ++i) first[i] = i;
  auto before = [c](index_t a, index_t b) { return c[a] != c[b] ? c[a] > c[b] : a < b; };
  std::nth_element(first, first + batch - 1, first + 2 * batch, before);
  std::sort(first, first + batch, before);
  s.mid_confidence = static_cast<double>(c[first[batch - 1]]);

  // Which are selected: bit 0 the EEG prediction, bit 1 the eye's; bit 2 once the sample has been dealt with.
  auto marks = Tensor<index_t>::zeros({batch});
  index_t* mark = marks.mutable_data();
  for (index_t i = 0; i < batch; ++i) mark[first[i] % batch] |= first[i] < batch ? 1 : 2;
  Tensor<index_t> lists = Tensor<index_t>::empty({3, batch});
  index_t* list = lists.mutable_data();
  index_t agree = 0, eeg = 0, eye = 0;
  const index_t *eeg_label = s.eeg_label.data(), *eye_label = s.eye_label.data();
  for (index_t i = 0; i < batch; ++i) {
    const index_t sample = first[i] % batch;
    s.eeg_selected += first[i] < batch;
    s.eye_selected += first[i] >= batch;
    if (mark[sample] & 4) continue;
    if (mark[sample] == 1) list[batch + eeg++] = sample;
    else if (mark[sample] == 2) list[2 * batch + eye++] = sample;
    else if (eeg_label[sample] == eye_label[sample]) list[agree++] = sample;
    else ++s.dropped;
    mark[sample] |= 4;
  }
  s.agree = lists.select(0, 0).slice(0, 0, agree);
  s.eeg_teaches = lists.select(0, 1).slice(0, 0, eeg);
  s.eye_teaches = lists.select(0, 2).slice(0, 0, eye);
  return s;
}

// What a step kept of screening, on the host. From a device, it waits.
inline const Screening& on_host(const Screening& s) { return s; }
template <class T, class D>
Screening on_host(const PredictionScreening<T, D>& s) {
  using On = PredictionScreening<T, D>;
  Screening out;
  if (!s.counts.defined()) return out;
  const auto counts = s.counts.to_vector();
  const auto count = [&](int which) { return counts[static_cast<std::size_t>(which)]; };
  const Tensor<index_t> lists = s.lists.template on<Cpu>(), label = s.label.slice(0, 0, 2).template on<Cpu>();
  out.agree = lists.select(0, 0).slice(0, 0, count(On::kAgree));
  out.eeg_teaches = lists.select(0, 1).slice(0, 0, count(On::kFirstTeaches));
  out.eye_teaches = lists.select(0, 2).slice(0, 0, count(On::kSecondTeaches));
  out.eeg_label = label.select(0, 0);
  out.eye_label = label.select(0, 1);
  out.mid_confidence = static_cast<double>(s.least.item());
  out.eeg_selected = count(On::kFirstSelected);
  out.eye_selected = count(On::kSecondSelected);
  out.dropped = count(On::kDropped);
  return out;
}

// Labels of a batch in which only some rows count: cross_entropy() leaves out the others.
struct ScreenedLabels {
  Tensor<index_t> label;  // (offset + B); -100 where the row does not count
  index_t count = 0;
};
// Takes `label` (B) for the samples listed, those only for which `check_with` (B), if defined, has the same
// label; their rows in the whole batch start at `offset`.
inline ScreenedLabels screened_labels(const Tensor<index_t>& samples, const Tensor<index_t>& label,
                                      index_t offset, const Tensor<index_t>& check_with = {}) {
  ScreenedLabels out;
  out.label = Tensor<index_t>::full({offset + label.numel()}, -100);
  index_t* to = out.label.mutable_data() + offset;
  for (index_t i = 0; i < samples.numel(); ++i) {
    const index_t sample = samples.data()[i];
    if (check_with.defined() && check_with.data()[sample] != label.data()[sample]) continue;
    to[sample] = label.data()[sample];
    ++out.count;
  }
  return out;
}

}  // namespace limbic::uf_ama
