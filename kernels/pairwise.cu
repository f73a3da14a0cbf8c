// Launchers of sums over pairs.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "bandwidths.cuh"
#include "padded_rows.hpp"
#include "pairwise.cuh"
#include "sum_values.cuh"

namespace limbic::cuda {

namespace {

using device::kPairThreads;
using device::PairStrip;
using device::PairTile;

template <class T>
T* scratch(std::int64_t count) {
  return static_cast<T*>(allocate(sizeof(T) * static_cast<std::size_t>(count)));
}
std::int64_t pieces(std::int64_t n, std::int64_t size) { return (n + size - 1) / size; }

// Rows of W at a time: all that fit into the memory that the points take, or into `room` numbers.
template <int kSide>
std::int64_t strip_rows(std::int64_t n, std::int64_t width, std::int64_t room) {
  const std::int64_t rows = (room > n * width ? room : n * width) / n / kSide * kSide;
  return rows >= n ? pieces(n, kSide) * kSide : rows > kSide ? rows : kSide;
}

// Tiles of pairs of one strip, or of all pairs when the strip holds them or there is none.
template <class T, int kSide, bool kMatrix>
void tiles(const PairCall<T>& call, int own, const PairStrip<T>& strip, double* values) {
  const std::int64_t side = pieces(call.points, kSide);
  const unsigned blocks = strip.rows >= call.points ? device::tile_pairs(side)
                                                    : static_cast<unsigned>(pieces(strip.rows, kSide) * side);
  launch("pair_tiles", device::pair_tiles<T, kSide, kMatrix>, dim3(blocks),
         dim3(PairTile<T, kSide>::kThreads), 0, current_stream(), call, own, strip, values);
}
template <class T, int kSide, bool kDifferences>
void gather(T* y, std::int64_t width, const PairStrip<T>& strip, const T* x, std::int64_t n,
            std::int64_t padded) {
  const auto blocks = static_cast<unsigned>(
      pieces(strip.rows < n - strip.first ? strip.rows : n - strip.first, kSide) * pieces(width, kSide));
  launch("pair_gather", device::pair_gather<T, kSide, kDifferences>, dim3(blocks),
         dim3(PairTile<T, kSide>::kThreads), 0, current_stream(), y, width, strip, x, n, padded);
}

// The same with layer l's rows, and those of the layers after it, padded.
template <class T, class F>
void with_padded_layers(PairCall<T>& call, int l, F&& run) {
  if (l == call.layers) return run();
  const PaddedRows<T> rows(call.layer[l].points, call.points, call.layer[l].width);
  call.layer[l].points = rows.data;
  call.layer[l].width = rows.width;
  with_padded_layers(call, l + 1, run);
}

// `width`: of each layer's gradient.
template <class T, int kSide>
void run_form(const PairCall<T>& call, const std::int64_t* width, double offset, T* value) {
  const std::int64_t n = call.points, side = pieces(n, kSide);
  double* values = nullptr;  // of the tiles, by the first layer with a gradient
  std::int64_t count = 0;
  for (int l = 0; l < call.layers; ++l) {
    const auto& layer = call.layer[l];
    if (!layer.gradient) continue;
    const std::int64_t rows = strip_rows<kSide>(n, layer.width, call.room), strips = pieces(n, rows);
    const std::int64_t blocks = strips == 1 ? device::tile_pairs(side) : rows / kSide * side;
    double* here = nullptr;
    if (!values) here = values = scratch<double>(count = blocks * strips);
    T* const data = scratch<T>(rows * n);
    for (std::int64_t s = 0; s < strips; ++s) {
      const PairStrip<T> strip{s * rows, rows, rows, data};
      tiles<T, kSide, false>(call, l, strip, here ? here + s * blocks : nullptr);
      gather<T, kSide, true>(layer.gradient, width[l], strip, layer.points, n, layer.width);
    }
    deallocate(data);
  }
  if (!values) {
    values = scratch<double>(count = device::tile_pairs(side));
    tiles<T, kSide, false>(call, -1, {0, n, 0, nullptr}, values);
  }
  launch("sum_values", device::sum_values<double, T>, dim3(1), dim3(device::kSumThreads), 0, current_stream(),
         static_cast<const double*>(values), count, 1.0, offset, value);
  deallocate(values);
}

// Smaller tiles while larger ones would leave processors idle.
constexpr std::int64_t kSmall = 512;

template <class T, bool kProducts>
void run_row_pairs(T* y, const T* a, std::int64_t n, const T* b, std::int64_t m, std::int64_t d) {
  if (n == 0 || m == 0) return;
  const PaddedRows<T> left(a, n, d), right(b, m, d);
  const auto run = [&](auto kernel, std::int64_t side) {
    launch("row_pairs", kernel, dim3(static_cast<unsigned>(pieces(n, side) * pieces(m, side))),
           dim3(static_cast<unsigned>(side * side / 16)), 0, current_stream(), y, left.data, n, right.data, m,
           left.width);
  };
  if (n <= kSmall && m <= kSmall) run(device::row_pairs<T, 32, kProducts>, 32);
  else run(device::row_pairs<T, 64, kProducts>, 64);
}

}  // namespace

template <class T>
void centre_rows(const CentreCall<T>& call) {
  const std::int64_t rows = call.n + call.m;
  launch("column_means", device::column_means<T>, dim3(static_cast<unsigned>(pieces(call.d, 32))),
         dim3(32 * device::kMeanRows), 0, current_stream(), call);
  launch("centre_points", device::centre_points<T>,
         dim3(static_cast<unsigned>(pieces(rows, kPairThreads / 32))), dim3(kPairThreads), 0,
         current_stream(), call);
  launch("sum_values", device::sum_values<T, double>, dim3(1), dim3(device::kSumThreads), 0, current_stream(),
         static_cast<const T*>(call.norms), rows, 1.0, 0.0, call.sum);
}

void bandwidths(const BandwidthCall& call, double* inverse) {
  launch("bandwidths", device::bandwidths, dim3(1), dim3(32), 0, current_stream(), call, inverse);
}

template <class T>
void pair_form(const PairCall<T>& call, double offset, T* value) {
  PairCall<T> padded = call;
  std::int64_t width[PairCall<T>::kMaxLayers] = {};
  for (int l = 0; l < call.layers; ++l) width[l] = call.layer[l].width;
  with_padded_layers(padded, 0, [&] {
    if (call.points <= kSmall) run_form<T, 32>(padded, width, offset, value);
    else run_form<T, 64>(padded, width, offset, value);
  });
}

template <class T>
void squared_distances(T* y, const T* a, std::int64_t n, const T* b, std::int64_t m, std::int64_t d) {
  run_row_pairs<T, false>(y, a, n, b, m, d);
}
template <class T>
void row_products(T* y, const T* a, std::int64_t n, const T* b, std::int64_t m, std::int64_t d) {
  run_row_pairs<T, true>(y, a, n, b, m, d);
}

template <class T>
void pair_products(T* y, const T* points, std::int64_t n, std::int64_t d, const RadialCall& kernel,
                   const T* u, std::int64_t columns) {
  constexpr int kSide = 64;
  if (n == 0 || columns == 0) return;
  const PaddedRows<T> x(points, n, d), other(u, n, columns);
  PairCall<T> call;
  call.points = n;
  call.layers = 1;
  call.layer[0].points = x.data;
  call.layer[0].width = x.width;
  call.layer[0].kernel = kernel;
  const std::int64_t rows = strip_rows<kSide>(n, d > columns ? d : columns, call.room);
  T* const data = scratch<T>(rows * n);
  for (std::int64_t first = 0; first < n; first += rows) {
    const PairStrip<T> strip{first, rows, rows, data};
    tiles<T, kSide, true>(call, -1, strip, nullptr);
    gather<T, kSide, false>(y, columns, strip, other.data, n, other.width);
  }
  deallocate(data);
}

#define LIMBIC_INSTANCES(T)                                                                          \
  template void centre_rows(const CentreCall<T>&);                                                   \
  template void pair_form(const PairCall<T>&, double, T*);                                           \
  template void squared_distances(T*, const T*, std::int64_t, const T*, std::int64_t, std::int64_t); \
  template void row_products(T*, const T*, std::int64_t, const T*, std::int64_t, std::int64_t);      \
  template void pair_products(T*, const T*, std::int64_t, std::int64_t, const RadialCall&, const T*, \
                              std::int64_t)
LIMBIC_INSTANCES(float);
LIMBIC_INSTANCES(double);
#undef LIMBIC_INSTANCES

}  // namespace limbic::cuda
