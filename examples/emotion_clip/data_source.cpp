#include "emotion_clip/data_source.hpp"

#include <limbic/backend/cpu/parallel.hpp>
#include <limbic/data/eeg_cache.hpp>
#include <limbic/data/simulate.hpp>
#include <limbic/data/simulate_raw.hpp>
#include <limbic/io/checkpoint.hpp>

#include <algorithm>
#include <mutex>

namespace limbic::emotion_clip {

namespace {

constexpr const char* kSimulated = "simulated.safetensors";

data::SimulateOptions simulation(const RunSettings& v) {
  data::SimulateOptions o;
  o.set = v.dataset == "seed" ? data::SimulatedSet::seed : data::SimulatedSet::seed_iv;
  o.subjects = v.sim_subjects;
  o.sessions = v.sim_sessions;
  o.seed = static_cast<std::uint64_t>(v.sim_seed);
  o.difficulty = v.sim_difficulty;
  o.noise = v.sim_noise;
  o.bad_eeg = v.sim_bad_eeg;
  const double seconds = v.dataset == "seed" ? 1 : 4;  // of the simulator's windows
  o.max_windows = static_cast<index_t>(std::ceil(v.sim_seconds / seconds));
  return o;
}

data::EegOptions eeg_options(const RunSettings& v) {
  data::EegOptions o =
      data::published_eeg(v.dataset == "seed" ? data::SeedKind::seed : data::SeedKind::seed_iv);
  if (v.filter_order > 0) o.order = static_cast<int>(v.filter_order);
  return o;
}

// Everything but the recordings.
data::EegSet empty_set(const RunSettings& v) {
  const data::SimulateOptions o = simulation(v);
  const data::EegOptions eeg = eeg_options(v);
  const data::SeedLayout& layout = data::detail::layout_of(o);
  data::EegSet set;
  set.frames = eeg.frames;
  set.maps = eeg.maps();
  set.settings = data::to_text(eeg);
  set.data.name = layout.name;
  set.data.classes.assign(layout.classes.begin(), layout.classes.end());
  set.data.eeg_feature = "DE and power of " + std::to_string(eeg.bands.size()) + " bands in " +
                         std::to_string(eeg.frames) + " frames, from raw EEG";
  set.data.simulated = true;
  set.data.remarks.push_back("The first " + app::number_text(v.sim_seconds) +
                             " s of each trial were simulated.");
  return set;
}

// Raw EEG of every trial is made, measured, and forgotten; recordings in parallel.
data::EegSet simulate_set(const RunSettings& v, app::Progress& progress) {
  const data::SimulateOptions o = simulation(v);
  const data::EegOptions eeg = eeg_options(v);
  const data::SeedLayout& layout = data::detail::layout_of(o);
  data::EegSet set = empty_set(v);
  set.data.recordings.resize(static_cast<std::size_t>(o.subjects * o.sessions));
  const index_t total = o.subjects * o.sessions * layout.trials;
  index_t done = 0;
  std::mutex shown;
  parallel_for(o.subjects * o.sessions, 1, [&](index_t at, index_t) {
    const index_t subject = at / o.sessions + 1, session = at % o.sessions + 1;
    const data::detail::SimulatedPerson person(o, subject, session);
    data::Recording r{subject,
                      session,
                      "simulated subject " + std::to_string(subject) + ", session " + std::to_string(session),
                      {}};
    for (index_t number = 1; number <= layout.trials; ++number) {
      const auto trial = data::detail::simulate_trial(o, person, subject, session, number);
      const Tensor<double> raw =
          data::detail::simulate_raw(o, trial, subject, session, number, v.sim_seconds);
      r.trials.push_back(data::eeg_trial(raw, number, layout.label(session, number), eeg));
      const std::scoped_lock lock(shown);
      progress.update("simulating", ++done, total, "raw EEG and its features");
    }
    set.data.recordings[static_cast<std::size_t>(at)] = std::move(r);
  });
  progress.finish("simulating", std::to_string(total) + " trials of raw EEG");
  return set;
}

std::string trial_name(const data::Recording& r, const data::Trial& t) {
  return std::to_string(r.subject) + "/" + std::to_string(r.session) + "/" + std::to_string(t.number) + "/" +
         std::to_string(t.label);
}

void save_set(const data::EegSet& set, const std::string& path) {
  Checkpoint c;
  for (const auto& r : set.data.recordings)
    for (const auto& t : r.trials) c.state.put(trial_name(r, t), t.eeg);
  c.metadata["data"] = "simulated";
  c.metadata["settings"] = set.settings;
  c.save(path);
}

data::EegSet stored_set(const RunSettings& v, const std::string& path) {
  const Checkpoint c = Checkpoint::load(path);
  data::EegSet set = empty_set(v);
  const data::SimulateOptions o = simulation(v);
  const data::SeedLayout& layout = data::detail::layout_of(o);
  for (index_t subject = 1; subject <= o.subjects; ++subject)
    for (index_t session = 1; session <= o.sessions; ++session) {
      data::Recording r{
          subject,
          session,
          "simulated subject " + std::to_string(subject) + ", session " + std::to_string(session),
          {}};
      for (index_t number = 1; number <= layout.trials; ++number) {
        data::Trial t{number, layout.label(session, number), {}, {}};
        t.eeg = c.state.get<float>(trial_name(r, t));
        r.trials.push_back(std::move(t));
      }
      set.data.recordings.push_back(std::move(r));
    }
  return set;
}

data::EegSet read_set(const RunSettings& v, app::Progress& progress) {
  const auto shown = [&](index_t done, index_t total, const std::string& file) {
    if (file.empty()) progress.finish("reading", v.data);
    else progress.update("reading", done, total, file);
  };
  const std::vector<index_t> sessions = v.protocol == "cross-subject"
                                            ? v.sessions
                                            : std::vector<index_t>{};  // no other session is source or target
  if (v.input == "features") {
    data::ReadOptions o;
    o.feature = "de_LDS";
    o.skip_bad_trials = o.skip_bad_files = v.skip_bad_trials;
    o.sessions = sessions;
    o.progress = shown;
    return data::read_eeg_features(v.data, o);
  }
  data::RawReadOptions o;
  o.features = eeg_options(v);
  o.cache = v.cache;
  o.skip_bad_trials = o.skip_bad_files = v.skip_bad_trials;
  o.sessions = sessions;
  o.progress = shown;
  return data::read_raw_eeg(v.data, o);
}

}  // namespace

data::EegSet load_set(const RunSettings& v, const app::RunFolder* folder, app::Progress& progress) {
  if (v.data.empty()) {
    if (folder && folder->has(kSimulated)) return stored_set(v, folder->file(kSimulated));
    data::EegSet set = simulate_set(v, progress);
    if (folder) save_set(set, folder->file(kSimulated));
    return set;
  }
  data::EegSet set = read_set(v, progress);
  const std::string wanted = v.dataset == "seed" ? "SEED" : "SEED-IV";
  if (set.data.name != wanted)
    fail("data", "'", v.data, "' must hold ", wanted, "; got ", set.data.name, " (hint: --dataset ",
         set.data.name == "SEED" ? "seed" : "seed-iv", ")");
  return set;
}

std::string simulation_text(const RunSettings& v) {
  if (!v.data.empty()) return "";
  using limbic::to_text;
  return "raw EEG of " + std::to_string(v.sim_subjects) + " subjects, " + std::to_string(v.sim_sessions) +
         " sessions, " + to_text(v.sim_seconds) + " s a trial, seed " + std::to_string(v.sim_seed) +
         ", difficulty " + to_text(v.sim_difficulty) + ", noise " + to_text(v.sim_noise) + ", poor EEG in " +
         to_text(100 * v.sim_bad_eeg) + " % of the windows";
}

std::vector<data::FoldPlan> all_folds(const RunSettings& v, const data::Dataset& data) {
  data::FoldOptions o;
  o.subjects = v.subjects;
  o.validation_subjects = v.validation_subjects;
  o.validation_trials = v.validation_trials;
  o.seed = static_cast<std::uint64_t>(v.seed);
  if (v.protocol == "cross-subject") {
    o.sessions = v.sessions;
    return data::plan_folds(data, data::Protocol::cross_subject, o);
  }
  const auto subjects =
      data::detail::wanted("subject", data::detail::distinct(data, &data::Recording::subject), v.subjects);
  const auto recording = [&](index_t subject, index_t session) {
    for (std::size_t i = 0; i < data.recordings.size(); ++i)
      if (data.recordings[i].subject == subject && data.recordings[i].session == session) return i;
    fail("split", "across time, subject ", subject, " needs session ", session,
         "; the data have none (hint: --pairs)");
  };
  std::vector<data::FoldPlan> plans;
  for (const std::string& pair : v.pairs)
    for (const index_t subject : subjects) {
      const index_t from = pair[0] - '0', to = pair[2] - '0';
      data::FoldPlan plan{"subject" + data::detail::two_digits(subject) + "-" + pair[0] + "to" + pair[2],
                          data::Protocol::cross_session,
                          {},
                          {},
                          {}};
      plan.source.push_back(data::detail::whole(data, recording(subject, from)));
      plan.target.push_back(data::detail::whole(data, recording(subject, to)));
      data::detail::hold_out(data, o, plan);
      plans.push_back(std::move(plan));
    }
  return plans;
}

ShotOptions shot_options(const RunSettings& v, index_t shots) {
  return {shots, *std::ranges::max_element(v.shots),
          v.shot_source == "trials" ? ShotSource::trials : ShotSource::windows,
          static_cast<std::uint64_t>(v.seed)};
}

Tensor<float> images_of(const Tensor<float>& windows, const std::vector<index_t>& rows, index_t frames,
                        index_t side) {
  const index_t maps = windows.size(1) / frames, electrodes = windows.size(2),
                n = static_cast<index_t>(rows.size());
  const data::Topography<float> painter({}, side, side);
  if (electrodes != painter.electrodes() || windows.size(1) != frames * maps)
    fail("images", "windows (N, ", frames, " frames times maps, ", painter.electrodes(),
         " electrodes) are needed; got ", windows.shape());
  const Tensor<float> dense = windows.contiguous();
  Tensor<float> images = Tensor<float>::empty({n, frames, maps, side, side});
  const index_t values = frames * maps * electrodes, pixels = frames * maps * side * side;
  float* const to = images.mutable_data();
  parallel_for(n, 8, [&](index_t begin, index_t end) {
    data::Topography<float> own = painter;
    for (index_t i = begin; i < end; ++i)
      own.draw(std::span(dense.data() + rows[static_cast<std::size_t>(i)] * values,
                         static_cast<std::size_t>(values)),
               std::span(to + i * pixels, static_cast<std::size_t>(pixels)));
  });
  return images;
}

}  // namespace limbic::emotion_clip
