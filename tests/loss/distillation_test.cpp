// Distillation of predictions, relations and feature maps.
#include <limbic/loss/attention_transfer.hpp>
#include <limbic/loss/distillation.hpp>
#include <limbic/loss/relational.hpp>

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

template <class T>
T divergence(const std::vector<T>& q, const std::vector<T>& p) {
  T s = 0;
  for (std::size_t c = 0; c < q.size(); ++c) s += q[c] * (std::log(q[c]) - std::log(p[c]));
  return s;
}
template <class T>
T smooth(T u) {
  return std::fabs(u) < T(1) ? u * u / 2 : std::fabs(u) - T(0.5);
}

}  // namespace

TEST_CASE("distillation and mutual_distillation") {
  const auto teacher = points({4, 3}, 1);
  check_op(
      "distillation",
      [&](const auto& x) {
        return distillation(x[0], beside(x[0], teacher.to<scalar_of<decltype(x[0])>>()), {.temperature = 3});
      },
      [&](const auto& x) {
        using T = Scalar<decltype(x[0])>;
        const Rows<T> s(x[0]), t(teacher.to<T>());
        T total = 0;
        for (index_t i = 0; i < 4; ++i) total += 9 * divergence(t.softmax(i, T(3)), s.softmax(i, T(3))) / 4;
        return Tensor<T>::scalar(total);
      },
      {{{{4, 3}}}});
  check_op(
      "mutual_distillation", [](const auto& x) { return mutual_distillation(x[0], x[1]); },
      [](const auto& x) {
        using T = Scalar<decltype(x[0])>;
        const Rows<T> a(x[0]), b(x[1]);
        T total = 0;
        for (index_t i = 0; i < a.n; ++i)
          total += divergence(b.softmax(i), a.softmax(i)) + divergence(a.softmax(i), b.softmax(i));
        return Tensor<T>::scalar(total / static_cast<T>(a.n));
      },
      {{{{4, 3}, {4, 3}}}, {{{1, 1}, {1, 1}}}, {{{9, 21}, {9, 21}}}});
  const auto t = Var<double>::leaf(teacher), s = Var<double>::leaf(points({4, 3}, 2));
  backward(distillation(s, t));
  CHECK(!t.grad().defined());
  CHECK(std::fabs(distillation(teacher, teacher).item()) < 1e-15);
  const auto w = Tensor<double>::from({4}, {0, 0, 1, 0});
  CHECK(distillation(s.value(), teacher, {}, w).item() ==
        doctest::Approx(distillation(slice(s.value(), 0, 2, 3), slice(teacher, 0, 2, 3)).item()));
  // A class that a teacher excludes.
  CHECK(
      std::isfinite(distillation(points({1, 3}, 1), Tensor<double>::from({1, 3}, {0, 1, -INFINITY})).item()));
  check_error([&] { distillation(s, points({4, 2}, 1)); }, {"[distillation]", "(4, 3)", "(4, 2)"});
  check_error([&] { distillation(s, t, {.temperature = 0}); },
              {"[distillation]", "temperature must be positive", "0"});
  check_error([&] { mutual_distillation(s, t, {.temperature = -1}); },
              {"[mutual_distillation]", "temperature"});
  CHECK(to_text(DistillationOptions{}) == "distillation(temperature 4)");
}

TEST_CASE("decoupled_kd") {
  const auto teacher = points({5, 4}, 1);
  const auto l = labels({0, 3, 1, 1, 2});
  check_op(
      "decoupled_kd",
      [&](const auto& x) {
        return decoupled_kd(x[0], beside(x[0], teacher.to<scalar_of<decltype(x[0])>>()), beside(x[0], l),
                            {.alpha = 0.5, .beta = 2, .temperature = 3});
      },
      [&](const auto& x) {
        using T = Scalar<decltype(x[0])>;
        const Rows<T> s(x[0]), t(teacher.to<T>());
        T total = 0;
        for (index_t i = 0; i < 5; ++i) {
          auto p = s.softmax(i, T(3)), q = t.softmax(i, T(3));
          const auto own = static_cast<std::size_t>(l.at(i));
          const T ps = p[own], qs = q[own];
          total += T(0.5) * divergence<T>({qs, 1 - qs}, {ps, 1 - ps});
          p.erase(p.begin() + l.at(i));
          q.erase(q.begin() + l.at(i));
          for (T& v : p) v /= 1 - ps;
          for (T& v : q) v /= 1 - qs;
          total += 2 * divergence(q, p);
        }
        return Tensor<T>::scalar(total * 9 / 5);
      },
      {{{{5, 4}}}});
  CHECK(std::fabs(decoupled_kd(teacher, teacher, l).item()) < 1e-14);
  // With two classes nothing is left beside the label but one class.
  const auto two =
      decoupled_kd(points({2, 2}, 3), points({2, 2}, 4), labels({0, 1}), {.alpha = 0, .beta = 1});
  CHECK(two.item() == 0);
  check_error(
      [&] {
        decoupled_kd(teacher, teacher, labels({0, 3, 1, 1, 4}));
      },
      {"[decoupled_kd]", "[0, 4)", "got 4 at 4"});
  check_error(
      [&] {
        decoupled_kd(points({2, 1}, 1), points({2, 1}, 1), labels({0, 0}));
      },
      {"[decoupled_kd]", "two classes"});
  CHECK(to_text(DecoupledKdOptions{}) == "decoupled_kd(alpha 1, beta 8, temperature 4)");
}

TEST_CASE("relational_kd") {
  for (index_t n : {1, 4, 20}) {
    const auto teacher = points({n, 5}, 7);
    check_op(
        "relational_kd",
        [&](const auto& x) {
          return relational_kd(x[0], beside(x[0], teacher.to<scalar_of<decltype(x[0])>>()));
        },
        [&](const auto& x) {
          using T = Scalar<decltype(x[0])>;
          const Rows<T> s(x[0]), t(teacher.to<T>());
          auto scale = [](const Rows<T>& r) {
            T sum = 0;
            for (index_t i = 0; i < r.n; ++i)
              for (index_t j = 0; j < r.n; ++j) sum += std::sqrt(r.distance(i, r, j));
            return r.n > 1 ? sum / static_cast<T>(r.n * r.n - r.n) : T(1);
          };
          const T ms = scale(s), mt = scale(t), count = static_cast<T>(n);
          auto angle = [](const Rows<T>& r, index_t i, index_t j, index_t k) {
            if (i == j || i == k) return T(0);
            T dot = 0;
            for (index_t c = 0; c < r.d; ++c) dot += (r(j, c) - r(i, c)) * (r(k, c) - r(i, c));
            return dot / std::sqrt(r.distance(i, r, j) * r.distance(i, r, k));
          };
          T distances = 0, angles = 0;
          for (index_t i = 0; i < n; ++i)
            for (index_t j = 0; j < n; ++j) {
              distances += smooth(std::sqrt(s.distance(i, s, j)) / ms - std::sqrt(t.distance(i, t, j)) / mt);
              for (index_t k = 0; k < n; ++k) angles += smooth(angle(s, i, j, k) - angle(t, i, j, k));
            }
          return Tensor<T>::scalar(distances / (count * count) + 2 * angles / (count * count * count));
        },
        {{{{n, 3}}}});
  }
  const auto x = points({6, 3}, 8);
  CHECK(std::fabs(relational_kd(x * 5.0 + 3.0, x).item()) < 1e-12);
  const auto flat = Var<double>::leaf(Tensor<double>::ones({4, 3}));
  const auto y = relational_kd(flat, points({4, 2}, 9));
  backward(y);
  CHECK(std::isfinite(y.item()));
  CHECK(max_abs(flat.grad()) == 0);
  check_error([&] { relational_kd(x, points({5, 3}, 1)); }, {"[relational_kd]", "(6, 3)", "(5, 3)"});
  CHECK(to_text(RelationalKdOptions{}) == "relational_kd(distance_weight 1, angle_weight 2)");
}

TEST_CASE("similarity_preserving, attention_transfer, fitnets") {
  const auto teacher = points({4, 2, 3}, 1);
  check_op(
      "similarity_preserving",
      [&](const auto& x) {
        return similarity_preserving(x[0], beside(x[0], teacher.to<scalar_of<decltype(x[0])>>()));
      },
      [&](const auto& x) {
        using T = Scalar<decltype(x[0])>;
        const Rows<T> s(x[0]), t(teacher.to<T>().reshape({4, 6}));
        auto gram = [](const Rows<T>& r) {
          std::vector<T> g;
          for (index_t i = 0; i < r.n; ++i) {
            T length = 0;
            for (index_t j = 0; j < r.n; ++j) {
              T dot = 0;
              for (index_t c = 0; c < r.d; ++c) dot += r(i, c) * r(j, c);
              g.push_back(dot);
              length += dot * dot;
            }
            for (index_t j = 0; j < r.n; ++j) g[static_cast<std::size_t>(i * r.n + j)] /= std::sqrt(length);
          }
          return g;
        };
        const auto a = gram(s), b = gram(t);
        T total = 0;
        for (std::size_t i = 0; i < a.size(); ++i) total += (a[i] - b[i]) * (a[i] - b[i]);
        return Tensor<T>::scalar(total / 16);
      },
      {{{{4, 3}}}});
  const auto maps = points({2, 5, 2, 3}, 2);
  check_op(
      "attention_transfer",
      [&](const auto& x) {
        return attention_transfer(x[0], beside(x[0], maps.to<scalar_of<decltype(x[0])>>()));
      },
      [&](const auto& x) {
        using T = Scalar<decltype(x[0])>;
        auto rows = [](const Tensor<T>& m) {
          std::vector<T> q;
          for (index_t b = 0; b < m.size(0); ++b) {
            T length = 0;
            for (index_t h = 0; h < 2; ++h)
              for (index_t w = 0; w < 3; ++w) {
                T s = 0;
                for (index_t c = 0; c < m.size(1); ++c)
                  s += m.at(b, c, h, w) * m.at(b, c, h, w) / static_cast<T>(m.size(1));
                q.push_back(s);
                length += s * s;
              }
            for (std::size_t i = 0; i < 6; ++i) q[q.size() - 6 + i] /= std::sqrt(length);
          }
          return q;
        };
        const auto a = rows(x[0]), b = rows(maps.to<T>());
        T total = 0;
        for (std::size_t i = 0; i < a.size(); ++i) total += (a[i] - b[i]) * (a[i] - b[i]);
        return Tensor<T>::scalar(total / static_cast<T>(a.size()));
      },
      {{{{2, 4, 2, 3}}}});
  // Features of zeros have a value and a gradient.
  const auto zero = Var<double>::leaf(Tensor<double>::zeros({4, 3})),
             none = Var<double>::leaf(Tensor<double>::zeros({2, 4, 2, 3}));
  backward(similarity_preserving(zero, teacher) + attention_transfer(none, maps));
  CHECK(max_abs(zero.grad()) == 0);
  CHECK(all_finite(Cpu{}, zero.grad()));
  CHECK(max_abs(none.grad()) == 0);
  CHECK(all_finite(Cpu{}, none.grad()));
  const auto hint = points({4, 2}, 3);
  check_op(
      "fitnets",
      [&](const auto& x) {
        return fitnets(x[0], beside(x[0], hint.to<scalar_of<decltype(x[0])>>()), x[1], x[2]);
      },
      [&](const auto& x) {
        using T = Scalar<decltype(x[0])>;
        const Rows<T> s(x[0]), w(x[1]), t(hint.to<T>());
        T total = 0;
        for (index_t i = 0; i < 4; ++i)
          for (index_t o = 0; o < 2; ++o) {
            T y = x[2].at(o) - t(i, o);
            for (index_t c = 0; c < 3; ++c) y += s(i, c) * w(o, c);
            total += y * y;
          }
        return Tensor<T>::scalar(total / 8);
      },
      {{{{4, 3}, {2, 3}, {2}}}});
  check_error(
      [&] {
        similarity_preserving(points({3, 2}, 1), teacher);
      },
      {"[similarity_preserving]", "(3, 2)", "(4, 2, 3)"});
  check_error(
      [&] {
        attention_transfer(points({2, 4, 2, 2}, 1), maps);
      },
      {"[attention_transfer]", "(2, 4, 2, 2)", "(2, 5, 2, 3)"});
  check_error(
      [&] {
        fitnets(points({4, 3}, 1), hint, points({5, 3}, 1));
      },
      {"[fitnets]", "(4, 5)", "(4, 2)"});
}
