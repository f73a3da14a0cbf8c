// Windows against prompts: what EmotionCLIP predicts and learns from.
//
//   text (P C, E): the prompts' embeddings, template-major (row = template * C + class), embeddings (B, E)
//   logits_bc = mean over templates p of cosine(embedding_b, text_pc) / tau
//
// The mean over templates of cosines with unit rows is the product with their mean: C rows instead of P C.
#pragma once

#include "emotion_clip/matching_options.hpp"

#include <limbic/loss/contrastive.hpp>
#include <limbic/loss/cross_entropy.hpp>
#include <limbic/ops/index_select.hpp>
#include <limbic/ops/statistics.hpp>

namespace limbic::emotion_clip {

template <class T, class D = Cpu>
class Prompts {
 public:
  Prompts() = default;
  // text (P C, E) of finite, non-zero rows; copies it. Throws for others, and for a number of rows that is no
  // multiple of the classes.
  Prompts(const Tensor<T, D>& text, index_t classes) : classes_(classes) {
    constexpr const char* kName = "prompts";
    if (classes < 1 || text.rank() != 2 || text.size(0) < 1 || text.size(1) < 1 ||
        text.size(0) % classes != 0)
      fail(kName, "embeddings (templates times classes, E) of at least one class are needed; got ",
           text.shape(), " for ", classes, " classes");
    unit_ = limbic::detail::unit_rows(kName, text, Site::here());
    anchors_ = mean(unit_.reshape({templates(), classes, width()}), {0});
  }

  index_t classes() const { return classes_; }
  index_t templates() const { return unit_.size(0) / classes_; }
  index_t width() const { return unit_.size(1); }
  const Tensor<T, D>& rows() const { return unit_; }        // (P C, E), normalised
  const Tensor<T, D>& anchors() const { return anchors_; }  // (C, E): their mean over templates

  // (B, E) -> (B, C). Throws for another width, rows of zeros, and a temperature that is not positive.
  template <Operand X>
  X logits(const X& embeddings, double temperature) const {
    limbic::detail::check_temperature("matching", temperature);
    check_width(embeddings.shape());
    return matmul(limbic::detail::unit_rows("matching", embeddings, Site::here()), anchors_.transpose(0, 1)) *
           static_cast<T>(1 / temperature);
  }
  // Cosines with every prompt, (B, E) -> (B, P, C).
  Tensor<T, D> similarities(const Tensor<T, D>& embeddings) const {
    check_width(embeddings.shape());
    const Tensor<T, D> unit = limbic::detail::unit_rows("matching", embeddings, Site::here());
    return matmul(unit, unit_.transpose(0, 1)).reshape({embeddings.size(0), templates(), classes_});
  }

 private:
  void check_width(const Shape& s) const {
    if (s.rank() != 2 || s[1] != width())
      fail("matching", "embeddings (B, ", width(), ") are needed for these prompts; got ", s);
  }
  index_t classes_ = 0;
  Tensor<T, D> unit_, anchors_;
};

template <class T, class D = Cpu>
struct MatchingResult {
  Var<T, D> total;
  Tensor<T, D> logits;                              // (B, C)
  Tensor<T, D> cross_entropy, contrastive, supcon;  // (); undefined: no part of the total

  // The numbers; waits for a device.
  MatchingReport report() const {
    const auto value = [](const Tensor<T, D>& t) { return t.defined() ? static_cast<double>(t.item()) : 0; };
    return {value(cross_entropy), value(contrastive), value(supcon), value(total.value())};
  }
};

// The loss of a batch: windows' embeddings (B, E), their classes (B).
//
//   cross_entropy  of logits
//   contrastive    s_ij = logits of window i for the class of j;  the mean of the cross-entropies of s and of
//   s' with
//                  the targets [class i = class j] / how many of them there are  (ActionCLIP, arXiv
//                  2109.08472)
//   supcon         Khosla et al., arXiv 2004.11362
// Throws for labels out of range and shapes that do not fit.
template <class T, class D>
MatchingResult<T, D> matching_loss(const Var<T, D>& embeddings, const Prompts<T, D>& prompts,
                                   const Tensor<index_t, D>& label, const MatchingOptions& o = {}) {
  MatchingResult<T, D> out;
  const Var<T, D> logits = prompts.logits(embeddings, o.temperature);
  out.logits = logits.value();
  out.total = cross_entropy(logits, label, {.reduction = o.sum ? Reduction::sum : Reduction::mean});
  out.cross_entropy = out.total.value();
  auto add = [&](double weight, Tensor<T, D>& part, auto&& loss) {
    if (weight <= 0) return;
    const Var<T, D> v = loss();
    part = v.value();
    out.total = out.total + v * static_cast<T>(weight);
  };
  add(o.contrastive_weight, out.contrastive, [&] {
    const Var<T, D> s = index_select(logits, 1, label);
    const Tensor<T, D> same = eq(label.unsqueeze(1), label.unsqueeze(0)).template to<T>();
    const Tensor<T, D> target = same / sum(same, {1}, true);
    return (cross_entropy(s, target) + cross_entropy(transpose(s), target)) * T(0.5);
  });
  add(o.supcon_weight, out.supcon, [&] { return supcon(embeddings, label, o.temperature); });
  return out;
}

}  // namespace limbic::emotion_clip
