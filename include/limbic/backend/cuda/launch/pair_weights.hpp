// Launchers of the weights w_ij = sum_r left_ir right_jr of the forms over pairs, from weights of samples
// that are on the device. Weights of samples (n) and (m): not negative, in any scale; null: all equal.
#pragma once

#include <limbic/backend/cuda/launch/guard.hpp>

namespace limbic::cuda {

// left, right (n + m, 1) of the biased, (n + m, 2) of the unbiased estimator.
template <class T>
struct MmdWeightsCall {
  bool unbiased = false;
  std::int64_t n = 0, m = 0;
  const T *source = nullptr, *target = nullptr;
  T *left = nullptr, *right = nullptr;
  GuardText about_source, about_target;
};
template <class T>
void mmd_weights(const MmdWeightsCall<T>& call);

// left, right (n + m, classes) of class-wise forms; columns of classes that are not in both batches are 0.
// Labels: the source's (n), the target's (m) or null and then its probabilities (m, classes).
template <class T>
struct ClassWeightsCall {
  std::int64_t n = 0, m = 0, classes = 0;
  const T *source = nullptr, *target = nullptr;  // weights
  const std::int64_t *source_labels = nullptr, *target_labels = nullptr;
  const T* probabilities = nullptr;
  T *left = nullptr, *right = nullptr;
  GuardText about_source, about_target,
      about_probabilities;  // of weights that are all 0, and of a sample without any
};
template <class T>
void class_weights(const ClassWeightsCall<T>& call);

// *inverse = 1 / sum of the weights (count), 0 if that is 0.
template <class T>
void inverse_total(const T* weights, std::int64_t count, T* inverse);
// to (count) = the weights over their sum; `about`: of weights that are all 0.
template <class T>
void normalise_weights(const GuardText& about, const T* weights, std::int64_t count, T* to);
// *scale = 1 / (1 - sum w^2) of normalised weights (count), 0 where that is not positive.
template <class T>
void covariance_scale(const T* weights, std::int64_t count, T* scale);

}  // namespace limbic::cuda
