// What one training step of UF-AMA minimises, and how the weights of its parts change over training.
//
//   total = clf + w_cls cls + w_m marginal + w_c class_wise + w_f fused_target + w_d distill
//
// `published` is what the released code does, quirks included. `limbic` is what the method says: every
// parameter is trained, the classes are aligned by class-wise MMD as well, predictions of the target are made
// without dropout, and the weights of all that needs target predictions rise smoothly,
//   w(p) = w_end (2 / (1 + exp(-10 p)) - 1),   p = progress of training in [0, 1].
#pragma once

#include <limbic/loss/adversarial.hpp>
#include <limbic/loss/coral.hpp>
#include <limbic/loss/lmmd.hpp>
#include <limbic/loss/mmd.hpp>

#include "uf_ama/model.hpp"

namespace limbic::uf_ama {

enum class Marginal : std::uint8_t { none, mmd, coral, dann };
enum class Schedule : std::uint8_t { published, smooth };

struct StepOptions {
  std::string name = "limbic";
  Inputs inputs = Inputs::both;
  Schedule schedule = Schedule::smooth;
  bool structure = true;              // cls: cosines between predictions as between labels
  Marginal marginal = Marginal::mmd;  // what aligns the batches as wholes
  bool class_wise = true;             // local MMD with the target's soft predictions
  bool screening = true;              // agreeing confident samples get pseudo-labels
  bool distillation = true;           // the confident modality teaches the other; needs screening
  bool train_classifiers = true;      // else they stay as they were initialised
  bool predict_with_dropout = false;  // whether screening sees the classifiers' dropout
  double structure_weight = 1;
  double marginal_weight = 1;
  double class_wise_weight = 1;
  double fused_target_weight = 0.5;
  double distill_weight = 0.1;
  double min_confidence = 0.9;  // distillation counts if the least confident selected prediction is above it
  index_t min_lessons = 3;      // and if the teacher's group has so many samples
  MmdOptions mmd = mmd_preset("uf_ama");
  BareKernelOptions class_wise_kernel;
  CoralOptions coral = coral_preset("tllib");

  bool uses_target() const { return marginal != Marginal::none || class_wise || screening; }

  // The released code: w_m and w_f by its rules, distillation at 1e-5, the classifiers out of the optimiser.
  static StepOptions published() {
    StepOptions o;
    o.name = "published";
    o.schedule = Schedule::published;
    o.class_wise = false;
    o.train_classifiers = false;
    o.predict_with_dropout = true;
    o.distill_weight = 1e-5;
    return o;
  }
  static StepOptions limbic() { return {}; }
};

// The names that ablation() knows.
inline constexpr const char* kAblations[] = {"source-only",  "mmd-only",        "coral",    "dann",
                                             "no-screening", "no-distillation", "eeg-only", "eye-only"};

// A configuration with parts left out or exchanged, for comparison:
//   source-only      clf alone; the target is not looked at
//   mmd-only, coral, dann   clf and that one alignment of the batches as wholes
//   no-screening     neither pseudo-labels nor distillation
//   no-distillation  pseudo-labels, but no teaching
//   eeg-only, eye-only      one encoder and its classifier: no fusion, no screening
// Throws for another name.
inline StepOptions ablation(std::string_view name, StepOptions o = StepOptions::limbic()) {
  o.name += " " + std::string(name);
  auto only = [&](Marginal m) {
    o.structure = o.class_wise = o.screening = o.distillation = false;
    o.marginal = m;
  };
  if (name == "source-only") {
    only(Marginal::none);
  } else if (name == "mmd-only") {
    only(Marginal::mmd);
  } else if (name == "coral") {
    only(Marginal::coral);
  } else if (name == "dann") {
    only(Marginal::dann);
  } else if (name == "no-screening") {
    o.screening = o.distillation = false;
  } else if (name == "no-distillation") {
    o.distillation = false;
  } else if (name == "eeg-only" || name == "eye-only") {
    o.inputs = name == "eeg-only" ? Inputs::eeg : Inputs::eye;
    o.screening = o.distillation = false;
  } else {
    std::string all;
    for (const char* n : kAblations) all += (all.empty() ? "" : ", ") + std::string(n);
    fail("uf_ama", "an ablation is one of ", all, "; got ", name);
  }
  return o;
}
// "published" or "limbic". Throws for another name.
inline StepOptions configuration(std::string_view name) {
  if (name == "published") return StepOptions::published();
  if (name != "limbic") fail("uf_ama", "a configuration is one of published, limbic; got ", name);
  return StepOptions::limbic();
}

inline void check_options(const StepOptions& o) {
  check(!o.distillation || o.screening, "uf_ama", "distillation needs screening");
  check(!o.screening || o.inputs == Inputs::both, "uf_ama", "screening needs both modalities");
  for (double w :
       {o.structure_weight, o.marginal_weight, o.class_wise_weight, o.fused_target_weight, o.distill_weight})
    check(w >= 0 && std::isfinite(w), "uf_ama", "weights must not be negative; got ", w);
}

// Where training stands.
struct Moment {
  index_t epoch = 1;    // counted from 1; the published schedule goes by it
  double progress = 0;  // share of all steps that is done; the smooth schedule goes by it
};

struct Weights {
  double structure = 0, marginal = 0, class_wise = 0, fused_target = 0, distill = 0;
};

namespace detail {
inline double published_marginal_weight(index_t epoch) {
  if (epoch <= 10) return 1;
  if (epoch <= 40) return 2 / (1 + std::exp(-10.0)) - 1.5;
  if (epoch <= 85) return std::exp(-0.6 * static_cast<double>(epoch));
  return 0;
}
inline double published_fused_weight(double clf) { return clf <= 0.1 ? 0.5 : clf < 0.2 ? 0.2 : 0.1; }
}  // namespace detail

// Weights of a step whose source classification loss is `clf`. Throws for a progress outside [0, 1] and an
// epoch below 1.
inline Weights weights_at(const StepOptions& o, const Moment& when, double clf) {
  check(when.epoch >= 1, "uf_ama", "epochs count from 1; got ", when.epoch);
  const bool published = o.schedule == Schedule::published;
  const double rise = published ? 1 : dann_coefficient(when.progress);
  Weights w;
  if (o.structure) w.structure = o.structure_weight;
  // DANN's own coefficient scales the reversed gradient; its classifier learns at full weight.
  if (o.marginal != Marginal::none)
    w.marginal = o.marginal_weight * (o.marginal == Marginal::dann ? 1
                                      : published ? detail::published_marginal_weight(when.epoch)
                                                  : rise);
  if (o.class_wise) w.class_wise = o.class_wise_weight * rise;
  if (o.screening)
    w.fused_target = published ? detail::published_fused_weight(clf) : o.fused_target_weight * rise;
  if (o.distillation) w.distill = o.distill_weight * rise;
  return w;
}

}  // namespace limbic::uf_ama
