// What one step of UF-AMA has to say, as plain numbers: for logs, curves and tests.
#pragma once

#include "uf_ama/options.hpp"
#include "uf_ama/screening.hpp"

namespace limbic::uf_ama {

struct StepReport {
  double total = 0;
  // The parts before weighting; those that take no part are 0.
  double clf = 0, cls = 0, marginal = 0, class_wise = 0, fused_target = 0, distill = 0;
  Levels<double> clf_levels, cls_levels, marginal_levels, class_wise_levels;
  double eeg_teaches_eye = 0, eye_teaches_eeg = 0;
  Weights weights;
  double reversal = 0;         // coefficient of DANN's gradient reversal
  double source_accuracy = 0;  // of the fused classifier (or the only one), with dropout
  // Screening: how many predictions were selected, and what became of the samples.
  double mid_confidence = 0;
  index_t eeg_selected = 0, eye_selected = 0;
  index_t agree = 0, dropped = 0, eeg_teaches = 0, eye_teaches = 0;
  index_t eeg_lessons = 0,
          eye_lessons = 0;  // of the teachers' samples, those that the fused prediction confirms

  void screen(const Screening& s) {
    mid_confidence = s.mid_confidence;
    eeg_selected = s.eeg_selected;
    eye_selected = s.eye_selected;
    dropped = s.dropped;
    agree = s.agree.numel();
    eeg_teaches = s.eeg_teaches.numel();
    eye_teaches = s.eye_teaches.numel();
  }

  // Calls f(name, number) for every entry, in a fixed order: the columns of a table.
  template <class F>
  void each(F&& f) const {
    f("total", total);
    auto levels = [&](const std::string& name, double all, const Levels<double>& l) {
      f(name, all);
      f(name + ".eeg", l.eeg);
      f(name + ".eye", l.eye);
      f(name + ".fused", l.fused);
    };
    levels("clf", clf, clf_levels);
    levels("cls", cls, cls_levels);
    levels("marginal", marginal, marginal_levels);
    levels("class_wise", class_wise, class_wise_levels);
    f("fused_target", fused_target);
    f("distill", distill);
    f("eeg_teaches_eye", eeg_teaches_eye);
    f("eye_teaches_eeg", eye_teaches_eeg);
    f("weight.cls", weights.structure);
    f("weight.marginal", weights.marginal);
    f("weight.class_wise", weights.class_wise);
    f("weight.fused_target", weights.fused_target);
    f("weight.distill", weights.distill);
    f("weight.reversal", reversal);
    f("source_accuracy", source_accuracy);
    f("screen.mid_confidence", mid_confidence);
    auto count = [&](const char* name, index_t n) { f(name, static_cast<double>(n)); };
    count("screen.eeg_selected", eeg_selected);
    count("screen.eye_selected", eye_selected);
    count("screen.agree", agree);
    count("screen.dropped", dropped);
    count("screen.eeg_teaches", eeg_teaches);
    count("screen.eye_teaches", eye_teaches);
    count("screen.eeg_lessons", eeg_lessons);
    count("screen.eye_lessons", eye_lessons);
  }
};

}  // namespace limbic::uf_ama
