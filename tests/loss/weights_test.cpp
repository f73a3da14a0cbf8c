// Sample weights, and what is refused, of the losses of predictions, distillation and contrast.
#include <limbic/loss/adversarial.hpp>
#include <limbic/loss/attention_transfer.hpp>
#include <limbic/loss/class_confusion.hpp>
#include <limbic/loss/contrastive.hpp>
#include <limbic/loss/distillation.hpp>
#include <limbic/loss/relational.hpp>

#include "loss/naive.hpp"
#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

using Data = Tensor<double>;

Data points(const Shape& shape, unsigned seed) {
  return Data::from(shape, random_values(numel(shape), -2, 2, 0, seed));
}
Tensor<index_t> labels(const std::vector<index_t>& v) {
  return Tensor<index_t>::from({static_cast<index_t>(v.size())}, v);
}

const Data kLastOut = Data::from({5}, {3, 3, 3, 3, 0});
Data first(const Data& x) { return slice(x, 0, 0, 4); }

}  // namespace

TEST_CASE("equal weights change nothing; a weight of 0 leaves a sample out of what is averaged") {
  const auto a = points({5, 3}, 1), b = points({5, 3}, 2), even = Data::full({5}, 0.25);
  const auto same = [&](const char* name, auto f) {
    CAPTURE(name);
    CHECK(f(a, b, even) == doctest::Approx(f(a, b, Data())).epsilon(1e-12));
  };
  const auto out = [&](const char* name, auto f) {
    CAPTURE(name);
    same(name, f);
    CHECK(f(a, b, kLastOut) == doctest::Approx(f(first(a), first(b), Data())).epsilon(1e-12));
  };
  out("relational_kd",
      [](const Data& x, const Data& y, const Data& w) { return relational_kd(x, y, {}, w).item(); });
  out("fitnets",
      [](const Data& x, const Data& y, const Data& w) { return fitnets(x, y, Data::eye(3), {}, w).item(); });
  out("attention_transfer", [](const Data& x, const Data& y, const Data& w) {
    return attention_transfer(reshape(x, {-1, 1, 3}), reshape(y, {-1, 1, 3}), w).item();
  });
  out("class_structure", [](const Data& x, const Data&, const Data& w) {
    return class_structure(x, labels({0, 1, 1, 2, 0}).slice(0, 0, x.size(0)), 0.05, w).item();
  });
  out("minimum_class_confusion",
      [](const Data& x, const Data&, const Data& w) { return minimum_class_confusion(x, {}, w).item(); });
  out("distillation",
      [](const Data& x, const Data& y, const Data& w) { return distillation(x, y, {}, w).item(); });
  out("mutual_distillation",
      [](const Data& x, const Data& y, const Data& w) { return mutual_distillation(x, y, {}, w).item(); });
  out("entropy",
      [](const Data& x, const Data&, const Data& w) { return entropy(x, Reduction::mean, w).item(); });
  // These look at the whole batch for every sample.
  same("similarity_preserving",
       [](const Data& x, const Data& y, const Data& w) { return similarity_preserving(x, y, w).item(); });
  same("clip_loss", [](const Data& x, const Data& y, const Data& w) {
    return clip_loss(x, y, Data::scalar(0), w).item();
  });
  same("info_nce", [](const Data& x, const Data& y, const Data& w) { return info_nce(x, y, 0.5, w).item(); });
  same("supcon", [](const Data& x, const Data&, const Data& w) {
    return supcon(x, labels({0, 0, 1, 1, 2}), 0.5, w).item();
  });
}

TEST_CASE("weights of pairs and of anchors by their definition") {
  const auto a = points({4, 3}, 3), b = points({4, 3}, 4), w = Data::from({4}, {1, 2, 0, 5});
  const auto logits = matmul(a / norm(a, {1}, true), transpose(b / norm(b, {1}, true))) * 2.0;
  const auto rows = -log_softmax(logits, 1).diagonal(), cols = -log_softmax(transpose(logits), 1).diagonal();
  CHECK(info_nce(a, b, 0.5, w).item() == doctest::Approx(sum(rows * w).item() / 8).epsilon(1e-12));
  CHECK(clip_loss(a, b, Data::scalar(std::log(2)), w).item() ==
        doctest::Approx(sum((rows + cols) * w).item() / 16).epsilon(1e-12));
  // The third anchor has no positive: it counts for nothing, whatever its weight is.
  const auto l = labels({0, 0, 1, 0});
  double total = 0;
  const auto lp = [&] {
    Data s = matmul(a / norm(a, {1}, true), transpose(a / norm(a, {1}, true))) * 2.0;
    for (index_t i = 0; i < 4; ++i) s.set({i, i}, -INFINITY);
    return log_softmax(s, 1);
  }();
  for (index_t i : {0, 1, 3}) {
    double mean_of_two = 0;
    for (index_t j : {0, 1, 3}) mean_of_two -= j == i ? 0 : lp.at(i, j) / 2;
    total += w.at(i) * mean_of_two;
  }
  CHECK(supcon(a, l, 0.5, w).item() == doctest::Approx(total / 8).epsilon(1e-12));
  CHECK(supcon(a, l, 0.5, Data::from({4}, {1, 2, 9, 5})).item() == doctest::Approx(total / 8).epsilon(1e-12));
  CHECK(supcon(a, l, 0.5, Data::from({4}, {0, 0, 9, 0})).item() == 0);
  const auto g = [](const Data& x) {
    const auto k = matmul(x, transpose(x));
    return k / norm(k, {1}, true);
  };
  const auto d = square(g(a) - g(b));
  CHECK(similarity_preserving(a, b, w).item() ==
        doctest::Approx(sum(d * w * w.reshape({4, 1})).item() / 64).epsilon(1e-12));
}

TEST_CASE("first and second derivatives with weights") {
  const auto w = Data::from({4}, {1, 2, 0.5, 3}), b = points({4, 3}, 5);
  const auto check_both = [](auto f, const std::vector<Data>& x) {
    gradcheck(f, x);
    gradgradcheck(f, x);
  };
  const std::vector<Data> x{points({4, 3}, 6)};
  check_both([&](const auto& v) { return relational_kd(v[0], b, {}, w); }, x);
  check_both([&](const auto& v) { return similarity_preserving(v[0], b, w); }, x);
  check_both([&](const auto& v) { return clip_loss(v[0], b, Data::scalar(0.3), w); }, x);
  check_both([&](const auto& v) { return supcon(v[0], labels({0, 0, 1, 1}), 0.5, w); }, x);
  check_both([&](const auto& v) { return class_structure(v[0], labels({0, 0, 1, 1}), 0.1, w); }, x);
  check_both([&](const auto& v) { return fitnets(v[0], b, v[1], {}, w); },
             {points({4, 2}, 7), points({3, 2}, 8)});
}

TEST_CASE("weights and inputs that are refused") {
  const auto a = points({4, 3}, 1), b = points({4, 3}, 2), w = Data::ones({3});
  const auto l = labels({0, 1, 1, 0});
  auto nan = a.clone();
  nan.set({2, 1}, std::nan(""));
  check_error([&] { relational_kd(a, b, {}, w); }, {"[relational_kd]", "(4)", "(3)"});
  check_error([&] { similarity_preserving(a, b, w); }, {"[similarity_preserving]", "(4)", "(3)"});
  check_error([&] { clip_loss(a, b, Data::scalar(0), w); }, {"[clip_loss]", "(4)", "(3)"});
  check_error([&] { info_nce(a, b, 0.1, w); }, {"[info_nce]", "(4)", "(3)"});
  check_error([&] { supcon(a, l, 0.1, w); }, {"[supcon]", "(4)", "(3)"});
  check_error([&] { supcon(a, l, 0.1, Data::full({4}, -1)); }, {"[supcon]", "not negative", "-1"});
  check_error([&] { fitnets(a, b, Data::eye(3), {}, w); }, {"[fitnets]", "(4)", "(3)"});
  check_error([&] { fitnets(points({3}, 1), b, Data::eye(3)); }, {"[fitnets]", "student", "(3)"});
  check_error([&] { class_structure(a, l, 0.1, w); }, {"[class_structure]", "(4)", "(3)"});
  // Weights that are no weights, wherever they are taken.
  for (double bad : {-1.0, static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    CAPTURE(bad);
    auto v = Data::ones({4});
    v.set({2}, bad);
    const std::string number = bad < 0 ? "-1 at (2" : std::isnan(bad) ? "nan at (2" : "inf at (2";
    const auto refuses = [&](const char* op, auto f) {
      check_error(f, {op, "sample weights must be finite and not negative", number.c_str()});
    };
    refuses("[minimum_class_confusion]", [&] { minimum_class_confusion(a, {}, v); });
    refuses("[similarity_preserving]", [&] { similarity_preserving(a, b, v); });
    refuses("[class_structure]", [&] { class_structure(a, l, 0.1, v); });
    refuses("[info_nce]", [&] { info_nce(a, b, 0.1, v); });
    refuses("[clip_loss]", [&] { clip_loss(a, b, Data::scalar(0), v); });
    refuses("[fitnets]", [&] { fitnets(a, b, Data::eye(3), {}, v); });
    refuses("[attention_transfer]", [&] {
      attention_transfer(reshape(a, {4, 1, 3}), reshape(b, {4, 1, 3}), v);
    });
    refuses("[distillation]", [&] { distillation(a, b, {}, v); });
    for (Reduction r : {Reduction::mean, Reduction::sum, Reduction::none}) {
      refuses("[entropy]", [&] { entropy(a, r, v); });
      refuses("[cross_entropy]", [&] { cross_entropy(a, l, {.reduction = r}, {.samples = v}); });
    }
  }
  // Options.
  for (double bad : {-1.0, static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    check_error([&] { relational_kd(a, b, {.angle_weight = bad}); },
                {"[relational_kd]", "angle_weight must be finite"});
    check_error([&] { relational_kd(a, b, {.distance_weight = bad}); },
                {"[relational_kd]", "distance_weight"});
    check_error([&] { decoupled_kd(a, b, l, {.alpha = bad}); },
                {"[decoupled_kd]", "alpha and beta must be finite"});
    check_error([&] { decoupled_kd(a, b, l, {.beta = bad}); },
                {"[decoupled_kd]", "alpha and beta must be finite"});
    check_error([&] { class_structure(a, l, bad); },
                {"[class_structure]", "eta must be positive and finite"});
    check_error([&] { dann_coefficient(0.5, bad); },
                {"[dann_coefficient]", "rate must be finite and not negative"});
  }
  check_error([&] { info_nce(a, b, 1e-40); }, {"[info_nce]", "temperature must be positive", "1e-40"});
  // NaN.
  check_error([&] { certainty_weights(nan); },
              {"[certainty_weights]", "logits must be finite", "nan at (2, 1)"});
  check_error([&] { kl_div(nan, softmax(b)); }, {"[kl_div]", "log_p must be finite", "nan at (2, 1)"});
  check_error(
      [&] {
        kl_div(log_softmax(b), softmax(b), KlReduction::mean, Data::full({4, 1}, NAN));
      },
      {"[kl_div]", "sample weights must be finite", "nan at (0, 0)"});
  check_error([&] { kl_div(b, exp(nan)); }, {"[kl_div]", "q must be finite", "nan at (2, 1)"});
  check_error(
      [&] {
        fitnets(a, b, Data::eye(3), Data::from({3}, {0, NAN, 0}));
      },
      {"[fitnets]", "bias must be finite", "nan at (1)"});
  check_error([&] { fitnets(a, b, Data::eye(3) * static_cast<double>(NAN)); },
              {"[fitnets]", "weight must be finite", "nan at (0, 0)"});
  check_error([&] { distillation(nan, b); },
              {"[distillation]", "student must be finite", "nan at (2, 1) of (4, 3)"});
  check_error([&] { distillation(b, nan); }, {"[distillation]", "teacher must be finite"});
  check_error([&] { mutual_distillation(b, nan); }, {"[mutual_distillation]", "b must be finite"});
  check_error([&] { decoupled_kd(nan, b, l); }, {"[decoupled_kd]", "student"});
  check_error([&] { entropy(nan); }, {"[entropy]", "logits"});
  check_error([&] { minimum_class_confusion(nan); }, {"[minimum_class_confusion]", "logits"});
  check_error([&] { similarity_preserving(nan, b); }, {"[similarity_preserving]", "student"});
  check_error([&] { relational_kd(nan, b); }, {"[relational_kd]", "student must be finite", "nan"});
  check_error(
      [&] {
        attention_transfer(reshape(b, {4, 3, 1}), reshape(nan, {4, 3, 1}));
      },
      {"[attention_transfer]", "teacher"});
  check_error([&] { fitnets(nan, b, Data::eye(3)); }, {"[fitnets]", "student"});
  check_error([&] { clip_loss(nan, b, Data::scalar(0)); },
              {"[clip_loss]", "rows of a must", "finite", "row 2"});
  check_error([&] { clip_loss(b, nan, Data::scalar(0)); },
              {"[clip_loss]", "rows of b must", "finite", "row 2"});
  check_error([&] { clip_loss(a, b, Data::scalar(std::nan(""))); },
              {"[clip_loss]", "log_scale must be finite"});
  check_error([&] { info_nce(a, nan); }, {"[info_nce]", "rows of key must", "finite", "row 2"});
  check_error([&] { info_nce(nan, a); }, {"[info_nce]", "rows of query must", "finite", "row 2"});
  check_error([&] { supcon(nan, l); }, {"[supcon]", "rows of x must", "finite", "row 2"});
  check_error([&] { class_structure(nan, l); },
              {"[class_structure]", "rows of softmax(logits) must", "finite", "row 2"});
  check_error([&] { domain_loss(slice(nan, 1, 1, 2), slice(b, 1, 0, 1)); },
              {"[domain_loss]", "source logits", "(2, 0)"});
  // Zero rows where there is a cosine, and temperatures.
  auto zero = a.clone();
  slice(zero, 0, 3, 4).fill(0);
  check_error([&] { clip_loss(a, zero, Data::scalar(0)); }, {"[clip_loss]", "positive", "row 3"});
  check_error([&] { info_nce(zero, a); }, {"[info_nce]", "row 3"});
  check_error([&] { supcon(zero, l); }, {"[supcon]", "row 3"});
  for (double t : {0.0, -1.0, static_cast<double>(NAN)}) {
    check_error([&] { info_nce(a, b, t); }, {"[info_nce]", "temperature must be positive"});
    check_error([&] { supcon(a, l, t); }, {"[supcon]", "temperature must be positive"});
    check_error([&] { decoupled_kd(a, b, l, {.temperature = t}); },
                {"[decoupled_kd]", "temperature must be positive"});
  }
}
