// Cosines between samples and contrastive losses.
#include <limbic/loss/contrastive.hpp>

#include "loss/naive.hpp"
#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

Tensor<double> points(const Shape& shape, unsigned seed) {
  return Tensor<double>::from(shape, random_values(numel(shape), -2, 2, 0, seed));
}
Tensor<index_t> labels(const std::vector<index_t>& v) {
  return Tensor<index_t>::from({static_cast<index_t>(v.size())}, v);
}
template <class X>
using Scalar = typename std::decay_t<X>::value_type;

// Cosine of rows i and j.
template <class T>
T cosine(const Rows<T>& x, index_t i, const Rows<T>& y, index_t j) {
  T s = 0, a = 0, b = 0;
  for (index_t c = 0; c < x.d; ++c) s += x(i, c) * y(j, c), a += x(i, c) * x(i, c), b += y(j, c) * y(j, c);
  return s / std::sqrt(a * b);
}

}  // namespace

TEST_CASE("cosine_matrix and class_structure") {
  check_op(
      "cosine_matrix", [](const auto& x) { return cosine_matrix(x[0]); },
      [](const auto& x) {
        using T = Scalar<decltype(x[0])>;
        const Rows<T> r(x[0]);
        std::vector<T> y;
        for (index_t i = 0; i < r.n; ++i)
          for (index_t j = 0; j < r.n; ++j) y.push_back(cosine(r, i, r, j));
        return Tensor<T>::from({r.n, r.n}, y);
      },
      {{{{4, 3}}}, {{{1, 1}}}, {{{9, 20}}}});
  const auto l = labels({0, 2, 2, 1});
  check_op(
      "class_structure", [&](const auto& x) { return class_structure(x[0], beside(x[0], l), 0.05); },
      [&](const auto& x) {
        using T = Scalar<decltype(x[0])>;
        const Rows<T> z(x[0]);
        std::vector<T> p;
        for (index_t i = 0; i < 4; ++i)
          for (T v : z.softmax(i)) p.push_back(v);
        const Rows<T> rows(Tensor<T>::from({4, 3}, p));
        T total = 0;
        for (index_t i = 0; i < 4; ++i)
          for (index_t j = 0; j < 4; ++j) {
            const T s = cosine(rows, i, rows, j);
            total -= l.at(i) == l.at(j) ? std::log(s + T(0.05)) : std::log(1 - s + T(0.05));
          }
        return Tensor<T>::scalar(total / 16);
      },
      {{{{4, 3}}}});
  auto bad = points({3, 2}, 1);
  slice(bad, 0, 1, 2).fill(0);
  check_error([&] { cosine_matrix(bad); }, {"[cosine_matrix]", "positive", "row 1", "(3, 2)"});
  check_error([&] { cosine_matrix(points({3, 2}, 1) * std::nan("")); }, {"[cosine_matrix]", "finite", "nan"});
  check_error([&] { class_structure(points({2, 3}, 1), labels({0, 3})); }, {"[class_structure]", "[0, 3)"});
  check_error([&] { class_structure(points({2, 3}, 1), labels({0, 1}), 0); }, {"[class_structure]", "eta"});
}

TEST_CASE("clip_loss and info_nce") {
  auto one_way = [](const auto& a, const auto& b, auto scale) {
    using T = decltype(scale);
    T total = 0;
    for (index_t i = 0; i < a.n; ++i) {
      T sum = 0;
      for (index_t j = 0; j < b.n; ++j) sum += std::exp(scale * cosine(a, i, b, j));
      total += std::log(sum) - scale * cosine(a, i, b, i);
    }
    return total / static_cast<T>(a.n);
  };
  check_op(
      "clip_loss", [](const auto& x) { return clip_loss(x[0], x[1], x[2]); },
      [&](const auto& x) {
        using T = Scalar<decltype(x[0])>;
        const Rows<T> a(x[0]), b(x[1]);
        const T scale = std::exp(x[2].to_vector()[0]);
        return Tensor<T>::scalar((one_way(a, b, scale) + one_way(b, a, scale)) / 2);
      },
      {{{{4, 3}, {4, 3}, {}}}, {{{1, 2}, {1, 2}, {1}}}});
  check_op(
      "info_nce", [](const auto& x) { return info_nce(x[0], x[1], 0.5); },
      [&](const auto& x) {
        using T = Scalar<decltype(x[0])>;
        return Tensor<T>::scalar(one_way(Rows<T>(x[0]), Rows<T>(x[1]), T(2)));
      },
      {{{{4, 3}, {4, 3}}}});
  const auto a = points({4, 3}, 1), scale = Tensor<double>::scalar(0);
  CHECK(clip_loss(a, points({4, 3}, 2), scale).item() ==
        doctest::Approx(clip_loss(points({4, 3}, 2), a, scale).item()));
  check_error([&] { clip_loss(a, points({3, 3}, 1), scale); }, {"[clip_loss]", "(4, 3)", "(3, 3)"});
  check_error([&] { clip_loss(a, a, a); }, {"[clip_loss]", "log_scale", "(4, 3)"});
  check_error([&] { clip_loss(a, a * 0.0, scale); }, {"[clip_loss]", "row 0"});
  check_error([&] { info_nce(a, a, 0); }, {"[info_nce]", "temperature"});
}

TEST_CASE("supcon") {
  const auto l = labels({5, -1, 5, 7, 5, 7, 0});
  check_op(
      "supcon", [&](const auto& x) { return supcon(x[0], beside(x[0], l), 0.5); },
      [&](const auto& x) {
        using T = Scalar<decltype(x[0])>;
        const Rows<T> r(x[0]);
        T total = 0, anchors = 0;
        for (index_t i = 0; i < 7; ++i) {
          T sum = 0, own = 0, count = 0;
          for (index_t j = 0; j < 7; ++j) {
            if (j == i) continue;
            sum += std::exp(2 * cosine(r, i, r, j));
            if (l.at(j) == l.at(i)) own += 2 * cosine(r, i, r, j), count += 1;
          }
          if (count == 0) continue;
          anchors += 1;
          total -= own / count - std::log(sum);
        }
        return Tensor<T>::scalar(total / anchors);
      },
      {{{{7, 3}}}});
  for (index_t n : {1, 3}) {
    const auto x = Var<double>::leaf(points({n, 2}, 1));
    const auto y = supcon(x, Tensor<index_t>::arange(n));
    backward(y);
    CHECK(y.item() == 0);
    CHECK(max_abs(x.grad()) == 0);
  }
  check_error([&] { supcon(points({2, 3}, 1), labels({0})); }, {"[supcon]", "(2)", "(1)"});
  check_error([&] { supcon(points({2, 3}, 1), labels({0, 0}), -1); }, {"[supcon]", "temperature", "-1"});
}
