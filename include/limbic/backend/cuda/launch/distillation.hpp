// Launchers of the divergence of two rows of softened predictions, T = float or double.
#pragma once

#include <cstdint>

namespace limbic::cuda {

// Logits p and q (rows, cols), dense. With l_p = log softmax(p inverse), at least -1e30:
//   y = sum e^(l_q) (l_q - l_p), or if `both`, sum (e^(l_q) - e^(l_p)) (l_q - l_p)
template <class T>
struct SoftenedKlCall {
  const T *p = nullptr, *q = nullptr;
  T inverse = T(1);  // 1 / temperature
  bool both = false;
  std::int64_t rows = 0, cols = 0;
};
// y (rows); lse (2, rows): of p and of q.
template <class T>
void softened_kl_fwd(const SoftenedKlCall<T>& call, T* y, T* lse);
// dp and dq (rows, cols), written or added to, from dy (rows); null where not wanted. dq: of `both` alone.
template <class T>
void softened_kl_bwd(const SoftenedKlCall<T>& call, const T* lse, const T* dy, T* dp, bool add_p, T* dq,
                     bool add_q);

}  // namespace limbic::cuda
