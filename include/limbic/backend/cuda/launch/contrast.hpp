// Launchers of the contrastive loss of pairs without its matrix of logits, T = float or double.
#pragma once

#include <cstdint>

namespace limbic::cuda {

// With s_ij = scale a_i . b_j, w = weights / their sum (null: 1 / n each):
//   y = sum_i w_i (along (log sum_j e^s_ij - s_ii) + down (log sum_j e^s_ji - s_ii))
template <class T>
struct ContrastCall {
  const T *a = nullptr, *b = nullptr;  // (n, d)
  const T* scale = nullptr;            // ()
  const T* weights = nullptr;          // (n)
  std::int64_t n = 0, d = 0;
  T along = T(0.5), down = T(0.5);
};
// *y; lse (2, n) of rows and columns.
template <class T>
void contrast_fwd(const ContrastCall<T>& call, T* y, T* lse);
// da, db (n, d) and *dscale from *dy; written, null where not wanted.
template <class T>
void contrast_bwd(const ContrastCall<T>& call, const T* lse, const T* dy, T* da, T* db, T* dscale);

}  // namespace limbic::cuda
