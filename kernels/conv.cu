// Launchers of convolutions: which of the kernels' forms suits the sizes.
#include <limbic/backend/cuda/launch/copy.hpp>
#include <limbic/backend/cuda/launch/gemm.hpp>
#include <limbic/backend/cuda/launch/reduce.hpp>
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "conv.cuh"

namespace limbic::cuda {

namespace {

// Device memory until the end of the scope.
template <class T>
struct Scratch {
  T* data;
  explicit Scratch(std::int64_t count)
      : data(static_cast<T*>(allocate(sizeof(T) * static_cast<std::size_t>(count)))) {}
  ~Scratch() { deallocate(data); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
};

struct Planes {
  std::int64_t pixels, positions, taps, group_channels, group_filters;
  explicit Planes(const ConvSizes& s)
      : pixels(s.height * s.width),
        positions(s.out_h * s.out_w),
        taps(s.kernel_h * s.kernel_w),
        group_channels(s.channels / s.groups),
        group_filters(s.filters / s.groups) {}
};

// A count of 32 bits, with room for what is added to it.
int narrow(std::int64_t n) {
  constexpr std::int64_t kMost = (std::int64_t{1} << 31) - 1024;
  if (n > kMost)
    raise("conv", "images times positions, channels times taps must be below 2^31 (hint: split the batch)");
  return static_cast<int>(n);
}

void require_counts(const ConvSizes& s, const Planes& n) {
  narrow(s.batch * n.pixels);
  narrow(s.batch * n.positions);
  narrow(n.group_channels * n.taps);
  narrow(n.group_filters * n.taps);
  // Places and what is outside of all of them: see kNoMeeting.
  narrow(2 * (s.height + 2 * s.pad_h + s.kernel_h * s.dilation_h));
  narrow(2 * (s.width + 2 * s.pad_w + s.kernel_w * s.dilation_w));
}

// Numbers of taps inside x, over all outputs of one dimension.
std::int64_t taps_inside(std::int64_t size, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                         std::int64_t pad, std::int64_t dilation) {
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < out; ++i)
    for (std::int64_t k = 0; k < kernel; ++k) {
      const std::int64_t at = i * stride - pad + k * dilation;
      count += at >= 0 && at < size;
    }
  return count;
}

// Whether so much is padding that copies with the images last are worth it, and there are images for whole
// tiles.
bool by_position(const ConvSizes& s, const Planes& n) {
  if (s.groups != 1 || s.batch < 64 || n.positions > 64 || n.pixels > 64 || s.channels < 8 || s.filters < 8)
    return false;
  const std::int64_t rows = taps_inside(s.height, s.out_h, s.kernel_h, s.stride_h, s.pad_h, s.dilation_h);
  const std::int64_t cols = taps_inside(s.width, s.out_w, s.kernel_w, s.stride_w, s.pad_w, s.dilation_w);
  return rows * cols * 20 < n.positions * n.taps * 17;
}

bool pointwise(const ConvSizes& s, const Planes& n) {
  return n.taps == 1 && s.stride_h == 1 && s.stride_w == 1 && s.pad_h == 0 && s.pad_w == 0 &&
         s.out_h == s.height && s.out_w == s.width;
}
// Products of planes by cuBLAS; with fewer positions its tiles would be empty for the most part.
bool by_gemm(const ConvSizes& s, const Planes& n) {
  return pointwise(s, n) && s.groups == 1 && n.positions >= 32;
}

bool partition(const ConvSizes& s) {
  return s.kernel_h == s.stride_h && s.kernel_w == s.stride_w && s.pad_h == 0 && s.pad_w == 0 &&
         s.dilation_h == 1 && s.dilation_w == 1 && s.out_h * s.stride_h == s.height &&
         s.out_w * s.stride_w == s.width;
}

// to (cols, rows) = from (rows, cols) transposed.
template <class T>
void transpose(T* to, const T* from, std::int64_t rows, std::int64_t cols) {
  CopyCall call;
  call.rank = 2;
  call.count = rows * cols;
  call.size[0] = cols, call.size[1] = rows;
  call.to_stride[0] = rows, call.to_stride[1] = 1;
  call.from_stride[0] = 1, call.from_stride[1] = cols;
  copy_elements(call, to, from, sizeof(T));
}

template <class T>
bool rows_of_vectors(const T* to, std::int64_t inner) {
  return inner % 4 == 0 && is_aligned(to, 16);
}

template <class T, int kM, int kN, int kRows, int kCols, bool kTransposed>
void launch_gather(const char* name, const ConvTask<T>& t, std::int64_t groups) {
  const dim3 grid(static_cast<unsigned>((t.columns + kN - 1) / kN),
                  static_cast<unsigned>((t.rows + kM - 1) / kM), static_cast<unsigned>(groups));
  launch(name, device::conv_gather<T, kM, kN, kRows, kCols, kTransposed>, grid, dim3(device::kConvThreads), 0,
         current_stream(), t);
}

// Large tiles do the most with what they load, where there are enough of them; flat ones are for few filters.
template <bool kTransposed, class T>
void gather(const char* name, const ConvTask<T>& t, std::int64_t groups) {
  if (t.rows <= 16) return launch_gather<T, 16, 256, 4, 4, kTransposed>(name, t, groups);
  if constexpr (sizeof(T) == 4) {
    const std::int64_t tiles = ((t.rows + 127) / 128) * ((t.columns + 127) / 128) * groups;
    if (t.rows > 64 && tiles >= kProcessors / 2)
      return launch_gather<T, 128, 128, 8, 8, kTransposed>(name, t, groups);
  }
  launch_gather<T, 64, 64, 4, 4, kTransposed>(name, t, groups);
}

// The strides of a (batch, channels, pixels) array, or of one with the images last.
struct Layout {
  std::int64_t image, channel, pixel;
  Layout(bool images_last, std::int64_t batch, std::int64_t channels, std::int64_t pixels)
      : image(images_last ? 1 : channels * pixels),
        channel(images_last ? pixels * batch : pixels),
        pixel(images_last ? batch : 1) {}
};

}  // namespace

template <class T>
void conv_fwd(const ConvSizes& s, T* y, const T* x, const T* w, const T* bias) {
  const Planes n(s);
  const std::int64_t depth = n.group_channels * n.taps;
  if (s.batch * s.filters * n.positions == 0) return;
  if (by_gemm(s, n)) {
    if (bias) {
      CopyCall fill;
      fill.rank = 3;
      fill.count = s.batch * s.filters * n.positions;
      fill.size[0] = s.batch, fill.size[1] = s.filters, fill.size[2] = n.positions;
      fill.to_stride[0] = s.filters * n.positions, fill.to_stride[1] = n.positions, fill.to_stride[2] = 1;
      fill.from_stride[1] = 1;
      copy_elements(fill, y, bias, sizeof(T));
    }
    return gemm(GemmCall<T>{.m = s.filters,
                            .n = n.positions,
                            .k = s.channels,
                            .batch = s.batch,
                            .a = w,
                            .a_row = s.channels,
                            .b = x,
                            .b_row = n.positions,
                            .b_step = s.channels * n.positions,
                            .c = y,
                            .c_row = n.positions,
                            .c_step = s.filters * n.positions,
                            .accumulate = bias != nullptr});
  }
  require_counts(s, n);
  const bool last = by_position(s, n);
  const Scratch<T> x_last(last ? s.batch * s.channels * n.pixels : 0),
      y_last(last ? s.batch * s.filters * n.positions : 0);
  if (last) transpose(x_last.data, x, s.batch, s.channels * n.pixels);
  const Layout from(last, s.batch, s.channels, n.pixels), to(last, s.batch, s.filters, n.positions);
  const std::int64_t inner = last ? s.batch : n.positions;
  T* const out = last ? y_last.data : y;
  gather<false>("conv_fwd",
                ConvTask<T>{.weight = w,
                            .from = last ? x_last.data : x,
                            .bias = bias,
                            .to = out,
                            .rows = narrow(n.group_filters),
                            .channels = narrow(n.group_channels),
                            .columns = narrow(s.batch * n.positions),
                            .inner = narrow(inner),
                            .by_position = last,
                            .vectors = rows_of_vectors(out, inner),
                            .grid_w = narrow(s.out_w),
                            .from_w = narrow(s.width),
                            .h = conv_rows(s),
                            .w = conv_cols(s),
                            .patch_h = 0,
                            .patch_w = 0,
                            .to_w = 0,
                            .weight_row = depth,
                            .weight_channel = n.taps,
                            .weight_tap = 1,
                            .weight_group = n.group_filters * depth,
                            .from_image = from.image,
                            .from_channel = from.channel,
                            .from_pixel = from.pixel,
                            .from_group = n.group_channels * from.channel,
                            .to_image = to.image,
                            .to_row = to.channel,
                            .to_pixel = to.pixel,
                            .to_group = n.group_filters * to.channel},
                s.groups);
  if (last) transpose(y, static_cast<const T*>(y_last.data), s.filters * n.positions, s.batch);
}

template <class T>
void conv_bwd_input(const ConvSizes& s, T* dx, const T* w, const T* dy) {
  const Planes n(s);
  const std::int64_t depth = n.group_channels * n.taps;
  if (s.batch * s.channels * n.pixels == 0) return;
  if (by_gemm(s, n))
    return gemm(GemmCall<T>{.m = s.channels,
                            .n = n.pixels,
                            .k = s.filters,
                            .batch = s.batch,
                            .a = w,
                            .a_row = 1,
                            .a_col = s.channels,
                            .b = dy,
                            .b_row = n.pixels,
                            .b_step = s.filters * n.pixels,
                            .c = dx,
                            .c_row = n.pixels,
                            .c_step = s.channels * n.pixels});
  require_counts(s, n);
  const bool patches = partition(s) && n.taps > 1, last = !patches && by_position(s, n);
  const Scratch<T> dy_last(last ? s.batch * s.filters * n.positions : 0),
      dx_last(last ? s.batch * s.channels * n.pixels : 0);
  if (last) transpose(dy_last.data, dy, s.batch, s.filters * n.positions);
  const Layout from(last, s.batch, s.filters, n.positions), to(last, s.batch, s.channels, n.pixels);
  const std::int64_t columns = patches ? n.positions : n.pixels, inner = last ? s.batch : columns;
  T* const out = last ? dx_last.data : dx;
  ConvTask<T> t{.weight = w,
                .from = last ? dy_last.data : dy,
                .bias = nullptr,
                .to = out,
                .rows = narrow(patches ? depth : n.group_channels),
                .channels = narrow(n.group_filters),
                .columns = narrow(s.batch * columns),
                .inner = narrow(inner),
                .by_position = last,
                .vectors = !patches && rows_of_vectors(out, inner),
                .grid_w = narrow(patches ? s.out_w : s.width),
                .from_w = narrow(s.out_w),
                .h = conv_rows(s),
                .w = conv_cols(s),
                .patch_h = 0,
                .patch_w = 0,
                .to_w = 0,
                .weight_row = n.taps,
                .weight_channel = depth,
                .weight_tap = 1,
                .weight_group = n.group_filters * depth,
                .from_image = from.image,
                .from_channel = from.channel,
                .from_pixel = from.pixel,
                .from_group = n.group_filters * from.channel,
                .to_image = to.image,
                .to_row = to.channel,
                .to_pixel = to.pixel,
                .to_group = n.group_channels * to.channel};
  if (patches) {
    // A 1 x 1 convolution of dy that makes patches; where they lie is for the kernel to see.
    t.h = {t.h.out, t.h.out, 1, 1, 0, 1};
    t.w = {t.w.out, t.w.out, 1, 1, 0, 1};
    t.patch_h = narrow(s.kernel_h);
    t.patch_w = narrow(s.kernel_w);
    t.to_w = narrow(s.width);
    t.weight_row = 1;
    return gather<false>("conv_bwd_input", t, s.groups);
  }
  gather<true>("conv_bwd_input", t, s.groups);
  if (last) transpose(dx, static_cast<const T*>(dx_last.data), s.channels * n.pixels, s.batch);
}

template <class T>
void conv_bwd_weight(const ConvSizes& s, T* dw, const T* x, const T* dy) {
  const Planes n(s);
  const std::int64_t columns = n.group_channels * n.taps, numbers = s.filters * columns;
  if (numbers == 0) return;
  require_counts(s, n);
  const bool last = by_position(s, n);
  const Scratch<T> x_last(last ? s.batch * s.channels * n.pixels : 0),
      dy_last(last ? s.batch * s.filters * n.positions : 0);
  if (last) {
    transpose(x_last.data, x, s.batch, s.channels * n.pixels);
    transpose(dy_last.data, dy, s.batch, s.filters * n.positions);
  }
  const bool large = sizeof(T) == 4 && n.group_filters > 64 && columns > 64;
  const std::int64_t side = large ? 128 : 64;
  const std::int64_t tiles = ((n.group_filters + side - 1) / side) * ((columns + side - 1) / side) * s.groups;
  // Few tiles of long sums: parts of these, so that every processor has work; 64 MB of them at most.
  const std::int64_t wanted = 4 * kProcessors / tiles,
                     most = (std::int64_t{64} << 20) / (numbers * std::int64_t{sizeof(T)});
  const std::int64_t useful = s.batch * n.positions / 256;
  std::int64_t splits = wanted < most ? wanted : most;
  splits = splits < useful ? splits : useful;
  splits = splits < 1 ? 1 : splits;
  const Scratch<T> parts(splits > 1 ? splits * numbers : 0);
  const Layout in(last, s.batch, s.channels, n.pixels), out(last, s.batch, s.filters, n.positions);
  const ConvWeightTask<T> t{.x = last ? x_last.data : x,
                            .dy = last ? dy_last.data : dy,
                            .dw = splits > 1 ? parts.data : dw,
                            .filters = narrow(n.group_filters),
                            .channels = narrow(n.group_channels),
                            .images = narrow(s.batch),
                            .by_position = last,
                            .h = conv_rows(s),
                            .w = conv_cols(s),
                            .splits = static_cast<int>(splits),
                            .part = numbers,
                            .x_image = in.image,
                            .x_channel = in.channel,
                            .x_pixel = in.pixel,
                            .x_group = n.group_channels * in.channel,
                            .dy_image = out.image,
                            .dy_filter = out.channel,
                            .dy_pixel = out.pixel,
                            .dy_group = n.group_filters * out.channel};
  const dim3 grid(static_cast<unsigned>((columns + side - 1) / side),
                  static_cast<unsigned>((n.group_filters + side - 1) / side),
                  static_cast<unsigned>(s.groups * splits));
  const auto run = [&](auto kernel) {
    launch("conv_bwd_weight", kernel, grid, dim3(device::kConvThreads), 0, current_stream(), t);
  };
  if constexpr (sizeof(T) == 4) {
    if (large) run(device::conv_weight<T, 128, 128, 8, 8>);
    else run(device::conv_weight<T, 64, 64, 4, 4>);
  } else {
    run(device::conv_weight<T, 64, 64, 4, 4>);
  }
  if (splits == 1) return;
  ReduceCall sum;
  sum.dtype = sizeof(T) == 4 ? Dtype::f32 : Dtype::f64;
  sum.x = parts.data;
  sum.y = dw;
  sum.kept = numbers, sum.reduced = splits;
  sum.kept_rank = sum.reduced_rank = 1;
  sum.kept_size[0] = numbers, sum.kept_stride[0] = 1;
  sum.reduced_size[0] = splits, sum.reduced_stride[0] = numbers;
  reduce(sum);
}

#define LIMBIC_INSTANCES(T)                                                   \
  template void conv_fwd(const ConvSizes&, T*, const T*, const T*, const T*); \
  template void conv_bwd_input(const ConvSizes&, T*, const T*, const T*);     \
  template void conv_bwd_weight(const ConvSizes&, T*, const T*, const T*)
LIMBIC_INSTANCES(float);
LIMBIC_INSTANCES(double);
#undef LIMBIC_INSTANCES

}  // namespace limbic::cuda
