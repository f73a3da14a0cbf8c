#include <gallery/plots.hpp>

#include <limbic/loss/loss.hpp>

namespace gallery {

using namespace limbic;

namespace {

using Data = Tensor<double>;
using X = Var<double>;

constexpr index_t kSource = 64, kTarget = 48, kWidth = 8, kClasses = 4;

Data normal(const char* name, const Shape& shape) {
  return Random(6).stream("gallery").stream(name).normal<double>(shape);
}

// Value and gradient of f at x.
template <class F>
Point point(const Data& x, F&& f) {
  const X moved = X::leaf(x);
  const X y = f(moved);
  backward(y);
  return {y.item(), norm(moved.grad()).item()};
}

Tensor<index_t> labels(index_t n) {
  std::vector<index_t> v;
  for (index_t i = 0; i < n; ++i) v.push_back(i % kClasses);
  return Tensor<index_t>::from({n}, v);
}
Data hot(index_t n, double size) {
  Data x = Data::zeros({n, kClasses});
  for (index_t i = 0; i < n; ++i) x.set({i, i % kClasses}, size);
  return x;
}
// Direction of the move of means: all features alike, length 1.
double step_of(double shift) { return shift / std::sqrt(static_cast<double>(kWidth)); }

struct Batches {
  Data source = normal("source", {kSource, kWidth}), target = normal("target", {kTarget, kWidth});
  Data even = normal("even", {kSource, kWidth});  // a target of the source's size
  // Four classes, two standard deviations apart.
  Data class_source = source + pad_to_width(hot(kSource, 2)),
       class_target = target + pad_to_width(hot(kTarget, 2));
  Data teacher = normal("teacher", {32, kClasses}) * 2.0, noise = normal("noise", {32, kClasses});
  Data features = normal("features", {32, kWidth}), feature_noise = normal("feature noise", {32, kWidth});

  static Data pad_to_width(const Data& x) {
    return concat({x, Data::zeros({x.size(0), kWidth - kClasses})}, 1);
  }
};

Curve mean_curve(const std::string& name, const std::string& title, const Data& target,
                 const std::function<X(const X&)>& f) {
  return {name, title, "shift of the target's mean, in standard deviations", 4,
          [=](double shift) { return point(target + step_of(shift), f); }};
}
Curve spread_curve(const std::string& name, const std::string& title, const Data& target,
                   const std::function<X(const X&)>& f) {
  return {name, title, "growth of the target's standard deviation", 2,
          [=](double shift) { return point(target * (1 + shift), f); }};
}
Curve noise_curve(const std::string& name, const std::string& title, const Data& from, const Data& noise,
                  const char* moved, const std::function<X(const X&)>& f) {
  return {name, title, moved, 4, [=](double shift) { return point(from + noise * shift, f); }};
}

void add_alignment(std::vector<Curve>& out, const Batches& b) {
  const auto add_mmd = [&](const std::string& name, const MmdOptions& o, const Data& target) {
    out.push_back(
        mean_curve(name, to_text(o), target, [o, s = b.source](const X& t) { return mmd(s, t, o); }));
  };
  add_mmd("mmd_biased", {}, b.target);
  add_mmd("mmd_unbiased", {.estimator = MmdEstimator::unbiased}, b.target);
  add_mmd("mmd_uf_ama", mmd_preset("uf_ama"), b.even);
  add_mmd("mmd_tllib", mmd_preset("tllib"), b.target);
  add_mmd("mmd_laplacian", {.kernel = {.kernel = Kernel::laplacian}}, b.target);
  add_mmd("mmd_linear_kernel", {.kernel = {.kernel = Kernel::linear}}, b.target);
  out.push_back(
      mean_curve("jmmd", JmmdLoss{}.describe() + ", two layers", b.target, [s = b.source](const X& t) {
        return jmmd(std::vector<X>{X(s), tanh(X(s))}, std::vector<X>{t, tanh(t)});
      }));
  out.push_back(mean_curve("class_mmd", ClassMmdLoss{.classes = kClasses}.describe(), b.class_target,
                           [s = b.class_source](const X& t) {
                             return class_mmd(s, t, labels(kSource), labels(kTarget), kClasses);
                           }));
  out.push_back(mean_curve("lmmd", LmmdLoss{}.describe(), b.class_target, [s = b.class_source](const X& t) {
    return lmmd(s, t, labels(kSource), softmax(hot(kTarget, 2), 1));
  }));
  out.push_back(mean_curve("energy_distance", "energy_distance", b.target,
                           [s = b.source](const X& t) { return energy_distance(s, t); }));
  out.push_back(spread_curve("coral", to_text(CoralOptions{}), b.target,
                             [s = b.source](const X& t) { return coral(s, t); }));
  out.push_back(spread_curve("coral_tllib", to_text(coral_preset("tllib")), b.target,
                             [s = b.source](const X& t) { return coral(s, t, coral_preset("tllib")); }));
  out.push_back(spread_curve("log_coral", to_text(LogCoralOptions{}), b.target,
                             [s = b.source](const X& t) { return log_coral(s, t); }));
  out.push_back(mean_curve("cmd", to_text(CmdOptions{}) + " of tanh(features)", b.target,
                           [s = tanh(b.source)](const X& t) { return cmd(s, tanh(t)); }));
  // The discriminator looks along the direction of the move.
  out.push_back({"domain_loss", "domain_loss of the best linear discriminator",
                 "shift of the target's mean, in standard deviations", 4, [b](double shift) {
                   const auto logit = [&](const auto& x) {
                     return sum(x, {1}) * (-shift / std::sqrt(static_cast<double>(kWidth))) +
                            shift * shift / 2;
                   };
                   return point(b.target + step_of(shift),
                                [&](const X& t) { return domain_loss(logit(b.source), logit(t)); });
                 }});
}

void add_predictions(std::vector<Curve>& out, const Batches& b) {
  const auto scale = [&](const std::string& name, const std::string& title,
                         const std::function<X(const X&)>& f) {
    out.push_back({name, title, "factor of the logits", 4,
                   [f, z = b.teacher](double shift) { return point(z * shift, f); }});
  };
  scale("entropy", EntropyLoss{}.describe(), [](const X& z) { return entropy(z); });
  scale("minimum_class_confusion", to_text(ClassConfusionOptions{}),
        [](const X& z) { return minimum_class_confusion(z); });
}

void add_distillation(std::vector<Curve>& out, const Batches& b) {
  const auto logits = [&](const std::string& name, const std::string& title,
                          const std::function<X(const X&)>& f) {
    out.push_back(noise_curve(name, title, b.teacher, b.noise, "noise on the student's logits", f));
  };
  logits("distillation", to_text(DistillationOptions{}),
         [t = b.teacher](const X& s) { return distillation(s, t); });
  logits("mutual_distillation", MutualDistillationLoss{}.describe(),
         [t = b.teacher](const X& s) { return mutual_distillation(s, t); });
  logits("decoupled_kd", to_text(DecoupledKdOptions{}),
         [t = b.teacher](const X& s) { return decoupled_kd(s, t, labels(32)); });
  const auto features = [&](const std::string& name, const std::string& title,
                            const std::function<X(const X&)>& f) {
    out.push_back(
        noise_curve(name, title, b.features, b.feature_noise, "noise on the student's features", f));
  };
  features("similarity_preserving", "similarity_preserving",
           [t = b.features](const X& s) { return similarity_preserving(s, t); });
  features("relational_kd", to_text(RelationalKdOptions{}),
           [t = b.features](const X& s) { return relational_kd(s, t); });
  features("attention_transfer", "attention_transfer, two channels of four places",
           [t = b.features](const X& s) {
             return attention_transfer(reshape(s, {32, 2, 4}), reshape(t, {32, 2, 4}));
           });
  features("fitnets", "fitnets through the identity",
           [t = b.features](const X& s) { return fitnets(s, t, Data::eye(kWidth)); });
}

void add_contrastive(std::vector<Curve>& out, const Batches& b) {
  out.push_back(noise_curve(
      "clip_loss", "clip_loss(scale 14.2857)", b.features, b.feature_noise, "noise on one side's features",
      [a = b.features](const X& x) { return clip_loss(a, x, Data::scalar(-std::log(0.07))); }));
  out.push_back(noise_curve("info_nce", InfoNceLoss{}.describe(), b.features, b.feature_noise,
                            "noise on the keys", [a = b.features](const X& x) { return info_nce(a, x); }));
  out.push_back(noise_curve("supcon", SupConLoss{}.describe(), Batches::pad_to_width(hot(32, 2)),
                            b.feature_noise, "noise on features of four classes",
                            [](const X& x) { return supcon(x, labels(32)); }));
  out.push_back(noise_curve("class_structure", ClassStructureLoss{}.describe(), hot(32, 6), b.noise,
                            "noise on right logits",
                            [](const X& z) { return class_structure(z, labels(32)); }));
}

// The named forms on even batches; `move` makes the target at a step.
template <class Move>
std::vector<Preset> presets(Move&& move) {
  const Batches b;
  std::vector<Preset> out;
  const auto add = [&](const std::string& name, const std::string& options, auto&& f) {
    Preset p{name, options, {}};
    for (double step : kSteps)
      p.points.push_back(point(move(b.even, step), [&](const X& t) { return f(b.source, t); }));
    out.push_back(p);
  };
  add("mmd, default", to_text(MmdOptions{}), [](const Data& s, const X& t) { return mmd(s, t); });
  for (const char* name : {"uf_ama", "transferlearning", "tllib"})
    add("mmd, " + std::string(name), to_text(mmd_preset(name)),
        [&](const Data& s, const X& t) { return mmd(s, t, mmd_preset(name)); });
  add("energy distance", "energy_distance", [](const Data& s, const X& t) { return energy_distance(s, t); });
  add("coral, paper", to_text(CoralOptions{}), [](const Data& s, const X& t) { return coral(s, t); });
  add("coral, tllib", to_text(coral_preset("tllib")),
      [](const Data& s, const X& t) { return coral(s, t, coral_preset("tllib")); });
  add("log-Euclidean coral", to_text(LogCoralOptions{}),
      [](const Data& s, const X& t) { return log_coral(s, t); });
  add("cmd", to_text(CmdOptions{}), [](const Data& s, const X& t) { return cmd(s, t); });
  return out;
}

}  // namespace

std::vector<Curve> curves() {
  const Batches b;
  std::vector<Curve> out;
  add_alignment(out, b);
  add_predictions(out, b);
  add_distillation(out, b);
  add_contrastive(out, b);
  return out;
}

std::vector<Preset> presets_of_mean() {
  return presets([](const Data& t, double step) { return t + step_of(step); });
}
std::vector<Preset> presets_of_spread() {
  return presets([](const Data& t, double step) { return t * (1 + step); });
}

}  // namespace gallery
