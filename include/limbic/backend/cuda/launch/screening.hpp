// Launcher of the screening of predictions (core/screening.hpp), T = float or double.
#pragma once

#include <limbic/backend/cuda/launch/guard.hpp>

namespace limbic::cuda {

// Everything is dense.
template <class T>
struct ScreeningCall {
  GuardText about;  // of logits that are not finite
  const T *first = nullptr, *second = nullptr,
          *joint = nullptr;  // logits (batch, classes); joint may be null
  std::int64_t batch = 0, classes = 0;
  std::int64_t before = 0;  // rows of `target` before the batch's
  double min_confidence = 0;
  std::int64_t min_lessons = 1;
  T* confidence = nullptr;         // (2, batch), scratch
  std::int64_t* rank = nullptr;    // (2, batch), scratch: place of a prediction in the order of confidence
  std::int64_t* order = nullptr;   // (batch), scratch: the selected predictions
  std::int64_t* label = nullptr;   // (3, batch); the last row only with joint
  std::int64_t* lists = nullptr;   // (3, batch)
  std::int64_t* counts = nullptr;  // (8)
  T* least = nullptr;              // ()
  std::int64_t* target = nullptr;  // (3, before + batch)
};
// Three launches.
template <class T>
void screen_predictions(const ScreeningCall<T>& call);

}  // namespace limbic::cuda
