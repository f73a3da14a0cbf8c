// Launchers of order, extremes and running sums.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "order.cuh"

namespace limbic::cuda {

namespace {

using device::kOrderThreads;

dim3 warps_for(std::int64_t rows) { return blocks_for(rows, kOrderThreads / 32, 0x7fffffff); }

template <class... P, class... A>
void run_lines(const char* name, void (*kernel)(P...), Cut at, A... args) {
  launch(name, kernel, blocks_for(at.outer * at.inner, kOrderThreads), dim3(kOrderThreads), 0,
         current_stream(), args...);
}

}  // namespace

template <class T>
void order_of(std::int64_t* order, const T* x, Cut at, std::int64_t k, bool descending) {
  const std::int64_t lines = at.outer * at.inner;
  if (k == 0 || lines == 0) return;
  const dim3 grid(blocks_for(at.size, kOrderThreads, 0x7fffffff).x,
                  static_cast<unsigned>(lines < 65535 ? lines : 65535));
  launch("order_of", device::order_of<T>, grid, dim3(kOrderThreads), 0, current_stream(), order, x, at, k,
         descending);
}
template <class T>
void arg_extreme(std::int64_t* y, const T* x, Cut at, bool largest) {
  if (at.inner == 1)
    launch("arg_extreme_rows", device::arg_extreme_rows<T>, warps_for(at.outer), dim3(kOrderThreads), 0,
           current_stream(), y, x, at.outer, at.size, largest);
  else run_lines("arg_extreme_columns", device::arg_extreme_columns<T>, at, y, x, at, largest);
}
template <class T>
void cumsum(T* y, const T* x, Cut at, bool reverse) {
  if (at.inner == 1)
    launch("cumsum_rows", device::cumsum_rows<T>, warps_for(at.outer), dim3(kOrderThreads), 0,
           current_stream(), y, x, at.outer, at.size, reverse);
  else run_lines("cumsum_columns", device::cumsum_columns<T>, at, y, x, at, reverse);
}
template <class T>
void cumprod_fwd(T* y, const T* x, Cut at) {
  run_lines("cumprod_fwd", device::cumprod_fwd<T>, at, y, x, at);
}
template <class T>
void cumprod_bwd(T* dx, const T* dy, const T* x, const T* y, Cut at) {
  run_lines("cumprod_bwd", device::cumprod_bwd<T>, at, dx, dy, x, y, at);
}

#define LIMBIC_INSTANCES(T)                                                 \
  template void order_of(std::int64_t*, const T*, Cut, std::int64_t, bool); \
  template void arg_extreme(std::int64_t*, const T*, Cut, bool);            \
  template void cumsum(T*, const T*, Cut, bool);                            \
  template void cumprod_fwd(T*, const T*, Cut);                             \
  template void cumprod_bwd(T*, const T*, const T*, const T*, Cut)
LIMBIC_INSTANCES(float);
LIMBIC_INSTANCES(double);
#undef LIMBIC_INSTANCES

}  // namespace limbic::cuda
