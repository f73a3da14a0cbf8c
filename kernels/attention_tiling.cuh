// How large the pieces are that attention kernels work on: as large as shared memory and registers hold.
#pragma once

#include <limbic/backend/cuda/launch/attention.hpp>

#include "attention.cuh"

namespace limbic::cuda::device {

// Own rows of a lane: as many as registers hold sums over `sums` times kHead columns and `tiles` tiles for.
template <class T, int kHead, int kSums, int kTiles>
constexpr int own_rows() {
  int rows = 4;
  while (rows > 1 && rows * (kSums * kHead / 8 + 4 * kTiles) * sizeof(T) / 4 > 160) rows /= 2;
  return rows;
}
template <class T, int kHead>
constexpr int kForwardRows = own_rows<T, kHead, 1, 1>();
template <class T, int kHead>
constexpr int kBackwardRows = own_rows<T, kHead, 2, 2>();

// A block: warps of own rows, and chunks of rows of the other kind in one or two stages.
struct AttentionTiling {
  int warps, chunk, stages;
  std::size_t bytes;  // of shared memory
};

// Longest sequences that a block may hold whole.
constexpr int kShort = 128;

inline int rounded_up(int n, int step) { return (n + step - 1) / step * step; }

// Heads, each of which is a block, or a row of them.
template <class T>
std::int64_t heads_of(const AttentionCall<T>& call) {
  const std::int64_t heads = static_cast<std::int64_t>(call.B) * call.H;
  if (heads > 2147483647) raise("attention", "B H must be below 2^31");
  return heads;
}

// Bytes of shared memory that a block may have.
inline std::size_t shared_limit() {
  int device = 0, bytes = 0;
  if (cudaGetDevice(&device) != cudaSuccess ||
      cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) != cudaSuccess)
    return kPlainSharedBytes;  // without a device the launch says so
  return static_cast<std::size_t>(bytes);
}

// The largest tiling for `length` rows, `own` a warp, whose bytes(warps, chunk, stages) fit.
template <class Bytes>
AttentionTiling long_tiling(int length, int own, const Bytes& bytes) {
  const std::size_t limit = shared_limit();
  for (int most = 4; most > 0; most /= 2) {
    const int blocks = (length + own * most - 1) / (own * most);
    const int warps = blocks ? rounded_up((length + blocks - 1) / blocks, own) / own : 1;  // equal blocks
    for (int chunk = 2 * kTile; chunk >= 8; chunk /= 2) {
      const int stages = chunk > kTile ? 2 : 1, rows = chunk > kTile ? kTile : chunk;
      const std::size_t needed = bytes(warps, rows, stages);
      if (needed <= limit) return {warps, rows, stages, needed};
    }
  }
  raise("attention", "the device has too little shared memory for heads of this size");
}

}  // namespace limbic::cuda::device
