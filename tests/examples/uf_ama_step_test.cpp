// The training step of UF-AMA: gradients, configurations and ablations, weights, threads and memory.
#include <doctest/doctest.h>

#include <limbic/optim/adam.hpp>

#include "examples/uf_ama_setup.hpp"
#include "support/throws.hpp"

using namespace limbic;
using namespace limbic::test;
using namespace limbic::uf_ama;
using namespace limbic::uf_ama::test;

TEST_CASE("the gradient of a whole step agrees with differences, in every parameter") {
  const Moment when{.epoch = 1, .progress = 0.3};
  for (const char* name : {"limbic", "published", "coral", "no-screening"}) {
    CAPTURE(name);
    StepOptions o = everything();
    if (std::string_view(name) == "published") {
      o = StepOptions::published();
      o.distill_weight = 1;  // not lost beside the rest
      o.min_confidence = 0;
      o.min_lessons = 1;
    } else if (std::string_view(name) != "limbic") {
      o = ablation(name, o);
    }
    // Bandwidths, screening and weights of target predictions are constants of the graph, but move with the
    // parameters: the first is fixed here, and all predictions stay what they are within a step of
    // differences.
    o.mmd.kernel.bandwidth = o.class_wise_kernel.bandwidth = Bandwidth::fixed;
    Setup<double> s(tiny(), o);
    const Batches<double> b(s.config, 12, 12);
    if (o.class_wise) {  // its weights are the target's soft predictions: they move, so they are checked
                         // apart
      s.step.options.class_wise = false;
    }
    StepReport report;
    const auto analytic = gradients(s, b, when, &report);
    if (o.screening) CHECK(report.agree + report.eeg_lessons + report.eye_lessons > 0);
    std::vector<Tensor<double>> values;
    for (auto& p : named_parameters<double>(s.net)) values.push_back(p.value->value().clone());
    auto total = [&] {
      const NoGrad off;
      return static_cast<double>(s.step(s.net, b.source, b.target, when).total.item());
    };
    std::size_t checked = 0;
    for (auto& p : named_parameters<double>(s.net)) {
      CAPTURE(p.name);
      const auto g = analytic.find(p.name);
      double* x = p.value->mutable_value().mutable_data();
      for (index_t i = 0; i < p.value->numel(); ++i) {
        const double at = x[i], h = 1e-6;
        x[i] = at + h;
        const double above = total();
        x[i] = at - h;
        const double below = total();
        x[i] = at;
        const double expected = (above - below) / (2 * h),
                     got = g == analytic.end() ? 0 : g->second.data()[i];
        REQUIRE(std::abs(got - expected) < 1e-6 * std::max(1.0, std::abs(expected)));
        ++checked;
      }
    }
    CHECK(checked == static_cast<std::size_t>(count_parameters(s.net)));
  }
}

TEST_CASE(
    "class-wise alignment is local MMD of the features, with the target's soft predictions held constant") {
  Setup<double> s(tiny(), StepOptions::limbic());
  const Batches<double> b(s.config, 6, 5);
  s.step.options.marginal = Marginal::none;  // linear MMD would want equal batches
  const Moment when{.progress = 1};
  StepReport with, without;
  const auto all = gradients(s, b, when, &with);
  s.step.options.class_wise = false;
  const auto rest = gradients(s, b, when, &without);

  const Features<double> f =
      s.net(concat({b.source.eeg, b.target.eeg}), concat({b.source.eye, b.target.eye}));
  auto level = [&](const Var<double>& x, const Var<double>& logits) {
    return lmmd(slice(x, 0, 0, 6), slice(x, 0, 6), b.source.label, softmax(logits.value().slice(0, 6)));
  };
  const Var<double> expected = level(f.feature.eeg, f.logits.eeg) * 0.25 +
                               level(f.feature.eye, f.logits.eye) * 0.25 +
                               level(f.feature.fused, f.logits.fused) * 0.5;
  CHECK(with.class_wise == doctest::Approx(expected.item()));
  CHECK(with.total - without.total == doctest::Approx(expected.item() * with.weights.class_wise));
  const auto g = grad(expected, {s.net.eeg_base_network.dim_down.weight});
  const std::string name = "eeg_base_network.dim_down.weight";
  CHECK(error_of(all.at(name) - rest.at(name), g[0].value() * with.weights.class_wise) < 1e-12);
}

TEST_CASE("every ablation leaves out what it says and nothing else") {
  const Moment when{.epoch = 1, .progress = 0.5};
  auto run = [&](const StepOptions& o, std::map<std::string, Tensor<double>>* g = nullptr) {
    Setup<double> s(tiny(), o);
    StepReport r;
    const auto all = gradients(s, Batches<double>(s.config, 12, 12), when, &r);
    if (g) *g = all;
    return r;
  };
  const StepOptions base = everything();
  const StepReport full = run(base);
  CHECK(full.cls != 0);
  CHECK(full.marginal != 0);
  CHECK(full.class_wise != 0);
  CHECK(full.fused_target != 0);
  CHECK(full.distill != 0);
  const Weights& w = full.weights;
  CHECK(full.total == doctest::Approx(full.clf + w.structure * full.cls + w.marginal * full.marginal +
                                      w.class_wise * full.class_wise + w.fused_target * full.fused_target +
                                      w.distill * full.distill));
  for (const char* name : kAblations) {
    CAPTURE(name);
    const StepOptions o = ablation(name, base);
    std::map<std::string, Tensor<double>> g;
    const StepReport r = run(o, &g);
    const std::string_view n = name;
    const bool one = n == "eeg-only" || n == "eye-only";
    const bool bare = n == "source-only" || n == "mmd-only" || n == "coral" || n == "dann";
    CHECK(r.clf == doctest::Approx(!one              ? full.clf
                                   : n == "eeg-only" ? full.clf_levels.eeg
                                                     : full.clf_levels.eye));
    CHECK((r.cls == 0) == bare);
    CHECK((r.class_wise == 0) == bare);
    CHECK((r.marginal == 0) == (n == "source-only"));
    const bool screens = !bare && !one && n != "no-screening";
    CHECK((r.agree + r.eeg_teaches + r.eye_teaches > 0) == screens);
    CHECK((r.fused_target == 0) == !screens);
    CHECK((r.distill == 0) == (!screens || n == "no-distillation"));
    if (n == "mmd-only" || n == "no-screening" || n == "no-distillation")
      CHECK(r.marginal == doctest::Approx(full.marginal));
    if (n == "no-distillation") CHECK(r.total == doctest::Approx(full.total - w.distill * full.distill));
    if (n == "no-screening")
      CHECK(r.total ==
            doctest::Approx(full.total - w.distill * full.distill - w.fused_target * full.fused_target));
    if (n == "source-only") CHECK(r.total == doctest::Approx(full.clf));
    if (n == "dann") CHECK(r.reversal == doctest::Approx(dann_coefficient(0.5)));
    CHECK(has_prefix(g, "eeg_") == (n != "eye-only"));
    CHECK(has_prefix(g, "eye_") == (n != "eeg-only"));
    CHECK(has_prefix(g, "fusion_") == !one);
  }
  CHECK(thrown([] { ablation("no-nothing"); }).find("source-only, mmd-only") != std::string::npos);
  CHECK(thrown([] { configuration("other"); }).find("published, limbic; got other") != std::string::npos);
  StepOptions bad;
  bad.screening = false;
  CHECK(thrown([&] { check_options(bad); }).find("distillation needs screening") != std::string::npos);
  bad = ablation("eeg-only");
  bad.screening = true;
  CHECK(thrown([&] { check_options(bad); }).find("both modalities") != std::string::npos);
  bad = StepOptions::limbic();
  bad.distill_weight = -1;
  CHECK(thrown([&] { check_options(bad); }).find("must not be negative; got -1") != std::string::npos);
}

TEST_CASE("source-only does not look at the target at all") {
  Setup<double> s(tiny(0.1), ablation("source-only"));
  Batches<double> b(s.config, 6, 6);
  b.target = {};
  CHECK(s.step(s.net, b.source, b.target).report.total > 0);
}

TEST_CASE("DANN turns the domain loss against the features, not against the domain classifier") {
  Setup<double> s(tiny(), ablation("dann"));
  const Batches<double> b(s.config, 5, 7);
  const std::string name = "fusion_base_network.eye_feature_dim_down.weight";
  auto run = [&](double progress) {
    const auto g = gradients(s, b, {.progress = progress});
    return std::pair(g.at(name), s.step.domain.first.weight.grad().clone());
  };
  const auto start = run(0), end = run(1);
  CHECK(identical(start.second, end.second));
  // What reaches the features at progress p is that of the classification minus coefficient times the
  // domain's.
  const Features<double> f =
      s.net(concat({b.source.eeg, b.target.eeg}), concat({b.source.eye, b.target.eye}));
  const Var<double> logits = s.step.domain(f.feature.fused);
  const auto g = grad(domain_loss(slice(logits, 0, 0, 5), slice(logits, 0, 5)),
                      {s.net.fusion_base_network.eye_feature_dim_down.weight});
  CHECK(error_of(end.first - start.first, g[0].value() * -dann_coefficient(1)) < 1e-12);
  CHECK(s.step.trained_parameters(s.net).size() == parameters<double>(s.net).size() + 4);
}

TEST_CASE("published leaves the classifiers as they were, limbic trains everything") {
  for (const bool published : {true, false}) {
    Setup<float> s(tiny(), published ? StepOptions::published() : StepOptions::limbic());
    const Batches<float> b(s.config, 6, 6);
    Adam<float> adam(s.step.trained_parameters(s.net), {.lr = 1e-2});
    const StateDict before = state_dict(s.net).clone();
    StepResult<float> r = s.step(s.net, b.source, b.target, {.progress = 0.5});
    backward(std::move(r.total));
    adam.step();
    for (const auto& p : named_parameters<float>(s.net)) {
      CAPTURE(p.name);
      const bool classifier = p.name.find("_classifier.") != std::string::npos;
      if (p.name.ends_with("in_proj_bias")) continue;  // the keys' part has no gradient
      CHECK(equal(p.value->value(), before.get<float>(p.name)) == (published && classifier));
    }
  }
}

TEST_CASE("weights over training") {
  const StepOptions p = StepOptions::published(), l = StepOptions::limbic();
  auto marginal = [&](index_t epoch) { return weights_at(p, {.epoch = epoch}, 1).marginal; };
  CHECK(marginal(1) == 1);
  CHECK(marginal(10) == 1);
  CHECK(marginal(11) == doctest::Approx(0.4999092));
  CHECK(marginal(40) == marginal(11));
  CHECK(marginal(41) == doctest::Approx(std::exp(-24.6)));
  CHECK(marginal(85) > 0);
  CHECK(marginal(86) == 0);
  auto fused = [&](double clf) { return weights_at(p, {}, clf).fused_target; };
  CHECK(fused(0.1) == 0.5);
  CHECK(fused(0.11) == 0.2);
  CHECK(fused(0.2) == 0.1);
  CHECK(weights_at(p, {}, 1).distill == 1e-5);
  CHECK(weights_at(l, {.progress = 0}, 1).marginal == 0);
  CHECK(weights_at(l, {.progress = 1}, 1).class_wise == doctest::Approx(0.9999092));
  CHECK(weights_at(l, {.progress = 0.2}, 1).fused_target ==
        doctest::Approx(0.5 * (2 / (1 + std::exp(-2.0)) - 1)));
  CHECK(thrown([&] { weights_at(p, {.epoch = 0}, 1); }).find("epochs count from 1; got 0") !=
        std::string::npos);
  CHECK(thrown([&] { weights_at(l, {.progress = 1.5}, 1); }).find("1.5") != std::string::npos);
}

TEST_CASE("a part that weighs nothing is reported, but not differentiated") {
  Setup<double> s(tiny(), ablation("mmd-only"));
  const Batches<double> b(s.config, 6, 6);
  StepReport with;
  const auto g = gradients(s, b, {.progress = 0}, &with);
  CHECK(with.marginal != 0);
  CHECK(with.total == with.clf);
  s.step.options.marginal = Marginal::none;
  for (const auto& entry : gradients(s, b, {.progress = 0})) {
    CAPTURE(entry.first);
    CHECK(error_of(g.at(entry.first), entry.second) < 1e-12);
  }
}

TEST_CASE("distillation waits for confidence and for three samples") {
  StepOptions o = everything();
  Setup<double> s(tiny(), o);
  const Batches<double> b(s.config, 12, 12);
  auto distill = [&] { return s.step(s.net, b.source, b.target, {.progress = 1}).report; };
  const StepReport r = distill();
  CHECK(r.distill > 0);
  s.step.options.min_confidence = r.mid_confidence;
  CHECK(distill().distill == 0);
  s.step.options.min_confidence = r.mid_confidence - 1e-9;
  CHECK(distill().distill == r.distill);
  s.step.options.min_lessons = std::max(r.eeg_teaches, r.eye_teaches);
  CHECK(distill().distill > 0);
  ++s.step.options.min_lessons;
  CHECK(distill().distill == 0);
}

TEST_CASE("training: the same bits with one and two threads, no memory from the system once warm") {
  Config c = Config::seed();
  c.width = 16;
  c.fused = 32;
  c.layers = 2;
  auto trained = [&](int threads, const StepOptions& o) {
    set_num_threads(threads);
    Setup<float> s(c, o);
    const Batches<float> b(c, 16, 16);
    Adam<float> adam(s.step.trained_parameters(s.net));
    std::uint64_t before = 0;
    for (int i = 0; i < 12; ++i) {
      if (i == 6) before = memory_stats().system_allocations;
      StepResult<float> r = s.step(s.net, b.source, b.target, {.progress = 0.5});
      adam.zero_grad();
      backward(std::move(r.total));
      adam.step();
    }
    if (threads == 1) CHECK(memory_stats().system_allocations == before);
    set_num_threads(1);
    return state_dict(s.net).clone();
  };
  for (const StepOptions& o : {StepOptions::limbic(), StepOptions::published()}) {
    const StateDict one = trained(1, o), two = trained(2, o);
    CHECK(same_state(one, two));
  }
}

TEST_CASE("batches of one, and of different sizes") {
  for (const char* name : {"limbic", "published"}) {
    Setup<double> s(tiny(0.1), configuration(name));
    CHECK(std::isfinite(
        s.step(s.net, Batches<double>(s.config, 1, 1).source, Batches<double>(s.config, 1, 1).target)
            .report.total));
  }
  Setup<double> s(tiny(), StepOptions::limbic());
  const Batches<double> b(s.config, 6, 4);
  CHECK(thrown([&] { s.step(s.net, b.source, b.target); }).find("batches of one size") != std::string::npos);
  s.step.options.mmd.estimator = MmdEstimator::biased;
  CHECK(s.step(s.net, b.source, b.target, {.progress = 1}).report.marginal > 0);
}

TEST_CASE("bad batches are refused by name") {
  Setup<double> s(tiny(), StepOptions::limbic());
  const Batches<double> b(s.config, 6, 6);
  auto error = [&](auto&& spoil) {
    Batches<double> bad = b;
    spoil(bad);
    return thrown([&] { s.step(s.net, bad.source, bad.target); });
  };
  auto found = [&](const std::string& text, const char* part) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  found(error([](auto& x) { x.target.eeg = x.target.eeg.slice(1, 0, 2); }),
        "target.eeg (B, 3 channels, 2 bands) is needed");
  found(error([](auto& x) { x.source.eye = {}; }), "source.eye (B, 2 eye features) is needed");
  found(error([](auto& x) { x.source.label = x.source.label.slice(0, 0, 5); }),
        "source.label (B) is needed for 6 windows");
  found(error([](auto& x) { x.source.label = Tensor<index_t>::full({6}, 3); }),
        "source.label must lie in [0, 3); got 3 at 0");
  found(error([](auto& x) { x.target.eye = x.target.eye.slice(0, 0, 5); }),
        "target.eeg and target.eye must have as many");
  found(error([](auto& x) { x.target.eeg.fill(std::nan("")); }), "finite");
}

TEST_CASE("a report names every number once") {
  std::set<std::string> names;
  int count = 0;
  StepReport().each([&](const std::string& name, double v) {
    names.insert(name);
    ++count;
    CHECK(v == 0);
  });
  CHECK(static_cast<int>(names.size()) == count);
  CHECK(names.count("screen.eeg_lessons") == 1);
}
