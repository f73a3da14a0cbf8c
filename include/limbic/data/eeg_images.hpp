// Data sets of window features that become images (topography.hpp), from raw EEG or from the features that
// SEED and SEED-IV ship; link limbic::mat.
//
// They are a Dataset like any other, to be split and batched as such: a trial's EEG is (W, frames * maps,
// 62), frame by frame, in each frame DE of every band and then power (from shipped features: PSD) of every
// band. Images are made of them batch by batch: Topography<float>::images() of (N, frames * maps, 62) gives
// (N, frames * maps, 64, 64), to be seen as (N, frames, maps, 64, 64). An image takes 66 times the memory of
// its 62 values, and some microseconds. It is z-scored by itself: no normalisation is needed before
// (Normalisation{ScaleMethod::none}).
#pragma once

#include <limbic/data/eeg_stream.hpp>
#include <limbic/data/seed_raw.hpp>
#include <limbic/data/topography.hpp>

namespace limbic::data {

// A data set whose EEG is (W, frames * maps, electrodes).
struct EegSet {
  Dataset data;
  index_t frames = 0, maps = 0;
  std::string settings;  // all that the features depend on, in one line
};

// EmotionCLIP's options for a data set: order 5 for SEED, 3 for SEED-IV.
inline EegOptions published_eeg(SeedKind kind) {
  EegOptions o;
  o.order = kind == SeedKind::seed_iv ? 3 : 5;
  return o;
}

// One trial of raw EEG (channels, samples). `number` counts from 1, `label` from 0. Throws as eeg_features()
// does.
template <class T>
Trial eeg_trial(const Tensor<T>& raw, index_t number, index_t label, const EegOptions& options) {
  Trial t;
  t.number = number;
  t.label = label;
  const Tensor<float> y = eeg_features(raw, options).template to<float>();
  t.eeg = y.reshape({y.size(0), options.frames * options.maps(), options.channels()});
  return t;
}

// A trial of an open file, with its published label. Throws, naming the file and the trial, as
// RawRecording::read() and eeg_features() do.
inline Trial eeg_trial(const RawRecording& file, index_t number, const EegOptions& options) {
  const Tensor<double> raw = file.read<double>(number);
  try {
    return eeg_trial(raw, number, file.label(number), options);
  } catch (const Error& e) {
    const std::string_view text = e.what();  // "[eeg] ..."
    fail("eeg", detail::in_quotes(file.source()), ", trial ", number, ": ",
         text.substr(text.starts_with("[eeg] ") ? 6 : 0));
  }
}

// Images' features from shipped ones: `frames` windows in a row become one window, DE and PSD of the same
// bands its maps. Windows left over at a trial's end are left out; so are, with a remark, trials that only
// one of the two has. Throws for data sets that do not belong together, trials whose shapes or labels differ,
// and trials with fewer windows than frames.
inline EegSet eeg_from_features(const Dataset& de, const Dataset& psd, index_t frames = 4) {
  check(frames >= 1, "eeg", "at least one frame is needed; got ", frames);
  if (de.name != psd.name || de.simulated != psd.simulated || !de.eeg_feature.starts_with("de") ||
      !psd.eeg_feature.starts_with("psd"))
    fail("eeg", "DE and PSD of one data set are needed; got ", de.eeg_feature, " of ", de.name, " and ",
         psd.eeg_feature, " of ", psd.name);
  EegSet set;
  set.data = {de.name, de.classes, de.eeg_feature + " and " + psd.eeg_feature, de.simulated, {}, de.remarks};
  set.data.eeg_feature += " of " + std::to_string(frames) + " windows in a row";
  set.frames = frames;
  set.settings = set.data.eeg_feature;
  for (const std::string& r : psd.remarks)
    if (std::find(de.remarks.begin(), de.remarks.end(), r) == de.remarks.end()) set.data.remarks.push_back(r);
  index_t unpaired = 0;
  for (const Recording& r : de.recordings) {
    const auto other = std::find_if(psd.recordings.begin(), psd.recordings.end(), [&](const Recording& p) {
      return p.subject == r.subject && p.session == r.session;
    });
    Recording made{r.subject, r.session, r.source, {}};
    for (const Trial& t : r.trials) {
      const Trial* p = nullptr;
      if (other != psd.recordings.end())
        for (const Trial& candidate : other->trials)
          if (candidate.number == t.number) p = &candidate;
      if (!p) {
        ++unpaired;
        continue;
      }
      if (t.eeg.rank() != 3 || !(t.eeg.shape() == p->eeg.shape()) || t.label != p->label)
        fail("eeg", "DE and PSD of a trial must agree; got ", t.eeg.shape(), ", label ", t.label, " and ",
             p->eeg.shape(), ", label ", p->label, " in trial ", t.number, " of ",
             detail::in_quotes(r.source));
      const index_t windows = t.eeg.size(0) / frames, channels = t.eeg.size(1), bands = t.eeg.size(2);
      if (windows == 0)
        fail("eeg", "a trial needs at least ", frames, " windows, which become frames; found ", t.eeg.size(0),
             " in trial ", t.number, " of ", detail::in_quotes(r.source));
      if (set.maps == 0) set.maps = 2 * bands;
      check(set.maps == 2 * bands, "eeg", "all trials must have the same bands; got ", bands, " after ",
            set.maps / 2);
      Tensor<float> eeg = Tensor<float>::empty({windows * frames, 2, bands, channels});
      eeg.select(1, 0).copy_from(t.eeg.slice(0, 0, windows * frames).permute({0, 2, 1}));
      eeg.select(1, 1).copy_from(p->eeg.slice(0, 0, windows * frames).permute({0, 2, 1}));
      made.trials.push_back({t.number, t.label, eeg.reshape({windows, frames * 2 * bands, channels}), {}});
    }
    if (!made.trials.empty()) set.data.recordings.push_back(std::move(made));
  }
  check(!set.data.recordings.empty(), "eeg", "at least one trial with DE and PSD is needed; found none");
  if (unpaired) set.data.remarks.push_back("trials without PSD are left out: " + std::to_string(unpaired));
  return set;
}

// Reads `options.feature` (de_LDS or de_movingAve) and the PSD smoothed alike, eye features aside, and makes
// eeg_from_features() of them. Progress counts every file twice. Throws as read_dataset() and
// eeg_from_features() do, and for the converted multimodal release, which has no PSD.
inline EegSet read_eeg_features(const std::string& folder, ReadOptions options = {}, index_t frames = 4) {
  if (!options.feature.starts_with("de_"))
    fail("eeg", "de_LDS or de_movingAve is needed, to which PSD is added; got ",
         detail::in_quotes(options.feature));
  options.dataset = find_seed(folder, options.dataset, options.window_seconds).kind;
  if (options.dataset == SeedKind::seed_multimodal)
    fail("eeg", "DE and PSD are needed; the multimodal release in ", detail::in_quotes(folder),
         " holds DE alone");
  options.eye = EyeUse::no;
  const auto progress = options.progress;
  const auto half = [&](bool second) {
    if (progress)
      options.progress = [&progress, second](index_t done, index_t total, const std::string& file) {
        if (second || !file.empty()) progress(done + (second ? total : 0), 2 * total, file);
      };
    return read_dataset(folder, options);
  };
  const Dataset de = half(false);
  options.feature.replace(0, 2, "psd");
  return eeg_from_features(de, half(true), frames);
}

}  // namespace limbic::data
