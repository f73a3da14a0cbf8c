// Screening of a batch's predictions as a device tells it: nothing here has a size that depends on a value,
// so that no host waits. Two classifiers, and a joint one, predict B samples each (arXiv 2606.00170).
//
//   confidence   the largest softmax probability of each of the two: 2 B values
//   selected     the B largest; of equal ones the lower index, the first classifier's before the second's
//   agree        both predictions of a sample are selected, and alike; `dropped` where they differ
//   teaches      one alone is selected: that classifier teaches the other
//   lessons      of a teacher's samples those whose joint prediction is the teacher's; none unless the least
//                confident selected prediction is above a bound and the teacher has a least number of samples
#pragma once

#include <limbic/core/tensor.hpp>

namespace limbic {

// When there are lessons.
struct ScreeningRules {
  double min_confidence = 0;  // the least confident selected prediction must be above it
  index_t min_lessons = 1;    // the teacher must have that many samples
};

// What came of it, see screen_predictions() in backend/cuda/screening.hpp.
template <class T, class D>
struct PredictionScreening {
  // Places in `counts`.
  enum Count {
    kAgree,
    kFirstTeaches,
    kSecondTeaches,
    kDropped,
    kFirstSelected,
    kSecondSelected,
    kFirstLessons,
    kSecondLessons,
    kCounts
  };

  Tensor<index_t, D> label;  // (3, B): the most likely class by the first, the second, the joint classifier
  Tensor<index_t, D>
      lists;  // (3, B): samples that agree, that the first, that the second teaches, in the order of
              // first appearance among the selected, most confident first; -1 behind the last
  Tensor<index_t, D> counts;  // (kCounts)
  Tensor<T, D> least;         // (): the smallest confidence that is selected
  // (3, before + B): labels of the samples that agree, of the first's lessons, of the second's, for
  // cross_entropy() of a batch in which they stand behind `before` others; -100 where a row does not count.
  Tensor<index_t, D> target;
};

}  // namespace limbic
