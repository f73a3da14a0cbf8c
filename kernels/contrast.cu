// Launchers of the contrastive loss of pairs.
#include "contrast.cuh"

#include <limbic/backend/cuda/launch/pair_weights.hpp>
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "padded_rows.hpp"
#include "sum_values.cuh"

namespace limbic::cuda {

namespace {

using device::kContrastThreads;
using device::LogSum;
using device::PairStrip;
using device::PairTile;

std::int64_t pieces(std::int64_t n, std::int64_t size) { return (n + size - 1) / size; }
template <class T>
T* scratch(std::int64_t count) {
  return static_cast<T*>(allocate(sizeof(T) * static_cast<std::size_t>(count)));
}

template <class T, int kSide>
void forward(const ContrastCall<T>& call, T* y, T* lse) {
  const std::int64_t n = call.n, tiles = pieces(n, kSide);
  auto* const parts = scratch<LogSum<T>>(2 * tiles * n);
  T* const diagonal = scratch<T>(2 * n);
  launch("contrast_parts", device::contrast_parts<T, kSide>, dim3(static_cast<unsigned>(tiles * tiles)),
         dim3(PairTile<T, kSide>::kThreads), 0, current_stream(), call, parts, parts + tiles * n, diagonal);
  launch("contrast_sums", device::contrast_sums<T>, blocks_for(n, kContrastThreads), dim3(kContrastThreads),
         0, current_stream(), call, tiles, static_cast<const LogSum<T>*>(parts),
         static_cast<const LogSum<T>*>(parts + tiles * n), static_cast<const T*>(diagonal), lse,
         diagonal + n);
  launch("contrast_value", device::contrast_value<T>, dim3(1), dim3(kContrastThreads), 0, current_stream(),
         static_cast<const T*>(diagonal + n), call.weights, n, y);
  deallocate(diagonal);
  deallocate(parts);
}

// da (n, d) = the sums over b, and *dscale unless null.
template <class T, int kSide>
void one_side(const ContrastCall<T>& call, std::int64_t width, const T* lse_rows, const T* lse_cols,
              const T* share, const T* dy, T* da, T* dscale) {
  const std::int64_t n = call.n, tiles = pieces(n, kSide);
  const std::int64_t room = n * call.d > (std::int64_t{1} << 22) ? n * call.d : std::int64_t{1} << 22;
  std::int64_t rows = room / n / kSide * kSide;
  if (rows >= n) rows = tiles * kSide;
  if (rows < kSide) rows = kSide;
  const std::int64_t strips = pieces(n, rows), blocks = rows / kSide * tiles;
  T* const data = scratch<T>(rows * n);
  double* const values = dscale ? scratch<double>(strips * blocks) : nullptr;
  for (std::int64_t s = 0; s < strips; ++s) {
    const PairStrip<T> strip{s * rows, rows, rows, data};
    launch("contrast_tiles", device::contrast_tiles<T, kSide>, dim3(static_cast<unsigned>(blocks)),
           dim3(PairTile<T, kSide>::kThreads), 0, current_stream(), call, lse_rows, lse_cols, share, dy,
           strip, values ? values + s * blocks : nullptr);
    if (!da) continue;
    const std::int64_t here = rows < n - strip.first ? rows : n - strip.first;
    launch("pair_gather", device::pair_gather<T, kSide, false>,
           dim3(static_cast<unsigned>(pieces(here, kSide) * pieces(width, kSide))),
           dim3(PairTile<T, kSide>::kThreads), 0, current_stream(), da, width, strip, call.b, n, call.d);
  }
  if (dscale)
    launch("sum_values", device::sum_values<double, T>, dim3(1), dim3(device::kSumThreads), 0,
           current_stream(), static_cast<const double*>(values), strips * blocks, 1.0, 0.0, dscale);
  deallocate(values);
  deallocate(data);
}

// Smaller tiles while larger ones would leave processors idle.
constexpr std::int64_t kSmall = 512;

}  // namespace

template <class T>
void contrast_fwd(const ContrastCall<T>& call, T* y, T* lse) {
  const PaddedRows<T> a(call.a, call.n, call.d), b(call.b, call.n, call.d);
  ContrastCall<T> padded = call;
  padded.a = a.data;
  padded.b = b.data;
  padded.d = a.width;
  if (call.n <= kSmall) forward<T, 32>(padded, y, lse);
  else forward<T, 64>(padded, y, lse);
}

template <class T>
void contrast_bwd(const ContrastCall<T>& call, const T* lse, const T* dy, T* da, T* db, T* dscale) {
  const PaddedRows<T> a(call.a, call.n, call.d), b(call.b, call.n, call.d);
  ContrastCall<T> padded = call;
  padded.a = a.data;
  padded.b = b.data;
  padded.d = a.width;
  T* const share = scratch<T>(1);
  if (call.weights) {
    inverse_total(call.weights, call.n, share);
  } else {
    // One over n, from the sum of nothing.
    launch("sum_values", device::sum_values<T, T>, dim3(1), dim3(device::kSumThreads), 0, current_stream(),
           static_cast<const T*>(nullptr), std::int64_t{0}, 0.0, 1 / static_cast<double>(call.n), share);
  }
  const auto run = [&](const ContrastCall<T>& c, const T* rows, const T* cols, T* d, T* scale) {
    if (!d && !scale) return;
    if (call.n <= kSmall) one_side<T, 32>(c, call.d, rows, cols, share, dy, d, scale);
    else one_side<T, 64>(c, call.d, rows, cols, share, dy, d, scale);
  };
  run(padded, lse, lse + call.n, da, dscale);
  ContrastCall<T> exchanged = padded;
  exchanged.a = padded.b;
  exchanged.b = padded.a;
  exchanged.along = padded.down;
  exchanged.down = padded.along;
  run(exchanged, lse + call.n, lse, db, static_cast<T*>(nullptr));
  deallocate(share);
}

#define LIMBIC_INSTANCES(T)                                   \
  template void contrast_fwd(const ContrastCall<T>&, T*, T*); \
  template void contrast_bwd(const ContrastCall<T>&, const T*, const T*, T*, T*, T*)
LIMBIC_INSTANCES(float);
LIMBIC_INSTANCES(double);
#undef LIMBIC_INSTANCES

}  // namespace limbic::cuda
