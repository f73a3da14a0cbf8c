// Launchers of weights of pairs.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "pair_weights.cuh"

namespace limbic::cuda {

using device::kWeightThreads;

template <class T>
void mmd_weights(const MmdWeightsCall<T>& call) {
  launch("mmd_weights", device::mmd_weights<T>, dim3(1), dim3(kWeightThreads), 0, current_stream(), call,
         report_box());
}

template <class T>
void class_weights(const ClassWeightsCall<T>& call) {
  auto* const sums = static_cast<device::ClassSums*>(
      allocate(sizeof(device::ClassSums) * static_cast<std::size_t>(call.classes)));
  launch("class_sums", device::class_sums<T>, dim3(static_cast<unsigned>(call.classes)), dim3(kWeightThreads),
         0, current_stream(), call, sums, report_box());
  launch("class_columns", device::class_columns<T>,
         blocks_for((call.n + call.m) * call.classes, kWeightThreads), dim3(kWeightThreads), 0,
         current_stream(), call, static_cast<const device::ClassSums*>(sums));
  deallocate(sums);
}

template <class T>
void inverse_total(const T* weights, std::int64_t count, T* inverse) {
  launch("inverse_total", device::inverse_total<T>, dim3(1), dim3(kWeightThreads), 0, current_stream(),
         weights, count, inverse);
}
template <class T>
void normalise_weights(const GuardText& about, const T* weights, std::int64_t count, T* to) {
  launch("normalise_weights", device::normalise_weights<T>, dim3(1), dim3(kWeightThreads), 0,
         current_stream(), about, report_box(), weights, count, to);
}
template <class T>
void covariance_scale(const T* weights, std::int64_t count, T* scale) {
  launch("covariance_scale", device::covariance_scale<T>, dim3(1), dim3(kWeightThreads), 0, current_stream(),
         weights, count, scale);
}

#define LIMBIC_INSTANCES(T)                                                      \
  template void mmd_weights(const MmdWeightsCall<T>&);                           \
  template void class_weights(const ClassWeightsCall<T>&);                       \
  template void inverse_total(const T*, std::int64_t, T*);                       \
  template void normalise_weights(const GuardText&, const T*, std::int64_t, T*); \
  template void covariance_scale(const T*, std::int64_t, T*)
LIMBIC_INSTANCES(float);
LIMBIC_INSTANCES(double);
#undef LIMBIC_INSTANCES

}  // namespace limbic::cuda
