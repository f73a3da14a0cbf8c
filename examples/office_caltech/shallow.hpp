// Classifiers of the source photographs on the target, before and after closed-form CORAL.
#pragma once

#include <office_caltech/domains.hpp>

#include <array>
#include <string>

namespace office_caltech {

//   nearest              1-NN, Euclidean                         nearest_coral       of the transformed
//   source linear, linear_coral libsvm, linear kernel coral_kernel         libsvm with the kernel x A y, A of
//   CORAL, x and y both not transformed: trained on
//                        x_s A x_s', used with x_s A x_t. This is what the published accuracies come from.
//   rbf, rbf_coral       libsvm, RBF kernel of the median distance
enum class Classifier { nearest, nearest_coral, linear, linear_coral, coral_kernel, rbf, rbf_coral };
inline constexpr std::array<const char*, 7> kClassifierNames = {
    "1-NN",    "1-NN, CORAL",   "linear SVM", "linear SVM, CORAL", "SVM, kernel x A y",
    "RBF SVM", "RBF SVM, CORAL"};

struct ShallowResult {
  std::array<Tensor<index_t>, 7> predictions;  // of the target, by Classifier
  std::array<double, 7> cost{};                // of the SVMs, chosen on the source; 0 for 1-NN
};

// Every classifier on one pair. Throws for features of different widths.
ShallowResult classify(const Source& source, const Target& target);

}  // namespace office_caltech
