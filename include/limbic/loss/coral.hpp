// CORAL: second moments of two batches aligned.
//
//   C = covariance of a batch, with n - 1        (C = 0 for one sample)
//   paper   |C_s - C_t|_F^2 / (4 d^2)            (Sun and Saenko, "Deep CORAL", 2016, arXiv:1607.01719)
//   tllib   mean (mean_s - mean_t)^2 + mean (C_s - C_t)^2
//
// >= 0. Sample weights w (summing to 1): C = sum w (x - m)(x - m)' / (1 - sum w^2), m = sum w x. Costs
// O((n + m) d + d^2) memory.
#pragma once

#include <limbic/backend/cpu/eigh.hpp>
#include <limbic/backend/cpu/symmetric_product.hpp>
#include <limbic/loss/batches.hpp>
#include <limbic/ops/matmul.hpp>

namespace limbic {

// The two formulas above.
enum class CoralForm : std::uint8_t { paper, tllib };

// Options of coral().
struct CoralOptions {
  CoralForm form = CoralForm::paper;
};

// "coral(paper)", for logs.
inline std::string to_text(const CoralOptions& o) {
  return o.form == CoralForm::paper ? "coral(paper)" : "coral(tllib)";
}
// The options under which another code base's CORAL comes out: "tllib". Throws for another name.
inline CoralOptions coral_preset(std::string_view name) {
  if (name != "tllib") fail("coral_preset", "the only preset is tllib; got ", name);
  return {.form = CoralForm::tllib};
}

namespace detail {

// The covariance C (d, d) of the rows of x (n, d).
//   dx_i = scale w_i (x_i - m) (dC + dC')         the mean's own part vanishes: sum w_i (x_i - m) = 0
template <class T, class D>
struct Covariance {
  const char* name;
  Tensor<T, D> w{};      // (n, 1), summing to 1; undefined: equal
  Tensor<T, D> scale{};  // ()
  bool keep = false;
  Saved<T, D> kept{};
  Tensor<T, D> centred{};

  Shape infer(const Tensor<T, D>& x) { return {x.size(1), x.size(1)}; }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    if constexpr (!std::is_same_v<D, Cpu>) {
      Tensor<T, D> mean = Tensor<T, D>::empty({1, x.size(1)});
      const Tensor<T, D> dense = x.contiguous();
      covariance_fwd(D{}, y, mean, dense, w, scale);
      if (!keep) return;
      kept = x;
      centred = dense - mean;
      return;
    }
    if constexpr (std::is_same_v<D, Cpu>) {
      Tensor<T, D> z = (x - mean_row(x, w)).contiguous();
      symmetric_product(D{}, y, z, w.defined() ? z * (w * scale) : z);
      if (!w.defined())
        elementwise_update(
            D{}, [](auto v, auto k) { return v * k; }, y, scale);
      if (!keep) return;
      kept = x;
      centred = std::move(z);
    }
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx) {
    if (!dx) return;
    const Tensor<T, D> z = w.defined() ? centred * (w * scale) : centred;
    const auto scaled = [&](const Tensor<T, D>& v) { return w.defined() ? v : v * scale; };
    // Of few rows two products cost less than the sum with a transposed matrix.
    if (z.size(0) < z.size(1)) {
      const Tensor<T, D> few = scaled(z);
      dx.give(matmul(few, dy) + matmul(few, transpose(dy)));
    } else {
      dx.give(matmul(z, scaled(dy + transpose(dy))));
    }
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (!c.wants(0)) return;
    const Var<T, D> x = c.input(0, kept), z = x - mean_row(x, w);
    c.give(0, matmul(w.defined() ? z * w : z, (dy + transpose(dy)) * scale));
  }
};

// 1 / (n - 1), or 1 / (1 - sum w^2); taken as 0 for a single sample. `column`: the weights as weight_column()
// gives them.
template <class T>
Tensor<T, Cpu> covariance_scale(const char* op, const char* what, const Tensor<T, Cpu>& weights,
                                const Tensor<T, Cpu>&, index_t n) {
  double rest = static_cast<double>(n - 1);
  if (weights.defined()) {
    rest = 1;
    for (double v : normalised_weights(op, what, weights, n)) rest -= v * v;
  }
  return Tensor<T, Cpu>::scalar(rest > 1e-12 ? static_cast<T>(1 / rest) : T(0));
}
template <class T, class D>
Tensor<T, D> covariance_scale(const char*, const char*, const Tensor<T, D>& weights,
                              const Tensor<T, D>& column, index_t n) {
  if (weights.defined()) return weighted_covariance_scale(D{}, column);
  return Tensor<T, D>::scalar(n > 1 ? static_cast<T>(1 / static_cast<double>(n - 1)) : T(0));
}

// Its weights by the definition above.
template <Operand X>
X covariance(const char* op, const char* what, const X& x,
             const Tensor<scalar_of<X>, device_of<X>>& weights) {
  using T = scalar_of<X>;
  const index_t n = x.size(0);
  Covariance<T, device_of<X>> c{.name = op};
  if (weights.defined()) c.w = weight_column(op, what, weights, n);
  c.scale = covariance_scale(op, what, weights, c.w, n);
  return apply(Site::here(), std::move(c), x);
}
// Mean row (1, d).
template <Operand X>
X weighted_mean(const char* op, const char* what, const X& x,
                const Tensor<scalar_of<X>, device_of<X>>& weights) {
  Tensor<scalar_of<X>, device_of<X>> w;
  if (weights.defined()) w = weight_column(op, what, weights, x.size(0));
  return mean_row(x, w);
}

}  // namespace detail

// CORAL distance of source (n, d) and target (m, d) -> (). Throws for other shapes, empty batches,
// features that are not finite, and weights that are negative, not finite or all 0.
template <Operand A, Operand B>
result_of<A, B> coral(const A& source, const B& target, const CoralOptions& options = {},
                      const SampleWeightsFor<A, B>& weights = {}) {
  using T = scalar_of<A>;
  detail::check_batches("coral", source.shape(), target.shape());
  const auto difference = square(detail::covariance("coral", "source", source, weights.source) -
                                 detail::covariance("coral", "target", target, weights.target));
  const T d = static_cast<T>(source.size(1));
  result_of<A, B> loss;
  if (options.form == CoralForm::tllib) {
    const auto means = detail::weighted_mean("coral", "source", source, weights.source) -
                       detail::weighted_mean("coral", "target", target, weights.target);
    loss = mean(square(means)) + mean(difference);
  } else {
    loss = sum(difference) * (T(1) / (T(4) * d * d));
  }
  return detail::finite_loss("coral", loss, detail::named("source", source), detail::named("target", target));
}

// The matrix of the closed form, (C_s + I)^(-1/2) (C_t + I)^(1/2) -> (d, d), of source (n, d) and target (m,
// d) (Sun, Feng and Saenko, "Return of frustratingly easy domain adaptation", AAAI 2016). Throws as coral().
template <class T, class D>
Tensor<T, D> coral_matrix(const Tensor<T, D>& source, const Tensor<T, D>& target,
                          const std::type_identity_t<SampleWeights<T, D>>& weights = {}) {
  constexpr const char* kName = "coral_matrix";
  detail::check_batches(kName, source.shape(), target.shape());
  const index_t d = source.size(1);
  auto power = [&](const char* what, const Tensor<T, D>& x, const Tensor<T, D>& w, double exponent) {
    const Tensor<T, D> c = detail::covariance(kName, what, x, w) + Tensor<T, D>::eye(d);
    Tensor<double, D> values = Tensor<double, D>::empty({d}), vectors = Tensor<double, D>::empty({d, d});
    if (!eigh(D{}, c, values, vectors)) {
      detail::check_finite(kName, what, x);
      fail(kName, "the covariances of ", what, " must be finite (hint: scale the features down)");
    }
    Tensor<T, D> y = Tensor<T, D>::empty({d, d});
    spectral_function(D{}, y, values, vectors, [&](auto e) { return math::pow(e, exponent); });
    return y;
  };
  return matmul(power("source", source, weights.source, -0.5), power("target", target, weights.target, 0.5));
}

// Source (n, d) whitened and re-coloured with the target's covariance: source coral_matrix(source, target) ->
// (n, d). Throws as coral_matrix().
template <class T, class D>
Tensor<T, D> coral_transform(const Tensor<T, D>& source, const Tensor<T, D>& target,
                             const std::type_identity_t<SampleWeights<T, D>>& weights = {}) {
  return matmul(source, coral_matrix(source, target, weights));
}

}  // namespace limbic
