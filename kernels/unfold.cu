// Launchers of a convolution's columns.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "unfold.cuh"

namespace limbic::cuda {

namespace {

using device::kUnfoldThreads;

// Calls run(call, first column number, first pixel) for pieces whose numbers can be counted with 31 bits.
template <class F>
void for_pieces(const ConvSizes& s, const F& run) {
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  const std::int64_t positions = s.out_h * s.out_w, taps = s.kernel_h * s.kernel_w,
                     pixels = s.height * s.width;
  const std::int64_t columns = taps * positions, planes = s.batch * s.channels;
  if (planes * pixels == 0) return;
  if (columns >= kMost || pixels >= kMost || s.height + 2 * s.pad_h + s.kernel_h * s.dilation_h >= kMost ||
      s.width + 2 * s.pad_w + s.kernel_w * s.dilation_w >= kMost)
    raise("unfold", "planes and their columns must have fewer than 2^30 numbers");
  // A plane without positions still has a sum of nothing in every pixel.
  const auto divisor = [](std::int64_t d) { return device::Divisor(static_cast<int>(d > 0 ? d : 1)); };
  const std::int64_t together = kMost / (columns > pixels ? columns : pixels);
  for (std::int64_t at = 0; at < planes; at += together) {
    const std::int64_t n = planes - at < together ? planes - at : together;
    run(UnfoldCall{conv_rows(s), conv_cols(s), divisor(columns), divisor(positions), divisor(s.out_w),
                   divisor(s.kernel_w), divisor(pixels), divisor(s.width), static_cast<int>(n * columns),
                   static_cast<int>(n * pixels)},
        at * columns, at * pixels);
  }
}

}  // namespace

template <class T>
void unfold(const ConvSizes& s, T* y, const T* x) {
  for_pieces(s, [&](const UnfoldCall& call, std::int64_t column, std::int64_t pixel) {
    launch("unfold", device::unfold<T>, blocks_for(call.columns, kUnfoldThreads), dim3(kUnfoldThreads), 0,
           current_stream(), call, y + column, x + pixel);
  });
}
template <class T>
void fold(const ConvSizes& s, T* x, const T* y) {
  for_pieces(s, [&](const UnfoldCall& call, std::int64_t column, std::int64_t pixel) {
    launch("fold", device::fold<T>, blocks_for(call.pixels, kUnfoldThreads), dim3(kUnfoldThreads), 0,
           current_stream(), call, x + pixel, y + column);
  });
}

#define LIMBIC_INSTANCES(T)                             \
  template void unfold(const ConvSizes&, T*, const T*); \
  template void fold(const ConvSizes&, T*, const T*)
LIMBIC_INSTANCES(float);
LIMBIC_INSTANCES(double);
#undef LIMBIC_INSTANCES

}  // namespace limbic::cuda
