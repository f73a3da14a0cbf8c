// Cross-entropy of logits x (N, K) with labels l (N) or target distributions q (N, K).
//
//   labels   loss_n = sum_k Q_nk (lse_n - x_nk),  Q_nk = w_k ((1 - s) [k = l_n] + s / K),  lse = log sum_k e^x
//            dx_nk = dloss_n (sum_j Q_nj softmax(x)_nk - Q_nk)
//   soft     loss_n = -sum_k w_k ((1 - s) q_nk + s / K) log softmax(x)_nk
//
// s label smoothing, w class weights. As torch.nn.functional.cross_entropy: the mean over labels is divided
// by sum w_l, that over soft targets by N; rows with the ignored label count for nothing. Weights v of
// samples multiply the loss_n; means are then divided by sum v_n w_l and by sum v_n.
#pragma once

#include <limbic/backend/cpu/cross_entropy.hpp>
#include <limbic/loss/reduction.hpp>
#include <limbic/ops/softmax.hpp>

namespace limbic {

// Options of cross_entropy().
struct CrossEntropyOptions {
  double label_smoothing = 0;   // in [0, 1]
  index_t ignore_index = -100;  // rows with this label are left out
  Reduction reduction = Reduction::mean;
};

// "cross_entropy(label_smoothing 0, reduction mean)", for logs.
inline std::string to_text(const CrossEntropyOptions& o) {
  return "cross_entropy(label_smoothing " + to_text(o.label_smoothing) + ", reduction " +
         to_text(o.reduction) + ")";
}

// Weights of classes and of samples, w and v above.
template <class T, class D>
struct CrossEntropyWeights {
  Tensor<T, D> classes{}, samples{};  // (K), (N); undefined: all 1
};

namespace detail {

template <class T, class D>
struct CrossEntropy {
  static constexpr const char* name = "cross_entropy";
  LabelLoss<T, D> loss;
  Tensor<T, D> factors{};  // (N), of the rows; undefined: 1
  Tensor<T, D> scale{};    // (), of all of them; undefined: 1
  bool reduced = true;
  bool keep = false;
  Saved<T, D> kept{};
  Tensor<T, D> lse{};

  Shape infer(const Tensor<T, D>& x) { return reduced ? Shape{} : Shape{x.size(0)}; }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    const Shape rows{x.size(0)};
    const Tensor<T, D> dense = x.contiguous();
    lse = Tensor<T, D>::empty(rows);
    Tensor<T, D> each = reduced ? Tensor<T, D>::empty(rows) : y;
    cross_entropy_fwd(D{}, each, lse, dense, loss);
    if (factors.defined())
      elementwise_update(
          D{}, [](auto v, auto f) { return v * f; }, each, factors);
    if (reduced) {
      reduce_sum(D{}, y, each);
      if (scale.defined())
        elementwise_update(
            D{}, [](auto v, auto f) { return v * f; }, y, scale);
    }
    if (keep) kept = dense;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx) {
    if (!dx) return;
    const Tensor<T, D>& x = kept.get();
    Tensor<T, D> each = Tensor<T, D>::empty({x.size(0)});
    const Tensor<T, D> all = scale.defined() ? scale : Tensor<T, D>::scalar(T(1));
    if (factors.defined())
      elementwise(
          D{}, [](auto d, auto f, auto v) { return d * f * v; }, each, dy, all, factors);
    else
      elementwise(
          D{}, [](auto d, auto f) { return d * f; }, each, dy, all);
    auto [g, accumulate] = dx.out();
    cross_entropy_bwd(D{}, g, x, lse, each, accumulate, loss);
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (!c.wants(0)) return;
    const Var<T, D> x = c.input(0, kept);
    const index_t n = x.size(0), k = x.size(1);
    const T s = static_cast<T>(loss.smoothing);
    Tensor<T, D> q = Tensor<T, D>::full({n, k}, s / static_cast<T>(k));
    elementwise_update(
        D{}, [h = T(1) - s](auto v, auto own) { return math::choose(own, v + h, v); }, q,
        label_mask(loss.labels, k));
    if (loss.class_weights.defined()) q = q * loss.class_weights;
    q = masked_fill(q, eq(loss.labels, loss.ignored).unsqueeze(1), T(0));
    Var<T, D> each = scale.defined() ? dy * scale : dy;
    if (factors.defined()) each = each * factors;
    if (each.rank() == 1) each = unsqueeze(each, 1);
    c.give(0, each * (sum(q, {1}, true) * softmax(x) - q));
  }
};

// 1 / the sum of the weights of the rows that count, samples (N) times those of their classes; 0 if there are
// none.
template <class T>
Tensor<T, Cpu> cross_entropy_scale(Cpu, const LabelLoss<T, Cpu>& loss, const Tensor<T, Cpu>& samples,
                                   index_t) {
  const index_t* labels = loss.labels.data();
  const T *s = samples.defined() ? samples.data() : nullptr,
          *c = loss.class_weights.defined() ? loss.class_weights.data() : nullptr;
  double total = 0;
  for (index_t i = 0; i < loss.labels.numel(); ++i)
    if (labels[i] != loss.ignored)
      total += (s ? static_cast<double>(s[i]) : 1.0) * (c ? static_cast<double>(c[labels[i]]) : 1.0);
  return Tensor<T, Cpu>::scalar(total > 0 ? static_cast<T>(1 / total) : T(0));
}

// The factors of the rows' losses in their sum or mean.
template <class T, class D>
void set_row_factors(CrossEntropy<T, D>& op, const Tensor<T, D>& samples, Reduction reduction,
                     index_t classes) {
  const index_t n = op.loss.labels.numel();
  if (samples.defined()) {
    check(samples.shape() == Shape{n}, op.name, "sample weights must be of shape (", n, "); got ",
          samples.shape());
    require_not_negative(D{}, op.name, "sample weights", samples);
    op.factors = samples.contiguous();
  }
  op.reduced = reduction != Reduction::none;
  if (reduction == Reduction::mean) op.scale = cross_entropy_scale(D{}, op.loss, op.factors, classes);
}

inline void check_cross_entropy(const CrossEntropyOptions& o) {
  check(o.label_smoothing >= 0 && o.label_smoothing <= 1, "cross_entropy",
        "label_smoothing must be in [0, 1]; got ", o.label_smoothing);
}
template <class T, class D>
void check_class_weights(const Tensor<T, D>& weights, index_t classes) {
  if (weights.defined() && !(weights.shape() == Shape{classes}))
    fail("cross_entropy", "class weights must be of shape (", classes, "); got ", weights.shape());
}

}  // namespace detail

// Cross-entropy of logits (N, K) with labels (N) in [0, K) -> (), or (N) without reduction; the mean over no
// rows at all is 0. Throws for other shapes, labels out of range, smoothing outside [0, 1], and sample
// weights that are negative or not finite. Class weights and logits are taken as they are.
template <Operand X>
X cross_entropy(const X& logits, const Tensor<index_t, device_of<X>>& labels,
                const CrossEntropyOptions& options = {},
                const std::type_identity_t<CrossEntropyWeights<scalar_of<X>, device_of<X>>>& weights = {},
                Site site = Site::here()) {
  using T = scalar_of<X>;
  using D = device_of<X>;
  constexpr const char* kName = "cross_entropy";
  detail::check_logits(kName, "logits", logits.shape());
  const index_t n = logits.size(0), k = logits.size(1);
  if (!(labels.shape() == Shape{n}))
    fail(kName, "labels must be of shape (", n, "); got labels ", labels.shape(), ", logits ",
         logits.shape());
  detail::check_cross_entropy(options);
  detail::check_class_weights(weights.classes, k);
  const Tensor<index_t, D> dense = labels.contiguous();
  require_labels(D{}, kName, "labels", dense, k, options.ignore_index);
  detail::CrossEntropy<T, D> op{
      .loss = {dense, weights.classes.defined() ? weights.classes.contiguous() : weights.classes,
               options.label_smoothing, options.ignore_index}};
  detail::set_row_factors(op, weights.samples, options.reduction, k);
  return apply(site, std::move(op), logits);
}

// Cross-entropy of logits (N, K) with target distributions (N, K), which may require gradients -> (), or (N)
// without reduction. Throws for other shapes, smoothing outside [0, 1], and sample weights that are negative
// or not finite.
template <Operand X, Operand Q>
result_of<X, Q> cross_entropy(
    const X& logits, const Q& targets, const CrossEntropyOptions& options = {},
    const std::type_identity_t<CrossEntropyWeights<scalar_of<X>, device_of<X>>>& weights = {},
    Site site = Site::here()) {
  using T = scalar_of<X>;
  constexpr const char* kName = "cross_entropy";
  detail::check_logits(kName, "logits", logits.shape());
  detail::check_same_shape(kName, "logits", logits.shape(), "targets", targets.shape());
  detail::check_cross_entropy(options);
  const index_t k = logits.size(1);
  detail::check_class_weights(weights.classes, k);
  const T s = static_cast<T>(options.label_smoothing);
  Q q = options.label_smoothing > 0 ? affine(targets, T(1) - s, s / static_cast<T>(k)) : targets;
  if (weights.classes.defined()) q = q * weights.classes;
  const auto each = -sum(q * log_softmax(logits, 1, site), {1});
  return detail::reduce_loss(kName, each, options.reduction, weights.samples, site);
}

}  // namespace limbic
