// einsum.
#include <limbic/ops/einsum.hpp>

#include "support/by_index.hpp"
#include "support/op_check.hpp"

#include <map>

using namespace limbic;
using namespace limbic::test;

namespace {

// The definition: for every value of every label, the product of the operands' elements.
auto definition(const std::string& terms, const std::string& result) {
  return [=](const auto& x) {
    using T = typename std::decay_t<decltype(x[0])>::value_type;
    std::vector<std::string> inputs(1);
    for (char c : terms) c == ',' ? inputs.emplace_back() : inputs.back() += c;
    std::map<char, index_t> size;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      for (std::size_t d = 0; d < inputs[i].size(); ++d)
        size[inputs[i][d]] = std::max(size[inputs[i][d]], x[i].shape()[static_cast<int>(d)]);
    std::string summed;
    for (const auto& [c, n] : size)
      if (result.find(c) == result.npos) summed += c;
    Shape shape, inner;
    for (char c : result) shape.push_back(size[c]);
    for (char c : summed) inner.push_back(size[c]);
    return by_index<T>(shape, [&](const Dims& at) {
      T total = 0;
      by_index<T>(inner, [&](const Dims& k) {
        T product = 1;
        for (std::size_t i = 0; i < inputs.size(); ++i) {
          Dims index;
          for (char c : inputs[i]) {
            const auto r = result.find(c);
            const index_t v =
                r != result.npos ? at[static_cast<int>(r)] : k[static_cast<int>(summed.find(c))];
            index.push_back(x[i].shape()[index.rank()] == 1 ? 0 : v);
          }
          product *= element(x[i], index);
        }
        total += product;
        return product;
      });
      return total;
    });
  };
}

void check_equation(const std::string& terms, const std::string& result, const std::vector<Shape>& shapes) {
  const std::string equation = terms + " -> " + result;
  CAPTURE(equation);
  check_op("einsum", [&](const auto& x) { return einsum(equation, x); }, definition(terms, result),
           {{shapes}});
}

}  // namespace

TEST_CASE("einsum of one operand") {
  check_equation("ij", "ji", {{2, 3}});
  check_equation("ij", "", {{2, 3}});
  check_equation("ijk", "ki", {{2, 3, 4}});
  check_equation("ii", "i", {{3, 3}});
  check_equation("ii", "", {{3, 3}});
  check_equation("iji", "j", {{3, 2, 3}});
  check_equation("iijj", "ji", {{2, 2, 3, 3}});
  check_equation("iii", "i", {{3, 3, 3}});
}
TEST_CASE("einsum of two operands") {
  check_equation("ij,jk", "ik", {{2, 3}, {3, 4}});
  check_equation("ik,jk", "ij", {{2, 3}, {4, 3}});
  check_equation("ki,kj", "ji", {{2, 3}, {2, 4}});
  check_equation("bij,bjk", "bik", {{2, 3, 4}, {2, 4, 2}});
  check_equation("blhe,bmhe", "bhlm", {{2, 3, 2, 4}, {2, 2, 2, 4}});
  check_equation("i,i", "", {{5}, {5}});
  check_equation("i,i", "i", {{5}, {5}});
  check_equation("i,j", "ji", {{5}, {3}});
  check_equation("ij,ij", "i", {{2, 3}, {2, 3}});
  check_equation("ija,kb", "ik", {{2, 3, 2}, {4, 2}});
  check_equation("ijk,jil", "kl", {{2, 3, 4}, {3, 2, 5}});
  check_equation("ii,ij", "j", {{3, 3}, {3, 2}});
  check_equation("ij,ij", "ij", {{2, 1}, {1, 3}});
  check_equation("ij,j", "i", {{2, 1}, {3}});
  check_equation("ij,jk", "ik", {{0, 3}, {3, 2}});
  check_equation("ij,jk", "ik", {{2, 0}, {0, 2}});
  check_equation("Ab,bC", "AC", {{17, 33}, {33, 19}});
}
TEST_CASE("einsum of three operands") {
  check_equation("ij,jk,kl", "il", {{2, 3}, {3, 4}, {4, 2}});
  check_equation("bi,bj,bk", "ijk", {{2, 3}, {2, 2}, {2, 2}});
  check_equation("i,i,i", "", {{4}, {4}, {4}});
}
TEST_CASE("implicit results and dots") {
  const auto a = Tensor<double>::arange(24).reshape({2, 3, 4}), b = Tensor<double>::arange(8).reshape({4, 2});
  CHECK(equal(einsum("ba", b), b.transpose(0, 1).clone()));
  CHECK(equal(einsum("ii", a.select(0, 0).slice(1, 0, 3)), Tensor<double>::scalar(15)));
  CHECK(equal(einsum("...j,jk", a, b), matmul(a, b)));
  CHECK(equal(einsum("...j,jk->...k", a, b), matmul(a, b)));
  CHECK(equal(einsum("...j,jk->k...", a, b), matmul(a, b).permute({2, 0, 1}).clone()));
  CHECK(equal(einsum("...ij,...jk->...ik", a, b), matmul(a, b)));
  CHECK(equal(einsum("...,...", a, a.select(1, 0).unsqueeze(1)), a * a.select(1, 0).unsqueeze(1)));
  CHECK(equal(einsum("i...->...", a), sum(a, {0})));
  CHECK(equal(einsum("...->", a), sum(a)));
  CHECK(einsum(",", Tensor<double>::scalar(2), Tensor<double>::scalar(3)).item() == 6);
}
TEST_CASE("tensors and variables may be mixed") {
  const auto a = Var<double>::leaf(Tensor<double>::ones({2, 3}));
  backward(einsum("ij,j->", a, Tensor<double>::arange(3)));
  CHECK(a.grad().to_vector() == std::vector<double>{0, 1, 2, 0, 1, 2});
}
TEST_CASE("malformed equations are named") {
  const auto a = Tensor<float>::zeros({2, 3}), b = Tensor<float>::zeros({4, 5});
  check_error([&] { einsum("ij", a, b); }, {"[einsum]", "as many terms as operands", "2 operands", "'ij'"});
  check_error([&] { einsum("ij,jk,kl", a, b); }, {"[einsum]", "as many terms"});
  check_error([&] { einsum("ijk->i", a); }, {"[einsum]", "label for each dimension", "'ijk'", "rank 2"});
  check_error([&] { einsum("i1->i", a); }, {"[einsum]", "letters", "'i1'"});
  check_error([&] { einsum("i.j->i", a); }, {"[einsum]", "letters", "'i.j'"});
  check_error([&] { einsum("i-j", a); }, {"[einsum]", "letters"});
  check_error([&] { einsum("\1...", a); }, {"[einsum]", "letters"});
  check_error([&] { einsum("......ij->ij", a); }, {"[einsum]", "one '...'"});
  check_error([&] { einsum("ijk...->ij", a); }, {"[einsum]", "label for each dimension"});
  check_error([&] { einsum("ij->ik", a); }, {"[einsum]", "must occur in the operands", "'k'"});
  check_error([&] { einsum("ij->ii", a); }, {"[einsum]", "once in the result", "'i'"});
  check_error([&] { einsum("ij,jk->ik", a, b); }, {"[einsum]", "equal or 1", "3 and 4", "'j'"});
  check_error([&] { einsum("ii->i", a); }, {"[einsum]", "must be equal", "(2, 3)", "'i'"});
  check_error([&] { einsum("ij->ij", std::vector<Tensor<float>>{}); }, {"[einsum]", "at least one operand"});
}
