// All losses.
#include <limbic/loss/loss.hpp>

#include "golden/case.hpp"

namespace limbic::golden {

namespace {

KernelOptions kernel_of(auto& c, double eps) {
  KernelOptions k{.eps = eps};
  if (c.has_attr("kernel_mul")) k.mul = c.number("kernel_mul");
  if (c.has_attr("kernel_num")) k.num = static_cast<int>(c.integer("kernel_num"));
  if (c.has_attr("bandwidth")) {
    k.bandwidth = Bandwidth::fixed;
    k.fixed = c.number("bandwidth");
  }
  return k;
}

MmdOptions mmd_of(auto& c) {
  if (c.has_attr("preset")) return mmd_preset(c.text("preset"));
  const std::string name = c.text("estimator");
  for (MmdEstimator e : {MmdEstimator::biased, MmdEstimator::unbiased, MmdEstimator::linear})
    if (to_text(e) == name) return {.estimator = e, .kernel = kernel_of(c, KernelOptions{}.eps)};
  fail("golden", "unknown estimator ", name);
}

template <class D>
void add_alignment(DeviceRegistry<D>& r) {
  r.add("mmd", [](auto& c) { c.y(mmd(c.x("source"), c.x("target"), mmd_of(c))); });
  r.add("class_mmd", [](auto& c) {
    c.y(class_mmd(c.x("source"), c.x("target"), c.index("source_label"), c.index("target_label"),
                  c.integer("classes")));
  });
  r.add("lmmd", [](auto& c) {
    c.y(lmmd(c.x("source"), c.x("target"), c.index("source_label"), c.tensor("target_prob"),
             kernel_of(c, 0)));
  });
  r.add("jmmd", [](auto& c) {
    using X = decltype(c.x(""));
    std::vector<X> s, t;
    for (index_t l = 0; l < c.integer("layers"); ++l) {
      s.push_back(c.x("source_" + std::to_string(l)));
      t.push_back(c.x("target_" + std::to_string(l)));
    }
    c.y(jmmd(s, t));
  });
  r.add("energy_distance", [](auto& c) { c.y(energy_distance(c.x("source"), c.x("target"))); });
  r.add("coral", [](auto& c) {
    c.y(coral(c.x("source"), c.x("target"),
              c.has_attr("preset") ? coral_preset(c.text("preset")) : CoralOptions{}));
  });
  r.add("log_coral", [](auto& c) { c.y(log_coral(c.x("source"), c.x("target"), {.eps = c.number("eps")})); });
  r.add("cmd", [](auto& c) {
    c.y(cmd(c.x("source"), c.x("target"), {.moments = static_cast<int>(c.integer("moments"))}));
  });
}

template <class D>
void add_predictions(DeviceRegistry<D>& r) {
  r.add("cross_entropy", [](auto& c) {
    CrossEntropyOptions o;
    if (c.has_attr("label_smoothing")) o.label_smoothing = c.number("label_smoothing");
    c.y(c.is_index("target") ? cross_entropy(c.x("logits"), c.index("target"), o)
                             : cross_entropy(c.x("logits"), c.x("target"), o));
  });
  r.add("bce_with_logits", [](auto& c) { c.y(bce_with_logits(c.x("logits"), c.x("target"))); });
  r.add("mse", [](auto& c) { c.y(mse(c.x("a"), c.x("b"))); });
  r.add("kl_div", [](auto& c) { c.y(kl_div(c.x("log_p"), c.x("q"))); });
  r.add("entropy", [](auto& c) { c.y(entropy(c.x("logits"))); });
  r.add("minimum_class_confusion", [](auto& c) {
    c.y(minimum_class_confusion(c.x("logits"), {.temperature = c.number("temperature")}));
  });
}

template <class D>
void add_distillation(DeviceRegistry<D>& r) {
  r.add("distillation", [](auto& c) {
    c.y(distillation(c.x("student"), c.x("teacher"), {.temperature = c.number("temperature")}));
  });
  r.add("mutual_distillation", [](auto& c) { c.y(mutual_distillation(c.x("a"), c.x("b"))); });
  r.add("decoupled_kd", [](auto& c) {
    c.y(decoupled_kd(
        c.x("student"), c.x("teacher"), c.index("label"),
        {.alpha = c.number("alpha"), .beta = c.number("beta"), .temperature = c.number("temperature")}));
  });
  r.add("similarity_preserving", [](auto& c) { c.y(similarity_preserving(c.x("source"), c.x("target"))); });
  r.add("relational_kd", [](auto& c) {
    c.y(relational_kd(
        c.x("source"), c.x("target"),
        {.distance_weight = c.number("distance_weight"), .angle_weight = c.number("angle_weight")}));
  });
  r.add("attention_transfer", [](auto& c) { c.y(attention_transfer(c.x("student"), c.x("teacher"))); });
}

template <class D>
void add_contrastive(DeviceRegistry<D>& r) {
  r.add("clip_loss", [](auto& c) { c.y(clip_loss(c.x("a"), c.x("b"), c.x("log_scale"))); });
  r.add("supcon", [](auto& c) { c.y(supcon(c.x("x"), c.index("label"), c.number("temperature"))); });
  r.add("cosine_matrix", [](auto& c) { c.y(cosine_matrix(c.x("x"))); });
}

}  // namespace

template <class D>
void add_losses(DeviceRegistry<D>& r) {
  add_alignment(r);
  add_predictions(r);
  add_distillation(r);
  add_contrastive(r);
}

template void add_losses(DeviceRegistry<LIMBIC_GOLDEN_DEVICE>&);

}  // namespace limbic::golden
