// Launchers of batch norm.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "batch_norm.cuh"

namespace limbic::cuda {

namespace {

using device::kNormThreads;

constexpr std::int64_t kBlocks = kProcessors * 8;  // what fills them

constexpr std::int64_t kMostNumbers = (std::int64_t{1} << 31) - 65536;  // an index past the end fits 32 bits

// 128 bits of numbers, where every row of `length` and every array begin at a multiple of that.
template <class T>
constexpr int kVector = kVectorSize<T>;
template <class T>
bool in_vectors(std::int64_t length, const T* a, const T* b, const T* c) {
  return length % kVector<T> == 0 && is_aligned(a, 16) && is_aligned(b, 16) && is_aligned(c, 16);
}

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
unsigned to_grid(std::int64_t n) { return static_cast<unsigned>(n); }

// Partial results of every channel, then a and b of them.
template <class S, bool kMoments, class T>
void sum_channels(const char* name, const BatchNormSize& n, T* a, T* b, const T* x, const T* dy,
                  const T* mean) {
  if (n.channels == 0) return;
  if (n.batch * n.length > kMostNumbers) raise(name, "a channel must have fewer than 2^31 numbers");
  const bool by_columns = n.length > 0 && n.length < 64;
  BatchNormParts<T> call{.x = x,
                         .dy = dy,
                         .mean = mean,
                         .first = nullptr,
                         .second = nullptr,
                         .rows = n.batch * n.length,
                         .columns = n.channels,
                         .size = 0,
                         .channels = static_cast<int>(n.channels),
                         .length = static_cast<int>(n.length)};
  if (by_columns) {
    call.rows = n.batch;
    call.columns = n.channels * n.length;
  }
  // A part is some whole rounds of a block.
  const std::int64_t blocks = by_columns ? ceil_divide(call.columns, 32) : n.channels;
  const std::int64_t round =
      by_columns ? kNormThreads / 32 * device::kNormBatch : kNormThreads * device::kNormBatch;
  const std::int64_t wanted = ceil_divide(kBlocks, blocks);
  call.size = ceil_divide(ceil_divide(call.rows, wanted), round) * round;
  const std::int64_t parts = call.rows > 0 ? ceil_divide(call.rows, call.size) : 0;
  T* const memory = static_cast<T*>(allocate(sizeof(T) * static_cast<std::size_t>(2 * parts * call.columns)));
  call.first = memory;
  call.second = memory + parts * call.columns;
  const dim3 grid(to_grid(blocks), to_grid(parts)), block(kNormThreads);
  if (by_columns) {
    launch(name, device::batch_norm_columns<T, S>, grid, block, 0, current_stream(), call);
  } else {
    const bool vectors = in_vectors<T>(n.length, x, dy, nullptr);
    launch(name,
           vectors ? device::batch_norm_channels<T, S, kVector<T>> : device::batch_norm_channels<T, S, 1>,
           grid, block, 0, current_stream(), call);
  }
  launch("batch_norm_merge", device::batch_norm_merge<T, kMoments>,
         dim3(to_grid(ceil_divide(n.channels, kNormThreads / 32))), block, 0, current_stream(), call,
         static_cast<int>(parts), a, b);
  deallocate(memory);
}

template <bool kGradient, class T>
void affine(const char* name, const BatchNormSize& n, BatchNormAffine<T> call) {
  call.channels = static_cast<int>(n.channels);
  call.length = static_cast<int>(n.length);
  call.count = n.batch * n.channels * n.length;
  if (call.count == 0) return;
  const bool vectors = in_vectors<T>(n.length, call.x, call.dy, call.y);
  const std::int64_t numbers = kNormThreads * (vectors ? kVector<T> : 1);
  call.width =
      n.channels * n.length * (n.channels * n.length < numbers ? numbers / (n.channels * n.length) : 1);
  const std::int64_t columns = ceil_divide(call.width, numbers), rows = ceil_divide(call.count, call.width);
  // At least four rows a thread, for what it reads of its channel.
  const std::int64_t wanted = ceil_divide(2 * kBlocks, columns), most = ceil_divide(rows, 4);
  launch(name,
         vectors ? device::batch_norm_affine<T, kVector<T>, kGradient>
                 : device::batch_norm_affine<T, 1, kGradient>,
         dim3(to_grid(columns), to_grid(most < wanted ? most : wanted)), dim3(kNormThreads), 0,
         current_stream(), call);
}

}  // namespace

template <class T>
void batch_norm_moments(const BatchNormSize& n, T* mean, T* variance, const T* x) {
  sum_channels<device::Moments<T>, true, T>("batch_norm_moments", n, mean, variance, x, nullptr, nullptr);
}
template <class T>
void batch_norm_sums(const BatchNormSize& n, T* sum, T* dot, const T* x, const T* dy, const T* mean) {
  sum_channels<device::GradientSums<T>, false, T>("batch_norm_sums", n, sum, dot, x, dy, mean);
}
template <class T>
void batch_norm_apply(const BatchNormSize& n, T* y, const T* x, const T* mean, const T* scale,
                      const T* shift) {
  BatchNormAffine<T> call{};
  call.x = x, call.mean = mean, call.scale = scale, call.shift = shift, call.y = y;
  affine<false>("batch_norm_apply", n, call);
}
template <class T>
void batch_norm_gradient(const BatchNormSize& n, T* dx, const T* x, const T* dy, const T* mean, const T* rstd,
                         const T* scale, const T* sum, const T* dot) {
  BatchNormAffine<T> call{};
  call.x = x, call.dy = dy, call.mean = mean, call.rstd = rstd, call.scale = scale, call.sum = sum,
  call.dot = dot, call.y = dx;
  call.inverse = 1 / static_cast<double>(n.batch * n.length);
  affine<true>("batch_norm_gradient", n, call);
}

#define LIMBIC_INSTANCES(T)                                                                           \
  template void batch_norm_moments(const BatchNormSize&, T*, T*, const T*);                           \
  template void batch_norm_sums(const BatchNormSize&, T*, T*, const T*, const T*, const T*);          \
  template void batch_norm_apply(const BatchNormSize&, T*, const T*, const T*, const T*, const T*);   \
  template void batch_norm_gradient(const BatchNormSize&, T*, const T*, const T*, const T*, const T*, \
                                    const T*, const T*, const T*)
LIMBIC_INSTANCES(float);
LIMBIC_INSTANCES(double);
#undef LIMBIC_INSTANCES

}  // namespace limbic::cuda
