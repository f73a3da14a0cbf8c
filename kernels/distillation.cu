// Launchers of the divergence of softened predictions.
#include "distillation.cuh"

#include <limbic/backend/cuda/launch/runtime.hpp>

namespace limbic::cuda {

namespace {

using device::kKlThreads;

// run(kernel for rows of this length, blocks): `wide` has a block a row.
template <class Kernel, class F>
void with_rows(std::int64_t rows, std::int64_t cols, Kernel narrow, Kernel wide, F&& run) {
  constexpr std::int64_t kWarps = kKlThreads / 32;
  if (cols <= 1024) run(narrow, dim3(static_cast<unsigned>((rows + kWarps - 1) / kWarps)));
  else run(wide, dim3(static_cast<unsigned>(rows)));
}

}  // namespace

template <class T>
void softened_kl_fwd(const SoftenedKlCall<T>& call, T* y, T* lse) {
  with_rows(call.rows, call.cols, device::softened_kl_fwd<T, 32>, device::softened_kl_fwd<T, kKlThreads>,
            [&](auto kernel, dim3 grid) {
              launch("softened_kl_fwd", kernel, grid, dim3(kKlThreads), 0, current_stream(), call, y, lse);
            });
}
template <class T>
void softened_kl_bwd(const SoftenedKlCall<T>& call, const T* lse, const T* dy, T* dp, bool add_p, T* dq,
                     bool add_q) {
  with_rows(call.rows, call.cols, device::softened_kl_bwd<T, 32>, device::softened_kl_bwd<T, kKlThreads>,
            [&](auto kernel, dim3 grid) {
              launch("softened_kl_bwd", kernel, grid, dim3(kKlThreads), 0, current_stream(), call, lse, dy,
                     dp, add_p, dq, add_q);
            });
}

#define LIMBIC_INSTANCES(T)                                        \
  template void softened_kl_fwd(const SoftenedKlCall<T>&, T*, T*); \
  template void softened_kl_bwd(const SoftenedKlCall<T>&, const T*, const T*, T*, bool, T*, bool)
LIMBIC_INSTANCES(float);
LIMBIC_INSTANCES(double);
#undef LIMBIC_INSTANCES

}  // namespace limbic::cuda
