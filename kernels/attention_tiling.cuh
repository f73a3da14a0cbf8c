// How large the pieces are that attention kernels work on: as large as shared memory holds.
#pragma once

#include "attention.cuh"

namespace limbic::cuda::device {

// A block: warps of own rows, and chunks of rows of the other kind in one or two stages.
struct AttentionTiling {
  int warps, chunk, stages;
  std::size_t bytes;  // of shared memory
};

// Longest sequences that a block may hold whole.
constexpr int kShort = 128;

// Heads, each of which is a block, or a row of them.
template <class T>
unsigned heads_of(const AttentionCall<T>& call) {
  const std::int64_t heads = static_cast<std::int64_t>(call.B) * call.H;
  if (heads > 2147483647) raise("attention", "B H must be below 2^31");
  return static_cast<unsigned>(heads);
}

inline int device_attribute(cudaDeviceAttr attribute, int otherwise) {
  int device = 0, value = 0;
  const bool known = cudaGetDevice(&device) == cudaSuccess &&
                     cudaDeviceGetAttribute(&value, attribute, device) == cudaSuccess;
  if (!known) static_cast<void>(cudaGetLastError());  // without a device the launch says so
  return known ? value : otherwise;
}
// Bytes of shared memory that a block may have.
inline std::size_t shared_limit() {
  return static_cast<std::size_t>(
      device_attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, kPlainSharedBytes));
}

inline unsigned blocks_of(int length, int rows) { return static_cast<unsigned>((length + rows - 1) / rows); }

// The largest tiling for `length` rows, `own` a warp, whose bytes(warps, chunk, stages) fit. Chunks are of at
// least `step` rows.
template <class Bytes>
AttentionTiling long_tiling(int length, int own, int step, const Bytes& bytes) {
  const std::size_t limit = shared_limit();
  for (int most = 4; most > 0; most /= 2) {
    const int blocks = (length + own * most - 1) / (own * most);
    const int warps = blocks ? rounded_up((length + blocks - 1) / blocks, own) / own : 1;  // equal blocks
    for (int chunk = 2 * kTile; chunk >= step; chunk /= 2) {
      const int stages = chunk > kTile ? 2 : 1, rows = chunk > kTile ? kTile : chunk;
      const std::size_t needed = bytes(warps, rows, stages);
      if (needed <= limit) return {warps, rows, stages, needed};
    }
  }
  raise("attention", "the device has too little shared memory for heads of this size");
}

}  // namespace limbic::cuda::device
