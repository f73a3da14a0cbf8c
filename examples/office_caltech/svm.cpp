#include <office_caltech/svm.hpp>

#include <limbic/loss/kernel.hpp>
#include <limbic/loss/pair_form.hpp>

#include <svm.h>

#include <algorithm>
#include <map>
#include <memory>

namespace office_caltech {

using namespace limbic;

namespace {

struct FreeModel {
  void operator()(svm_model* m) const { svm_free_and_destroy_model(&m); }
};

// Rows of a kernel matrix as libsvm wants them: the row's number, its kernel values, an end.
class Rows {
 public:
  // k (N, M): the kernel of some samples with all M training samples.
  explicit Rows(const Tensor<double>& k) {
    const index_t n = k.size(0), m = k.size(1);
    const std::vector<double> v = k.to_vector();
    nodes_.reserve(static_cast<std::size_t>(n * (m + 2)));
    for (index_t i = 0; i < n; ++i) {
      nodes_.push_back({0, static_cast<double>(i + 1)});
      for (index_t j = 0; j < m; ++j)
        nodes_.push_back({static_cast<int>(j + 1), v[static_cast<std::size_t>(i * m + j)]});
      nodes_.push_back({-1, 0});
    }
    for (index_t i = 0; i < n; ++i) rows_.push_back(nodes_.data() + i * (m + 2));
  }
  svm_node* operator[](std::size_t i) const { return rows_[i]; }
  std::size_t size() const { return rows_.size(); }

 private:
  std::vector<svm_node> nodes_;
  std::vector<svm_node*> rows_;
};

// Labels (M) of test samples, from the kernel of the samples `used` and of the test samples.
std::vector<index_t> train_and_predict(const Tensor<double>& among, const std::vector<index_t>& labels,
                                       const Tensor<double>& test, double cost) {
  const Rows train_rows(among), test_rows(test);
  std::vector<svm_node*> x;
  std::vector<double> y;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    x.push_back(train_rows[i]);
    y.push_back(static_cast<double>(labels[i]));
  }
  svm_problem problem{static_cast<int>(x.size()), y.data(), x.data()};
  svm_parameter parameter{};
  parameter.svm_type = C_SVC;
  parameter.kernel_type = PRECOMPUTED;
  parameter.cache_size = 64;
  parameter.eps = 1e-3;
  parameter.C = cost;
  parameter.shrinking = 1;
  [[maybe_unused]] static const bool quiet = (svm_set_print_string_function([](const char*) {}), true);
  if (const char* complaint = svm_check_parameter(&problem, &parameter))
    fail("svm", "libsvm refuses the problem: ", complaint);
  const std::unique_ptr<svm_model, FreeModel> model(svm_train(&problem, &parameter));
  std::vector<index_t> out;
  for (std::size_t i = 0; i < test_rows.size(); ++i)
    out.push_back(static_cast<index_t>(svm_predict(model.get(), test_rows[i])));
  return out;
}

Tensor<double> chosen(const Tensor<double>& k, const std::vector<index_t>& rows,
                      const std::vector<index_t>& columns) {
  Tensor<double> out =
      Tensor<double>::empty({static_cast<index_t>(rows.size()), static_cast<index_t>(columns.size())});
  const Tensor<double> dense = k.contiguous();
  double* to = out.mutable_data();
  for (index_t r : rows)
    for (index_t c : columns) *to++ = dense.data()[r * k.size(1) + c];
  return out;
}

SvmChoice choose_cost(const Tensor<double>& k, const std::vector<index_t>& labels) {
  constexpr index_t kFolds = 3;
  std::map<index_t, index_t> seen;
  std::vector<index_t> fold;
  for (index_t l : labels) fold.push_back(seen[l]++ % kFolds);
  SvmChoice best{.cost = 0, .accuracy = -1};
  for (double cost : {0.001, 0.01, 0.1, 1.0, 10.0}) {
    index_t right = 0;
    for (index_t f = 0; f < kFolds; ++f) {
      std::vector<index_t> in, out, in_labels;
      for (std::size_t i = 0; i < labels.size(); ++i) {
        (fold[i] == f ? out : in).push_back(static_cast<index_t>(i));
        if (fold[i] != f) in_labels.push_back(labels[i]);
      }
      if (in.empty() || out.empty()) continue;
      const auto predicted = train_and_predict(chosen(k, in, in), in_labels, chosen(k, out, in), cost);
      for (std::size_t i = 0; i < out.size(); ++i)
        right += predicted[i] == labels[static_cast<std::size_t>(out[i])];
    }
    const double accuracy = 100.0 * static_cast<double>(right) / static_cast<double>(labels.size());
    if (accuracy > best.accuracy) best = {cost, accuracy};
  }
  return best;
}

}  // namespace

Tensor<index_t> svm_predict(const Tensor<double>& among, const Tensor<index_t>& labels,
                            const Tensor<double>& test, SvmChoice* choice) {
  const index_t n = labels.numel();
  if (n == 0 || !(among.shape() == Shape{n, n}) || test.rank() != 2 || test.size(1) != n)
    fail("svm", "kernels (N, N) and (M, N) of N labels are needed; got ", among.shape(), ", ", test.shape(),
         " and ", n);
  const std::vector<index_t> known = labels.to_vector();
  const SvmChoice best = choose_cost(among, known);
  if (choice) *choice = best;
  return Tensor<index_t>::from({test.size(0)}, train_and_predict(among, known, test, best.cost));
}

Tensor<double> linear_kernel(const Tensor<double>& a, const Tensor<double>& b) {
  return matmul(a, transpose(b));
}

Tensor<double> rbf_kernel(const Tensor<double>& a, const Tensor<double>& b, double width) {
  return exp(squared_distances(a, b) * (-1 / width));
}

double median_width(const Tensor<double>& x) {
  const detail::CentredPoints<double, Cpu> z("office_caltech", x, x.slice(0, 0, 0));
  const double median = x.size(0) > 1 ? median_distance(Cpu{}, z.points, z.norms) : 0;
  return median > 0 ? median : 1;
}

}  // namespace office_caltech
