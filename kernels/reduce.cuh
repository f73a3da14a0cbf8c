// Reductions of strided elements: y_k = fold_r x[k, r].
//
//   rows     kThreads threads an output (a warp, or a block of 256): each folds every kThreads-th element in
//            order, then a tree over shuffles and shared memory; for outputs whose elements are dense
//   columns  blockDim.y threads an output, neighbours on neighbouring outputs: reads coalesce where these are
//            dense. Thread y folds elements y, y + blockDim.y, ... in order; then those are folded in order
//   parts    with few outputs gridDim.y parts of the reduced elements are folded into `partial`
//            (parts, kept), which a second launch folds in order
//   loads    kBatch elements a thread before the first is folded: what hides the memory's latency
//   launch   rows: 1-D blocks of kFoldThreads; columns: 2-D blocks of up to kColumnThreads; static shared memory
//   bytes    x once, y once; operations: one or two an element
//   repeats  bit for bit: the order depends on the sizes alone, there are no atomics
#pragma once

#include <limbic/backend/cuda/launch/reduce.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

constexpr int kFoldThreads = 256, kColumnThreads = 512, kColumns = 32;
// Elements of a thread on their way at a time; more of 8 bytes would not fit into its registers.
template <class T>
constexpr int kBatch = sizeof(T) < 8 ? 8 : 4;

// Elements T are mapped to an accumulator C; `side` is the output's side value.
template <Fold kFold, class T, class C>
struct Folding {
  static __device__ C identity() {
    if constexpr (kFold == Fold::product || kFold == Fold::product_of_nonzero || kFold == Fold::all)
      return C(1);
    else if constexpr (kFold == Fold::max) return -infinity();
    else if constexpr (kFold == Fold::min) return infinity();
    else return C(0);
  }
  static __device__ C map(T x, T side) {
    if constexpr (kFold == Fold::sum_of_squares) return C(x) * C(x);
    else if constexpr (kFold == Fold::sum_of_squared_differences) return (C(x) - C(side)) * (C(x) - C(side));
    else if constexpr (kFold == Fold::count_equal) return C(x == side);
    else if constexpr (kFold == Fold::count_nonzero || kFold == Fold::any || kFold == Fold::all)
      return C(x != T(0));
    else if constexpr (kFold == Fold::product_of_nonzero) return x == T(0) ? C(1) : C(x);
    else return C(x);
  }
  static __device__ C combine(C a, C b) {
    if constexpr (kFold == Fold::product || kFold == Fold::product_of_nonzero) return a * b;
    else if constexpr (kFold == Fold::any || kFold == Fold::max) return a > b || a != a ? a : b;
    else if constexpr (kFold == Fold::all || kFold == Fold::min) return a < b || a != a ? a : b;
    else return a + b;
  }

 private:
  static __device__ C infinity() { return C(1) / C(0.0f); }
};

// Offset of place i in a loop of these sizes.
template <class Index>
__device__ inline std::int64_t offset_by(Index i, int rank, const std::int64_t* size,
                                         const std::int64_t* stride) {
  std::int64_t offset = 0;
  for (int d = rank - 1; d > 0; --d) {
    const Index n = static_cast<Index>(size[d]), next = i / n;
    offset += static_cast<std::int64_t>(i - next * n) * stride[d];
    i = next;
  }
  return offset + static_cast<std::int64_t>(i) * stride[0];
}
// The same; `count`: the product of the sizes. Divisions of 32 bits take a fraction of those of 64.
__device__ inline std::int64_t offset_of(std::int64_t i, std::int64_t count, int rank,
                                         const std::int64_t* size, const std::int64_t* stride) {
  if (rank <= 1) return rank ? i * stride[0] : 0;
  if (count >> 31 == 0) return offset_by(static_cast<unsigned>(i), rank, size, stride);
  return offset_by(i, rank, size, stride);
}

// The elements of one part of the reduced ones: [begin, end).
struct Part {
  std::int64_t begin, end;
  __device__ explicit Part(std::int64_t reduced) {
    const std::int64_t size = (reduced + gridDim.y - 1) / gridDim.y;
    begin = size * blockIdx.y < reduced ? size * blockIdx.y : reduced;
    end = begin + size < reduced ? begin + size : reduced;
  }
};

// Folds elements from, from + step, ... before `end` into `total`, in order.
template <class F, class T, class C>
__device__ inline C fold_every(const ReduceCall& call, const T* x, T side, std::int64_t from,
                               std::int64_t step, std::int64_t end) {
  constexpr int kLoads = kBatch<T>;
  C total = F::identity();
  for (std::int64_t r = from; r < end; r += step * kLoads) {
    T batch[kLoads];
#pragma unroll
    for (int j = 0; j < kLoads; ++j)
      if (r + j * step < end)
        batch[j] = x[offset_of(r + j * step, call.reduced, call.reduced_rank, call.reduced_size,
                               call.reduced_stride)];
#pragma unroll
    for (int j = 0; j < kLoads; ++j)
      if (r + j * step < end) total = F::combine(total, F::map(batch[j], side));
  }
  return total;
}

// R is y's type, or C for parts.
template <Fold kFold, class T, class C, class R>
__global__ void __launch_bounds__(kColumnThreads)
    reduce_columns(const __grid_constant__ ReduceCall call, R* __restrict__ y) {
  using F = Folding<kFold, T, C>;
  __shared__ C rows[kColumnThreads];
  const std::int64_t k = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  C total = F::identity();
  if (k < call.kept) {
    const T* const x = static_cast<const T*>(call.x) +
                       offset_of(k, call.kept, call.kept_rank, call.kept_size, call.kept_stride);
    const T side = call.side ? static_cast<const T*>(call.side)[k] : T(0);
    const Part part(call.reduced);
    total = fold_every<F, T, C>(call, x, side, part.begin + threadIdx.y, blockDim.y, part.end);
  }
  if (blockDim.y > 1) {
    rows[threadIdx.y * blockDim.x + threadIdx.x] = total;
    __syncthreads();
    if (threadIdx.y == 0)
      for (unsigned row = 1; row < blockDim.y; ++row)
        total = F::combine(total, rows[row * blockDim.x + threadIdx.x]);
  }
  if (k < call.kept && threadIdx.y == 0) y[blockIdx.y * call.kept + k] = static_cast<R>(total);
}

template <Fold kFold, class T, class C, class R, int kThreads>
__global__ void __launch_bounds__(kFoldThreads)
    reduce_rows(const __grid_constant__ ReduceCall call, R* __restrict__ y) {
  using F = Folding<kFold, T, C>;
  __shared__ C warps[kFoldThreads / 32];
  constexpr int kOutputs = kFoldThreads / kThreads;
  const int lane = threadIdx.x % kThreads;
  const std::int64_t k = static_cast<std::int64_t>(blockIdx.x) * kOutputs + threadIdx.x / kThreads;
  C total = F::identity();
  if (k < call.kept) {
    const T* const x = static_cast<const T*>(call.x) +
                       offset_of(k, call.kept, call.kept_rank, call.kept_size, call.kept_stride);
    const T side = call.side ? static_cast<const T*>(call.side)[k] : T(0);
    const Part part(call.reduced);
    total = fold_every<F, T, C>(call, x, side, part.begin + lane, kThreads, part.end);
  }
  for (int step = 16; step > 0; step /= 2)
    total = F::combine(total, __shfl_xor_sync(0xffffffffu, total, step));
  if constexpr (kThreads > 32) {
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = total;
    __syncthreads();
    if (threadIdx.x == 0)
      for (int w = 1; w < kFoldThreads / 32; ++w) total = F::combine(total, warps[w]);
  }
  if (k < call.kept && lane == 0) y[blockIdx.y * call.kept + k] = static_cast<R>(total);
}

}  // namespace limbic::cuda::device
