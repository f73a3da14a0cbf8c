// Support-vector machines of libsvm on kernel matrices that limbic computes.
#pragma once

#include <limbic/core/tensor.hpp>

namespace office_caltech {

struct SvmChoice {
  double cost = 1, accuracy = 0;  // per cent, in the cross-validation that chose it
};

// Trains one-against-one C-SVMs on the kernel `among` (N, N) of samples with `labels` (N) from 0, and
// predicts those of `test` (M, N), the kernel of test and training samples -> (M). Row i of `among` is taken
// for sample i: it need not be symmetric. The cost is the best of 0.001, 0.01, 0.1, 1, 10 in a 3-fold
// cross-validation, folds drawn by position within each class; of equals the least. Throws for other shapes.
limbic::Tensor<limbic::index_t> svm_predict(const limbic::Tensor<double>& among,
                                            const limbic::Tensor<limbic::index_t>& labels,
                                            const limbic::Tensor<double>& test, SvmChoice* choice = nullptr);

// Kernels of the rows of a (N, d) and b (M, d) -> (N, M).
limbic::Tensor<double> linear_kernel(const limbic::Tensor<double>& a, const limbic::Tensor<double>& b);
// exp(-|a_i - b_j|^2 / width).
limbic::Tensor<double> rbf_kernel(const limbic::Tensor<double>& a, const limbic::Tensor<double>& b,
                                  double width);
// The median of |x_i - x_j|^2, i < j; 1 if it is 0.
double median_width(const limbic::Tensor<double>& x);

}  // namespace office_caltech
