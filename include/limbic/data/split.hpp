// The data of one fold, in types that keep the target's labels away from training.
//
// What a trainer sees of the target is UnlabelledWindows, which has no labels. They lie in HeldOutLabels,
// which scores predictions and does nothing else: no function hands a label out, and it converts to nothing.
#pragma once

#include <limbic/data/metrics.hpp>
#include <limbic/data/scaler.hpp>
#include <limbic/data/split_plan.hpp>

#include <optional>

namespace limbic::data {

// Where a window comes from.
struct WindowOrigin {
  index_t subject = 0, session = 0, trial = 0;  // counted from 1
  index_t window = 0;                           // counted from 0
  index_t windows = 0;                          // in the trial

  friend bool operator==(const WindowOrigin&, const WindowOrigin&) = default;
};

// N windows without labels. A modality that the fold's data does not have is an undefined tensor.
struct UnlabelledWindows {
  Tensor<float> eeg;  // (N, channels, bands)
  Tensor<float> eye;  // (N, features)
  std::vector<WindowOrigin> origin;

  index_t size() const { return static_cast<index_t>(origin.size()); }
};

// N windows with labels.
struct LabelledWindows {
  Tensor<float> eeg;      // (N, channels, bands)
  Tensor<float> eye;      // (N, features)
  Tensor<index_t> label;  // (N)
  std::vector<WindowOrigin> origin;

  index_t size() const { return static_cast<index_t>(origin.size()); }
  // The same windows, shared, with the labels left out: for predictions on source or validation data.
  UnlabelledWindows without_labels() const { return {eeg, eye, origin}; }
};

// Labels that predictions are compared with, and that nothing else can be done with.
class HeldOutLabels {
 public:
  HeldOutLabels() = default;
  // Seals labels (N) of classes 0 .. classes - 1. Throws for labels out of range and as Confusion().
  HeldOutLabels(const Tensor<index_t>& label, index_t classes) : label_(label.clone()), classes_(classes) {
    Confusion(classes).add(label_, label_);
  }

  index_t size() const { return label_.numel(); }
  index_t classes() const { return classes_; }
  // Compares a prediction (N) for each window with the truth. Throws where there are more or fewer.
  Confusion score(const Tensor<index_t>& predicted) const {
    if (predicted.rank() != 1 || predicted.size(0) != size())
      fail("score", "one prediction for each of the ", size(), " windows is needed; got ", predicted.shape());
    Confusion c(classes_);
    c.add(label_, predicted);
    return c;
  }

 private:
  Tensor<index_t> label_;
  index_t classes_ = 0;
};

// One fold, ready to train on and to be scored.
struct Fold {
  std::string name;
  LabelledWindows source;
  std::optional<LabelledWindows> validation;  // taken out of the source, where the plan says so
  UnlabelledWindows target;
  HeldOutLabels truth;  // of the target
  index_t classes = 0;

  Normalisation normalisation;
  // The statistics used everywhere where they were taken from the source alone; else they leave all as it is.
  Scaler eeg_scaler, eye_scaler;
  // Features that were constant in at least one place where statistics were taken, summed over the places.
  index_t constant_eeg = 0, constant_eye = 0;
  std::string
      description;  // what is source, validation and target, and the normalisation: for the protocol card
};

namespace detail {

// What every trial of a fold must agree on.
struct FoldShapes {
  const Trial* first = nullptr;
  std::string where;

  void see(const Recording& r, const Trial& t, bool labelled, index_t classes) {
    const std::string here = "trial " + std::to_string(t.number) + " of " + r.source;
    check(t.windows() > 0, "split", "a trial must have windows; ", here, " has none");
    if (t.eeg.defined() && (t.eeg.rank() != 3 || t.eeg.size(0) != t.windows()))
      fail("split", "EEG must be (windows, channels, bands); got ", t.eeg.shape(), " in ", here);
    if (t.eye.defined() && (t.eye.rank() != 2 || t.eye.size(0) != t.windows()))
      fail("split", "eye features must be (", t.windows(), " windows, features); got ", t.eye.shape(), " in ",
           here);
    if (labelled && (t.label < 0 || t.label >= classes))
      fail("split", "labels must be in [0, ", classes - 1, "]; got ", t.label, " in ", here);
    for (const Tensor<float>* x : {&t.eeg, &t.eye})
      if (x->defined())
        for (float v : x->contiguous().span())
          if (!std::isfinite(v))
            fail("split", "features must be finite; ", here,
                 " has some that are not (hint: readers can skip trials)");
    if (!first) {
      first = &t;
      where = here;
      return;
    }
    compare("EEG", first->eeg, t.eeg, here);
    compare("eye features", first->eye, t.eye, here);
  }

 private:
  void compare(const char* what, const Tensor<float>& a, const Tensor<float>& b,
               const std::string& here) const {
    if (a.defined() != b.defined())
      fail("split", "all trials of a fold must have the same modalities; ", a.defined() ? where : here,
           " has ", what, ", ", a.defined() ? here : where, " has none");
    if (!a.defined()) return;
    Shape x = a.shape(), y = b.shape();
    x.erase(0);
    y.erase(0);
    if (!(x == y))
      fail("split", what, " must have one shape in all trials of a fold; got ", a.shape(), " in ", where,
           " and ", b.shape(), " in ", here);
  }
};

// All windows of some parts one after the other, scaled.
class Gatherer {
 public:
  Gatherer(const Dataset& data, const Normalisation& normalisation, Fold& fold)
      : data_(data), normalisation_(normalisation), fold_(fold) {}

  // Statistics from the source, where the normalisation says so.
  void fit_source(const std::vector<FoldPart>& parts) {
    if (normalisation_.method == ScaleMethod::none || normalisation_.scope != ScaleScope::source) return;
    fold_.eeg_scaler = fit(parts, &Trial::eeg);
    fold_.eye_scaler = fit(parts, &Trial::eye);
    fold_.constant_eeg = fold_.eeg_scaler.constant_features();
    fold_.constant_eye = fold_.eye_scaler.constant_features();
  }
  Tensor<float> rows(const std::vector<FoldPart>& parts, Tensor<float> Trial::*field) {
    const Tensor<float>& like = data_.recordings[parts[0].recording].trials[parts[0].trials[0]].*field;
    if (!like.defined()) return {};
    Shape shape = like.shape();
    shape[0] = windows(parts);
    Tensor<float> all = Tensor<float>::empty(shape);
    float* out = all.mutable_data();
    index_t row = 0;
    for (const FoldPart& part : parts) {
      const index_t begin = row;
      for (std::size_t t : part.trials) {
        const Tensor<float> from = (data_.recordings[part.recording].trials[t].*field).contiguous();
        out = std::copy_n(from.data(), from.numel(), out);
        row += from.size(0);
      }
      Tensor<float> piece = all.slice(0, begin, row);
      scaler_for(part.recording, field).apply(piece);
    }
    return all;
  }
  LabelledWindows labelled(const std::vector<FoldPart>& parts) {
    LabelledWindows w{rows(parts, &Trial::eeg), rows(parts, &Trial::eye), labels(parts), origins(parts)};
    return w;
  }
  UnlabelledWindows unlabelled(const std::vector<FoldPart>& parts) {
    return {rows(parts, &Trial::eeg), rows(parts, &Trial::eye), origins(parts)};
  }
  Tensor<index_t> labels(const std::vector<FoldPart>& parts) const {
    Tensor<index_t> label = Tensor<index_t>::empty({windows(parts)});
    index_t* out = label.mutable_data();
    each(parts, [&](const Recording&, const Trial& t) { out = std::fill_n(out, t.windows(), t.label); });
    return label;
  }
  index_t windows(const std::vector<FoldPart>& parts) const {
    index_t n = 0;
    each(parts, [&](const Recording&, const Trial& t) { n += t.windows(); });
    return n;
  }
  template <class F>
  void each(const std::vector<FoldPart>& parts, F&& f) const {
    for (const FoldPart& part : parts)
      for (std::size_t t : part.trials)
        f(data_.recordings[part.recording], data_.recordings[part.recording].trials[t]);
  }

 private:
  std::vector<WindowOrigin> origins(const std::vector<FoldPart>& parts) const {
    std::vector<WindowOrigin> all;
    all.reserve(static_cast<std::size_t>(windows(parts)));
    each(parts, [&](const Recording& r, const Trial& t) {
      for (index_t w = 0; w < t.windows(); ++w)
        all.push_back({r.subject, r.session, t.number, w, t.windows()});
    });
    return all;
  }
  Scaler fit(const std::vector<FoldPart>& parts, Tensor<float> Trial::*field) const {
    std::vector<Tensor<float>> all;
    each(parts, [&](const Recording&, const Trial& t) {
      if ((t.*field).defined()) all.push_back(t.*field);
    });
    return all.empty() ? Scaler() : Scaler::fit(normalisation_.method, all);
  }
  // Per subject and session the statistics are those of the whole recording, trials kept for validation
  // included.
  Scaler scaler_for(std::size_t recording, Tensor<float> Trial::*field) {
    const bool eeg = field == &Trial::eeg;
    if (normalisation_.method == ScaleMethod::none || normalisation_.scope == ScaleScope::source)
      return eeg ? fold_.eeg_scaler : fold_.eye_scaler;
    Scaler s = fit({whole(data_, recording)}, field);
    auto& seen = eeg ? counted_eeg_ : counted_eye_;
    if (std::find(seen.begin(), seen.end(), recording) == seen.end()) {
      seen.push_back(recording);
      (eeg ? fold_.constant_eeg : fold_.constant_eye) += s.constant_features();
    }
    return s;
  }

  const Dataset& data_;
  Normalisation normalisation_;
  Fold& fold_;
  std::vector<std::size_t> counted_eeg_, counted_eye_;
};

// "14 subjects, 14 recordings, 336 trials, 11914 windows"
inline std::string counts(const Gatherer& gather, const std::vector<FoldPart>& parts) {
  std::vector<index_t> subjects;
  index_t trials = 0;
  gather.each(parts, [&](const Recording& r, const Trial&) {
    ++trials;
    if (std::find(subjects.begin(), subjects.end(), r.subject) == subjects.end())
      subjects.push_back(r.subject);
  });
  auto some = [](std::size_t n, const char* what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
  };
  return some(subjects.size(), "subject") + ", " + some(parts.size(), "recording") + ", " +
         some(static_cast<std::size_t>(trials), "trial") + ", " +
         some(static_cast<std::size_t>(gather.windows(parts)), "window");
}

}  // namespace detail

// The data of a planned fold, copied and normalised. Throws for a plan of other data, trials without windows,
// labels out of range, modalities and shapes that differ between trials, and values that are not finite.
inline Fold make_fold(const Dataset& data, const FoldPlan& plan, const Normalisation& normalisation = {}) {
  const auto classes = static_cast<index_t>(data.classes.size());
  auto valid = [&](const std::vector<FoldPart>& parts) {
    if (parts.empty()) return false;
    for (const FoldPart& p : parts) {
      if (p.recording >= data.recordings.size() || p.trials.empty()) return false;
      for (std::size_t t : p.trials)
        if (t >= data.recordings[p.recording].trials.size()) return false;
    }
    return true;
  };
  if (!valid(plan.source) || !valid(plan.target) || (!plan.validation.empty() && !valid(plan.validation)))
    fail("split", "fold '", plan.name,
         "' names recordings or trials that the data does not have (hint: a plan is of "
         "the data that it was made from)");

  Fold fold;
  fold.name = plan.name;
  fold.classes = classes;
  fold.normalisation = normalisation;
  detail::Gatherer gather(data, normalisation, fold);
  detail::FoldShapes shapes;
  for (const auto* parts : {&plan.source, &plan.validation, &plan.target})
    gather.each(*parts, [&](const Recording& r, const Trial& t) { shapes.see(r, t, true, classes); });
  gather.fit_source(plan.source);
  fold.source = gather.labelled(plan.source);
  if (!plan.validation.empty()) fold.validation = gather.labelled(plan.validation);
  fold.target = gather.unlabelled(plan.target);
  fold.truth = HeldOutLabels(gather.labels(plan.target), classes);

  fold.description = (data.simulated ? "Simulated " : "") + data.name + ", " + to_text(plan.protocol) +
                     ", fold " + plan.name + ". Source (labelled): " + detail::counts(gather, plan.source) +
                     ". ";
  if (fold.validation)
    fold.description += "Validation (out of the source): " + detail::counts(gather, plan.validation) + ". ";
  fold.description += "Target (labels kept for scoring): " + detail::counts(gather, plan.target) + ". " +
                      describe(normalisation);
  return fold;
}

// The windows of a recording whose labels do not matter, normalised: for predictions. Statistics come from
// the recording itself or, with ScaleScope::source, are those of the fold the model was trained on. Throws as
// make_fold does.
inline UnlabelledWindows unlabelled_windows(const Recording& recording,
                                            const Normalisation& normalisation = {}, const Scaler& eeg = {},
                                            const Scaler& eye = {}) {
  Dataset data;
  data.recordings.push_back(recording);
  const FoldPart part = detail::whole(data, 0);
  check(!part.trials.empty(), "split", "a recording must have trials; ", recording.source, " has none");
  detail::FoldShapes shapes;
  for (const Trial& t : recording.trials) shapes.see(recording, t, false, 0);
  Fold fold;
  fold.eeg_scaler = eeg;
  fold.eye_scaler = eye;
  return detail::Gatherer(data, normalisation, fold).unlabelled({part});
}

}  // namespace limbic::data
