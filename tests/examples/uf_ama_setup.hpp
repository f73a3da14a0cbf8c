// Small networks and batches for the tests of UF-AMA's training step.
#pragma once

#include "uf_ama/step.hpp"

#include <limbic/autograd/gradcheck.hpp>
#include <limbic/backend/cpu/random.hpp>

#include "support/same_state.hpp"

namespace limbic::uf_ama::test {

inline Config tiny(double dropout = 0) {
  Config c;
  c.channels = 3;
  c.bands = 2;
  c.eye_features = 2;
  c.width = 4;
  c.fused = 4;
  c.dropout = dropout;
  c.classifier_dropout = dropout > 0 ? 0.5 : 0;
  return c;
}

template <class T>
struct Batches {
  SourceBatch<T> source;
  TargetBatch<T> target;

  Batches(const Config& c, index_t n, index_t m) {
    RandomStream random = Random(4).stream("batches");
    auto draw = [&](index_t rows) {
      return TargetBatch<T>{random.normal<T>({rows, c.channels, c.bands}),
                            random.normal<T>({rows, c.eye_features})};
    };
    static_cast<TargetBatch<T>&>(source) = draw(n);
    source.label = random.integers({n}, 0, c.classes);
    target = draw(m);
  }
};

template <class T>
struct Setup {
  Config config;
  RandomStream random = Random(1).stream("network");
  Network<T> net;
  Step<T> step;

  Setup(const Config& c, const StepOptions& o) : config(c), net(c, random), step(o, c, random) {
    // Larger weights, so that predictions differ between samples.
    for (auto& p : parameters<T>(net))
      if (p.rank() == 2) p.mutable_value().copy_from(p.value() * T(2.5));
  }
};

// An option set under which every part of the limbic configuration counts at once.
inline StepOptions everything() {
  StepOptions o;
  o.min_confidence = 0;
  o.min_lessons = 1;
  return o;
}

// Total and gradients by name; parts that no gradient reaches are left out.
template <class T>
std::map<std::string, Tensor<T>> gradients(Setup<T>& s, const Batches<T>& b, const Moment& when,
                                           StepReport* report = nullptr) {
  zero_grad(s.net);
  zero_grad(s.step);
  StepResult<T> r = s.step(s.net, b.source, b.target, when);
  if (report) *report = r.report;
  backward(std::move(r.total));
  std::map<std::string, Tensor<T>> out;
  for (const auto& p : named_parameters<T>(s.net))
    if (p.value->grad().defined()) out[p.name] = p.value->grad().clone();
  return out;
}

inline bool has_prefix(const std::map<std::string, Tensor<double>>& g, const std::string& prefix) {
  return std::any_of(g.begin(), g.end(), [&](const auto& e) { return e.first.starts_with(prefix); });
}

}  // namespace limbic::uf_ama::test
