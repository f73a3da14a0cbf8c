// What one step of UF-AMA has to say, as plain numbers: for logs, curves and tests.
#pragma once

#include <limbic/ops/concat.hpp>

#include "uf_ama/options.hpp"
#include "uf_ama/screening.hpp"

namespace limbic::uf_ama {

// Those of one step that its losses and screening give. N: a number, or a scalar of a device, undefined for
// 0.
template <class N>
struct ReportOf {
  N total{};
  // The parts before weighting; those that take no part are 0.
  N clf{}, cls{}, marginal{}, class_wise{}, fused_target{}, distill{};
  Levels<N> clf_levels, cls_levels, marginal_levels, class_wise_levels;
  N eeg_teaches_eye{}, eye_teaches_eeg{};
  N source_accuracy{};  // of the fused classifier (or the only one), with dropout
  N mid_confidence{};   // the smallest confidence that screening selected
  Weights weights;
  double reversal = 0;  // coefficient of DANN's gradient reversal

  // f(number) for each N, in a fixed order.
  template <class F>
  void each_number(F&& f) {
    for (N* n : {&total, &clf, &cls, &marginal, &class_wise, &fused_target, &distill, &eeg_teaches_eye,
                 &eye_teaches_eeg, &source_accuracy, &mid_confidence})
      f(*n);
    for (Levels<N>* l : {&clf_levels, &cls_levels, &marginal_levels, &class_wise_levels})
      for (N* n : {&l->eeg, &l->eye, &l->fused}) f(*n);
  }
};

struct StepReport : ReportOf<double> {
  // Screening: how many predictions were selected, and what became of the samples.
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

// The same where it was worked out: nobody has waited for it. on_host() does.
template <class T, class D>
struct DeviceReport : ReportOf<Tensor<T, D>> {
  Tensor<T, D> fused_weight;  // in place of weights.fused_target where the loss decides on it; else undefined
  Tensor<index_t, D> screened{};  // PredictionScreening's counts
};
template <class T, class D>
using ReportOn = std::conditional_t<std::is_same_v<D, Cpu>, StepReport, DeviceReport<T, D>>;

inline const StepReport& on_host(const StepReport& r) { return r; }
// In two transfers.
template <class T, class D>
StepReport on_host(DeviceReport<T, D> r) {
  using On = PredictionScreening<T, D>;
  StepReport out;
  out.weights = r.weights;
  out.reversal = r.reversal;
  std::vector<Tensor<T, D>> there;
  const auto note = [&](const Tensor<T, D>& t) {
    if (t.defined()) there.push_back(t.reshape({1}));
    return t.defined();
  };
  std::vector<bool> defined;
  r.each_number([&](const Tensor<T, D>& t) { defined.push_back(note(t)); });
  const bool weight = note(r.fused_weight);
  const std::vector<T> values = concat(there).to_vector();
  std::size_t i = 0, at = 0;
  out.each_number([&](double& number) {
    if (defined[i++]) number = static_cast<double>(values[at++]);
  });
  if (weight) out.weights.fused_target = static_cast<double>(values[at]);
  if (!r.screened.defined()) return out;
  const auto count = r.screened.to_vector();
  out.agree = count[On::kAgree];
  out.eeg_teaches = count[On::kFirstTeaches];
  out.eye_teaches = count[On::kSecondTeaches];
  out.dropped = count[On::kDropped];
  out.eeg_selected = count[On::kFirstSelected];
  out.eye_selected = count[On::kSecondSelected];
  out.eeg_lessons = count[On::kFirstLessons];
  out.eye_lessons = count[On::kSecondLessons];
  return out;
}

}  // namespace limbic::uf_ama
