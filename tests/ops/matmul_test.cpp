// matmul with batches, broadcasting and vectors; bmm, mv, dot, outer.
#include <limbic/ops/matmul.hpp>

#include "support/by_index.hpp"
#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

// By the definition: vectors become matrices, batches are expanded, three plain loops.
template <class T>
Tensor<T> naive(const Tensor<T>& x, const Tensor<T>& y) {
  Tensor<T> a = x.rank() == 1 ? x.unsqueeze(0) : x, b = y.rank() == 1 ? y.unsqueeze(1) : y;
  const index_t rows = a.size(-2), inner = a.size(-1), cols = b.size(-1);
  auto leading = [](Shape s) {
    s.erase(s.rank() - 1);
    s.erase(s.rank() - 1);
    return s;
  };
  const Shape batch = broadcast_shapes("naive", leading(a.shape()), leading(b.shape()));
  auto with = [&](index_t m, index_t n) {
    Shape s = batch;
    s.push_back(m);
    s.push_back(n);
    return s;
  };
  a = a.expand(with(rows, inner));
  b = b.expand(with(inner, cols));
  Tensor<T> z = by_index<T>(with(rows, cols), [&](const Dims& i) {
    T s = 0;
    Dims p = i, q = i;
    for (index_t k = 0; k < inner; ++k) {
      p[p.rank() - 1] = k;
      q[q.rank() - 2] = k;
      s += element(a, p) * element(b, q);
    }
    return s;
  });
  if (y.rank() == 1) z = z.squeeze(-1);
  return x.rank() == 1 ? z.squeeze(y.rank() == 1 ? -1 : -2) : z;
}

const auto reference = [](const auto& x) { return naive(x[0], x[1]); };

}  // namespace

TEST_CASE("matmul of matrices") {
  check_op("matmul", [](const auto& x) { return matmul(x[0], x[1]); }, reference,
           {{{{4, 5}, {5, 3}}},
            {{{1, 1}, {1, 1}}},
            {{{2, 0}, {0, 3}}},
            {{{0, 2}, {2, 3}}},
            {{{17, 33}, {33, 19}}},
            {{{62, 65}, {65, 31}}}});
}
TEST_CASE("matmul of vectors") {
  check_op("matmul", [](const auto& x) { return matmul(x[0], x[1]); }, reference,
           {{{{5}, {5}}},
            {{{5}, {5, 3}}},
            {{{4, 5}, {5}}},
            {{{5}, {2, 5, 3}}},
            {{{2, 4, 5}, {5}}},
            {{{0}, {0}}},
            {{{67}, {67, 35}}}});
}
TEST_CASE("matmul of batches") {
  check_op("matmul", [](const auto& x) { return matmul(x[0], x[1]); }, reference,
           {{{{2, 4, 5}, {2, 5, 3}}},
            {{{2, 3, 4, 5}, {5, 6}}},
            {{{4, 5}, {2, 3, 5, 2}}},
            {{{2, 1, 3, 4}, {3, 4, 2}}},
            {{{3, 1, 2, 2}, {1, 4, 2, 3}}},
            {{{2, 1, 3, 1, 2}, {4, 1, 2, 2}}},
            {{{0, 2, 3}, {3, 4}}},
            {{{2, 3}, {0, 3, 4}}},
            {{{6, 17, 33}, {6, 33, 9}}}});
}
TEST_CASE("matmul of one variable with its transpose") {
  check_op(
      "matmul", [](const auto& x) { return matmul(x[0], transpose(x[0])); },
      [](const auto& x) { return naive(x[0], x[0].transpose(0, 1)); }, {{{{3, 4}}}});
}
TEST_CASE("gradients of matmul's gradients agree with differences") {
  // The gradient is a function of its own, whose first and second gradients are checked.
  auto f = [](const std::vector<Var<double>>& x) {
    EnableGrad on;
    const auto a = x[0].requires_grad() ? x[0] : Var<double>::leaf(x[0].value());
    return grad(matmul(matmul(a, x[1]), a), {a}, x[2], true)[0];
  };
  const std::vector<Tensor<double>> at = {detail::cotangent<Cpu>({2, 2, 3}, 1),
                                          detail::cotangent<Cpu>({3, 2}, 20),
                                          detail::cotangent<Cpu>({2, 2, 3}, 40)};
  CHECK_NOTHROW(gradcheck(f, at));
  CHECK_NOTHROW(gradgradcheck(f, at));
}
TEST_CASE("thin products") {
  check_op("bmm", [](const auto& x) { return bmm(x[0], x[1]); }, reference, {{{{2, 3, 4}, {2, 4, 5}}}});
  check_op("mv", [](const auto& x) { return mv(x[0], x[1]); }, reference, {{{{3, 4}, {4}}}});
  check_op("dot", [](const auto& x) { return dot(x[0], x[1]); }, reference, {{{{7}, {7}}}});
  check_op(
      "outer", [](const auto& x) { return outer(x[0], x[1]); },
      [](const auto& x) { return naive(x[0].unsqueeze(1), x[1].unsqueeze(0)); }, {{{{3}, {4}}}});
}
TEST_CASE("transposed operands are read in place") {
  const auto a = Tensor<float>::arange(12).reshape({3, 4}), b = Tensor<float>::arange(15).reshape({3, 5});
  CHECK(equal(matmul(a.transpose(0, 1), b), naive(a.transpose(0, 1).clone(), b)));
  const auto c = b.slice(1, 0, 5, 2);
  CHECK(equal(matmul(c.transpose(0, 1), a), naive(c.transpose(0, 1).clone(), a)));
}
TEST_CASE("shapes that do not fit are named") {
  const auto a = Tensor<float>::zeros({2, 3}), b = Tensor<float>::zeros({2, 4}),
             v = Tensor<float>::zeros({3});
  check_error([&] { matmul(a, b); },
              {"[matmul]", "a's last size must equal b's last but one", "a (2, 3), b (2, 4)"});
  check_error([&] { matmul(b, v); }, {"[matmul]", "b (3)"});
  check_error([&] { matmul(a, Tensor<float>::scalar(1)); }, {"[matmul]", "at least one dimension", "b ()"});
  check_error(
      [&] {
        matmul(Tensor<float>::zeros({2, 4, 3}), Tensor<float>::zeros({5, 3, 2}));
      },
      {"[matmul]", "leading dimensions must broadcast", "a (2, 4, 3), b (5, 3, 2)"});
  check_error([&] { bmm(a, b); }, {"[bmm]", "(B, N, K) and (B, K, M)"});
  check_error([&] { mv(a, b); }, {"[mv]"});
  check_error([&] { dot(a, v); }, {"[dot]"});
  check_error([&] { outer(a, v); }, {"[outer]"});
}
