// The data of one fold with some labelled windows of the target ("N-shot").
//
// What trains is LabelledWindows: the source's and the N of each class. What is tested is UnlabelledWindows,
// its labels sealed in HeldOutLabels: no label of a tested window can reach training.
//
// The windows that any N of a run takes come out of one pool, made for the largest N, and all are tested on
// the same rest, so that numbers over N compare:
//   trials   whole trials, drawn at random class by class; they are not tested. A smaller N takes the first
//   windows of
//            the same trials.
//   windows  random windows of each class; other windows of their trials are tested (as published: neighbours
//   in time
//            are alike, so this flatters)
#pragma once

#include <limbic/data/split.hpp>

#include <algorithm>
#include <array>
#include <map>

namespace limbic::emotion_clip {

enum class ShotSource : std::uint8_t { trials, windows };

struct ShotOptions {
  index_t shots = 0, most = 0;  // windows a class; the largest number of the run
  ShotSource source = ShotSource::trials;
  std::uint64_t seed = 42;
};

struct FewShotFold {
  std::string name, description;
  index_t classes = 0, from_source = 0, from_target = 0;  // windows that train
  data::LabelledWindows train;
  std::optional<data::LabelledWindows> validation;
  data::UnlabelledWindows test;
  data::HeldOutLabels truth;
};

namespace detail {

inline Tensor<index_t> as_tensor(const std::vector<index_t>& rows) {
  return Tensor<index_t>::from({static_cast<index_t>(rows.size())}, rows);
}

// Rows of x, (N, ...), behind those of `before`, which may be undefined.
inline Tensor<float> copied_rows(const Tensor<float>& before, const Tensor<float>& x,
                                 const std::vector<index_t>& rows) {
  Shape shape = x.shape();
  const index_t first = before.defined() ? before.size(0) : 0, width = x.size(0) ? x.numel() / x.size(0) : 0;
  shape[0] = first + static_cast<index_t>(rows.size());
  Tensor<float> out = Tensor<float>::empty(shape);
  const Tensor<float> from = x.contiguous();
  float* to = out.mutable_data();
  if (first) to = std::copy_n(before.contiguous().data(), before.numel(), to);
  for (const index_t i : rows) to = std::copy_n(from.data() + i * width, width, to);
  return out;
}

// Rows of the target, of each class in the order in which shots are taken; and all rows that are not tested.
struct Pool {
  std::vector<std::vector<index_t>> by_class;
  std::vector<bool> taken;
};

inline Pool make_pool(const data::UnlabelledWindows& target, const std::vector<index_t>& label,
                      index_t classes, const std::string& fold, const ShotOptions& o) {
  Pool pool{std::vector<std::vector<index_t>>(static_cast<std::size_t>(classes)),
            std::vector<bool>(label.size())};
  if (o.most == 0) return pool;
  const RandomStream random = Random(o.seed).stream("shots").stream(fold);
  for (index_t k = 0; k < classes; ++k) {
    // Groups that are taken whole: trials, or single windows.
    std::map<std::array<index_t, 4>, std::vector<index_t>> groups;
    for (std::size_t i = 0; i < label.size(); ++i) {
      const data::WindowOrigin& w = target.origin[i];
      if (label[i] == k)
        groups[{w.subject, w.session, w.trial, o.source == ShotSource::windows ? w.window : 0}].push_back(
            static_cast<index_t>(i));
    }
    std::vector<std::vector<index_t>> all;
    for (auto& group : groups) all.push_back(std::move(group.second));
    RandomStream draws = random.stream(std::to_string(k));
    const auto order = draws.permutation(static_cast<index_t>(all.size())).to_vector();
    auto& chosen = pool.by_class[static_cast<std::size_t>(k)];
    std::size_t used = 0;
    while (used < all.size() && static_cast<index_t>(chosen.size()) < o.most) {
      const auto& group = all[static_cast<std::size_t>(order[used++])];
      const auto inner = draws.permutation(static_cast<index_t>(group.size())).to_vector();
      for (const index_t i : inner) chosen.push_back(group[static_cast<std::size_t>(i)]);
      for (const index_t row : group) pool.taken[static_cast<std::size_t>(row)] = true;
    }
    if (static_cast<index_t>(chosen.size()) < o.most || used == all.size())
      fail("shots", "the target must have ", o.most, " windows of class ", k, " in ",
           o.source == ShotSource::trials ? "trials" : "windows", " beside those that are tested; fold ",
           fold, " has ", all.size(), o.source == ShotSource::trials ? " trials" : " windows",
           " of it (hint: fewer --shots", o.source == ShotSource::trials ? ", or --shot-source windows" : "",
           ")");
  }
  return pool;
}

}  // namespace detail

// The label that the data have for a window; -1: none. For what is shown after training.
inline index_t label_of(const data::Dataset& data, const data::WindowOrigin& o) {
  for (const auto& r : data.recordings)
    if (r.subject == o.subject && r.session == o.session)
      for (const auto& t : r.trials)
        if (t.number == o.trial) return t.label;
  return -1;
}

// The windows of `w` at these rows.
inline data::UnlabelledWindows rows_of(const data::UnlabelledWindows& w, const std::vector<index_t>& rows) {
  data::UnlabelledWindows out{detail::copied_rows({}, w.eeg, rows), {}, {}};
  for (const index_t i : rows) out.origin.push_back(w.origin[static_cast<std::size_t>(i)]);
  return out;
}

// Throws as data::make_fold() does, and where the target has too few trials or windows of a class for the
// pool and a test.
inline FewShotFold make_few_shot(const data::Dataset& data, const data::FoldPlan& plan,
                                 const ShotOptions& o) {
  check(o.shots >= 0 && o.shots <= o.most, "shots", "between 0 and ", o.most, " are needed; got ", o.shots);
  // Images are z-scored one by one: features need no normalisation.
  data::Fold fold = data::make_fold(data, plan, {data::ScaleMethod::none, data::ScaleScope::source});
  check(fold.source.eeg.defined(), "shots", "the data must have EEG; fold ", plan.name, " has none");
  std::vector<index_t> label;
  for (const auto& origin : fold.target.origin) label.push_back(label_of(data, origin));
  const detail::Pool pool = detail::make_pool(fold.target, label, fold.classes, plan.name, o);

  std::vector<index_t> test, shots, test_label, shot_label;
  for (std::size_t i = 0; i < label.size(); ++i)
    if (!pool.taken[i]) {
      test.push_back(static_cast<index_t>(i));
      test_label.push_back(label[i]);
    }
  for (const auto& rows : pool.by_class)
    for (index_t i = 0; i < o.shots; ++i) {
      shots.push_back(rows[static_cast<std::size_t>(i)]);
      shot_label.push_back(label[static_cast<std::size_t>(shots.back())]);
    }

  FewShotFold out;
  out.name = plan.name;
  out.classes = fold.classes;
  out.from_source = fold.source.size();
  out.from_target = static_cast<index_t>(shots.size());
  out.validation = fold.validation;
  out.test = rows_of(fold.target, test);
  out.truth = data::HeldOutLabels(detail::as_tensor(test_label), fold.classes);
  out.train = fold.source;
  if (!shots.empty()) {
    const data::UnlabelledWindows extra = rows_of(fold.target, shots);
    out.train.eeg = detail::copied_rows(fold.source.eeg, fold.target.eeg, shots);
    std::vector<index_t> all = fold.source.label.to_vector();
    all.insert(all.end(), shot_label.begin(), shot_label.end());
    out.train.label = detail::as_tensor(all);
    out.train.origin.insert(out.train.origin.end(), extra.origin.begin(), extra.origin.end());
  }
  out.description = fold.description + " Labelled windows of the target: " + std::to_string(o.shots) +
                    " a class, " +
                    (o.source == ShotSource::trials ? "out of whole trials that are not tested"
                                                    : "random windows, others of whose trials are tested") +
                    "; tested windows: " + std::to_string(out.test.size()) + ".";
  return out;
}

}  // namespace limbic::emotion_clip
