// Office-Caltech10 with SURF features (Gong et al., CVPR 2012): four domains of photographs of the same ten
// classes, 800 visual-word counts each. Files: amazon_SURF_L10.mat, Caltech10_..., dslr_..., webcam_..., each
// with
//   fts (N, 800)   counts         labels (N, 1)   1 to 10
//
// Prepared as in the code published with CORAL: rows scaled to sum 1, then every column z-scored within the
// domain (population standard deviation; a constant column becomes 0).
#pragma once

#include <limbic/core/tensor.hpp>
#include <limbic/data/mat.hpp>

#include <array>
#include <cmath>
#include <string>
#include <vector>

namespace office_caltech {

using namespace limbic;

inline constexpr index_t kClasses = 10, kFeatures = 800;

// Labels that training cannot see: they can only be asked how right predictions are.
class HiddenLabels {
 public:
  explicit HiddenLabels(Tensor<index_t> labels) : labels_(std::move(labels)) {}
  // Per cent of the predictions (N) that are right. Throws for another shape.
  double accuracy(const Tensor<index_t>& predictions) const {
    if (!(predictions.shape() == labels_.shape()))
      fail("office_caltech", "predictions must be of shape ", labels_.shape(), "; got ", predictions.shape());
    const std::vector<index_t> p = predictions.to_vector(), l = labels_.to_vector();
    index_t right = 0;
    for (std::size_t i = 0; i < l.size(); ++i) right += p[i] == l[i];
    return 100.0 * static_cast<double>(right) / static_cast<double>(l.size());
  }

 private:
  Tensor<index_t> labels_;
};

struct Source {
  Tensor<double> x;        // (N, 800), prepared
  Tensor<index_t> labels;  // (N), from 0
};
struct Target {
  Tensor<double> x;  // (M, 800), prepared
};

// A domain in both of its parts.
struct Domain {
  std::string name;
  char letter;
  Source source;
  Target target;
  HiddenLabels judge;
};

// Counts (N, 800) prepared as above. `file` names them in messages. Throws for a negative count or an empty
// row.
inline Tensor<double> prepare(const Tensor<double>& counts, const std::string& file) {
  const index_t n = counts.size(0), d = counts.size(1);
  std::vector<double> x = counts.to_vector();
  for (index_t i = 0; i < n; ++i) {
    double* row = x.data() + i * d;
    double sum = 0;
    for (index_t c = 0; c < d; ++c) {
      check(row[c] >= 0, "office_caltech", file, ": counts must not be negative; row ", i + 1, " of fts has ",
            row[c]);
      sum += row[c];
    }
    check(sum > 0, "office_caltech", file, ": every photograph needs some visual word; row ", i + 1,
          " of fts has none");
    for (index_t c = 0; c < d; ++c) row[c] /= sum;
  }
  for (index_t c = 0; c < d; ++c) {
    double mean = 0, square = 0;
    for (index_t i = 0; i < n; ++i) mean += x[static_cast<std::size_t>(i * d + c)] / static_cast<double>(n);
    for (index_t i = 0; i < n; ++i) {
      double& v = x[static_cast<std::size_t>(i * d + c)];
      v -= mean;
      square += v * v;
    }
    const double deviation = std::sqrt(square / static_cast<double>(n));
    for (index_t i = 0; i < n; ++i) x[static_cast<std::size_t>(i * d + c)] /= deviation > 0 ? deviation : 1;
  }
  return Tensor<double>::from({n, d}, x);
}

// Reads one file. Throws when a variable is missing or of another shape, and for labels outside 1 to 10.
inline Domain read_domain(const std::string& path, const std::string& name, char letter) {
  const auto file = mat::File::open(path);
  const auto counts = file.read<double>("fts", {mat::kAny, kFeatures});
  const index_t n = counts.size(0);
  check(n > 0, "office_caltech", path, ": at least one photograph is needed; fts is empty");
  const auto raw = file.read<index_t>("labels", {n, 1}).to_vector();
  std::vector<index_t> labels;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    check(raw[i] >= 1 && raw[i] <= kClasses, "office_caltech", path, ": labels must be from 1 to ", kClasses,
          "; row ", i + 1, " has ", raw[i]);
    labels.push_back(raw[i] - 1);
  }
  const auto x = prepare(counts, path);
  const auto l = Tensor<index_t>::from({n}, labels);
  return {name, letter, {x, l}, {x}, HiddenLabels(l.clone())};
}

// All four, from a folder.
inline std::vector<Domain> read_domains(const std::string& folder) {
  std::vector<Domain> out;
  out.push_back(read_domain(folder + "/amazon_SURF_L10.mat", "amazon", 'A'));
  out.push_back(read_domain(folder + "/Caltech10_SURF_L10.mat", "Caltech10", 'C'));
  out.push_back(read_domain(folder + "/dslr_SURF_L10.mat", "dslr", 'D'));
  out.push_back(read_domain(folder + "/webcam_SURF_L10.mat", "webcam", 'W'));
  return out;
}

// A source-target pair, and what Sun, Feng and Saenko (AAAI 2016) print for 1-NN after CORAL.
struct Pair {
  char source, target;
  double published;
  std::string name() const { return std::string{source, '-', target}; }
};
inline constexpr std::array<Pair, 12> kPairs = {{{'C', 'A', 52.1},
                                                 {'C', 'W', 46.4},
                                                 {'C', 'D', 45.9},
                                                 {'A', 'C', 45.1},
                                                 {'A', 'W', 44.4},
                                                 {'A', 'D', 39.5},
                                                 {'W', 'C', 33.7},
                                                 {'W', 'A', 36.0},
                                                 {'W', 'D', 86.6},
                                                 {'D', 'C', 33.8},
                                                 {'D', 'A', 37.7},
                                                 {'D', 'W', 84.7}}};
inline constexpr double kPublishedPlain = 31.4, kPublishedCoral = 48.8,
                        kPublishedSvm = 41.1;  // means of 12 pairs

}  // namespace office_caltech
