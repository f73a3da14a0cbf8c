// Launchers of cross-entropy.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "cross_entropy.cuh"

namespace limbic::cuda {

namespace {

using device::kLabelThreads;

// run(kernel for rows of this length, blocks): `wide` has a block a row.
template <class Kernel, class F>
void with_rows(std::int64_t rows, std::int64_t cols, Kernel narrow, Kernel wide, F&& run) {
  constexpr std::int64_t kWarps = kLabelThreads / 32;
  if (cols <= 1024) run(narrow, dim3(static_cast<unsigned>((rows + kWarps - 1) / kWarps)));
  else run(wide, dim3(static_cast<unsigned>(rows)));
}

}  // namespace

template <class T>
void cross_entropy_fwd(const CrossEntropyCall<T>& call, T* loss, T* lse) {
  with_rows(call.rows, call.cols, device::cross_entropy_fwd<T, 32>,
            device::cross_entropy_fwd<T, kLabelThreads>, [&](auto kernel, dim3 grid) {
              launch("cross_entropy_fwd", kernel, grid, dim3(kLabelThreads), 0, current_stream(), call, loss,
                     lse);
            });
}
template <class T>
void cross_entropy_bwd(const CrossEntropyCall<T>& call, const T* lse, const T* dloss, T* dx,
                       bool accumulate) {
  with_rows(call.rows, call.cols, device::cross_entropy_bwd<T, 32>,
            device::cross_entropy_bwd<T, kLabelThreads>, [&](auto kernel, dim3 grid) {
              launch("cross_entropy_bwd", kernel, grid, dim3(kLabelThreads), 0, current_stream(), call, lse,
                     dloss, dx, accumulate);
            });
}
template <class T>
void cross_entropy_scale(const CrossEntropyCall<T>& call, const T* samples, T* scale) {
  launch("cross_entropy_scale", device::cross_entropy_scale<T>, dim3(1), dim3(kLabelThreads), 0,
         current_stream(), call, samples, scale);
}

#define LIMBIC_INSTANCES(T)                                                                  \
  template void cross_entropy_fwd(const CrossEntropyCall<T>&, T*, T*);                       \
  template void cross_entropy_bwd(const CrossEntropyCall<T>&, const T*, const T*, T*, bool); \
  template void cross_entropy_scale(const CrossEntropyCall<T>&, const T*, T*)
LIMBIC_INSTANCES(float);
LIMBIC_INSTANCES(double);
#undef LIMBIC_INSTANCES

}  // namespace limbic::cuda
