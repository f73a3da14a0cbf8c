// Launcher of covariances.
#include "covariance.cuh"

#include <limbic/backend/cuda/launch/runtime.hpp>

#include "padded_rows.hpp"

namespace limbic::cuda {

namespace {

template <class T, int kSide>
void run(const CovarianceCall<T>& call, std::int64_t padded) {
  launch("covariance", device::covariance<T, kSide>, dim3(device::tile_pairs((call.d + kSide - 1) / kSide)),
         dim3(device::PairTile<T, kSide>::kThreads), 0, current_stream(), call, padded);
}

}  // namespace

template <class T>
void covariance(const CovarianceCall<T>& call) {
  const PaddedRows<T> rows(call.x, call.n, call.d);
  CovarianceCall<T> padded = call;
  padded.x = rows.data;
  if (call.d <= 512) run<T, 32>(padded, rows.width);
  else run<T, 64>(padded, rows.width);
}

template void covariance(const CovarianceCall<float>&);
template void covariance(const CovarianceCall<double>&);

}  // namespace limbic::cuda
