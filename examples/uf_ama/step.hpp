// One training step of UF-AMA: both batches through the network, every loss, their weighted sum.
//
//   clf            cross-entropy of the source, cls: class structure of the source's predictions
//   marginal       MMD, CORAL or a domain classifier between the batches; class_wise: local MMD
//   fused_target   cross-entropy of the fused classifier to the pseudo-labels of agreeing samples
//   distill        (EEG teaches eye) / 2 + (eye teaches EEG) / 2
//
// clf, cls, marginal and class_wise are EEG/4 + eye/4 + fused/2; with one modality that one's alone. Source
// and target go through the network as one batch: all of its layers treat samples alone, so this changes
// nothing but the speed. Target batches have no labels, so none can be used.
//
// On a device the host waits for nothing: no shape depends on a value, and the report stays there until
// on_host() reads it. So a step can be captured as a CUDA graph.
#pragma once

#include <limbic/loss/cross_entropy.hpp>
#include <limbic/loss/similarity.hpp>
#include <limbic/ops/arg.hpp>
#include <limbic/ops/compare.hpp>
#include <limbic/ops/layer_norm.hpp>

#include "uf_ama/options.hpp"
#include "uf_ama/report.hpp"
#include "uf_ama/screening.hpp"

namespace limbic::uf_ama {

template <class T, class D = Cpu>
struct TargetBatch {
  Tensor<T, D> eeg;  // (B, channels, bands)
  Tensor<T, D> eye;  // (B, P)
};
template <class T, class D = Cpu>
struct SourceBatch : TargetBatch<T, D> {
  Tensor<index_t, D> label;  // (B), from 0
};

template <class T, class D = Cpu>
struct StepResult {
  Var<T, D> total;
  ReportOn<T, D> report;        // on_host(report): a StepReport
  Levels<Tensor<T, D>> logits;  // of the whole batch, source first; undefined where a level takes no part
  // Empty without screening; on_host(screening): a Screening.
  std::conditional_t<std::is_same_v<D, Cpu>, Screening, PredictionScreening<T, D>> screening;
};

// Tells source from target by the features that the class is predicted from; trained for DANN only. It sees
// them standardised: their size would otherwise grow without end: the cheapest way to confuse it.
template <class T, class D = Cpu>
struct DomainClassifier {
  Linear<T, D> first, last;

  DomainClassifier() = default;
  DomainClassifier(index_t in, index_t hidden, RandomStream& random)
      : first(in, hidden, random), last(hidden, 1, random) {}
  template <class V>
  void visit(V&& v) {
    v("first", first);
    v("last", last);
  }
  Var<T, D> operator()(const Var<T, D>& x) const {
    return last(linear_relu(layer_norm(x), first.weight, first.bias));
  }
};

template <class T, class D = Cpu>
class Step {
 public:
  StepOptions options;
  DomainClassifier<T, D> domain;

  Step() = default;
  // Throws for options that contradict each other.
  Step(const StepOptions& o, const Config& c, RandomStream& random) : options((check_options(o), o)) {
    if (options.marginal == Marginal::dann)
      domain =
          DomainClassifier<T, D>(options.inputs == Inputs::both ? 2 * c.fused : c.width, c.width, random);
  }

  template <class V>
  void visit(V&& v) {
    v("domain", domain);
  }

  // Freezes what is not trained, and gives handles on what is, for an optimiser.
  std::vector<Var<T, D>> trained_parameters(Network<T, D>& net) {
    const bool eeg = options.inputs != Inputs::eye, eye = options.inputs != Inputs::eeg;
    std::vector<Var<T, D>> out;
    auto part = [&](auto& module, bool wanted) {
      freeze(module, !wanted);
      if (!wanted) return;
      for (auto& p : parameters<T, D>(module)) out.push_back(p);
    };
    part(net.eeg_base_network, eeg);
    part(net.eye_base_network, eye);
    part(net.fusion_base_network, eeg && eye);
    part(net.eeg_classifier, eeg && options.train_classifiers);
    part(net.eye_classifier, eye && options.train_classifiers);
    part(net.fusion_classifier, eeg && eye && options.train_classifiers);
    part(domain, true);
    return out;
  }

  // Throws for shapes that the network does not take, batches of different sizes where the MMD needs equal
  // ones, and labels out of range (told late by a device).
  StepResult<T, D> operator()(Network<T, D>& net, const SourceBatch<T, D>& source,
                              const TargetBatch<T, D>& target, const Moment& when = {}) {
    check_batches(net, source, target);
    const index_t n = source.label.numel(), m = options.uses_target() ? windows(target) : 0;
    const Features<T, D> f =
        net(joined(source.eeg, target.eeg, m, options.inputs != Inputs::eye),
            joined(source.eye, target.eye, m, options.inputs != Inputs::eeg), options.inputs);
    StepResult<T, D> out;
    auto& r = out.report;
    out.logits = {f.logits.eeg.value(), f.logits.eye.value(), f.logits.fused.value()};
    r.source_accuracy = accuracy(out.logits, source.label);

    const Var<T, D> clf = over_levels(f, r.clf_levels, [&](const Var<T, D>&, const Var<T, D>& logits) {
      return cross_entropy(logits, padded(source.label, m));
    });
    r.clf = value(clf);
    if constexpr (kHost) {
      r.weights = weights_at(options, when, r.clf);
    } else {
      r.weights = weights_at(options, when, 1);
      if (options.screening && options.schedule == Schedule::published)
        r.fused_weight = published_weight(r.clf);
    }
    out.total = clf;
    auto add = [&](double weight, Number& reported, auto&& loss, const Tensor<T, D>& weight_there = {}) {
      // A part that weighs nothing is reported, but not differentiated.
      if (weight > 0) {
        const Var<T, D> v = loss();
        reported = value(v);
        out.total = out.total + (weight_there.defined() ? v * weight_there : v * static_cast<T>(weight));
      } else {
        const NoGrad off;
        reported = value(loss());
      }
    };
    if (options.structure)
      add(r.weights.structure, r.cls, [&] {
        return over_levels(f, r.cls_levels, [&](const Var<T, D>&, const Var<T, D>& logits) {
          return class_structure(slice(logits, 0, 0, n), source.label);
        });
      });
    if (options.marginal != Marginal::none)
      add(r.weights.marginal, r.marginal, [&] { return marginal(f, n, when, r); });
    if (m > 0) predicted_losses(net, f, source.label, out, add);
    r.total = value(out.total);
    return out;
  }

 private:
  static constexpr bool kHost = std::is_same_v<D, Cpu>;
  using Number = std::conditional_t<kHost, double, Tensor<T, D>>;

  static Number value(const Var<T, D>& v) {
    if constexpr (kHost) return static_cast<double>(v.item());
    else return v.value();
  }
  index_t windows(const TargetBatch<T, D>& t) const {
    return options.inputs == Inputs::eye ? t.eye.size(0) : t.eeg.size(0);
  }

  void check_batches(const Network<T, D>& net, const SourceBatch<T, D>& s, const TargetBatch<T, D>& t) const {
    if (options.inputs != Inputs::eye) {
      check_eeg(net.config, "source.eeg", s.eeg);
      if (options.uses_target()) check_eeg(net.config, "target.eeg", t.eeg);
    }
    if (options.inputs != Inputs::eeg) {
      check_eye(net.config, "source.eye", s.eye);
      if (options.uses_target()) check_eye(net.config, "target.eye", t.eye);
    }
    if (!s.label.defined() || !(s.label.shape() == Shape{windows(s)}))
      fail("uf_ama", "source.label (B) is needed for ", windows(s), " windows; got ", s.label);
    if constexpr (kHost) {
      const std::vector<index_t> labels = s.label.to_vector();
      for (std::size_t i = 0; i < labels.size(); ++i)
        if (labels[i] < 0 || labels[i] >= net.config.classes)
          fail("uf_ama", "source.label must lie in [0, ", net.config.classes, "); got ", labels[i], " at ",
               i);
    } else {
      require_labels(D{}, "uf_ama", "source.label", s.label, net.config.classes,
                     0);  // all count: 0 is a class
    }
    if (options.inputs != Inputs::both) return;
    auto pair = [](const char* what, const TargetBatch<T, D>& b) {
      if (b.eeg.size(0) != b.eye.size(0))
        fail("uf_ama", what, ".eeg and ", what, ".eye must have as many windows each; got ", b.eeg.shape(),
             " and ", b.eye.shape());
    };
    pair("source", s);
    if (options.uses_target()) pair("target", t);
  }

  static Tensor<T, D> joined(const Tensor<T, D>& s, const Tensor<T, D>& t, index_t m, bool wanted) {
    return !wanted ? Tensor<T, D>() : m == 0 ? s : concat({s, t});
  }
  // Labels of the whole batch: the target's rows do not count.
  static Tensor<index_t, D> padded(const Tensor<index_t, D>& label, index_t m) {
    Tensor<index_t, D> all = Tensor<index_t, D>::full({label.numel() + m}, -100);
    all.slice(0, 0, label.numel()).copy_from(label);
    return all;
  }

  static Number accuracy(const Levels<Tensor<T, D>>& logits, const Tensor<index_t, D>& label) {
    const Tensor<T, D>& x = logits.fused.defined() ? logits.fused
                            : logits.eeg.defined() ? logits.eeg
                                                   : logits.eye;
    if constexpr (kHost) {
      const auto predicted = argmax(x, 1).to_vector(), wanted = label.to_vector();
      index_t right = 0;
      for (std::size_t i = 0; i < wanted.size(); ++i) right += predicted[i] == wanted[i];
      return static_cast<double>(right) / static_cast<double>(label.numel());
    } else {
      return mean(eq(argmax(x, 1).slice(0, 0, label.numel()), label).template to<T>());
    }
  }
  // The published weight of pseudo-labels, which depends on the classification loss.
  static Tensor<T, D> published_weight(const Tensor<T, D>& clf) {
    Tensor<T, D> w = clf.clone();
    const T low = static_cast<double>(T(0.1)) > 0.1 ? std::nextafter(T(0.1), T(0)) : T(0.1);  // at most 0.1
    elementwise_update(
        D{},
        [low](auto v) { return math::choose(v <= low, T(0.5), math::choose(v < T(0.2), T(0.2), T(0.1))); },
        w);
    return w;
  }

  // EEG/4 + eye/4 + fused/2 of loss(features, logits); the one modality's alone if there is one.
  template <class F>
  Var<T, D> over_levels(const Features<T, D>& f, Levels<Number>& reported, F&& loss) const {
    if (options.inputs == Inputs::eeg) return single(reported.eeg, loss(f.feature.eeg, f.logits.eeg));
    if (options.inputs == Inputs::eye) return single(reported.eye, loss(f.feature.eye, f.logits.eye));
    const Var<T, D> a = single(reported.eeg, loss(f.feature.eeg, f.logits.eeg));
    const Var<T, D> b = single(reported.eye, loss(f.feature.eye, f.logits.eye));
    const Var<T, D> c = single(reported.fused, loss(f.feature.fused, f.logits.fused));
    return (a + b) * T(0.25) + c * T(0.5);
  }
  static Var<T, D> single(Number& reported, const Var<T, D>& v) {
    reported = value(v);
    return v;
  }

  Var<T, D> marginal(const Features<T, D>& f, index_t n, const Moment& when, ReportOn<T, D>& r) const {
    if (options.marginal == Marginal::dann) {
      const Var<T, D>& x = options.inputs == Inputs::both  ? f.feature.fused
                           : options.inputs == Inputs::eeg ? f.feature.eeg
                                                           : f.feature.eye;
      r.reversal = dann_coefficient(when.progress);
      const Var<T, D> logits = domain(gradient_reversal(x, static_cast<T>(r.reversal)));
      return domain_loss(slice(logits, 0, 0, n), slice(logits, 0, n));
    }
    return over_levels(f, r.marginal_levels, [&](const Var<T, D>& x, const Var<T, D>&) {
      const Var<T, D> s = slice(x, 0, 0, n), t = slice(x, 0, n);
      return options.marginal == Marginal::mmd ? mmd(s, t, options.mmd) : coral(s, t, options.coral);
    });
  }

  // The classifiers' logits of the target without gradient: what screening and class-wise alignment go by.
  Levels<Tensor<T, D>> target_logits(Network<T, D>& net, const Features<T, D>& f,
                                     const Levels<Tensor<T, D>>& logits, index_t n) const {
    const NoGrad off;
    auto level = [&](Classifier<T, D>& classifier, const Var<T, D>& x, const Tensor<T, D>& with_dropout) {
      if (!x.defined()) return Tensor<T, D>();
      if (options.predict_with_dropout) return with_dropout.slice(0, n);
      const Var<T, D> h = linear_relu(x.value().slice(0, n), classifier.first.weight, classifier.first.bias);
      return classifier.last(h).value();
    };
    return {level(net.eeg_classifier, f.feature.eeg, logits.eeg),
            level(net.eye_classifier, f.feature.eye, logits.eye),
            level(net.fusion_classifier, f.feature.fused, logits.fused)};
  }

  template <class Add>
  void predicted_losses(Network<T, D>& net, const Features<T, D>& f, const Tensor<index_t, D>& label,
                        StepResult<T, D>& out, Add&& add) const {
    if (!options.class_wise && !options.screening) return;
    const index_t n = label.numel();
    auto& r = out.report;
    const Levels<Tensor<T, D>> predicted = target_logits(net, f, out.logits, n);
    if (options.class_wise)
      add(r.weights.class_wise, r.class_wise, [&] {
        const Levels<Tensor<T, D>> p = {probabilities(predicted.eeg), probabilities(predicted.eye),
                                        probabilities(predicted.fused)};
        const Tensor<T, D>* next[] = {&p.eeg, &p.eye, &p.fused};
        std::size_t level = options.inputs == Inputs::eye ? 1 : 0;
        return over_levels(f, r.class_wise_levels, [&](const Var<T, D>& x, const Var<T, D>&) {
          return lmmd(slice(x, 0, 0, n), slice(x, 0, n), label, *next[level++], options.class_wise_kernel);
        });
      });
    if (!options.screening) return;
    if constexpr (kHost) screen_on_host(f, predicted, n, out, add);
    else screen_on_device(f, predicted, n, out, add);
  }

  template <class Add>
  void screen_on_host(const Features<T, D>& f, const Levels<Tensor<T, D>>& predicted, index_t n,
                      StepResult<T, D>& out, Add&& add) const {
    StepReport& r = out.report;
    out.screening = screen(predicted.eeg, predicted.eye);
    const Screening& s = out.screening;
    r.screen(s);
    add(r.weights.fused_target, r.fused_target,
        [&] { return cross_entropy(f.logits.fused, screened_labels(s.agree, s.eeg_label, n).label); });
    if (!options.distillation) return;
    const Tensor<index_t> fused = argmax(predicted.fused, 1);
    auto lesson = [&](const Tensor<index_t>& samples, const Tensor<index_t>& teacher,
                      const Var<T, D>& student, index_t& kept, double& reported) {
      const ScreenedLabels labels = screened_labels(samples, teacher, n, fused);
      kept = labels.count;
      const bool counts =
          s.mid_confidence > options.min_confidence && samples.numel() >= options.min_lessons && kept > 0;
      return single(reported,
                    counts ? cross_entropy(student, labels.label) : Var<T, D>(Tensor<T, D>::scalar(T(0))));
    };
    add(r.weights.distill, r.distill, [&] {
      return (lesson(s.eeg_teaches, s.eeg_label, f.logits.eye, r.eeg_lessons, r.eeg_teaches_eye) +
              lesson(s.eye_teaches, s.eye_label, f.logits.eeg, r.eye_lessons, r.eye_teaches_eeg)) *
             T(0.5);
    });
  }

  // The same with labels that the device writes: cross_entropy() over no rows is 0, and so is its gradient.
  template <class Add>
  void screen_on_device(const Features<T, D>& f, const Levels<Tensor<T, D>>& predicted, index_t n,
                        StepResult<T, D>& out, Add&& add) const {
    auto& r = out.report;
    const Tensor<T, D> joint = options.distillation ? predicted.fused : Tensor<T, D>();
    out.screening = screen_predictions(D{}, "uf_ama", predicted.eeg, predicted.eye, joint, n,
                                       ScreeningRules{options.min_confidence, options.min_lessons});
    const auto& s = out.screening;
    r.screened = s.counts;
    r.mid_confidence = s.least;
    add(
        r.weights.fused_target, r.fused_target,
        [&] { return cross_entropy(f.logits.fused, s.target.select(0, 0)); }, r.fused_weight);
    if (!options.distillation) return;
    add(r.weights.distill, r.distill, [&] {
      return (single(r.eeg_teaches_eye, cross_entropy(f.logits.eye, s.target.select(0, 1))) +
              single(r.eye_teaches_eeg, cross_entropy(f.logits.eeg, s.target.select(0, 2)))) *
             T(0.5);
    });
  }

  static Tensor<T, D> probabilities(const Tensor<T, D>& logits) {
    return logits.defined() ? softmax(logits) : logits;
  }
};

}  // namespace limbic::uf_ama
