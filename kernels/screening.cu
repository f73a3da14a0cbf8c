// Launcher of the screening of predictions.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "screening.cuh"

namespace limbic::cuda {

template <class T>
void screen_predictions(const ScreeningCall<T>& call) {
  using device::kScreenThreads;
  const dim3 block(kScreenThreads);
  launch("screen_confidence", device::screen_confidence<T>,
         blocks_for(3 * (call.before + call.batch), kScreenThreads), block, 0, current_stream(), call);
  launch("screen_rank", device::screen_rank<T>,
         dim3(static_cast<unsigned>((2 * call.batch + kScreenThreads - 1) / kScreenThreads)), block, 0,
         current_stream(), call);
  launch("screen_lists", device::screen_lists<T>, dim3(1), block, 0, current_stream(), call, report_box());
}

template void screen_predictions(const ScreeningCall<float>&);
template void screen_predictions(const ScreeningCall<double>&);

}  // namespace limbic::cuda
