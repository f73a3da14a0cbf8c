// Single variables of SEED and SEED-IV, read and checked; remarks on what is odd.
#pragma once

#include <limbic/data/dataset.hpp>
#include <limbic/data/mat.hpp>
#include <limbic/data/seed_layout.hpp>

#include <cmath>
#include <functional>
#include <map>

namespace limbic::data {

namespace detail {

inline std::string in_quotes(const std::string& path) { return limbic::detail::quoted(path); }

// "1, 2 and 5".
inline std::string list_text(const std::vector<index_t>& numbers) {
  std::string s;
  for (std::size_t i = 0; i < numbers.size(); ++i)
    s += (i == 0 ? "" : i + 1 == numbers.size() ? " and " : ", ") + std::to_string(numbers[i]);
  return s;
}

// Remarks: as many as there are, but the same one about many things is one sentence.
class Remarks {
 public:
  explicit Remarks(std::vector<std::string>& out) : out_(out) {}
  void add(std::string text) { out_.push_back(std::move(text)); }
  // `what` about `where`: after the third one only their number counts.
  void about(const std::string& what, const std::string& where) {
    auto [it, fresh] = index_.emplace(what, groups_.size());
    if (fresh) groups_.push_back({what, {}, 0});
    Group& g = groups_[it->second];
    if (++g.count <= 3) g.places.push_back(where);
  }
  void flush() {
    for (const Group& g : groups_) {
      std::string text = g.what + ": ";
      for (std::size_t i = 0; i < g.places.size(); ++i) text += (i ? ", " : "") + g.places[i];
      if (g.count > g.places.size()) text += " and " + std::to_string(g.count - g.places.size()) + " more";
      out_.push_back(std::move(text));
    }
    groups_.clear();
    index_.clear();
  }

 private:
  struct Group {
    std::string what;
    std::vector<std::string> places;
    std::size_t count;
  };
  std::vector<std::string>& out_;
  std::vector<Group> groups_;
  std::map<std::string, std::size_t> index_;
};

// Throws when a number is NaN or infinite. (W, ...), dense.
inline void check_finite(const Tensor<float>& t, const std::string& path, const std::string& variable) {
  const index_t width = t.size(0) ? t.numel() / t.size(0) : 1;
  index_t bad = 0, first = 0, last_window = -1, windows = 0;
  const float* p = t.data();
  for (index_t i = 0; i < t.numel(); ++i)
    if (!std::isfinite(p[i])) {
      if (bad++ == 0) first = i / width;
      if (i / width != last_window) ++windows, last_window = i / width;
    }
  if (bad)
    fail("seed", in_quotes(path), ": variable ", in_quotes(variable), " must hold finite numbers; found ",
         bad, " NaN or infinite ones in ", windows, " of ", t.size(0), " windows, the first in window ",
         first + 1);
}

// EEG features: (62, W, 5) in the file, (W, 62, 5) here.
inline Tensor<float> read_eeg(const mat::File& file, const std::string& name) {
  Tensor<float> t = file.read<float>(name, {kElectrodes, mat::kAny, kBands}).permute({1, 0, 2}).contiguous();
  if (t.size(0) == 0)
    fail("seed", in_quotes(file.path()), ": variable ", in_quotes(name), " must have windows; found none");
  check_finite(t, file.path(), name);
  return t;
}

// Eye features: (31, W) in the file, (W, 31) here.
inline Tensor<float> read_eye(const mat::File& file, const std::string& name, index_t features) {
  if (const mat::Entry* e = file.find(name); e && e->shape.rank() == 2 && e->shape[0] != features) {
    const char* hint = e->shape[1] == features ? " (hint: it is transposed)"
                       : e->shape[0] == kSeed.eye_features && features == kSeedIv.eye_features
                           ? " (hint: SEED has 33 eye features, SEED-IV 31)"
                           : "";
    fail("seed", in_quotes(file.path()), ": variable ", in_quotes(name), " must have shape (", features,
         ", windows); found ", mat::detail::describe(*e), hint);
  }
  Tensor<float> t = file.read<float>(name, {features, mat::kAny}).permute({1, 0}).contiguous();
  check_finite(t, file.path(), name);
  return t;
}

// Features that are the same in every window of a recording, such as those of a channel without contact.
inline void remark_constant(const Recording& r, Tensor<float> Trial::*member, const char* kind,
                            const std::function<std::string(index_t)>& name, Remarks& remarks) {
  std::vector<float> low, high;
  index_t windows = 0;
  for (const Trial& trial : r.trials) {
    const Tensor<float>& t = trial.*member;
    if (!t.defined() || t.size(0) == 0) continue;
    const index_t width = t.numel() / t.size(0);
    const float* p = t.data();
    if (low.empty()) low.assign(p, p + width), high = low;
    for (index_t w = 0; w < t.size(0); ++w, ++windows)
      for (index_t i = 0; i < width; ++i) {
        const float v = p[w * width + i];
        const std::size_t at = static_cast<std::size_t>(i);
        low[at] = std::min(low[at], v), high[at] = std::max(high[at], v);
      }
  }
  std::string names;
  index_t count = 0;
  for (std::size_t i = 0; i < low.size() && windows > 1; ++i)
    if (low[i] == high[i] && ++count <= 3) names += (count > 1 ? ", " : "") + name(static_cast<index_t>(i));
  if (count)
    remarks.about(std::string(kind) + " features that never change",
                  in_quotes(r.source) + " (" + names +
                      (count > 3 ? " and " + std::to_string(count - 3) + " more)" : ")"));
}

inline std::string eeg_feature_name(index_t i) {
  return std::string(kElectrodeNames[static_cast<std::size_t>(i / kBands)]) + " " +
         kBandTable[static_cast<std::size_t>(i % kBands)].name;
}

}  // namespace detail

}  // namespace limbic::data
