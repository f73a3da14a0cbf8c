// Random numbers from Philox4x32-10, and dropout.
//
//   plan     one thread a block of four words: 4 floats, 2 doubles or integers, 4 events; dropout one
//            for each vector of 128 bits
//   launch   1-D blocks of kRandomThreads, grid-stride
//   bytes    what is written (dropout: and read) once; some 60 integer operations a block, a normal pair some
//            60 in double besides
//   repeats  bit for bit, on the CPU too (Salmon et al. 2011: a number is a function of its index)
#pragma once

#include <limbic/backend/cuda/launch/random.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

constexpr int kRandomThreads = 256;

__device__ __forceinline__ PhiloxKey key_of(const Draw& draw) {
  return {draw.key, draw.position, draw.replay ? *draw.replay : 0};
}

__device__ __forceinline__ unsigned long long two_words(unsigned low, unsigned high) {
  return (static_cast<unsigned long long>(high) << 32) | low;
}

template <class T>
struct MakeUniform {
  T low, width, last;
  static constexpr int kValues = sizeof(T) == 4 ? 4 : 2;
  __device__ __forceinline__ T bounded(T u) const { return u < last ? u : last; }
  __device__ __forceinline__ void operator()(const PhiloxBlock& c, float (&v)[4]) const {
#pragma unroll
    for (int j = 0; j < 4; ++j) v[j] = bounded(::fmaf(unit_float(c.word[j]), width, low));
  }
  __device__ __forceinline__ void operator()(const PhiloxBlock& c, double (&v)[2]) const {
#pragma unroll
    for (int j = 0; j < 2; ++j)
      v[j] = bounded(::fma(unit_double(two_words(c.word[2 * j], c.word[2 * j + 1])), width, low));
  }
};

template <class T>
struct MakeNormal {
  double mean, std;
  static constexpr int kValues = sizeof(T) == 4 ? 4 : 2;
  // Pair j of a block of two pairs of floats.
  __device__ __forceinline__ void operator()(const PhiloxBlock& c, float (&v)[4]) const {
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      const NormalPair z = normal_pair(c.word[2 * j], c.word[2 * j + 1]);
      v[2 * j] = static_cast<float>(::fma(std, z.first, mean));
      v[2 * j + 1] = static_cast<float>(::fma(std, z.second, mean));
    }
  }
  __device__ __forceinline__ void operator()(const PhiloxBlock& c, double (&v)[2]) const {
    const NormalPair z = normal_pair(two_words(c.word[0], c.word[1]), two_words(c.word[2], c.word[3]));
    v[0] = ::fma(std, z.first, mean);
    v[1] = ::fma(std, z.second, mean);
  }
};

template <class T>
struct MakeEvents {
  unsigned last;
  static constexpr int kValues = 4;
  __device__ __forceinline__ void operator()(const PhiloxBlock& c, T (&v)[4]) const {
#pragma unroll
    for (int j = 0; j < 4; ++j) v[j] = static_cast<T>(c.word[j] <= last);
  }
};

struct MakeIntegers {
  std::uint64_t low, range;
  static constexpr int kValues = 2;
  __device__ __forceinline__ void operator()(const PhiloxBlock& c, std::int64_t (&v)[2]) const {
#pragma unroll
    for (int j = 0; j < 2; ++j)
      v[j] = static_cast<std::int64_t>(low + __umul64hi(two_words(c.word[2 * j], c.word[2 * j + 1]), range));
  }
};

template <class T, class Make>
__global__ void __launch_bounds__(kRandomThreads)
    random_values(T* __restrict__ out, std::int64_t n, Draw draw, Make make) {
  constexpr int kValues = Make::kValues;
  const PhiloxKey key = key_of(draw);
  for (std::int64_t b = grid_index(); b * kValues < n; b += grid_stride()) {
    T v[kValues];
    make(philox_block(key, static_cast<unsigned long long>(b)), v);
    T* const to = out + b * kValues;
    constexpr bool kVector = sizeof(T) * kValues == 16 || sizeof(T) * kValues == 4;
    if (kVector && (b + 1) * kValues <= n && is_aligned(to, sizeof(T) * kValues)) {
      Vec<T, kValues> whole;
#pragma unroll
      for (int j = 0; j < kValues; ++j) whole[j] = v[j];
      store(to, whole);
    } else {
      for (int j = 0; j < kValues && b * kValues + j < n; ++j) to[j] = v[j];
    }
  }
}

// Half words of a draw for a vector of kWide elements: neighbouring vectors make the same block of words, of
// which each takes its own, so that accesses coalesce.
template <int kWide>
struct HalfWords {
  static constexpr int kWords = kWide / 2;
  PhiloxBlock block = {};
  std::int64_t first = 0;

  __device__ __forceinline__ void draw(const PhiloxKey& key, std::int64_t vector) {
    first = vector * kWords;
    block = philox_block(key, static_cast<unsigned long long>(first / 4));
  }
  __device__ __forceinline__ bool below(int j, unsigned threshold) const {
    unsigned word = block.word[0];
#pragma unroll
    for (int w = 1; w < 4; ++w)
      if ((first + j / 2) % 4 == w) word = block.word[w];
    return ((word >> (j % 2 * 16)) & 0xffffu) < threshold;
  }
};

template <class T>
__global__ void __launch_bounds__(kRandomThreads)
    dropout(T* y, const T* x, std::int64_t n, Draw draw, unsigned threshold, T scale) {
  const PhiloxKey key = key_of(draw);
  constexpr int kWide = kVectorSize<T>;
  const bool aligned = is_aligned(x, 16) && is_aligned(y, 16);
  for (std::int64_t v = grid_index(); v * kWide < n; v += grid_stride()) {
    HalfWords<kWide> words;
    words.draw(key, v);
    const T* const from = x + v * kWide;
    T* const to = y + v * kWide;
    if (aligned && (v + 1) * kWide <= n) {
      Vec<T, kWide> values = load<kWide>(from);
#pragma unroll
      for (int j = 0; j < kWide; ++j) values[j] = words.below(j, threshold) ? T(0) : scale * values[j];
      store(to, values);
    } else {
      for (int j = 0; j < kWide && v * kWide + j < n; ++j)
        to[j] = words.below(j, threshold) ? T(0) : scale * from[j];
    }
  }
}

template <class T>
__global__ void __launch_bounds__(kRandomThreads)
    dropout_rows(T* y, const T* x, std::int64_t count, std::int64_t length, Draw draw,
                 unsigned long long threshold, T scale) {
  const PhiloxKey key = key_of(draw);
  for (std::int64_t i = grid_index(); i < count; i += grid_stride())
    y[i] = philox_event(key, static_cast<unsigned long long>(i / length), threshold) ? T(0) : scale * x[i];
}

}  // namespace limbic::cuda::device
