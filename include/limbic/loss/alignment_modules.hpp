// The alignment losses as modules: a loss with its options, ready to be a member of a training program.
//
//   MmdLoss loss{.options = mmd_preset("tllib")};
//   log(loss.describe());                 // "mmd(unbiased, gaussian(mul 2, num 3, ...), plus 2 / (n - 1))"
//   Var<float> y = loss(source, target);  // as mmd(source, target, options)
//
// describe() names every option. visit() makes them parts of other modules; where the bandwidth is running
// its value is a buffer, so that a checkpoint holds it. Shapes and errors are those of the functions.
#pragma once

#include <limbic/loss/adversarial.hpp>
#include <limbic/loss/cmd.hpp>
#include <limbic/loss/energy_distance.hpp>
#include <limbic/loss/jmmd.hpp>
#include <limbic/loss/lmmd.hpp>
#include <limbic/loss/log_coral.hpp>
#include <limbic/loss/mmd.hpp>

namespace limbic {

// A kernel of a module. `bandwidth` () is the running average, 0 before the first call; it takes the place of
// options.running.
struct ModuleKernel {
  double momentum = 0.9;
  Tensor<double> bandwidth = Tensor<double>::zeros({});

  // f(options) with a running bandwidth that is kept here.
  template <class F>
  auto with(KernelOptions options, F&& f) {
    if (options.bandwidth != Bandwidth::running) return f(options);
    RunningBandwidth state{.value = bandwidth.item(), .momentum = momentum};
    options.running = &state;
    auto y = f(options);
    bandwidth.fill(state.value);
    return y;
  }
  template <class V>
  void visit(V&& v) {
    v("bandwidth", bandwidth);
  }
  std::string describe(const KernelOptions& o) const {
    return to_text(o) + (o.bandwidth == Bandwidth::running ? " with momentum " + to_text(momentum) : "");
  }
};

// mmd().
struct MmdLoss {
  MmdOptions options{};
  ModuleKernel kernel{};

  template <Operand A, Operand B>
  result_of<A, B> operator()(const A& source, const B& target, const SampleWeightsFor<A, B>& weights = {},
                             Site site = Site::here()) {
    return kernel.with(options.kernel, [&](const KernelOptions& k) {
      MmdOptions o = options;
      o.kernel = k;
      return mmd(source, target, o, weights, site);
    });
  }
  template <class V>
  void visit(V&& v) {
    v("kernel", kernel);
  }
  std::string describe() const {
    return to_text(options) +
           (options.kernel.bandwidth == Bandwidth::running ? ", momentum " + to_text(kernel.momentum) : "");
  }
};

// lmmd().
struct LmmdLoss {
  BareKernelOptions options{};
  ModuleKernel kernel{};

  template <Operand A, Operand B>
  result_of<A, B> operator()(
      const A& source, const B& target, const Tensor<index_t, device_of<A>>& source_labels,
      const std::type_identity_t<Tensor<scalar_of<A>, device_of<A>>>& target_probabilities,
      const SampleWeightsFor<A, B>& weights = {}, Site site = Site::here()) {
    return kernel.with(options, [&](const KernelOptions& k) {
      return lmmd(source, target, source_labels, target_probabilities, k, weights, site);
    });
  }
  template <class V>
  void visit(V&& v) {
    v("kernel", kernel);
  }
  std::string describe() const { return "lmmd(" + kernel.describe(options) + ")"; }
};

// class_mmd().
struct ClassMmdLoss {
  index_t classes;
  BareKernelOptions options{};
  ModuleKernel kernel{};

  template <Operand A, Operand B>
  result_of<A, B> operator()(const A& source, const B& target,
                             const Tensor<index_t, device_of<A>>& source_labels,
                             const Tensor<index_t, device_of<A>>& target_labels,
                             const SampleWeightsFor<A, B>& weights = {}, Site site = Site::here()) {
    return kernel.with(options, [&](const KernelOptions& k) {
      return class_mmd(source, target, source_labels, target_labels, classes, k, weights, site);
    });
  }
  template <class V>
  void visit(V&& v) {
    v("kernel", kernel);
  }
  std::string describe() const {
    return "class_mmd(classes " + to_text(classes) + ", " + kernel.describe(options) + ")";
  }
};

// jmmd(): one kernel for each layer. Running bandwidths are kept by RunningBandwidths of the caller's.
struct JmmdLoss {
  std::vector<BareKernelOptions> options{};

  template <Operand X>
  X operator()(const std::vector<X>& source, const std::vector<X>& target,
               const SampleWeightsFor<X, X>& weights = {}, Site site = Site::here()) const {
    return jmmd(source, target, options, weights, site);
  }
  template <class V>
  void visit(V&&) {}
  std::string describe() const {
    if (options.empty()) return "jmmd(" + to_text(BareKernelOptions{}) + ")";
    std::string s = "jmmd(";
    for (std::size_t l = 0; l < options.size(); ++l) s += (l > 0 ? ", " : "") + to_text(options[l]);
    return s + ")";
  }
};

// energy_distance().
struct EnergyDistanceLoss {
  template <Operand A, Operand B>
  result_of<A, B> operator()(const A& source, const B& target, const SampleWeightsFor<A, B>& weights = {},
                             Site site = Site::here()) const {
    return energy_distance(source, target, weights, site);
  }
  template <class V>
  void visit(V&&) {}
  std::string describe() const { return "energy_distance"; }
};

namespace detail {
// A loss of two batches without state: f(source, target, options, weights).
template <class Options, class F>
struct MomentLoss {
  Options options{};

  template <Operand A, Operand B>
  result_of<A, B> operator()(const A& source, const B& target,
                             const SampleWeightsFor<A, B>& weights = {}) const {
    return F{}(source, target, options, weights);
  }
  template <class V>
  void visit(V&&) {}
  std::string describe() const { return to_text(options); }
};
struct CallCoral {
  template <class A, class B>
  auto operator()(const A& s, const B& t, const CoralOptions& o, const SampleWeightsFor<A, B>& w) const {
    return coral(s, t, o, w);
  }
};
struct CallLogCoral {
  template <class A, class B>
  auto operator()(const A& s, const B& t, const LogCoralOptions& o, const SampleWeightsFor<A, B>& w) const {
    return log_coral(s, t, o, w);
  }
};
struct CallCmd {
  template <class A, class B>
  auto operator()(const A& s, const B& t, const CmdOptions& o, const SampleWeightsFor<A, B>& w) const {
    return cmd(s, t, o, w);
  }
};
}  // namespace detail

// coral(), log_coral(), cmd().
using CoralLoss = detail::MomentLoss<CoralOptions, detail::CallCoral>;
using LogCoralLoss = detail::MomentLoss<LogCoralOptions, detail::CallLogCoral>;
using CmdLoss = detail::MomentLoss<CmdOptions, detail::CallCmd>;

// Domain-adversarial alignment: domain_loss() of a discriminator (a module: features (N, d) -> logits (N, 1))
// behind a gradient reversal of dann_coefficient(progress, rate). The discriminator sees both batches as one.
template <class Net>
struct DannLoss {
  Net discriminator;
  double rate = 10;

  // progress: of the training, in [0, 1].
  template <Operand A, Operand B>
  auto operator()(const A& source, const B& target, double progress,
                  const SampleWeightsFor<A, B>& weights = {}, Site site = Site::here()) {
    detail::check_batches("dann", source.shape(), target.shape());
    const auto c = static_cast<scalar_of<A>>(dann_coefficient(progress, rate));
    const index_t n = source.size(0);
    const auto logits = discriminator(gradient_reversal(concat({source, target}), c, site));
    return domain_loss(slice(logits, 0, 0, n), slice(logits, 0, n), weights, site);
  }
  template <class V>
  void visit(V&& v) {
    v("discriminator", discriminator);
  }
  std::string describe() const { return "dann(rate " + to_text(rate) + ")"; }
};

// Conditional adversarial alignment: as DannLoss, of conditional_map(features, softmax(logits)); with
// `entropy` the samples count by certainty_weights(). The discriminator takes (N, d K), or (N, w) where the
// random maps (d, w) and (K, w) are given.
template <class Net, class T = float, class D = Cpu>
struct CdanLoss {
  Net discriminator;
  double rate = 10;
  bool entropy = true;
  Tensor<T, D> feature_map{}, class_map{};

  // Features and logits (N, K) of both batches. Given sample weights multiply those of certainty.
  template <Operand A>
  auto operator()(const A& source, const A& source_logits, const A& target, const A& target_logits,
                  double progress, const SampleWeightsFor<A, A>& weights = {}, Site site = Site::here()) {
    detail::check_batches("cdan", source.shape(), target.shape());
    const auto c = static_cast<T>(dann_coefficient(progress, rate));
    const index_t n = source.size(0);
    const A f = concat({source, target}), p = softmax(concat({source_logits, target_logits}), 1, site);
    // The predictions steer the discriminator, but are not themselves made to confuse it.
    const auto fixed = value_of(p);
    const auto joint = feature_map.defined() ? conditional_map(f, fixed, feature_map, class_map, site)
                                             : conditional_map(f, fixed, site);
    const auto logits = discriminator(gradient_reversal(joint, c, site));
    SampleWeights<T, D> w = weights;
    if (entropy) {
      auto certain = [](const A& z, const Tensor<T, D>& own) {
        const auto by_certainty = certainty_weights(z);
        return own.defined() ? by_certainty * own : by_certainty;
      };
      w = {certain(source_logits, weights.source), certain(target_logits, weights.target)};
    }
    return domain_loss(slice(logits, 0, 0, n), slice(logits, 0, n), w, site);
  }
  template <class V>
  void visit(V&& v) {
    v("discriminator", discriminator);
    v("feature_map", feature_map);
    v("class_map", class_map);
  }
  std::string describe() const {
    return "cdan(rate " + to_text(rate) + ", entropy " + to_text(entropy) +
           (feature_map.defined() ? ", random maps of width " + to_text(feature_map.size(1))
                                  : ", full products") +
           ")";
  }
};

}  // namespace limbic
