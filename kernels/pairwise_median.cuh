// The median of the squared distances of all pairs i < j, in O(N d) memory: its digits of 8 bits are found
// one after the other. Distances are not negative, so their bits order as they do; each pass makes the tiles
// again and counts the values that share the digits known so far by the next one.
//
//   median_counts  a block a tile of pairs, each unordered pair of tiles once; counts in shared memory, then
//                  in memory. Atomic additions, of integers: their order does not matter
//   median_digit   one block of 256 threads: the digit in which the wanted rank lies
//   launch   blocks as PairTile's, then one of 256; static shared memory only
//   work     sizeof(T) passes of 2 d operations a pair (half the pairs)
//   repeats  bit for bit
#pragma once

#include "pair_tile.cuh"

namespace limbic::cuda::device {

constexpr int kDigits = 256;

// What is known of the median: its first digits, and how many of the values that share them are smaller.
struct MedianState {
  unsigned long long known, rank;
  unsigned long long counts[kDigits];
};

__device__ inline unsigned long long bits_of(float x) { return __float_as_uint(x); }
__device__ inline unsigned long long bits_of(double x) {
  return static_cast<unsigned long long>(__double_as_longlong(x));
}
__device__ inline double from_bits(unsigned long long bits, float) {
  return static_cast<double>(__uint_as_float(static_cast<unsigned>(bits)));
}
__device__ inline double from_bits(unsigned long long bits, double) {
  return __longlong_as_double(static_cast<long long>(bits));
}

// shift: of the digit that is looked for; `top`: it is the first one.
template <class T, int kSide>
__global__ void __launch_bounds__(PairTile<T, kSide>::kThreads)
    median_counts(MedianState* __restrict__ state, const T* __restrict__ points, std::int64_t n,
                  std::int64_t d, int shift, bool top) {
  using Tile = PairTile<T, kSide>;
  __shared__ Tile shared;
  __shared__ unsigned counts[kDigits];
  const TilePair pair((n + kSide - 1) / kSide);
  if (!pair.there) return;
  for (int i = static_cast<int>(threadIdx.x); i < kDigits; i += Tile::kThreads) counts[i] = 0;
  const std::int64_t row = pair.row * kSide, col = pair.col * kSide;
  T distance[4][4] = {};
  add_tile<false>(distance, shared, tile_rows<kSide>(points, row, n, d), tile_rows<kSide>(points, col, n, d));
  const unsigned long long known = state->known;
#pragma unroll
  for (int r = 0; r < 4; ++r)
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      const std::int64_t i = row + Tile::row(r), j = col + Tile::col(c);
      const unsigned long long bits = bits_of(distance[r][c]);
      const bool counted =
          i < n && j < n && (row != col || i < j) && (top || bits >> (shift + 8) == known >> (shift + 8));
      if (counted) atomicAdd(counts + (bits >> shift & 255u), 1u);
    }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < kDigits; i += Tile::kThreads)
    if (counts[i]) atomicAdd(state->counts + i, static_cast<unsigned long long>(counts[i]));
}

__global__ void __launch_bounds__(kDigits)
    median_start(MedianState* __restrict__ state, unsigned long long rank) {
  state->counts[threadIdx.x] = 0;
  if (threadIdx.x == 0) state->known = 0, state->rank = rank;
}

// Of type T; writes the median once all digits are known.
template <class T>
__global__ void __launch_bounds__(kDigits)
    median_digit(MedianState* __restrict__ state, int shift, double* __restrict__ median) {
  __shared__ unsigned long long counts[kDigits];
  counts[threadIdx.x] = state->counts[threadIdx.x];
  state->counts[threadIdx.x] = 0;
  __syncthreads();
  if (threadIdx.x != 0) return;
  unsigned long long rank = state->rank, digit = 0;
  while (digit < kDigits - 1 && rank >= counts[digit]) rank -= counts[digit++];
  state->rank = rank;
  state->known |= digit << shift;
  if (shift == 0) *median = from_bits(state->known, T(0));
}

}  // namespace limbic::cuda::device
