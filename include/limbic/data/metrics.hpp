// Confusion matrix of a classifier, and what is read off it. Rows are true classes, columns predicted ones.
//
//   n = sum_ij m_ij,  r_i = sum_j m_ij (true),  c_j = sum_i m_ij (predicted)
//   accuracy    sum_i m_ii / n
//   recall_i    m_ii / r_i            precision_j   m_jj / c_j
//   F1_i        2 m_ii / (r_i + c_i)  macro-F1 = mean of F1_i over the classes with r_i + c_i > 0
//               (Sokolova and Lapalme, Information Processing and Management 45, 2009; averaged per class, as
//               in Opitz and Burst, arXiv:1911.03347)
//   kappa       (p_o - p_e) / (1 - p_e), p_o = accuracy, p_e = sum_i r_i c_i / n^2
//               (Cohen, Educational and Psychological Measurement 20, 1960)
#pragma once

#include <limbic/core/tensor.hpp>

#include <optional>
#include <vector>

namespace limbic::data {

// Counts of windows by true and predicted class.
class Confusion {
 public:
  // No classes; merging something into it takes that over.
  Confusion() = default;
  // All zero, for that many classes. Throws for fewer than one and more than 65535.
  explicit Confusion(index_t classes) : classes_(classes) {
    check(classes > 0 && classes < 65536, "confusion", "the number of classes must be 1 to 65535; got ",
          classes);
    counts_.assign(static_cast<std::size_t>(classes * classes), 0);
  }

  index_t classes() const { return classes_; }
  // Number of windows counted.
  index_t total() const {
    index_t n = 0;
    for (index_t v : counts_) n += v;
    return n;
  }
  // How many windows of class `truth` were taken for class `predicted`. Throws for classes out of range, as
  // all that take a class do.
  index_t count(index_t truth, index_t predicted) const { return counts_[place(truth, predicted)]; }
  // The matrix, (classes, classes).
  Tensor<index_t> matrix() const { return Tensor<index_t>::from({classes_, classes_}, counts_); }

  // Counts n windows of class `truth` that were taken for `predicted`.
  void add(index_t truth, index_t predicted, index_t n = 1) { counts_[place(truth, predicted)] += n; }
  // Counts every window of truth (N) and predicted (N). Throws for other shapes, and at the first class out
  // of range, when those before it are counted.
  void add(const Tensor<index_t>& truth, const Tensor<index_t>& predicted) {
    if (truth.rank() != 1 || truth.shape() != predicted.shape())
      fail("confusion", "one prediction for each window is needed; got truth ", truth.shape(),
           " and predicted ", predicted.shape());
    for (index_t i = 0; i < truth.size(0); ++i) add(truth.at(i), predicted.at(i));
  }
  // Adds the counts of another fold. Throws where the numbers of classes differ.
  Confusion& operator+=(const Confusion& other) {
    if (other.classes_ == 0) return *this;
    if (classes_ == 0) return *this = other;
    check(classes_ == other.classes_, "confusion", "matrices of one number of classes are needed; got ",
          classes_, " and ", other.classes_);
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    return *this;
  }
  friend bool operator==(const Confusion& a, const Confusion& b) {
    return a.classes_ == b.classes_ && a.counts_ == b.counts_;
  }

  // Share of right predictions. This and the next two throw when nothing was counted.
  double accuracy() const {
    index_t right = 0;
    for (index_t k = 0; k < classes_; ++k) right += count(k, k);
    return static_cast<double>(right) / some_total();
  }
  // Mean of F1 over the classes that occur among the true or the predicted ones: a class that is in neither
  // says nothing, one that is only predicted counts as 0.
  double macro_f1() const {
    some_total();
    double sum = 0, occurring = 0;
    for (index_t k = 0; k < classes_; ++k)
      if (const auto f = f1(k)) {
        sum += *f;
        occurring += 1;
      }
    return sum / occurring;
  }
  // Agreement beyond chance: 1 is perfect, 0 is chance. 0 where chance alone agrees always (one class only).
  double kappa() const {
    const double n = some_total();
    double chance = 0;
    for (index_t k = 0; k < classes_; ++k)
      chance += static_cast<double>(true_count(k)) / n * (static_cast<double>(predicted_count(k)) / n);
    return chance < 1 - 1e-12 ? (accuracy() - chance) / (1 - chance) : 0.0;
  }

  // Nothing where the class does not occur: among the true ones, the predicted ones, either.
  std::optional<double> recall(index_t k) const { return ratio(count(k, k), true_count(k)); }
  std::optional<double> precision(index_t k) const { return ratio(count(k, k), predicted_count(k)); }
  std::optional<double> f1(index_t k) const {
    return ratio(2 * count(k, k), true_count(k) + predicted_count(k));
  }

  // Windows that are of class k; that were taken for class k.
  index_t true_count(index_t k) const {
    index_t n = 0;
    for (index_t j = 0; j < classes_; ++j) n += count(k, j);
    return n;
  }
  index_t predicted_count(index_t k) const {
    index_t n = 0;
    for (index_t i = 0; i < classes_; ++i) n += count(i, k);
    return n;
  }

 private:
  std::size_t place(index_t truth, index_t predicted) const {
    if (truth < 0 || truth >= classes_ || predicted < 0 || predicted >= classes_)
      fail("confusion", "classes must be in [0, ", classes_ - 1, "]; got truth ", truth, " and predicted ",
           predicted);
    return static_cast<std::size_t>(truth * classes_ + predicted);
  }
  double some_total() const {
    const index_t n = total();
    check(n > 0, "confusion", "at least one window must have been counted; got none");
    return static_cast<double>(n);
  }
  static std::optional<double> ratio(index_t a, index_t b) {
    if (b == 0) return std::nullopt;
    return static_cast<double>(a) / static_cast<double>(b);
  }

  index_t classes_ = 0;
  std::vector<index_t> counts_;
};

}  // namespace limbic::data
