// Optimisers over many tensors at once.
//
//   adam      d = c g + l2 p;  m = b1 m + (1 - b1) d;  v = b2 v + (1 - b2) d^2
//             p = shrink p - step m / (sqrt(v) root_correction + eps)     (arXiv:1412.6980, arXiv:1711.05101)
//   momentum  d = sign c g + decay p;  u = momentum u + d;  p -= lr u, or (Nesterov) lr (d + momentum u)
//   sgd       p -= lr (sign c g + decay p)      lerp  y += weight (x - y)      scale  x *= factor
//   norm      sqrt of the sum of all squares, in double; c = min(1, max_norm / (norm + 1e-6))
//   (arXiv:1211.5063)
//
//   plan      the tensors' addresses travel as an argument, kMost of them; a block does kUpdateChunk elements
//   of
//             one tensor, which it finds by bisection. Norm: a partial sum a block, added by a second kernel
//             of one block: the factor stays on the device
//   launch    1-D blocks of kUpdateThreads, as many as chunks; up to 4 KB of arguments
//   bytes     every operand that is read once, every one that is written once, by 128 bits where aligned;
//   some
//             ten operations an element
//   repeats   bit for bit
#pragma once

#include <limbic/backend/cuda/launch/optim.hpp>

#include "prelude.cuh"

namespace limbic::cuda {

template <class T>
struct UpdateChunks {
  static constexpr int kMost = 80;
  T* operand[TensorUpdate<T>::kOperands][kMost];
  std::int64_t size[kMost];
  int end[kMost];  // block after the last one of each
  int tensors = 0;
  OnDevice<T> there;
};

namespace device {

constexpr int kUpdateThreads = 256;
constexpr int kUpdateChunk = 4096;  // elements of a block

// An update has as many operands, writes those of kWrites (a bit each), and scales operand 1, the gradient;
// take() reads the numbers that change from step to step.
template <class T>
struct SgdUpdate {
  static constexpr int kOperands = 2;
  static constexpr unsigned kWrites = 1;
  SgdNumbers<T> n;
  __device__ void take(const T* numbers) { n.lr = numbers[0]; }
  __device__ void operator()(T (&v)[kOperands]) const { v[0] -= n.lr * (n.sign * v[1] + n.decay * v[0]); }
};
template <class T>
struct MomentumUpdate {
  static constexpr int kOperands = 3;
  static constexpr unsigned kWrites = 1 | 4;
  SgdNumbers<T> n;
  __device__ void take(const T* numbers) { n.lr = numbers[0]; }
  __device__ void operator()(T (&v)[kOperands]) const {
    const T d = n.sign * v[1] + n.decay * v[0];
    v[2] = d + n.momentum * v[2];
    v[0] -= n.lr * (n.nesterov ? d + n.momentum * v[2] : v[2]);
  }
};
template <class T>
struct AdamUpdate {
  static constexpr int kOperands = 4;
  static constexpr unsigned kWrites = 1 | 4 | 8;
  AdamNumbers<T> n;
  __device__ void take(const T* numbers) {
    n.step = numbers[0];
    n.root_correction = numbers[1];
    n.shrink = numbers[2];
  }
  __device__ void operator()(T (&v)[kOperands]) const {
    const T d = v[1] + n.l2 * v[0];
    v[2] = n.beta1 * v[2] + (T(1) - n.beta1) * d;
    v[3] = n.beta2 * v[3] + (T(1) - n.beta2) * d * d;
    v[0] = v[0] * n.shrink - n.step * v[2] / (math::sqrt(v[3]) * n.root_correction + n.eps);
  }
};
template <class T>
struct LerpUpdate {
  static constexpr int kOperands = 2;
  static constexpr unsigned kWrites = 1;
  T weight;
  __device__ void take(const T*) {}
  __device__ void operator()(T (&v)[kOperands]) const { v[0] += weight * (v[1] - v[0]); }
};
template <class T>
struct ScaleUpdate {
  static constexpr int kOperands = 1;
  static constexpr unsigned kWrites = 1;
  T factor;
  __device__ void take(const T*) {}
  __device__ void operator()(T (&v)[kOperands]) const { v[0] *= factor; }
};

// The part of a tensor that is this block's.
template <class T, int kOperands>
struct UpdatePart {
  T* operand[kOperands];
  int count;
  bool aligned = true;

  __device__ explicit UpdatePart(const UpdateChunks<T>& chunks) {
    const int block = static_cast<int>(blockIdx.x);
    int low = 0, high = chunks.tensors - 1;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (block < chunks.end[middle]) high = middle;
      else low = middle + 1;
    }
    const std::int64_t begin =
        static_cast<std::int64_t>(block - (low > 0 ? chunks.end[low - 1] : 0)) * kUpdateChunk;
    const std::int64_t left = chunks.size[low] - begin;
    count = left < kUpdateChunk ? static_cast<int>(left) : kUpdateChunk;
#pragma unroll
    for (int o = 0; o < kOperands; ++o) {
      operand[o] = chunks.operand[o][low] + begin;
      aligned = aligned && is_aligned(operand[o], 16);
    }
  }
};

template <class T, class Update>
__global__ void __launch_bounds__(kUpdateThreads)
    update_tensors(const __grid_constant__ UpdateChunks<T> chunks, Update update) {
  constexpr int kOperands = Update::kOperands, kVector = kVectorSize<T>;
  T factor = T(1);
  if (chunks.there.clip) {
    const double clip = *chunks.there.clip;
    if (clip != clip) return;
    factor = static_cast<T>(clip);
  }
  if (chunks.there.numbers) update.take(chunks.there.numbers);
  const UpdatePart<T, kOperands> part(chunks);
  const auto run = [&](int i, auto vector) {
    constexpr int kSize = decltype(vector)::size;
    Vec<T, kSize> v[kOperands];
#pragma unroll
    for (int o = 0; o < kOperands; ++o) v[o] = load<kSize>(part.operand[o] + i);
#pragma unroll
    for (int e = 0; e < kSize; ++e) {
      T element[kOperands];
#pragma unroll
      for (int o = 0; o < kOperands; ++o) element[o] = o == 1 ? v[o][e] * factor : v[o][e];
      update(element);
#pragma unroll
      for (int o = 0; o < kOperands; ++o) v[o][e] = element[o];
    }
#pragma unroll
    for (int o = 0; o < kOperands; ++o)
      if (Update::kWrites >> o & 1) store(part.operand[o] + i, v[o]);
  };
  const int whole = part.aligned ? part.count / kVector * kVector : 0;
  for (int i = static_cast<int>(threadIdx.x) * kVector; i < whole; i += kUpdateThreads * kVector)
    run(i, Vec<T, kVector>{});
  for (int i = whole + static_cast<int>(threadIdx.x); i < part.count; i += kUpdateThreads)
    run(i, Vec<T, 1>{});
}

// sums[block] = sum of squares of its part.
template <class T>
__global__ void __launch_bounds__(kUpdateThreads)
    sum_squares(const __grid_constant__ UpdateChunks<T> chunks, double* __restrict__ sums) {
  constexpr int kVector = kVectorSize<T>;
  const UpdatePart<T, 1> part(chunks);
  double sum = 0;
  const int whole = part.aligned ? part.count / kVector * kVector : 0;
  for (int i = static_cast<int>(threadIdx.x) * kVector; i < whole; i += kUpdateThreads * kVector) {
    const Vec<T, kVector> v = load<kVector>(part.operand[0] + i);
#pragma unroll
    for (int e = 0; e < kVector; ++e) sum += static_cast<double>(v[e]) * static_cast<double>(v[e]);
  }
  for (int i = whole + static_cast<int>(threadIdx.x); i < part.count; i += kUpdateThreads)
    sum += static_cast<double>(part.operand[0][i]) * static_cast<double>(part.operand[0][i]);
  sum = block_sum<kUpdateThreads>(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(kUpdateThreads)
    clip_factor(const double* __restrict__ sums, std::int64_t count, double max_norm,
                double* __restrict__ to) {
  double sum = 0;
  for (std::int64_t i = threadIdx.x; i < count; i += kUpdateThreads) sum += sums[i];
  sum = block_sum<kUpdateThreads>(sum);
  if (threadIdx.x == 0) {
    const double norm = math::sqrt(sum), factor = max_norm / (norm + 1e-6);
    to[0] = !math::is_finite(norm) ? math::quiet_nan<double>() : factor < 1 ? factor : 1;
    to[1] = norm;
    to[2] = sum;
  }
}

}  // namespace device
}  // namespace limbic::cuda
