// Tensors and variables as text.
#include <limbic/autograd/engine.hpp>
#include <limbic/backend/cpu/elementwise.hpp>
#include <limbic/core/print.hpp>

#include <doctest/doctest.h>

#include <sstream>

using namespace limbic;

namespace {

const PrintOptions kBare{.type = false};

template <class T>
std::string text(const Tensor<T>& t) {
  return to_string(t, kBare);
}

std::string text(std::initializer_list<double> values) {
  return text(Tensor<double>::from({static_cast<index_t>(values.size())}, values));
}

}  // namespace

TEST_CASE("print: as many decimals as needed, at most precision") {
  CHECK(text({1, 2, 3}) == "[1., 2., 3.]");
  CHECK(text({1.25, 2, -3.5}) == "[ 1.25,  2.  , -3.5 ]");
  CHECK(text({0.1, 100}) == "[  0.1, 100. ]");
  CHECK(text({3.14159265}) == "[3.1416]");
  CHECK(text({0, 0}) == "[0., 0.]");
  CHECK(text({-0.0}) == "[-0.]");
  const auto pi = Tensor<double>::from({2}, {3.14159265, 0.5});
  CHECK(to_string(pi, {.precision = 2, .type = false}) == "[3.14, 0.5 ]");
  CHECK(to_string(pi, {.precision = 0, .type = false}) == "[3., 0.]");
  CHECK(to_string(pi, {.precision = 8, .type = false}) == "[3.14159265, 0.5       ]");
  CHECK(to_string(pi, {.precision = -5, .type = false}) == "[3., 0.]");
  CHECK(to_string(Tensor<float>::scalar(0.1f), {.precision = 99, .type = false}) == "0.10000000149011612");
}

TEST_CASE("print: exponents for what is large, small or far apart") {
  CHECK(text({1, 1000000}) == "[      1., 1000000.]");
  CHECK(text({1e8, 1}) == "[1.e+08, 1.e+00]");
  CHECK(text({1e-5, 0}) == "[1.e-05, 0.e+00]");
  CHECK(text({0.5, 12345}) == "[5.0000e-01, 1.2345e+04]");
  CHECK(text({-1.5e300}) == "[-1.5e+300]");
  CHECK(text({1e-320}) == "[9.9999e-321]");
}

TEST_CASE("print: nan and infinities") {
  CHECK(text({NAN, 1.5, INFINITY, -INFINITY}) == "[ nan,  1.5,  inf, -inf]");
  CHECK(text({NAN, NAN}) == "[nan, nan]");
  CHECK(text(Tensor<float>::from({2, 2}, {1.25f, 2, NAN, 4})) == "[[1.25, 2.  ],\n [ nan, 4.  ]]");
}

TEST_CASE("print: integers and bool") {
  CHECK(text(Tensor<index_t>::from({2, 2}, {1, -20, 300, 0})) == "[[  1, -20],\n [300,   0]]");
  CHECK(text(Tensor<index_t>::full({1}, std::numeric_limits<index_t>::min())) == "[-9223372036854775808]");
  CHECK(text(Tensor<std::uint8_t>::from({2}, {65, 255})) == "[ 65, 255]");
  CHECK(text(Tensor<bool>::from({2}, {true, false})) == "[ true, false]");
}

TEST_CASE("print: any rank") {
  CHECK(text(Tensor<float>::scalar(2.5f)) == "2.5");
  CHECK(text(Tensor<index_t>::scalar(7)) == "7");
  CHECK(text(Tensor<index_t>::arange(8).reshape({2, 2, 2})) ==
        "[[[0, 1],\n  [2, 3]],\n\n [[4, 5],\n  [6, 7]]]");
  CHECK(text(Tensor<index_t>::arange(2).reshape({1, 1, 1, 1, 1, 1, 1, 2})) == "[[[[[[[[0, 1]]]]]]]]");
  CHECK(text(Tensor<index_t>::arange(2).reshape({2, 1, 1, 1})) == "[[[[0]]],\n\n\n [[[1]]]]");
}

TEST_CASE("print: empty and undefined") {
  CHECK(to_string(Tensor<float>()) == "[] float32 (0)");
  CHECK(to_string(Tensor<double>::zeros({2, 0, 3})) == "[] float64 (2, 0, 3)");
}

TEST_CASE("print: views as they read") {
  const auto t = Tensor<index_t>::arange(6).reshape({2, 3});
  CHECK(text(t.transpose(0, 1)) == "[[0, 3],\n [1, 4],\n [2, 5]]");
  CHECK(text(t.slice(1, 0, 3, 2)) == "[[0, 2],\n [3, 5]]");
  CHECK(text(t.select(0, 1).expand({2, 3})) == "[[3, 4, 5],\n [3, 4, 5]]");
}

TEST_CASE("print: big tensors show their edges") {
  CHECK(text(Tensor<index_t>::arange(1001)) == "[   0,    1,    2, ...,  998,  999, 1000]");
  CHECK(text(Tensor<index_t>::arange(2000).reshape({1000, 2})) ==
        "[[   0,    1],\n [   2,    3],\n [   4,    5],\n ...,\n [1994, 1995],\n [1996, 1997],\n [1998, "
        "1999]]");
  const auto t = Tensor<index_t>::arange(25).reshape({5, 5});
  CHECK(to_string(t, {.threshold = 24, .edge = 1, .type = false}) ==
        "[[ 0, ...,  4],\n ...,\n [20, ..., 24]]");
  CHECK(to_string(t, {.threshold = 24, .edge = 2, .type = false}) ==
        "[[ 0,  1, ...,  3,  4],\n [ 5,  6, ...,  8,  9],\n ...,\n [15, 16, ..., 18, 19],\n [20, 21, ..., "
        "23, 24]]");
  CHECK(to_string(t, {.threshold = 24, .edge = 0, .type = false}) ==
        "[[ 0, ...,  4],\n ...,\n [20, ..., 24]]");
  CHECK(to_string(t, {.threshold = 24, .edge = 5}) == to_string(t));
  // What is not shown does not count for the format.
  Tensor<double> d = Tensor<double>::zeros({1001});
  d.set({500}, 1e300);
  CHECK(text(d) == "[0., 0., 0., ..., 0., 0., 0.]");
}

TEST_CASE("print: long rows are wrapped") {
  CHECK(to_string(Tensor<index_t>::arange(6), {.line_width = 10, .type = false}) == "[0, 1, 2,\n 3, 4, 5]");
  CHECK(to_string(Tensor<index_t>::arange(4).reshape({1, 4}), {.line_width = 1, .type = false}) ==
        "[[0,\n  1,\n  2,\n  3]]");
  std::istringstream lines(text(Tensor<index_t>::arange(500)));
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 80);
}

TEST_CASE("print: variables and streams") {
  const auto t = Tensor<float>::ones({2});
  CHECK(to_string(Var<float>(t)) == "[1., 1.] float32 (2)");
  CHECK(to_string(Var<float>::leaf(t)) == "[1., 1.] float32 (2) requires_grad");
  CHECK(to_string(Var<float>::leaf(t), kBare) == "[1., 1.] requires_grad");
  std::ostringstream out;
  out << t << '|' << Var<float>::leaf(t) << '|' << t.shape();
  CHECK(out.str() == "[1., 1.] float32 (2)|[1., 1.] float32 (2) requires_grad|(2)");
}
