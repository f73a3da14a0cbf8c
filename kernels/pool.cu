// Launchers of pooling.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "pool.cuh"

namespace limbic::cuda {

namespace {

using device::kPoolThreads;

PoolWindow window(const PoolAxis& a) {
  const auto narrow = [](std::int64_t n) { return static_cast<int>(n); };
  return {narrow(a.size),
          narrow(a.count),
          narrow(a.kernel),
          narrow(a.stride),
          narrow(a.padding),
          a.count_padding,
          a.adaptive,
          device::WideDivisor(narrow(a.size)),
          device::WideDivisor(narrow(a.count))};
}

// Calls run(call, first output, first input) for pieces whose numbers can be counted with 31 bits.
template <class F>
void for_pieces(const PoolPlanes& p, const F& run) {
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  const std::int64_t in = p.rows.size * p.cols.size, out = p.rows.count * p.cols.count;
  if (p.planes == 0 || in == 0 || out == 0) return;
  const auto large = [](const PoolAxis& a) {
    return a.size + 2 * a.padding + a.stride >= kMost || a.count >= kMost;
  };
  if (in >= kMost || out >= kMost || large(p.rows) || large(p.cols))
    raise("pool", "planes must have fewer than 2^30 numbers");
  const std::int64_t planes = kMost / (in > out ? in : out);
  for (std::int64_t at = 0; at < p.planes; at += planes) {
    const std::int64_t n = p.planes - at < planes ? p.planes - at : planes;
    const auto divisor = [](std::int64_t d) { return device::Divisor(static_cast<int>(d)); };
    run(PoolCall{window(p.rows), window(p.cols), divisor(out), divisor(p.cols.count), divisor(in),
                 divisor(p.cols.size), static_cast<int>(n * out), static_cast<int>(n * in)},
        at * out, at * in);
  }
}

}  // namespace

template <class T>
void max_pool(const PoolPlanes& p, T* y, std::int64_t* index, const T* x) {
  for_pieces(p, [&](const PoolCall& call, std::int64_t out, std::int64_t in) {
    launch("max_pool", device::max_pool<T>, blocks_for(call.outputs, kPoolThreads), dim3(kPoolThreads), 0,
           current_stream(), call, y + out, index + out, x + in);
  });
}
template <class T>
void plane_gather(const PoolPlanes& p, T* y, const T* x, const std::int64_t* index) {
  for_pieces(p, [&](const PoolCall& call, std::int64_t out, std::int64_t in) {
    launch("plane_gather", device::plane_gather<T>, blocks_for(call.outputs, kPoolThreads),
           dim3(kPoolThreads), 0, current_stream(), call, y + out, x + in, index + out);
  });
}
template <class T>
void plane_scatter(const PoolPlanes& p, T* dx, const T* dy, const std::int64_t* index) {
  for_pieces(p, [&](const PoolCall& call, std::int64_t out, std::int64_t in) {
    launch("plane_scatter", device::unpool<T, true>, blocks_for(call.inputs, kPoolThreads),
           dim3(kPoolThreads), 0, current_stream(), call, dx + in, dy + out, index + out);
  });
}
template <class T>
void avg_pool(const PoolPlanes& p, T* y, const T* x) {
  const auto most = [](const PoolAxis& a) { return a.adaptive ? a.size / a.count + 1 : a.kernel; };
  const bool warps = most(p.rows) * most(p.cols) >= 64;
  for_pieces(p, [&](const PoolCall& call, std::int64_t out, std::int64_t in) {
    launch("avg_pool", warps ? device::avg_pool<T, 32> : device::avg_pool<T, 1>,
           blocks_for(std::int64_t{call.outputs} * (warps ? 32 : 1), kPoolThreads), dim3(kPoolThreads), 0,
           current_stream(), call, y + out, x + in);
  });
}
template <class T>
void avg_unpool(const PoolPlanes& p, T* dx, const T* dy) {
  for_pieces(p, [&](const PoolCall& call, std::int64_t out, std::int64_t in) {
    launch("avg_unpool", device::unpool<T, false>, blocks_for(call.inputs, kPoolThreads), dim3(kPoolThreads),
           0, current_stream(), call, dx + in, dy + out, nullptr);
  });
}

#define LIMBIC_INSTANCES(T)                                                          \
  template void max_pool(const PoolPlanes&, T*, std::int64_t*, const T*);            \
  template void plane_gather(const PoolPlanes&, T*, const T*, const std::int64_t*);  \
  template void plane_scatter(const PoolPlanes&, T*, const T*, const std::int64_t*); \
  template void avg_pool(const PoolPlanes&, T*, const T*);                           \
  template void avg_unpool(const PoolPlanes&, T*, const T*)
LIMBIC_INSTANCES(float);
LIMBIC_INSTANCES(double);
#undef LIMBIC_INSTANCES

}  // namespace limbic::cuda
