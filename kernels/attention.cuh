// What the attention kernels share.
//
// A warp owns kRows * 4 rows of one kind (queries, or keys) and meets up to 32 rows of the other kind at a
// time, a tile. Lane (row, col) = (lane / 8, lane % 8) computes the products of its rows row + 4r with the
// tile's rows col + 8c, and the columns (col + 8c) * kVec ... of what is summed over the tile. Rows lie in
// shared memory an odd number of 16-byte words apart, so eight rows, or eight words of a row, are in different
// banks. The matrix of a tile goes from the first layout to the second through shared memory of the warp.
#pragma once

#include <limbic/backend/cuda/launch/attention.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

constexpr int kAttentionThreads = 256;  // at most
constexpr int kTile = 32, kTileStride = kTile + 8;

struct Lane {
  int index = lane_index(), row = lane_index() / 8, col = lane_index() % 8;
};

// Shared numbers a row of `width`: eight 16-byte words or a multiple, and one.
template <class T>
__host__ __device__ constexpr int row_stride(int width) {
  return ((width + 8 * kVectorSize<T> - 1) / (8 * kVectorSize<T>) * 8 + 1) * kVectorSize<T>;
}

// a b, not to be fused with what is added to it: e^(x - max) and e^(x - lse) need x as it was rounded.
__device__ __forceinline__ float rounded_product(float a, float b) { return __fmul_rn(a, b); }
__device__ __forceinline__ double rounded_product(double a, double b) { return __dmul_rn(a, b); }

// One head of an operand.
template <class T>
struct HeadRows {
  T* data;
  std::int64_t row;
  bool vectors;

  __device__ HeadRows(const AttentionRows<T>& rows, int b, int h)
      : data(rows.data + b * rows.batch + h * rows.head), row(rows.row), vectors(rows.vectors) {}
  __device__ T* at(int i) const { return data + i * row; }
};

// Copies rows [first, first + rows) of a head with `length` rows of `width` numbers to shared memory, by some
// of the block's threads (whole warps); zeros stand for what is beyond the head. They have arrived after
// commit_copies(), wait_copies() and a barrier.
template <class T>
__device__ __forceinline__ void fetch_rows(T* to, int stride, const HeadRows<const T>& from, int first, int rows, int length,
                                           int width, int thread, int threads) {
  constexpr int kVec = kVectorSize<T>;
  if (from.vectors) {
    for (int i = thread / 8; i < rows; i += threads / 8)
      for (int e = thread % 8 * kVec; e < stride - kVec; e += 8 * kVec)
        copy_async<16>(to + i * stride + e, from.at(first + i) + e, first + i < length && e < width);
  } else {
    for (int i = thread / 32; i < rows; i += threads / 32)
      for (int e = thread % 32; e < stride - kVec; e += 32)
        to[i * stride + e] = first + i < length && e < width ? from.at(first + i)[e] : T(0);
  }
}

// products[r][c] = own row (row + 4r) . row (col + 8c) of a tile with `count` rows; 0 for c with no row.
template <class T, int kRows>
__device__ __forceinline__ void row_products(T (&products)[kRows][4], const T* own, const T* tile, int stride, int width,
                                             int count) {
  constexpr int kVec = kVectorSize<T>;
  const Lane lane;
  own += lane.row * stride;
  tile += lane.col * stride;
#pragma unroll
  for (int r = 0; r < kRows; ++r)
#pragma unroll
    for (int c = 0; c < 4; ++c) products[r][c] = T(0);
#pragma unroll 1
  for (int e = 0; e < width; e += kVec) {
    Vec<T, kVec> a[kRows];
#pragma unroll
    for (int r = 0; r < kRows; ++r) a[r] = load<kVec>(own + 4 * r * stride + e);
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      if (8 * c >= count) break;
      const Vec<T, kVec> b = load<kVec>(tile + 8 * c * stride + e);
#pragma unroll
      for (int r = 0; r < kRows; ++r)
#pragma unroll
        for (int n = 0; n < kVec; ++n) products[r][c] = math::fma(a[r][n], b[n], products[r][c]);
    }
  }
}

// Sums over a tile: numbers (col + 8c) * kVec ... of own rows row + 4r.
template <class T, int kRows, int kHead>
using RowSums = Vec<T, kVectorSize<T>>[kRows][kHead / (8 * kVectorSize<T>)];

template <class T, int kRows, int kChunks>
__device__ __forceinline__ void clear(Vec<T, kVectorSize<T>> (&sums)[kRows][kChunks]) {
#pragma unroll
  for (int r = 0; r < kRows; ++r)
#pragma unroll
    for (int c = 0; c < kChunks; ++c) sums[r][c] = {};
}

// sums += weights (own rows, tile rows; kTileStride apart) times the tile's `count` rows.
template <class T, int kRows, int kChunks>
__device__ __forceinline__ void add_weighted_rows(Vec<T, kVectorSize<T>> (&sums)[kRows][kChunks], const T* weights, const T* tile,
                                                  int stride, int width, int count) {
  constexpr int kVec = kVectorSize<T>;
  const Lane lane;
  weights += lane.row * kTileStride;
  tile += lane.col * kVec;
#pragma unroll 1
  for (int j = 0; j < count; j += kVec) {
    Vec<T, kVec> w[kRows];
#pragma unroll
    for (int r = 0; r < kRows; ++r) w[r] = load<kVec>(weights + 4 * r * kTileStride + j);
#pragma unroll
    for (int n = 0; n < kVec; ++n)
#pragma unroll
      for (int c = 0; c < kChunks; ++c) {
        if (8 * kVec * c >= width) break;
        const Vec<T, kVec> b = load<kVec>(tile + (j + n) * stride + 8 * kVec * c);
#pragma unroll
        for (int r = 0; r < kRows; ++r)
#pragma unroll
          for (int m = 0; m < kVec; ++m) sums[r][c][m] = math::fma(w[r][n], b[m], sums[r][c][m]);
      }
  }
}

// Writes the warp's rows [first, ...) of a head with `length` rows of `width` numbers. Where these are not made
// of aligned 16-byte words they go through `tile`, the warp's, so that neighbours write to neighbours.
template <class T, int kRows, int kChunks>
__device__ __forceinline__ void store_rows(const HeadRows<T>& to, int first, int length, int width,
                                           const Vec<T, kVectorSize<T>> (&sums)[kRows][kChunks], T* tile) {
  constexpr int kVec = kVectorSize<T>, kColumns = 8 * kVec;
  const Lane lane;
  if (to.vectors) {
#pragma unroll
    for (int r = 0; r < kRows; ++r)
#pragma unroll
      for (int c = 0; c < kChunks; ++c) {
        const int i = first + lane.row + 4 * r, e = lane.col * kVec + c * kColumns;
        if (i < length && e < width) store(to.at(i) + e, sums[r][c]);
      }
    return;
  }
#pragma unroll
  for (int c = 0; c < kChunks; ++c) {
    if (c * kColumns >= width) break;
    __syncwarp();
#pragma unroll
    for (int r = 0; r < kRows; ++r) store(tile + (lane.row + 4 * r) * kTileStride + lane.col * kVec, sums[r][c]);
    __syncwarp();
    for (int n = lane.index; n < 4 * kRows * kColumns; n += 32) {
      const int i = n / kColumns, e = n % kColumns;
      if (first + i < length && c * kColumns + e < width) to.at(first + i)[c * kColumns + e] = tile[i * kTileStride + e];
    }
  }
  __syncwarp();
}

// What one head's scores are made with, beside products.
template <class T>
struct HeadScores {
  const std::uint8_t* mask;
  const T* bias;

  __device__ HeadScores(const AttentionCall<T>& call, int b, int h)
      : mask(call.mask.data ? call.mask.data + b * call.mask.batch + h * call.mask.head : nullptr),
        bias(call.bias.data ? call.bias.data + b * call.bias.batch + h * call.bias.head : nullptr) {}

  __device__ bool allows(const AttentionCall<T>& call, int i, int j) const {
    return !(call.causal && j > i) && !(mask && !mask[i * call.mask.query + j * call.mask.key]);
  }

  // Products of a tile become scores: -inf where query i may not attend to key j, or there is no such pair. The
  // own rows begin at own0, the tile's at other0; kKeys: the own rows are keys.
  template <bool kKeys, int kRows>
  __device__ __forceinline__ void apply(T (&x)[kRows][4], const AttentionCall<T>& call, int own0, int other0) const {
    const Lane lane;
    const int own = own0 + lane.row, other = other0 + lane.col;
    const int i = kKeys ? other : own, j = kKeys ? own : other;  // of x[0][0]
    constexpr int kStepI = kKeys ? 8 : 4, kStepJ = kKeys ? 4 : 8;
    const auto each = [&](auto&& f) {
#pragma unroll
      for (int r = 0; r < kRows; ++r)
#pragma unroll
        for (int c = 0; c < 4; ++c) f(x[r][c], kStepI * (kKeys ? c : r), kStepJ * (kKeys ? r : c));
    };
    each([&](T& value, int, int) { value = rounded_product(value, call.scale); });
    if (bias) {
      const T* const from = bias + i * call.bias.query + j * call.bias.key;
      each([&](T& value, int di, int dj) {
        const T more = i + di < call.Lq && j + dj < call.Lk ? from[di * call.bias.query + dj * call.bias.key] : T(0);
        value = more == -math::infinity<T>() ? more : value + more;
      });
    }
    if (mask) {
      const std::uint8_t* const from = mask + i * call.mask.query + j * call.mask.key;
      each([&](T& value, int di, int dj) {
        if (i + di < call.Lq && j + dj < call.Lk && !from[di * call.mask.query + dj * call.mask.key])
          value = -math::infinity<T>();
      });
    }
    const int last_j = call.Lk - 1 - j, last_i = call.Lq - 1 - i, past = call.causal ? i - j : call.Lk;
    each([&](T& value, int di, int dj) {
      if (di > last_i || dj > last_j || dj - di > past) value = -math::infinity<T>();
    });
  }
};

// Dropout of a tile: each lane draws the words of kOwn neighbouring keys of one query, 4 words at once, and
// lanes ask each other for the bit that they need. kKeys: the own rows are keys.
template <class T, int kOwn, bool kKeys>
class TileDropout {
 public:
  // Own rows from own0, the tile's from other0, of head bh.
  __device__ TileDropout(const AttentionCall<T>& call, std::int64_t bh, int own0, int other0) {
    if (!call.dropout) return;
    const int n = lane_index();
    const int i = kKeys ? other0 + n : own0 + n % kOwn, j = kKeys ? own0 : other0 + n / kOwn * kOwn;
    const auto word = static_cast<unsigned long long>((bh * call.Lq + i) * call.Lk + j);
    const unsigned skip = static_cast<unsigned>(word % 4);
#pragma unroll 1
    for (int step = 0; step <= kOwn / 4; ++step) {
      if (step == kOwn / 4 && skip == 0) break;
      const PhiloxBlock block = philox_block({call.key, call.position}, word / 4 + static_cast<unsigned>(step));
#pragma unroll
      for (int w = 0; w < 4; ++w) bits_ |= static_cast<unsigned>(block.word[w] >= call.threshold) << (4 * step + w);
    }
    bits_ >>= skip;
  }
  // What the entry of own row `own` and the tile's row `other` is multiplied with.
  __device__ T factor(const AttentionCall<T>& call, int own, int other) const {
    if (!call.dropout) return T(1);
    const int from = kKeys ? other : own + other / kOwn * kOwn, bit = kKeys ? own : other % kOwn;
    return ((__shfl_sync(kFullMask, bits_, from) >> bit) & 1u) ? call.kept : T(0);
  }

 private:
  unsigned bits_ = 0;
};

// Whole numbers of shared memory taken one after the other.
template <class T>
struct SharedParts {
  T* next = dynamic_shared<T>();
  __device__ T* take(int n) {
    T* const part = next;
    next += n;
    return part;
  }
};

}  // namespace limbic::cuda::device
