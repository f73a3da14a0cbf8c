// Joint MMD: the biased MMD under a kernel that is the product of one kernel for each of several layers.
// >= 0. eps = 0 unless it is set (BareKernelOptions). Source: Long et al., "Deep transfer learning with joint
// adaptation networks", ICML 2017.
#pragma once

#include <limbic/loss/mmd.hpp>

namespace limbic {

namespace detail {

// Inputs: the source layers, then the target layers.
template <class T, class D>
struct JointForm {
  static constexpr const char* name = "jmmd";
  std::vector<KernelOptions> options;
  PairWeights<T, D> weights;
  bool keep = false;
  std::vector<PairKernel<D>> kernels{};
  std::vector<Saved<T, D>> kept{};
  std::vector<Tensor<T, D>> whole{};

  using Inputs = std::span<const Tensor<T, D>>;
  Shape infer(Inputs) { return {}; }
  void forward(Tensor<T, D>& y, Inputs x) {
    const std::size_t count = x.size() / 2;
    std::vector<PairLayer<T, D>> layers;
    for (std::size_t l = 0; l < count; ++l) {
      const std::string layer = count > 1 ? " layer " + to_text(l) : "";
      CentredPoints<T, D> z(name, x[l], x[count + l], ("source" + layer).c_str(), ("target" + layer).c_str());
      kernels.push_back(pair_kernel(options[l], z.points, z.norms, z.sum_norms));
      layers.push_back({z.points, z.norms, kernels[l]});
      if (keep) whole.push_back(layers[l].gradient = Tensor<T, D>::empty(z.points.shape()));
    }
    pair_form(D{}, y, std::span(layers), weights);
    lift_to_zero(y);
    if (keep) kept.assign(x.begin(), x.end());
  }
  void backward(const Tensor<T, D>& dy, std::span<Grad<T, D>> dx) {
    const std::size_t count = whole.size();
    for (std::size_t l = 0; l < count; ++l) {
      const index_t n = kept[l].get().size(0);
      give_rows(dx[l], whole[l], 0, n, dy);
      give_rows(dx[count + l], whole[l], n, whole[l].size(0), dy);
    }
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    const int count = static_cast<int>(whole.size());
    std::vector<Var<T, D>> z;
    for (int l = 0; l < count; ++l)
      z.push_back(concat({c.input(l, kept[static_cast<std::size_t>(l)]),
                          c.input(count + l, kept[static_cast<std::size_t>(count + l)])}));
    std::vector<RadialKernel> forms;
    for (const auto& k : kernels) forms.push_back(on_host(k));
    const auto dz = pair_gradients<T, D>(z, forms, weights);
    for (int l = 0; l < count; ++l) {
      const index_t n = kept[static_cast<std::size_t>(l)].get().size(0);
      if (c.wants(l)) c.give(l, dy * slice(dz[static_cast<std::size_t>(l)], 0, 0, n));
      if (c.wants(count + l)) c.give(count + l, dy * slice(dz[static_cast<std::size_t>(l)], 0, n));
    }
  }
};

}  // namespace detail

// Joint MMD of the layers source[l] (n, d_l) and target[l] (m, d_l) -> (). `kernels` has one entry for each
// layer, or one or none for all. Throws unless both lists have as many layers, at least one (on a GPU at most
// 8), of n and m samples, for another number of kernels, one running bandwidth for several layers, and as
// mmd().
template <Operand X>
X jmmd(const std::vector<X>& source, const std::vector<X>& target,
       const std::vector<BareKernelOptions>& kernels = {}, const SampleWeightsFor<X, X>& weights = {},
       Site site = Site::here()) {
  using T = scalar_of<X>;
  using D = device_of<X>;
  constexpr const char* kName = "jmmd";
  if (source.empty() || source.size() != target.size())
    fail(kName, "source and target must have the same layers, at least one; got ", source.size(), " and ",
         target.size());
  if (kernels.size() > 1 && kernels.size() != source.size())
    fail(kName, "one kernel a layer, or one for all, is needed; got ", kernels.size(), " for ", source.size(),
         " layers");
  check(kernels.size() != 1 || source.size() == 1 || kernels[0].bandwidth != Bandwidth::running, kName,
        "a running bandwidth belongs to one layer; got one kernel for ", source.size(), " layers");
  detail::JointForm<T, D> op;
  for (std::size_t l = 0; l < source.size(); ++l) {
    detail::check_batches(kName, source[l].shape(), target[l].shape());
    if (source[l].size(0) != source[0].size(0) || target[l].size(0) != target[0].size(0))
      fail(kName, "all layers must have the same samples; got source ", source[l].shape(), " after ",
           source[0].shape(), ", target ", target[l].shape(), " after ", target[0].shape());
    op.options.push_back(kernels.empty() ? BareKernelOptions{} : kernels[kernels.size() > 1 ? l : 0]);
    detail::check_kernel(kName, op.options.back());
  }
  op.weights = detail::mmd_weights(kName, false, source[0].size(0), target[0].size(0), weights);
  std::vector<X> inputs = source;
  inputs.insert(inputs.end(), target.begin(), target.end());
  return apply<detail::JointForm<T, D>, X>(site, std::move(op), std::span<const X>(inputs));
}

}  // namespace limbic
