// multihead_attention against its parts, one head at a time.
#include <limbic/ops/concat.hpp>
#include <limbic/ops/multihead_attention.hpp>

#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {
// x: query, key, value, in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias
auto by_heads(index_t heads) {
  return [heads](const auto& x) {
    using X = std::decay_t<decltype(x[0])>;
    const index_t width = x[0].size(2), e = width / heads;
    std::vector<X> outputs;
    for (index_t h = 0; h < heads; ++h) {
      X part[3];
      for (index_t i = 0; i < 3; ++i) {
        const index_t from = i * width + h * e;
        part[i] = matmul(x[static_cast<std::size_t>(i)], transpose(slice(x[3], 0, from, from + e), 0, 1)) +
                  slice(x[4], 0, from, from + e);
      }
      const X p = softmax(matmul(part[0], transpose(part[1], -2, -1)) *
                          static_cast<scalar_of<X>>(1 / std::sqrt(double(e))));
      outputs.push_back(matmul(p, part[2]));
    }
    return X(matmul(concat(outputs, 2), transpose(x[5], 0, 1)) + x[6]);
  };
}
template <class X>
MultiheadWeights<X> weights_of(const std::vector<X>& x, std::size_t from) {
  return {x[from], x[from + 1], x[from + 2], x[from + 3]};
}
OpOptions loose() {
  OpOptions o;
  o.float_slack = 64;
  o.max_numel_for_differences = 200;
  return o;
}
}  // namespace

TEST_CASE("query, key and value apart") {
  check_op(
      "multihead_attention",
      [](const auto& x) { return multihead_attention(x[0], x[1], x[2], weights_of(x, 3), 2); }, by_heads(2),
      {{{{2, 3, 4}, {2, 5, 4}, {2, 5, 4}, {12, 4}, {12}, {4, 4}, {4}}},
       {{{1, 33, 12}, {1, 9, 12}, {1, 9, 12}, {36, 12}, {36}, {12, 12}, {12}}}},
      loose());
}
TEST_CASE("packed projections give the same as separate ones") {
  const auto x = Tensor<double>::from({2, 3, 4}, random_values(24, -1, 1, 0, 1));
  const auto z = Tensor<double>::from({2, 5, 4}, random_values(40, -1, 1, 0, 2));
  const MultiheadWeights<Tensor<double>> w{Tensor<double>::from({12, 4}, random_values(48, -1, 1, 0, 3)),
                                           Tensor<double>::from({12}, random_values(12, -1, 1, 0, 4)),
                                           Tensor<double>::from({4, 4}, random_values(16, -1, 1, 0, 5)),
                                           Tensor<double>()};
  const auto x2 = x, x3 = x, z2 = z;
  CHECK(error_of(multihead_attention(x, x, x, w, 2), multihead_attention(x, x2, x3, w, 2)) < 1e-14);
  CHECK(error_of(multihead_attention(x, z, z, w, 2), multihead_attention(x, z, z2, w, 2)) < 1e-14);
}
TEST_CASE("what does not fit is named") {
  const auto x = Tensor<float>::zeros({2, 3, 4});
  MultiheadWeights<Tensor<float>> w{Tensor<float>::zeros({12, 4}), {}, Tensor<float>::zeros({4, 4}), {}};
  check_error([&] { multihead_attention(x, x, x, w, 3); }, {"[multihead_attention]", "multiple", "3 heads"});
  w.in_proj_weight = Tensor<float>::zeros({8, 4});
  check_error([&] { multihead_attention(x, x, x, w, 2); }, {"(3C, C)", "(8, 4)"});
}
