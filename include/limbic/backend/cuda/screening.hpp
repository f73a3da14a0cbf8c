// Screening of predictions on the device: three launches, nothing waits.
#pragma once

#include <limbic/backend/cuda/guard.hpp>
#include <limbic/backend/cuda/launch/screening.hpp>
#include <limbic/core/screening.hpp>

namespace limbic {

// Screens B samples by the logits (B, K) of two classifiers as core/screening.hpp says, `before` other
// samples standing first in its targets; without logits of a joint one, which may be undefined, there are no
// lessons. Throws for other shapes and an empty batch; logits that are not finite are told late.
template <class T>
PredictionScreening<T, Cuda> screen_predictions(Cuda, std::string_view op, const Tensor<T, Cuda>& first,
                                                const Tensor<T, Cuda>& second, const Tensor<T, Cuda>& joint,
                                                index_t before, const ScreeningRules& rules) {
  if (first.rank() != 2 || first.numel() == 0 || !(first.shape() == second.shape()) ||
      (joint.defined() && !(joint.shape() == first.shape())))
    fail(op, "screening needs logits (B, K) of all classifiers, not empty; got ", first.shape(), " and ",
         second.shape());
  using Index = Tensor<index_t, Cuda>;
  const index_t batch = first.size(0);
  const Tensor<T, Cuda> a = first.contiguous(), b = second.contiguous(),
                        c = joint.defined() ? joint.contiguous() : joint;
  Tensor<T, Cuda> confidence = Tensor<T, Cuda>::empty({2, batch});
  Index rank = Index::empty({2, batch}), order = Index::empty({batch});
  PredictionScreening<T, Cuda> s{Index::empty({3, batch}), Index::empty({3, batch}),
                                 Index::empty({PredictionScreening<T, Cuda>::kCounts}),
                                 Tensor<T, Cuda>::empty({}), Index::empty({3, before + batch})};
  cuda::ScreeningCall<T> call;
  call.about = cuda::guard_text(op, "the logits that screening goes by must be finite");
  call.first = a.data();
  call.second = b.data();
  call.joint = c.defined() ? c.data() : nullptr;
  call.batch = batch;
  call.classes = first.size(1);
  call.before = before;
  call.min_confidence = rules.min_confidence;
  call.min_lessons = rules.min_lessons;
  call.confidence = confidence.mutable_data();
  call.rank = rank.mutable_data();
  call.order = order.mutable_data();
  call.label = s.label.mutable_data();
  call.lists = s.lists.mutable_data();
  call.counts = s.counts.mutable_data();
  call.least = s.least.mutable_data();
  call.target = s.target.mutable_data();
  cuda::screen_predictions(call);
  return s;
}

}  // namespace limbic
