// Distillation of predictions: a student's logits towards a teacher's.
//
//   distillation         T^2 KL(softmax(teacher / T) | softmax(student / T)), mean over samples
//                        (Hinton, Vinyals and Dean, 2015, arXiv:1503.02531); no gradient to the teacher
//   mutual_distillation  KL(b | a) + KL(a | b), mean over samples; gradient to both
//                        (Zhang et al., "Deep mutual learning", 2017, arXiv:1706.00384)
//   decoupled_kd         alpha KL(binary) + beta KL(softmax over the classes but the label), both at T, times T^2;
//                        binary: (p_label, 1 - p_label) (Zhao et al., CVPR 2022, arXiv:2203.08679)
//
// All >= 0, but for roundings.
#pragma once

#include <limbic/loss/entropy.hpp>
#include <limbic/ops/gather.hpp>

namespace limbic {

// Options of distillation() and mutual_distillation(), and of decoupled_kd(). Temperatures are positive,
// alpha and beta not negative.
struct DistillationOptions {
  double temperature = 4;
};
struct DecoupledKdOptions {
  double alpha = 1, beta = 8, temperature = 4;
};

// "distillation(temperature 4)", for logs.
inline std::string to_text(const DistillationOptions& o) {
  return "distillation(temperature " + to_text(o.temperature) + ")";
}
inline std::string to_text(const DecoupledKdOptions& o) {
  return "decoupled_kd(alpha " + to_text(o.alpha) + ", beta " + to_text(o.beta) + ", temperature " +
         to_text(o.temperature) + ")";
}

namespace detail {

template <Operand A, Operand B>
void check_distillation(const char* op, const A& student, const B& teacher, double temperature) {
  check_logits(op, "student", student.shape());
  check_same_shape(op, "student", student.shape(), "teacher", teacher.shape());
  check_temperature(op, temperature);
}

// log softmax(z / T).
template <Operand X>
X tempered(const X& z, double temperature, Site site) {
  return finite_log_softmax(
      temperature == 1 ? z : affine(z, static_cast<scalar_of<X>>(1 / temperature), scalar_of<X>(0), site),
      site);
}

// KL(exp(lq) | exp(lp)) of each row (N).
template <Operand Q, Operand P>
result_of<Q, P> kl_rows(const Q& lq, const P& lp) {
  return sum(exp(lq) * (lq - lp), {1});
}

// KL(q | p) + KL(p | q) of each row (N).
template <Operand Q, Operand P>
result_of<Q, P> mutual_rows(const Q& lq, const P& lp) {
  return sum((exp(lq) - exp(lp)) * (lq - lp), {1});
}

// kl_rows(), or mutual_rows() if `both`, of softened logits p and q in one pass, for devices with a kernel
// for it.
template <class T, class D>
struct SoftenedKl {
  static constexpr const char* name = "distillation";
  double temperature = 1;
  bool both = false;
  bool keep = false;
  Saved<T, D> kept_p{}, kept_q{};
  Tensor<T, D> lse{};

  Shape infer(const Tensor<T, D>& p, const Tensor<T, D>&) { return {p.size(0)}; }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& p, const Tensor<T, D>& q) {
    const Tensor<T, D> dense_p = p.contiguous(), dense_q = q.contiguous();
    lse = Tensor<T, D>::empty({2, p.size(0)});
    softened_kl_fwd(D{}, y, lse, dense_p, dense_q, temperature, both);
    if (!keep) return;
    kept_p = dense_p;
    kept_q = dense_q;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dp, Grad<T, D>& dq) {
    const Tensor<T, D> dense = dy.contiguous();
    if (dp) {
      auto [g, add] = dp.out();
      softened_kl_bwd(D{}, &g, add, static_cast<Tensor<T, D>*>(nullptr), false, kept_p.get(), kept_q.get(),
                      lse, dense, temperature, both);
    }
    if (dq) {
      auto [g, add] = dq.out();
      softened_kl_bwd(D{}, static_cast<Tensor<T, D>*>(nullptr), false, &g, add, kept_p.get(), kept_q.get(),
                      lse, dense, temperature, both);
    }
  }
  Var<T, D> reference(const Var<T, D>& p, const Var<T, D>& q) const {
    const Var<T, D> lp = tempered(p, temperature, Site::here()), lq = tempered(q, temperature, Site::here());
    return both ? mutual_rows(lq, lp) : kl_rows(lq, lp);
  }
  const Saved<T, D>& saved_input(int i) const { return i == 0 ? kept_p : kept_q; }
};

// kl_rows(), or mutual_rows() if `both`, of softened logits.
template <Operand P, Operand Q>
result_of<P, Q> softened_kl(const P& p, const Q& q, double temperature, bool both, Site site) {
  if constexpr (std::is_same_v<device_of<P>, Cpu>) {
    const Q lq = tempered(q, temperature, site);
    const P lp = tempered(p, temperature, site);
    return both ? mutual_rows(lq, lp) : kl_rows(lq, lp);
  } else {
    return apply(site, SoftenedKl<scalar_of<P>, device_of<P>>{.temperature = temperature, .both = both}, p,
                 q);
  }
}

}  // namespace detail

// Distillation loss of student and teacher logits (N, K) -> (). Sample weights (N), here and below. Throws
// for other shapes, temperatures that are not positive, logits that are NaN, and weights that are negative or
// not finite.
template <Operand A, Operand B>
A distillation(const A& student, const B& teacher, const DistillationOptions& options = {},
               const WeightsFor<A>& weights = {}, Site site = Site::here()) {
  constexpr const char* kName = "distillation";
  detail::check_distillation(kName, student, teacher, options.temperature);
  const double t = options.temperature;
  const A each = detail::softened_kl(student, value_of(teacher), t, false, site);
  const A loss =
      detail::reduce_loss(kName, each, Reduction::mean, weights, site) * static_cast<scalar_of<A>>(t * t);
  return detail::finite_loss(kName, loss, detail::named("student", student),
                             detail::named("teacher", teacher));
}

// Mutual distillation of logits a and b (N, K) -> (), at a temperature of 1 by default (else times T^2).
// Throws as distillation().
template <Operand A, Operand B>
result_of<A, B> mutual_distillation(const A& a, const B& b,
                                    const DistillationOptions& options = {.temperature = 1},
                                    const WeightsFor<A>& weights = {}, Site site = Site::here()) {
  constexpr const char* kName = "mutual_distillation";
  detail::check_distillation(kName, a, b, options.temperature);
  const double t = options.temperature;
  const result_of<A, B> each = detail::softened_kl(a, b, t, true, site);
  const result_of<A, B> loss =
      detail::reduce_loss(kName, each, Reduction::mean, weights, site) * static_cast<scalar_of<A>>(t * t);
  return detail::finite_loss(kName, loss, detail::named("a", a), detail::named("b", b));
}

// Decoupled distillation of student and teacher logits (N, K), K at least 2, with labels (N) -> (). Throws
// for other shapes, labels out of range, temperatures that are not positive, alpha, beta and weights that are
// negative or not finite, and logits that are NaN.
template <Operand A, Operand B>
A decoupled_kd(const A& student, const B& teacher, const Tensor<index_t, device_of<A>>& labels,
               const DecoupledKdOptions& options = {}, const WeightsFor<A>& weights = {},
               Site site = Site::here()) {
  using T = scalar_of<A>;
  constexpr const char* kName = "decoupled_kd";
  detail::check_distillation(kName, student, teacher, options.temperature);
  const index_t k = student.size(1);
  check(k >= 2, kName, "at least two classes are needed; got ", k);
  for (double w : {options.alpha, options.beta})
    check(w >= 0 && std::isfinite(w), kName, "alpha and beta must be finite and not negative; got ", w);
  detail::check_labels(kName, "labels", labels, student.size(0), k);
  const double t = options.temperature;
  const auto own = detail::label_mask(labels, k);
  const auto index = labels.contiguous().unsqueeze(1);
  // Far below all logits, but finite: 0 after exp, and no NaN in differences.
  constexpr T kNever = T(-1e30);
  const auto ls = detail::tempered(student, t, site);
  const auto lt = detail::tempered(value_of(teacher), t, site);
  const auto s_rest = masked_fill(ls, own, kNever);
  const auto t_rest = masked_fill(lt, own, kNever);
  const auto s_own = gather(ls, 1, index), s_other = logsumexp(s_rest, {1}, true);
  const auto t_own = gather(lt, 1, index), t_other = logsumexp(t_rest, {1}, true);
  const A binary = sum(exp(t_own) * (t_own - s_own) + exp(t_other) * (t_other - s_other), {1});
  const auto tn = log_softmax(t_rest, 1);
  const A rest = sum(masked_fill(exp(tn) * (tn - log_softmax(s_rest, 1)), own, T(0)), {1});
  const A each = binary * static_cast<T>(options.alpha) + rest * static_cast<T>(options.beta);
  const A loss = detail::reduce_loss(kName, each, Reduction::mean, weights, site) * static_cast<T>(t * t);
  return detail::finite_loss(kName, loss, detail::named("student", student),
                             detail::named("teacher", teacher));
}

}  // namespace limbic
