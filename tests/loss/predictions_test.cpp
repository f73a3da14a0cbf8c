// Losses of predictions: cross-entropy, binary cross-entropy, differences, entropy, divergence, confusion.
#include <limbic/loss/bce.hpp>
#include <limbic/loss/class_confusion.hpp>
#include <limbic/loss/cross_entropy.hpp>
#include <limbic/loss/regression.hpp>

#include "loss/naive.hpp"
#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

Tensor<double> points(index_t n, index_t d, unsigned seed, double low = -2, double high = 2) {
  return Tensor<double>::from({n, d}, random_values(n * d, low, high, 0, seed));
}
Tensor<index_t> labels(const std::vector<index_t>& v) {
  return Tensor<index_t>::from({static_cast<index_t>(v.size())}, v);
}
template <class X>
using Scalar = typename std::decay_t<X>::value_type;

// sum or mean of f(a_i, b_i).
template <class F>
auto elementwise_mean(F f) {
  return [f](const auto& x) {
    using T = Scalar<decltype(x[0])>;
    const auto a = x[0].to_vector(), b = x[1].to_vector();
    T s = 0;
    for (std::size_t i = 0; i < a.size(); ++i) s += f(a[i], b[i]);
    return Tensor<T>::scalar(s / static_cast<T>(a.size()));
  };
}

const std::vector<OpCase> kPairs = {{{{5, 3}, {5, 3}}}, {{{1}, {1}}}, {{{}, {}}}, {{{7, 41}, {7, 41}}}};

}  // namespace

TEST_CASE("cross_entropy of labels") {
  for (index_t k : {1, 3, 37})
    for (double smoothing : {0.0, 0.1, 1.0})
      for (bool weighted : {false, true})
        for (Reduction r : {Reduction::mean, Reduction::sum, Reduction::none}) {
          if (k == 37 && smoothing == 1.0) continue;
          std::vector<index_t> l{0, k - 1, -100, 0, k / 2};
          std::vector<double> wc, ws{1, 0.5, 3, 0, 2};
          for (index_t c = 0; c < k; ++c) wc.push_back(0.5 + 0.25 * static_cast<double>(c % 3));
          auto f = [&](const auto& x) {
            using X = std::decay_t<decltype(x[0])>;
            CrossEntropyWeights<scalar_of<X>, device_of<X>> w;
            if (weighted) {
              w.classes = beside(x[0], Tensor<double>::from({k}, wc).to<scalar_of<X>>());
              w.samples = beside(x[0], Tensor<double>::from({5}, ws).to<scalar_of<X>>());
            }
            return cross_entropy(x[0], beside(x[0], labels(l)),
                                 {.label_smoothing = smoothing, .reduction = r}, w);
          };
          check_op("cross_entropy", f,
                   [&](const auto& x) {
                     using T = Scalar<decltype(x[0])>;
                     const Rows<T> z(x[0]);
                     std::vector<T> loss(5, T(0));
                     T total = 0, weight = 0;
                     for (std::size_t i = 0; i < 5; ++i) {
                       if (l[i] < 0) continue;
                       const auto p = z.softmax(static_cast<index_t>(i));
                       const T own = static_cast<T>(weighted ? ws[i] : 1);
                       for (index_t c = 0; c < k; ++c) {
                         const double q =
                             (c == l[i] ? 1 - smoothing : 0) + smoothing / static_cast<double>(k);
                         const T w = static_cast<T>(weighted ? wc[static_cast<std::size_t>(c)] : 1);
                         loss[i] -= own * w * static_cast<T>(q) * std::log(p[static_cast<std::size_t>(c)]);
                       }
                       total += loss[i];
                       weight += own * static_cast<T>(weighted ? wc[static_cast<std::size_t>(l[i])] : 1);
                     }
                     if (r == Reduction::none) return Tensor<T>::from({5}, loss);
                     return Tensor<T>::scalar(r == Reduction::sum ? total : total / weight);
                   },
                   {{{{5, k}}}});
        }
}

TEST_CASE("cross_entropy of soft targets, which may require gradients") {
  check_op(
      "cross_entropy", [](const auto& x) { return cross_entropy(x[0], x[1], {.label_smoothing = 0.2}); },
      [](const auto& x) {
        using T = Scalar<decltype(x[0])>;
        const Rows<T> z(x[0]), q(x[1]);
        T total = 0;
        for (index_t i = 0; i < z.n; ++i) {
          const auto p = z.softmax(i);
          for (index_t c = 0; c < z.d; ++c)
            total -=
                (T(0.8) * q(i, c) + T(0.2) / static_cast<T>(z.d)) * std::log(p[static_cast<std::size_t>(c)]);
        }
        return Tensor<T>::scalar(total / static_cast<T>(z.n));
      },
      {{{{4, 3}, {4, 3}}, 0, 1}, {{{9, 20}, {9, 20}}, 0, 1}});
}

TEST_CASE("cross_entropy at the limits") {
  // Far logits, and one that is impossible.
  const auto z = Tensor<float>::from({2, 3}, {1000, 0, -INFINITY, 0, -1000, 0});
  const auto y = cross_entropy(z, labels({0, 1}), {.reduction = Reduction::none});
  CHECK(y.at(0) == 0);
  CHECK(y.at(1) == doctest::Approx(1000.693147));
  const auto x = Var<float>::leaf(Tensor<float>::ones({2, 3}));
  const auto none = cross_entropy(x, labels({-100, -100}));
  backward(none);
  CHECK(none.item() == 0);
  CHECK(max_abs(x.grad()) == 0);
  CHECK(std::isnan(cross_entropy(Tensor<float>::full({1, 2}, NAN), labels({0})).item()));
  const auto w = points(2, 3, 1);
  check_error([&] { cross_entropy(w, labels({0, 3})); }, {"[cross_entropy]", "[0, 3)", "got 3 at 1"});
  check_error([&] { cross_entropy(w, labels({0})); }, {"[cross_entropy]", "(2)", "(1)"});
  check_error([&] { cross_entropy(w, points(2, 2, 1)); }, {"[cross_entropy]", "(2, 3)", "(2, 2)"});
  check_error(
      [&] {
        cross_entropy(w, labels({0, 1}), {.label_smoothing = 2});
      },
      {"[cross_entropy]", "label_smoothing", "2"});
  check_error(
      [&] {
        cross_entropy(w, labels({0, 1}), {}, {.classes = Tensor<double>::ones({2})});
      },
      {"class weights", "(3)", "(2)"});
  check_error(
      [&] {
        cross_entropy(Tensor<double>::zeros({0, 3}), labels({}));
      },
      {"[cross_entropy]", "(0, 3)"});
  CHECK(to_text(CrossEntropyOptions{}) == "cross_entropy(label_smoothing 0, reduction mean)");
}

TEST_CASE("bce_with_logits and bce") {
  for (double weight : {1.0, 3.0})
    check_op(
        "bce_with_logits",
        [&](const auto& x) { return bce_with_logits(x[0], x[1], {.positive_weight = weight}); },
        elementwise_mean([&](auto x, auto t) {
          using T = decltype(x);
          const T p = T(1) / (T(1) + std::exp(-x));
          return -static_cast<T>(weight) * t * std::log(p) - (T(1) - t) * std::log(T(1) - p);
        }),
        kPairs);
  check_op("bce", [](const auto& x) { return bce(x[0], x[1]); },
           elementwise_mean([](auto p, auto t) { return -t * std::log(p) - (1 - t) * std::log(1 - p); }),
           {{{{5, 3}, {5, 3}}, 0.1, 0.9}, {{{1}, {1}}, 0.1, 0.9}});
  const auto far = Tensor<double>::from({2}, {800, -800});
  CHECK(bce_with_logits(far, Tensor<double>::from({2}, {0, 0}), {.reduction = Reduction::none}).to_vector() ==
        std::vector<double>{800, 0});
  CHECK(std::isfinite(bce(Tensor<float>::from({2}, {0, 1}), Tensor<float>::from({2}, {1, 0})).item()));
  const auto x = points(2, 3, 1);
  check_error([&] { bce_with_logits(x, points(3, 2, 1)); }, {"[bce_with_logits]", "(2, 3)", "(3, 2)"});
  check_error([&] { bce(x * 10.0, x); }, {"[bce]", "[0, 1]", "bce_with_logits"});
  check_error([&] { bce_with_logits(x, x, {.positive_weight = 0}); }, {"positive_weight"});
  CHECK(to_text(BceOptions{}) == "bce(positive_weight 1, reduction mean)");
}

TEST_CASE("mse, l1, smooth_l1, huber") {
  check_op(
      "mse", [](const auto& x) { return mse(x[0], x[1]); },
      elementwise_mean([](auto a, auto b) { return (a - b) * (a - b); }), kPairs);
  check_op(
      "l1", [](const auto& x) { return l1(x[0], x[1]); },
      elementwise_mean([](auto a, auto b) { return std::fabs(a - b); }), kPairs);
  check_op(
      "smooth_l1", [](const auto& x) { return smooth_l1(x[0], x[1], 0.7); },
      elementwise_mean([](auto a, auto b) {
        using T = decltype(a);
        const T d = std::fabs(a - b), beta = T(0.7);
        return d < beta ? d * d / (2 * beta) : d - beta / 2;
      }),
      kPairs);
  check_op(
      "huber", [](const auto& x) { return huber(x[0], x[1], 1.5); }, elementwise_mean([](auto a, auto b) {
        using T = decltype(a);
        const T d = std::fabs(a - b), delta = T(1.5);
        return d < delta ? d * d / 2 : delta * (d - delta / 2);
      }),
      kPairs);
  const auto a = points(3, 2, 1), b = points(3, 2, 2);
  CHECK(equal(smooth_l1(a, b, 0), l1(a, b)));
  CHECK(mse(a, b, Reduction::sum).item() == doctest::Approx(6 * mse(a, b).item()));
  const auto w = Tensor<double>::from({3, 1}, {1, 0, 0});
  CHECK(mse(a, b, Reduction::mean, w).item() ==
        doctest::Approx(mse(slice(a, 0, 0, 1), slice(b, 0, 0, 1)).item()));
  CHECK(mse(a, b, Reduction::mean, w * 0.0).item() == 0);
  CHECK(mse(a, b, Reduction::none).shape() == Shape{3, 2});
  check_error([&] { mse(a, points(2, 3, 1)); }, {"[mse]", "(3, 2)", "(2, 3)"});
  check_error([&] { smooth_l1(a, b, -1); }, {"[smooth_l1]", "beta"});
  check_error([&] { huber(a, b, 0); }, {"[huber]", "delta"});
  check_error([&] { mse(a, b, Reduction::mean, Tensor<double>::ones({5})); }, {"[mse]", "broadcast", "(5)"});
  check_error([&] { mse(Tensor<double>::zeros({0}), Tensor<double>::zeros({0})); },
              {"[mse]", "at least one"});
}

TEST_CASE("entropy") {
  check_op(
      "entropy", [](const auto& x) { return entropy(x[0]); },
      [](const auto& x) {
        using T = Scalar<decltype(x[0])>;
        const Rows<T> z(x[0]);
        T total = 0;
        for (index_t i = 0; i < z.n; ++i)
          for (T p : z.softmax(i)) total -= p * std::log(p);
        return Tensor<T>::scalar(total / static_cast<T>(z.n));
      },
      {{{{4, 3}}}, {{{1, 1}}}, {{{9, 33}}}});
  CHECK(entropy(Tensor<double>::zeros({2, 4})).item() == doctest::Approx(std::log(4)));
  // An impossible class adds nothing, and no NaN.
  const auto x = Var<double>::leaf(Tensor<double>::from({1, 3}, {0, 0, -INFINITY}));
  const auto h = entropy(x);
  backward(h);
  CHECK(h.item() == doctest::Approx(std::log(2)));
  CHECK(max_abs(x.grad()) < 1e-15);
  CHECK(all_finite(Cpu{}, x.grad()));
  check_error([] { entropy(Tensor<double>::zeros({3})); }, {"[entropy]", "(N, K)", "(3)"});
}

TEST_CASE("kl_div") {
  check_op(
      "kl_div", [](const auto& x) { return kl_div(x[0], x[1]); },
      [](const auto& x) {
        using T = Scalar<decltype(x[0])>;
        const auto lp = x[0].to_vector(), q = x[1].to_vector();
        T total = 0;
        for (std::size_t i = 0; i < q.size(); ++i) total += q[i] * (std::log(q[i]) - lp[i]);
        return Tensor<T>::scalar(total / static_cast<T>(x[0].size(0)));
      },
      {{{{4, 3}, {4, 3}}, 0.1, 1}});
  const auto lp = log_softmax(points(2, 3, 1));
  CHECK(kl_div(lp, exp(lp)).item() == doctest::Approx(0.0));
  const auto hard = Tensor<double>::from({2, 3}, {1, 0, 0, 0, 0, 1});
  CHECK(kl_div(lp, hard, KlReduction::sum).item() == doctest::Approx(-lp.at(0, 0) - lp.at(1, 2)));
  CHECK(kl_div(lp, hard, KlReduction::mean).item() ==
        doctest::Approx(kl_div(lp, hard, KlReduction::sum).item() / 6));
  CHECK(kl_div(lp, hard, KlReduction::none).at(0, 1) == 0);
  check_error([&] { kl_div(lp, lp); },
              {"[kl_div]", "q must be finite and not negative", "at (0, 0) of (2, 3)", "logarithms"});
}

TEST_CASE("minimum_class_confusion") {
  auto f = [](const auto& x) { return minimum_class_confusion(x[0]); };
  auto reference = [](const auto& x) {
    using T = Scalar<decltype(x[0])>;
    const Rows<T> z(x[0]);
    std::vector<std::vector<T>> p;
    std::vector<T> w;
    T total = 0;
    for (index_t i = 0; i < z.n; ++i) {
      p.push_back(z.softmax(i, T(2.5)));
      T h = 0;
      for (T q : p.back()) h -= q * std::log(q);
      w.push_back(1 + std::exp(-h));
      total += w.back();
    }
    T loss = 0;
    const auto k = static_cast<std::size_t>(z.d);
    for (std::size_t a = 0; a < k; ++a) {
      std::vector<T> row(k, T(0));
      T sum = 0;
      for (std::size_t b = 0; b < k; ++b) {
        for (std::size_t i = 0; i < p.size(); ++i)
          row[b] += w[i] / total * static_cast<T>(z.n) * p[i][a] * p[i][b];
        sum += row[b];
      }
      for (std::size_t b = 0; b < k; ++b) loss += a == b ? T(0) : row[b] / sum / static_cast<T>(k);
    }
    return Tensor<T>::scalar(loss);
  };
  // The weights carry no gradient, so differences of the whole do not apply: those with weights held are
  // below.
  OpOptions options;
  options.max_numel_for_differences = 0;
  check_op("minimum_class_confusion", f, reference, {{{{5, 3}}}, {{{1, 1}}}, {{{20, 9}}}}, options);
  const auto sure = Var<double>::leaf(Tensor<double>::from({2, 3}, {5000, 0, 0, 0, 5000, 0}));
  const auto y = minimum_class_confusion(sure);
  backward(y);
  CHECK(y.item() == 0);
  CHECK(all_finite(Cpu{}, sure.grad()));
  check_error([&] { minimum_class_confusion(points(2, 3, 1), {.temperature = 0}); },
              {"[minimum_class_confusion]", "temperature", "0"});
  CHECK(to_text(ClassConfusionOptions{}) == "minimum_class_confusion(temperature 2.5)");
}

TEST_CASE("derivatives of minimum_class_confusion, first and second, its weights held") {
  // Sample weights w(x_0) / w(x) keep the weights of the samples at those of x_0.
  const auto w = [](const Tensor<double>& z) { return exp(-entropy(z * (1 / 2.5), Reduction::none)) + 1.0; };
  for (const auto& [n, k] : {std::pair<index_t, index_t>{1, 4}, {5, 3}, {7, 2}}) {
    const auto at = points(n, k, 3), held = w(at);
    const auto f = [&](const auto& x) { return minimum_class_confusion(x[0], {}, held / w(value_of(x[0]))); };
    gradcheck(f, std::vector<Tensor<double>>{at});
    gradgradcheck(f, std::vector<Tensor<double>>{at});
    // The gradient of the loss itself is that one.
    const auto whole =
        gradients_of<double>([](const auto& x) { return minimum_class_confusion(x[0]); }, {at});
    CHECK(error_of(gradients_of<double>(f, {at})[0], whole[0]) < 1e-14);
  }
}
