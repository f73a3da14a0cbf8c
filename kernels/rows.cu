// Launchers of row kernels.
#include <limbic/backend/cuda/launch/copy.hpp>
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "rows.cuh"

namespace limbic::cuda {

namespace {

using device::kRowThreads;
using device::Softmax;

template <int N>
struct Constant {
  static constexpr int value = N;
};

// run(lanes, elements each in registers, blocks) with the constants that suit rows of this length.
template <class F>
void with_rows(std::int64_t rows, std::int64_t cols, F&& run) {
  const auto go = [&](auto lanes, auto per) {
    constexpr std::int64_t kRows = kRowThreads / decltype(lanes)::value;
    run(lanes, per, dim3(static_cast<unsigned>((rows + kRows - 1) / kRows)));
  };
  if (rows == 0) return;
  if (cols <= 32) go(Constant<32>{}, Constant<1>{});
  else if (cols <= 128) go(Constant<32>{}, Constant<4>{});
  else if (cols <= 512) go(Constant<32>{}, Constant<16>{});
  else if (cols <= 4096) go(Constant<kRowThreads>{}, Constant<16>{});
  else go(Constant<kRowThreads>{}, Constant<0>{});
}

template <Softmax kKind, class T>
void forward(const char* name, T* y, const T* x, std::int64_t rows, std::int64_t cols) {
  with_rows(rows, cols, [&](auto lanes, auto per, dim3 grid) {
    launch(name, device::softmax_fwd<kKind, T, lanes.value, per.value>, grid, dim3(kRowThreads), 0,
           current_stream(), y, x, rows, cols);
  });
}
template <Softmax kKind, class T>
void backward(const char* name, T* dx, const T* kept, const T* y, const T* dy, std::int64_t rows,
              std::int64_t cols, bool accumulate) {
  with_rows(rows, cols, [&](auto lanes, auto per, dim3 grid) {
    launch(name, device::softmax_bwd<kKind, T, lanes.value, per.value>, grid, dim3(kRowThreads), 0,
           current_stream(), dx, kept, y, dy, rows, cols, accumulate);
  });
}

}  // namespace

template <class T>
void softmax_fwd(T* y, const T* x, std::int64_t rows, std::int64_t cols) {
  if (cols > 0) forward<Softmax::softmax>("softmax_fwd", y, x, rows, cols);
}
template <class T>
void softmax_bwd(T* dx, const T* y, const T* dy, std::int64_t rows, std::int64_t cols, bool accumulate) {
  if (cols > 0) backward<Softmax::softmax, T>("softmax_bwd", dx, y, nullptr, dy, rows, cols, accumulate);
}
template <class T>
void log_softmax_fwd(T* y, const T* x, std::int64_t rows, std::int64_t cols) {
  if (cols > 0) forward<Softmax::log_softmax>("log_softmax_fwd", y, x, rows, cols);
}
template <class T>
void log_softmax_bwd(T* dx, const T* y, const T* dy, std::int64_t rows, std::int64_t cols, bool accumulate) {
  if (cols > 0)
    backward<Softmax::log_softmax, T>("log_softmax_bwd", dx, y, nullptr, dy, rows, cols, accumulate);
}
template <class T>
void logsumexp_fwd(T* y, const T* x, std::int64_t rows, std::int64_t cols) {
  forward<Softmax::logsumexp>("logsumexp_fwd", y, x, rows, cols);
}
template <class T>
void logsumexp_bwd(T* dx, const T* x, const T* y, const T* dy, std::int64_t rows, std::int64_t cols,
                   bool accumulate) {
  if (cols > 0) backward<Softmax::logsumexp>("logsumexp_bwd", dx, x, y, dy, rows, cols, accumulate);
}

template <class T>
void norm_fwd(const NormCall<T>& call, T* y, T eps) {
  with_rows(call.rows, call.cols, [&](auto lanes, auto per, dim3 grid) {
    const auto kernel = call.centred ? device::norm_fwd<true, T, lanes.value, per.value>
                                     : device::norm_fwd<false, T, lanes.value, per.value>;
    launch("norm_fwd", kernel, grid, dim3(kRowThreads), 0, current_stream(), call, y, eps);
  });
}

template <class T>
void norm_bwd(const NormCall<T>& call, const T* dy, T* dx, bool accumulate, T* dweight, T* dbias) {
  if (dx && call.cols > 0)
    with_rows(call.rows, call.cols, [&](auto lanes, auto per, dim3 grid) {
      const auto kernel = call.centred ? device::norm_bwd<true, T, lanes.value, per.value>
                                       : device::norm_bwd<false, T, lanes.value, per.value>;
      launch("norm_bwd", kernel, grid, dim3(kRowThreads), 0, current_stream(), call, dy, dx, accumulate);
    });
  if ((!dweight && !dbias) || call.cols == 0) return;
  const auto columns = static_cast<unsigned>((call.cols + 31) / 32);
  const auto count = static_cast<unsigned>(call.rows < 128 ? 1 : call.rows < 8192 ? call.rows / 64 : 128);
  T* const parts = static_cast<T*>(allocate(sizeof(T) * 2 * count * static_cast<std::size_t>(call.cols)));
  const dim3 block(32, device::kSumRows);
  launch("norm_parameter_parts",
         call.centred ? device::norm_parameter_parts<true, T> : device::norm_parameter_parts<false, T>,
         dim3(columns, count), block, 0, current_stream(), call, dy, parts);
  launch("norm_parameter_sums", device::norm_parameter_sums<T>, dim3(columns), block, 0, current_stream(),
         static_cast<const T*>(parts), static_cast<int>(count), call.cols, dweight, dbias);
  deallocate(parts);
}

#define LIMBIC_INSTANCES(T)                                                                        \
  template void softmax_fwd(T*, const T*, std::int64_t, std::int64_t);                             \
  template void softmax_bwd(T*, const T*, const T*, std::int64_t, std::int64_t, bool);             \
  template void log_softmax_fwd(T*, const T*, std::int64_t, std::int64_t);                         \
  template void log_softmax_bwd(T*, const T*, const T*, std::int64_t, std::int64_t, bool);         \
  template void logsumexp_fwd(T*, const T*, std::int64_t, std::int64_t);                           \
  template void logsumexp_bwd(T*, const T*, const T*, const T*, std::int64_t, std::int64_t, bool); \
  template void norm_fwd(const NormCall<T>&, T*, T);                                               \
  template void norm_bwd(const NormCall<T>&, const T*, T*, bool, T*, T*)
LIMBIC_INSTANCES(float);
LIMBIC_INSTANCES(double);
#undef LIMBIC_INSTANCES

}  // namespace limbic::cuda
