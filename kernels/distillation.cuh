// Divergence of softened predictions, fused with both softmaxes.
//
//   l_p = log softmax(p / t), l_q = log softmax(q / t), at least -1e30 each (where that binds, no gradient passes)
//   y   = sum e^(l_q) (l_q - l_p)                          dl_p = -e^(l_q)
//   or    sum (e^(l_q) - e^(l_p)) (l_q - l_p)              dl_p = -e^(l_p) (l_q - l_p) - (e^(l_q) - e^(l_p)),
//                                                          dl_q =  e^(l_q) (l_q - l_p) + (e^(l_q) - e^(l_p))
//   dp  = (dl_p - e^(l_p) sum dl_p) / t, dq alike
//
//   plan     kLanes threads a row (a warp, or a block of 256): both log-sum-exps in one pass, the terms in
//            another
//   launch   1-D blocks of kKlThreads; static shared memory only
//   bytes    forward: p and q twice, the second time from the cache; backward: p and q twice, dp and dq once.
//            Two exp an element and pass
//   repeats  bit for bit
//   source   Hinton, Vinyals and Dean, 2015, arXiv:1503.02531; Zhang et al., 2017, arXiv:1706.00384
#pragma once

#include <limbic/backend/cuda/launch/distillation.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

constexpr int kKlThreads = 256;

template <class T, int kLanes>
struct KlRow {
  std::int64_t row, cols;
  int lane;
  bool inside;
  const T *p, *q;
  T inverse;
  __device__ explicit KlRow(const SoftenedKlCall<T>& call)
      : row(static_cast<std::int64_t>(blockIdx.x) * (kKlThreads / kLanes) + threadIdx.x / kLanes),
        cols(call.cols),
        lane(threadIdx.x % kLanes),
        inside(row < call.rows),
        p(call.p + (inside ? row * cols : 0)),
        q(call.q + (inside ? row * cols : 0)),
        inverse(call.inverse) {}

  __device__ static T sum(T v) {
    if constexpr (kLanes == 32) return warp_sum(v);
    else return block_sum<kLanes>(v);
  }
  __device__ static T max(T v) {
    if constexpr (kLanes == 32) return warp_max(v);
    else return block_max<kLanes>(v);
  }
  // log sum e^(x / t) of the row. NaN stays.
  __device__ T lse(const T* x) const {
    constexpr T kLowest = sizeof(T) == 4 ? T(-3.402823466e38) : T(-1.7976931348623157e308);
    T top = kLowest, total = T(0);
    for (std::int64_t c = lane; inside && c < cols; c += kLanes) {
      const T v = x[c] * inverse;
      if (v > top) {
        total = total * math::exp(top - v) + T(1);
        top = v;
      } else {
        total += math::exp(v - top);
      }
    }
    const T most = max(top);
    return most + math::log(sum(total * math::exp(top - most)));
  }
  // log softmax of element c, and whether it is as it was.
  __device__ T log_of(const T* x, T lse, std::int64_t c, bool& free) const {
    constexpr T kLeast = T(-1e30);
    const T l = x[c] * inverse - lse;
    free = !(l < kLeast);
    return free ? l : kLeast;
  }
};

template <class T, int kLanes>
__global__ void __launch_bounds__(kKlThreads, 2)
    softened_kl_fwd(const __grid_constant__ SoftenedKlCall<T> call, T* __restrict__ y, T* __restrict__ lse) {
  const KlRow<T, kLanes> at(call);
  const T lse_p = at.lse(at.p), lse_q = at.lse(at.q);
  T total = T(0);
  for (std::int64_t c = at.lane; at.inside && c < at.cols; c += kLanes) {
    bool free;
    const T lp = at.log_of(at.p, lse_p, c, free), lq = at.log_of(at.q, lse_q, c, free);
    total += (math::exp(lq) - (call.both ? math::exp(lp) : T(0))) * (lq - lp);
  }
  total = at.sum(total);
  if (at.lane != 0 || !at.inside) return;
  y[at.row] = total;
  lse[at.row] = lse_p;
  lse[call.rows + at.row] = lse_q;
}

template <class T, int kLanes>
__global__ void __launch_bounds__(kKlThreads, 2)
    softened_kl_bwd(const __grid_constant__ SoftenedKlCall<T> call, const T* __restrict__ lse,
                    const T* __restrict__ dy, T* dp, bool add_p, T* dq, bool add_q) {
  const KlRow<T, kLanes> at(call);
  const T lse_p = at.inside ? lse[at.row] : T(0), lse_q = at.inside ? lse[call.rows + at.row] : T(0);
  struct Terms {
    T p, q, dlp, dlq;
  };
  const auto terms = [&](std::int64_t c) {
    bool free_p, free_q;
    const T lp = at.log_of(at.p, lse_p, c, free_p), lq = at.log_of(at.q, lse_q, c, free_q);
    Terms t{math::exp(lp), math::exp(lq), T(0), T(0)};
    if (call.both) {
      t.dlp = free_p ? -t.p * (lq - lp) - (t.q - t.p) : T(0);
      t.dlq = free_q ? t.q * (lq - lp) + (t.q - t.p) : T(0);
    } else {
      t.dlp = free_p ? -t.q : T(0);
    }
    return t;
  };
  T sum_p = T(0), sum_q = T(0);
  for (std::int64_t c = at.lane; at.inside && c < at.cols; c += kLanes) {
    const Terms t = terms(c);
    sum_p += t.dlp;
    sum_q += t.dlq;
  }
  sum_p = at.sum(sum_p);
  sum_q = at.sum(sum_q);
  if (!at.inside) return;
  const T g = dy[at.row] * call.inverse;
  const std::int64_t first = at.row * at.cols;
  for (std::int64_t c = at.lane; c < at.cols; c += kLanes) {
    const Terms t = terms(c);
    if (dp) {
      const T v = g * (t.dlp - t.p * sum_p);
      dp[first + c] = add_p ? dp[first + c] + v : v;
    }
    if (dq) {
      const T v = g * (t.dlq - t.q * sum_q);
      dq[first + c] = add_q ? dq[first + c] + v : v;
    }
  }
}

}  // namespace limbic::cuda::device
