// Launchers of the end of a residual branch.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "residual_branch.cuh"

namespace limbic::cuda {

namespace {

template <bool kBackward, class T>
void run(const char* name, const BranchCall<T>& call, const T* other, T* to) {
  const std::int64_t n = call.rows * call.cols;
  if (n == 0) return;
  if (call.cols > 0x7fffffff) raise(name, "rows must be shorter than 2^31");
  const auto kernel = call.gate == Gate::relu   ? device::residual_branch<T, Gate::relu, kBackward>
                      : call.gate == Gate::gelu ? device::residual_branch<T, Gate::gelu, kBackward>
                      : call.gate == Gate::quick_gelu
                          ? device::residual_branch<T, Gate::quick_gelu, kBackward>
                          : device::residual_branch<T, Gate::identity, kBackward>;
  launch(name, kernel, blocks_for((n + kVectorSize<T> - 1) / kVectorSize<T>, device::kRandomThreads),
         dim3(device::kRandomThreads), 0, current_stream(), call,
         device::WideDivisor(static_cast<int>(call.cols)), other, to);
}

}  // namespace

template <class T>
void residual_branch_fwd(const BranchCall<T>& call, T* y) {
  run<false>("residual_branch_fwd", call, call.residual, y);
}
template <class T>
void residual_branch_bwd(const BranchCall<T>& call, const T* dy, T* dx) {
  run<true>("residual_branch_bwd", call, dy, dx);
}

template void residual_branch_fwd(const BranchCall<float>&, float*);
template void residual_branch_fwd(const BranchCall<double>&, double*);
template void residual_branch_bwd(const BranchCall<float>&, const float*, float*);
template void residual_branch_bwd(const BranchCall<double>&, const double*, double*);

}  // namespace limbic::cuda
