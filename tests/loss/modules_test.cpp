// Losses as modules: the functions' values, options as text, parameters and buffers.
#include <limbic/loss/alignment_modules.hpp>
#include <limbic/loss/prediction_modules.hpp>
#include <limbic/nn/linear.hpp>
#include <limbic/nn/module.hpp>

#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

Tensor<double> points(const Shape& shape, unsigned seed) {
  return Tensor<double>::from(shape, random_values(numel(shape), -1, 1, 0, seed));
}
Tensor<index_t> labels(const std::vector<index_t>& v) {
  return Tensor<index_t>::from({static_cast<index_t>(v.size())}, v);
}

}  // namespace

TEST_CASE("alignment modules are the functions") {
  const auto s = points({6, 3}, 1), t = points({5, 3}, 2), w = Tensor<double>::from({6}, {1, 2, 0, 1, 1, 1});
  const auto ls = labels({0, 1, 0, 1, 2, 2}), lt = labels({0, 1, 2, 0, 1});
  const auto p = softmax(points({5, 3}, 3));
  MmdLoss mmd_loss{.options = mmd_preset("tllib")};
  CHECK(mmd_loss(s, t, {.source = w}).item() == mmd(s, t, mmd_preset("tllib"), {.source = w}).item());
  CHECK(mmd_loss.describe() == to_text(mmd_preset("tllib")));
  LmmdLoss local;
  CHECK(local(s, t, ls, p, {.source = w}).item() == lmmd(s, t, ls, p, {.eps = 0}, {.source = w}).item());
  CHECK(local.describe() == "lmmd(gaussian(mul 2, num 5, eps 0, bandwidth mean_offdiag))");
  ClassMmdLoss by_class{.classes = 3};
  CHECK(by_class(s, t, ls, lt).item() == class_mmd(s, t, ls, lt, 3).item());
  CHECK(by_class.describe() == "class_mmd(classes 3, gaussian(mul 2, num 5, eps 0, bandwidth mean_offdiag))");
  // Setting another option leaves eps as published.
  LmmdLoss by_median{.options = {.bandwidth = Bandwidth::median}};
  CHECK(by_median.describe() == "lmmd(gaussian(mul 2, num 5, eps 0, bandwidth median))");
  CHECK(by_median(s, t, ls, p).item() ==
        lmmd(s, t, ls, p, KernelOptions{.eps = 0, .bandwidth = Bandwidth::median}).item());
  CHECK(lmmd(s, t, ls, p, KernelOptions{}).item() != lmmd(s, t, ls, p).item());
  CHECK(ClassMmdLoss{.classes = 3, .options = {.num = 3}}.describe() ==
        "class_mmd(classes 3, gaussian(mul 2, num 3, eps 0, bandwidth mean_offdiag))");
  CHECK(JmmdLoss{{{.num = 2}}}.describe() == "jmmd(gaussian(mul 2, num 2, eps 0, bandwidth mean_offdiag))");
  const std::vector<Tensor<double>> ss{s, slice(s, 1, 0, 1)}, ts{t, slice(t, 1, 0, 1)};
  CHECK(JmmdLoss{}(ss, ts).item() == jmmd(ss, ts).item());
  CHECK(JmmdLoss{}.describe() == "jmmd(gaussian(mul 2, num 5, eps 0, bandwidth mean_offdiag))");
  CHECK(JmmdLoss{{KernelOptions{.kernel = Kernel::linear}, KernelOptions{.kernel = Kernel::distance}}}
            .describe() == "jmmd(linear, distance)");
  CHECK(EnergyDistanceLoss{}(s, t).item() == energy_distance(s, t).item());
  CHECK(CoralLoss{coral_preset("tllib")}(s, t, {.source = w}).item() ==
        coral(s, t, coral_preset("tllib"), {.source = w}).item());
  CHECK(CoralLoss{}.describe() == "coral(paper)");
  CHECK(LogCoralLoss{{.eps = 0.1}}(s, t).item() == log_coral(s, t, {.eps = 0.1}).item());
  CHECK(LogCoralLoss{{.eps = 0.1}}.describe() == "log_coral(eps 0.1)");
  CHECK(CmdLoss{{.moments = 3}}(s, t).item() == cmd(s, t, {.moments = 3}).item());
  CHECK(CmdLoss{{.moments = 3}}.describe() == "cmd(moments 3)");
}

TEST_CASE("a running bandwidth is a buffer") {
  const auto s = points({6, 3}, 1), t = points({5, 3}, 2);
  MmdLoss loss{.options = {.kernel = {.eps = 0, .bandwidth = Bandwidth::running}},
               .kernel = {.momentum = 0.5}};
  CHECK(loss.describe() == "mmd(biased, gaussian(mul 2, num 5, eps 0, bandwidth running)), momentum 0.5");
  loss(s, t);
  const double first = loss.kernel.bandwidth.item();
  CHECK(first > 0);
  loss(s * 2.0, t * 2.0);
  CHECK(loss.kernel.bandwidth.item() == doctest::Approx(0.5 * first + 0.5 * 4 * first));
  MmdLoss other = loss;
  other.kernel.bandwidth = Tensor<double>::zeros({});
  load_state_dict(other, state_dict(loss));
  CHECK(other(s, t).item() == clone(loss)(s, t).item());
  LmmdLoss local{.options = {.eps = 0, .bandwidth = Bandwidth::running}};
  local(s, t, labels({0, 1, 0, 1, 0, 1}), Tensor<double>::full({5, 2}, 0.5));
  CHECK(local.kernel.bandwidth.item() == doctest::Approx(first));
  CHECK(local.describe() == "lmmd(gaussian(mul 2, num 5, eps 0, bandwidth running) with momentum 0.9)");
  RunningBandwidth shared;
  check_error(
      [&] {
        jmmd(std::vector{s, s}, std::vector{t, t}, {{.bandwidth = Bandwidth::running, .running = &shared}});
      },
      {"[jmmd]", "one layer", "2 layers"});
}

TEST_CASE("adversarial modules reverse the gradient into the features") {
  RandomStream random = Random(1).stream("net");
  auto s = Var<double>::leaf(points({6, 3}, 1)), t = Var<double>::leaf(points({5, 3}, 2));
  DannLoss<Linear<double>> dann{.discriminator = Linear<double>(3, 1, random)};
  const auto y = dann(s, t, 0.5);
  backward(y);
  // By hand: the plain loss's gradient, times -coefficient for features, as it is for the discriminator.
  const auto w = Var<double>::leaf(dann.discriminator.weight.value()),
             b = Var<double>::leaf(dann.discriminator.bias.value());
  const auto sp = Var<double>::leaf(s.value()), tp = Var<double>::leaf(t.value());
  const auto plain = domain_loss(linear(sp, w, b), linear(tp, w, b));
  backward(plain);
  CHECK(y.item() == doctest::Approx(plain.item()).epsilon(1e-13));
  const double c = dann_coefficient(0.5);
  CHECK(error_of(s.grad(), sp.grad() * -c) < 1e-14);
  CHECK(error_of(t.grad(), tp.grad() * -c) < 1e-14);
  CHECK(error_of(dann.discriminator.weight.grad(), w.grad()) < 1e-14);
  CHECK(parameters<double>(dann).size() == 2);
  CHECK(dann.describe() == "dann(rate 10)");
  check_error([&] { dann(s, t, 1.5); }, {"[dann_coefficient]", "1.5"});
  check_error([&] { dann(s, Var<double>::leaf(points({5, 2}, 2)), 0.5); }, {"[dann]", "(6, 3)", "(5, 2)"});

  CdanLoss<Linear<double>, double> cdan{.discriminator = Linear<double>(6, 1, random)};
  const auto zs = Var<double>::leaf(points({6, 2}, 3)), zt = Var<double>::leaf(points({5, 2}, 4));
  s.zero_grad();
  const auto conditional = cdan(s, zs, t, zt, 1);
  backward(conditional);
  const auto ms = conditional_map(s.value(), softmax(zs.value(), 1)),
             mt = conditional_map(t.value(), softmax(zt.value(), 1));
  CHECK(conditional.item() == doctest::Approx(domain_loss(cdan.discriminator(ms), cdan.discriminator(mt),
                                                          {certainty_weights(zs), certainty_weights(zt)})
                                                  .item())
                                  .epsilon(1e-12));
  CHECK(max_abs(s.grad()) > 0);
  CHECK(!zs.grad().defined());
  CHECK(cdan.describe() == "cdan(rate 10, entropy true, full products)");
  CdanLoss<Linear<double>, double> wide{.discriminator = Linear<double>(7, 1, random),
                                        .entropy = false,
                                        .feature_map = random.normal<double>({3, 7}),
                                        .class_map = random.normal<double>({2, 7})};
  CHECK(std::isfinite(wide(s, zs, t, zt, 1).item()));
  CHECK(wide.describe() == "cdan(rate 10, entropy false, random maps of width 7)");
  CHECK(state_dict(wide).contains("feature_map"));
}

TEST_CASE("modules of predictions, distillation and contrast are the functions") {
  const auto a = points({4, 3}, 1), b = points({4, 3}, 2), w = Tensor<double>::from({4}, {1, 0, 2, 1});
  const auto l = labels({0, 1, 1, 0});
  CHECK(EntropyLoss{}(a, w).item() == entropy(a, Reduction::mean, w).item());
  CHECK(EntropyLoss{}.describe() == "entropy(reduction mean)");
  CHECK(ClassConfusionLoss{}(a, w).item() == minimum_class_confusion(a, {}, w).item());
  CHECK(ClassConfusionLoss{}.describe() == "minimum_class_confusion(temperature 2.5)");
  CHECK(DistillationLoss{}(a, b, w).item() == distillation(a, b, {}, w).item());
  CHECK(DistillationLoss{}.describe() == "distillation(temperature 4)");
  CHECK(MutualDistillationLoss{}(a, b, w).item() == mutual_distillation(a, b, {.temperature = 1}, w).item());
  CHECK(MutualDistillationLoss{}.describe() == "mutual_distillation(temperature 1)");
  CHECK(DecoupledKdLoss{}(a, b, l, w).item() == decoupled_kd(a, b, l, {}, w).item());
  CHECK(DecoupledKdLoss{}.describe() == "decoupled_kd(alpha 1, beta 8, temperature 4)");
  CHECK(SimilarityPreservingLoss{}(a, b, w).item() == similarity_preserving(a, b, w).item());
  CHECK(RelationalKdLoss{}(a, b, w).item() == relational_kd(a, b, {}, w).item());
  CHECK(RelationalKdLoss{}.describe() == "relational_kd(distance_weight 1, angle_weight 2)");
  const auto maps = points({4, 2, 3}, 3), other = points({4, 5, 3}, 4);
  CHECK(AttentionTransferLoss{}(maps, other, w).item() == attention_transfer(maps, other, w).item());
  RandomStream random = Random(2).stream("hint");
  FitnetsLoss<double> hint(3, 5, random);
  const auto teacher = points({4, 5}, 5);
  const auto y = hint(a, teacher, w);
  CHECK(y.item() == fitnets(a, teacher, hint.weight.value(), hint.bias.value(), w).item());
  CHECK(hint.describe() == "fitnets(3 -> 5)");
  CHECK(parameters<double>(hint).size() == 2);
  check_error([&] { FitnetsLoss<double>(0, 5, random); }, {"[fitnets]", "positive", "0"});
  ClipLoss<double> clip;
  CHECK(clip(a, b, w).item() == clip_loss(a, b, clip.log_scale.value(), w).item());
  CHECK(clip.describe() == "clip_loss(scale 14.2857, learned)");
  CHECK(parameters<double>(clip).size() == 1);
  CHECK(InfoNceLoss{}(a, b, w).item() == info_nce(a, b, 0.1, w).item());
  CHECK(InfoNceLoss{}.describe() == "info_nce(temperature 0.1)");
  CHECK(SupConLoss{}(a, l, w).item() == supcon(a, l, 0.1, w).item());
  CHECK(SupConLoss{}.describe() == "supcon(temperature 0.1)");
  CHECK(ClassStructureLoss{}(a, l, w).item() == class_structure(a, l, 1e-3, w).item());
  CHECK(ClassStructureLoss{}.describe() == "class_structure(eta 0.001)");
}
