// Launchers of cross-entropy with integer labels, T = float or double. Labels outside [0, cols) count as
// ignored here: guard_labels() tells of them.
#pragma once

#include <cstdint>

namespace limbic::cuda {

// Logits x (rows, cols), dense; class_weights (cols) may be null.
template <class T>
struct CrossEntropyCall {
  const T* x = nullptr;
  const std::int64_t* labels = nullptr;
  const T* class_weights = nullptr;
  T hard = T(1), soft = T(0);  // 1 - smoothing, smoothing / cols
  std::int64_t ignored = -100, rows = 0, cols = 0;
};
// loss, lse (rows).
template <class T>
void cross_entropy_fwd(const CrossEntropyCall<T>& call, T* loss, T* lse);
// dx (rows, cols), written or added to, from dloss (rows).
template <class T>
void cross_entropy_bwd(const CrossEntropyCall<T>& call, const T* lse, const T* dloss, T* dx, bool accumulate);
// *scale = 1 / sum of sample_i class_weight_(label i) over the labels that count; 0 if there are none.
// samples (rows) may be null.
template <class T>
void cross_entropy_scale(const CrossEntropyCall<T>& call, const T* samples, T* scale);

}  // namespace limbic::cuda
