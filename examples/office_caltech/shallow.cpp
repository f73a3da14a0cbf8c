#include <office_caltech/shallow.hpp>

#include <limbic/loss/coral.hpp>
#include <office_caltech/nearest.hpp>
#include <office_caltech/svm.hpp>

namespace office_caltech {

ShallowResult classify(const Source& source, const Target& target) {
  ShallowResult out;
  const auto &xs = source.x, &xt = target.x;
  const Tensor<double> moved = matmul(xs, coral_matrix(xs, xt));
  const auto at = [](Classifier c) { return static_cast<std::size_t>(c); };
  const auto svm = [&](Classifier c, const Tensor<double>& among, const Tensor<double>& test) {
    SvmChoice choice;
    out.predictions[at(c)] = svm_predict(among, source.labels, test, &choice);
    out.cost[at(c)] = choice.cost;
  };
  out.predictions[at(Classifier::nearest)] = nearest_neighbour(xs, source.labels, xt);
  out.predictions[at(Classifier::nearest_coral)] = nearest_neighbour(moved, source.labels, xt);
  svm(Classifier::linear, linear_kernel(xs, xs), linear_kernel(xt, xs));
  svm(Classifier::linear_coral, linear_kernel(moved, moved), linear_kernel(xt, moved));
  svm(Classifier::coral_kernel, linear_kernel(moved, xs), linear_kernel(xt, moved));
  const double width = median_width(xs), moved_width = median_width(moved);
  svm(Classifier::rbf, rbf_kernel(xs, xs, width), rbf_kernel(xt, xs, width));
  svm(Classifier::rbf_coral, rbf_kernel(moved, moved, moved_width), rbf_kernel(xt, moved, moved_width));
  return out;
}

}  // namespace office_caltech
