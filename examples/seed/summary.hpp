// What a data set holds, in numbers.
#pragma once

#include <limbic/data/dataset.hpp>
#include <limbic/data/seed_layout.hpp>

#include <cmath>
#include <map>

namespace limbic::seed {

// Of a feature over all windows.
struct Range {
  double low = 0, high = 0, mean = 0, squares = 0;  // sum of squared distances from the mean
  index_t count = 0;

  void add(double v) {
    if (count == 0) low = high = v;
    low = std::min(low, v), high = std::max(high, v);
    const double step = v - mean;
    mean += step / static_cast<double>(++count);
    squares += step * (v - mean);
  }
  double deviation() const { return count ? std::sqrt(squares / static_cast<double>(count)) : 0; }
};

struct ClassCount {
  std::string name;
  index_t trials = 0, windows = 0;
};

struct RecordingCount {
  index_t trials = 0, windows = 0;
  std::string source;
};

struct Summary {
  std::map<index_t, std::map<index_t, RecordingCount>> recordings;  // by subject, session
  std::vector<ClassCount> classes;
  std::vector<Range> bands;  // over windows and electrodes
  std::vector<Range> eye;    // by feature; empty without eyes
  index_t trials = 0, windows = 0;
  index_t unread = 0;  // trials and files that had to be skipped
};

inline Summary summarise(const data::Dataset& d) {
  Summary s;
  for (const std::string& name : d.classes) s.classes.push_back({name, 0, 0});
  s.bands.resize(static_cast<std::size_t>(data::kBands));
  for (const data::Recording& r : d.recordings) {
    RecordingCount& count = s.recordings[r.subject][r.session];
    count.source = r.source;
    for (const data::Trial& t : r.trials) {
      const index_t w = t.windows();
      ++count.trials, ++s.trials, count.windows += w, s.windows += w;
      ClassCount& c = s.classes.at(static_cast<std::size_t>(t.label));
      ++c.trials, c.windows += w;
      for (index_t i = 0; i < t.eeg.numel(); ++i)
        s.bands[static_cast<std::size_t>(i % data::kBands)].add(t.eeg.data()[i]);
      if (!t.eye.defined()) continue;
      const index_t features = t.eye.size(1);
      s.eye.resize(static_cast<std::size_t>(features));
      for (index_t i = 0; i < t.eye.numel(); ++i)
        s.eye[static_cast<std::size_t>(i % features)].add(t.eye.data()[i]);
    }
  }
  for (const std::string& r : d.remarks) s.unread += r.starts_with("skipped: ");
  return s;
}

}  // namespace limbic::seed
