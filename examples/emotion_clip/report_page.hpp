// The report of a run folder of emotion_clip.
#pragma once

#include <app/train.hpp>

namespace limbic::emotion_clip {

// Throws when the folder's files are damaged.
app::RunResults read_results(const app::RunFolder& folder);

// Writes report.html from what lies in the folder, and returns its path. Throws when nothing is done yet,
// and, with figures, when gnuplot is missing.
std::string write_report(const app::RunFolder& folder, bool figures);

}  // namespace limbic::emotion_clip
