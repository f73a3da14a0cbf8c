// What the attention kernels share: rows in shared memory, scores, dropout.
//
// A warp owns kOwn rows of one kind (queries, or keys) and meets up to 32 rows of the other kind at a time, a
// tile. How products and sums are made, and which of their entries a lane holds, is a core's: PlainCore
// (attention_plain.cuh) for any processor, TensorCore (attention_mma.cuh). A core has
//
//   In, Number          what rows consist of, and what is computed with
//   kHead               columns of rows, at most
//   kOwn, kStep         own rows of a warp; rows of a chunk are rounded up to a multiple of kStep
//   kRows, kCols        entries of a tile that a lane holds: own rows own() + own_offset(r) and the tile's
//                       rows other() + other_offset(c); kLanes neighbouring lanes hold the same own rows
//   products(x, ...)    x[r][c] = own row . tile's row
//   Sums, add(...)      sums of the tile's rows with weights w[r][c], for each r; store(...) writes them
//   kScratch            Numbers of shared memory of a warp that add and store use
#pragma once

#include <limbic/backend/cuda/launch/attention.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

constexpr int kAttentionThreads = 256;  // at most
constexpr int kTile = 32;

// Elements from one row to the next in shared memory, for `width` columns: eight 16-byte words or a multiple,
// and one. So eight rows, or eight words of a row, lie in different banks.
template <class T>
__host__ __device__ constexpr int row_stride(int width) {
  return ((width + 8 * kVectorSize<T> - 1) / (8 * kVectorSize<T>)*8 + 1) * kVectorSize<T>;
}

__host__ __device__ constexpr int rounded_up(int n, int step) { return (n + step - 1) / step * step; }

// a b, not to be fused with what is added to it: e^(x - max) and e^(x - lse) need x as it was rounded.
__device__ __forceinline__ float rounded_product(float a, float b) { return __fmul_rn(a, b); }
__device__ __forceinline__ double rounded_product(double a, double b) { return __dmul_rn(a, b); }

template <class T>
__device__ __forceinline__ AttentionNumber<T> number_of(T x) {
  if constexpr (sizeof(T) == 8) return x;
  else return to_float(x);
}

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
__device__ __forceinline__ void fetch_rows(T* to, int stride, const HeadRows<const T>& from, int first,
                                           int rows, int length, int width, int thread, int threads) {
  constexpr int kVec = kVectorSize<T>;
  if (from.vectors) {
    for (int i = thread / 8; i < rows; i += threads / 8)
      for (int e = thread % 8 * kVec; e < stride - kVec; e += 8 * kVec)
        copy_async<16>(to + i * stride + e, from.at(first + i) + e, first + i < length && e < width);
  } else {
    for (int i = thread / 32; i < rows; i += threads / 32)
      for (int e = thread % 32; e < stride - kVec; e += 32)
        to[i * stride + e] = first + i < length && e < width ? from.at(first + i)[e] : T{};
  }
}

// What one head's scores are made with, beside products.
template <class T>
struct HeadScores {
  using Number = AttentionNumber<T>;
  const std::uint8_t* mask;
  const Number* bias;

  __device__ HeadScores(const AttentionCall<T>& call, int b, int h)
      : mask(call.mask.data ? call.mask.data + b * call.mask.batch + h * call.mask.head : nullptr),
        bias(call.bias.data ? call.bias.data + b * call.bias.batch + h * call.bias.head : nullptr) {}

  __device__ bool allows(const AttentionCall<T>& call, int i, int j) const {
    return !(call.causal && j > i) && !(mask && !mask[i * call.mask.query + j * call.mask.key]);
  }

  // Products of a tile become scores: -inf where query i may not attend to key j, or there is no such pair.
  // The own rows begin at own0, the tile's at other0; kKeys: the own rows are keys.
  template <class Core, bool kKeys>
  __device__ __forceinline__ void apply(Number (&x)[Core::kRows][Core::kCols], const AttentionCall<T>& call,
                                        int own0, int other0) const {
    const int own = own0 + Core::own(), other = other0 + Core::other();
    const int i = kKeys ? other : own, j = kKeys ? own : other;  // of x[0][0]
    const auto each = [&](auto&& f) {
#pragma unroll
      for (int r = 0; r < Core::kRows; ++r)
#pragma unroll
        for (int c = 0; c < Core::kCols; ++c) {
          const int along = Core::own_offset(r), across = Core::other_offset(c);
          f(x[r][c], kKeys ? across : along, kKeys ? along : across);
        }
    };
    each([&](Number& value, int, int) { value = rounded_product(value, call.scale); });
    if (bias) {
      const Number* const from = bias + i * call.bias.query + j * call.bias.key;
      each([&](Number& value, int di, int dj) {
        const Number more = i + di < call.Lq && j + dj < call.Lk
                                ? from[di * call.bias.query + dj * call.bias.key]
                                : Number(0);
        value = more == -math::infinity<Number>() ? more : value + more;
      });
    }
    if (mask) {
      const std::uint8_t* const from = mask + i * call.mask.query + j * call.mask.key;
      each([&](Number& value, int di, int dj) {
        if (i + di < call.Lq && j + dj < call.Lk && !from[di * call.mask.query + dj * call.mask.key])
          value = -math::infinity<Number>();
      });
    }
    const int last_i = call.Lq - 1 - i, last_j = call.Lk - 1 - j,
              past = call.causal ? i - j : call.Lk + kTile;
    each([&](Number& value, int di, int dj) {
      if (di > last_i || dj > last_j || dj - di > past) value = -math::infinity<Number>();
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
    const int skip = static_cast<int>(word % 4);
#pragma unroll 1
    for (int step = 0; step <= kOwn / 4; ++step) {
      if (step == kOwn / 4 && skip == 0) break;
      const PhiloxBlock block = philox_block({call.key, call.position, call.replay ? *call.replay : 0},
                                             word / 4 + static_cast<unsigned>(step));
#pragma unroll
      for (int w = 0; w < 4; ++w) {
        const int place = 4 * step + w - skip;
        if (place >= 0 && place < kOwn)
          bits_ |= static_cast<unsigned>(block.word[w] >= call.threshold) << place;
      }
    }
  }
  // What the entry of own row `own` and the tile's row `other` is multiplied with.
  __device__ AttentionNumber<T> factor(const AttentionCall<T>& call, int own, int other) const {
    if (!call.dropout) return 1;
    const int from = kKeys ? other : own + other / kOwn * kOwn, bit = kKeys ? own : other % kOwn;
    return ((__shfl_sync(kFullMask, bits_, from) >> bit) & 1u) ? call.kept : AttentionNumber<T>(0);
  }

 private:
  unsigned bits_ = 0;
};

// Shared memory, taken piece by piece: each of a multiple of 16 bytes.
struct SharedParts {
  unsigned char* next = dynamic_shared<unsigned char>();

  template <class T>
  __device__ T* take(int n) {
    T* const part = reinterpret_cast<T*>(next);
    next += n * static_cast<int>(sizeof(T));
    return part;
  }
};

}  // namespace limbic::cuda::device
