// attention: the operation against its composed form (the kernels have tests of their own).
#include <limbic/backend/cpu/random.hpp>
#include <limbic/ops/attention.hpp>

#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

// The definition, with loops; causal and mask as given.
auto by_loops(bool causal, const Tensor<bool>& mask = {}) {
  return [=](const auto& x) {
    using T = typename std::decay_t<decltype(x[0])>::value_type;
    const auto q = x[0].contiguous(), k = x[1].contiguous(), v = x[2].contiguous();
    const index_t B = q.size(0), H = q.size(1), Lq = q.size(2), E = q.size(3), Lk = k.size(2), Ev = v.size(3);
    Tensor<T> y = Tensor<T>::zeros({B, H, Lq, Ev});
    auto out = y.mutable_span();
    for (index_t bh = 0; bh < B * H; ++bh)
      for (index_t i = 0; i < Lq; ++i) {
        std::vector<T> p(static_cast<std::size_t>(Lk), T(0));
        T total = 0;
        for (index_t j = 0; j < Lk; ++j) {
          if ((causal && j > i) || (mask.defined() && !mask.expand({B, H, Lq, Lk}).at(bh / H, bh % H, i, j)))
            continue;
          T s = 0;
          for (index_t e = 0; e < E; ++e)
            s += q.data()[(bh * Lq + i) * E + e] * k.data()[(bh * Lk + j) * E + e];
          s /= std::sqrt(static_cast<T>(E));
          if (x.size() > 3) s += x[3].expand({B, H, Lq, Lk}).at(bh / H, bh % H, i, j);
          total += p[static_cast<std::size_t>(j)] = std::exp(s);
        }
        for (index_t j = 0; j < Lk && total > 0; ++j)
          for (index_t e = 0; e < Ev; ++e)
            out[static_cast<std::size_t>((bh * Lq + i) * Ev + e)] +=
                p[static_cast<std::size_t>(j)] / total * v.data()[(bh * Lk + j) * Ev + e];
      }
    return y;
  };
}
OpOptions loose() {
  OpOptions o;
  o.float_slack = 64;
  return o;
}
}  // namespace

TEST_CASE("self and cross attention") {
  check_op(
      "attention", [](const auto& x) { return attention(x[0], x[1], x[2]); }, by_loops(false),
      {{{{2, 2, 5, 4}, {2, 2, 5, 4}, {2, 2, 5, 4}}},
       {{{1, 2, 3, 4}, {1, 2, 7, 4}, {1, 2, 7, 5}}},
       {{{1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}}},
       {{{2, 1, 70, 9}, {2, 1, 67, 9}, {2, 1, 67, 9}}},
       {{{0, 2, 3, 4}, {0, 2, 3, 4}, {0, 2, 3, 4}}},
       {{{1, 1, 3, 4}, {1, 1, 0, 4}, {1, 1, 0, 4}}}},
      loose());
}
TEST_CASE("causal") {
  check_op(
      "attention", [](const auto& x) { return attention(x[0], x[1], x[2], {.causal = true}); },
      by_loops(true),
      {{{{1, 2, 6, 4}, {1, 2, 6, 4}, {1, 2, 6, 4}}}, {{{1, 1, 4, 3}, {1, 1, 6, 3}, {1, 1, 6, 3}}}}, loose());
}
TEST_CASE("mask with a row that may attend to nothing, and bias") {
  const auto mask = Tensor<bool>::from(
      {1, 1, 3, 4}, {true, false, true, true, false, false, false, false, true, true, false, true});
  check_op(
      "attention",
      [&](const auto& x) { return attention(x[0], x[1], x[2], {.mask = beside(x[0], mask)}, x[3]); },
      by_loops(false, mask),
      {{{{2, 2, 3, 4}, {2, 2, 4, 4}, {2, 2, 4, 4}, {2, 2, 3, 4}}},
       {{{2, 2, 3, 4}, {2, 2, 4, 4}, {2, 2, 4, 4}, {2, 1, 4}}}},
      loose());
}
TEST_CASE("dropout keeps what the draw's words say, from any word on, on every instruction set") {
  const PhiloxKey draw = Random(7).stream("words").draw(400);
  const std::uint64_t threshold = philox_threshold(0.3);
  for (cpu::Isa isa : {cpu::Isa::portable, cpu::Isa::avx2, cpu::Isa::avx512}) {
    cpu::set_isa(isa);
    for (std::uint64_t first : {0, 1, 3, 62, 67}) {
      std::vector<std::uint8_t> keep(124, 2);
      for (index_t n : {0, 1, 5, 62, 123}) {
        cpu::detail::keep_words(draw, threshold, first, n, keep.data());
        for (index_t j = 0; j < n; ++j)
          REQUIRE(keep[static_cast<std::size_t>(j)] ==
                  !philox_event(draw, first + static_cast<std::uint64_t>(j), threshold));
      }
      CHECK(keep.back() == 2);
    }
  }
  cpu::set_isa(cpu::Isa::avx512);
}

TEST_CASE("dropout draws the same in forward, backward and the composed form") {
  const std::vector<Tensor<double>> at = {Tensor<double>::from({1, 2, 3, 4}, random_values(24, -1, 1, 0, 1)),
                                          Tensor<double>::from({1, 2, 5, 4}, random_values(40, -1, 1, 0, 2)),
                                          Tensor<double>::from({1, 2, 5, 4}, random_values(40, -1, 1, 0, 3))};
  auto f = [](const std::vector<Var<double>>& x) {
    RandomStream random = Random(3).stream("dropout");
    return attention(x[0], x[1], x[2], {.dropout = 0.4, .random = &random});
  };
  CHECK_NOTHROW(gradcheck(f, at));
  CHECK_NOTHROW(gradgradcheck(f, at));
  CHECK(error_of(f({at[0], at[1], at[2]}).value(), attention(at[0], at[1], at[2])) > 0.01);
}
TEST_CASE("the map has rows that sum to one, and gives the result") {
  const auto q = Tensor<double>::from({1, 2, 3, 4}, random_values(24, -1, 1, 0, 1));
  const auto k = Tensor<double>::from({1, 2, 5, 4}, random_values(40, -1, 1, 0, 2));
  const auto [y, map] = attention_with_map(q, k, k);
  CHECK(map.shape() == Shape{1, 2, 3, 5});
  CHECK(error_of(sum(map, {-1}), Tensor<double>::ones({1, 2, 3})) < 1e-14);
  CHECK(error_of(matmul(map, k), y) < 1e-14);
}
TEST_CASE("no memory of size L x L") {
  const Var<float> q = Var<float>::leaf(Tensor<float>::ones({1, 1, 2048, 8}));
  reset_peak_memory();
  const auto before = memory_stats().bytes_in_use;
  backward(sum(attention(q, q, q)));
  CHECK(memory_stats().peak_bytes - before < 2048u * 2048u);
}
TEST_CASE("what does not fit is named") {
  const auto q = Tensor<float>::zeros({1, 2, 3, 4}), k = Tensor<float>::zeros({1, 2, 5, 3});
  check_error([&] { attention(q, k, k); }, {"[attention]", "q (1, 2, 3, 4)", "k (1, 2, 5, 3)"});
  check_error([&] { attention(q, q, q, {.mask = Tensor<bool>::full({5}, true)}); },
              {"mask (5)", "(1, 2, 3, 3)"});
  check_error([&] { attention(q, q, q, {.dropout = 0.5}); }, {"random stream"});
  check_error([&] { attention(q, q, q, {.dropout = 1}); }, {"[0, 1)"});
}
