// argmax, argmin.
#include <limbic/core/compare.hpp>
#include <limbic/ops/arg.hpp>

#include "support/naive.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

// By a loop: the first element that none exceeds; NaN exceeds all.
template <class Better>
std::vector<index_t> naive_arg(const Tensor<float>& x, index_t dim, Better better) {
  const auto v = x.transpose(dim, -1).to_vector();
  const index_t n = x.size(dim);
  std::vector<index_t> y;
  for (index_t r = 0; r < x.numel() / n; ++r) {
    index_t best = 0;
    for (index_t i = 1; i < n; ++i) {
      const float a = v[static_cast<std::size_t>(r * n + i)], b = v[static_cast<std::size_t>(r * n + best)];
      if (!std::isnan(b) && (std::isnan(a) || better(a, b))) best = i;
    }
    y.push_back(best);
  }
  return y;
}

}  // namespace

TEST_CASE("argmax and argmin along any dimension, with ties and NaN") {
  unsigned seed = 1;
  for (const Shape& shape :
       {Shape{1}, Shape{17}, Shape{4, 70}, Shape{70, 4}, Shape{3, 5, 7}, Shape{2, 3, 300}, Shape{300, 2, 65}})
    for (index_t dim = 0; dim < shape.rank(); ++dim)
      for (bool with_nan : {false, true}) {
        CAPTURE(to_text(shape));
        CAPTURE(dim);
        auto values = random_values(numel(shape), -5, 5, 0, seed++);
        for (double& v : values) v = std::round(v);  // many equal ones
        if (with_nan)
          for (std::size_t i = 0; i < values.size(); i += 11) values[i] = kNan;
        const auto x = Tensor<double>::from(shape, values).to<float>();
        for (int threads : {1, 3}) {
          set_num_threads(threads);
          auto flat = [&](const Tensor<index_t>& t) { return t.transpose(dim, -1).to_vector(); };
          CHECK(flat(argmax(x, dim, true)) == naive_arg(x, dim, std::greater<>()));
          CHECK(flat(argmin(x, dim - shape.rank(), true)) == naive_arg(x, dim, std::less<>()));
        }
        CHECK(equal(argmax(strided_copy(x), dim), argmax(x, dim)));
        CHECK(argmax(x, dim).numel() == numel(shape) / shape[static_cast<int>(dim)]);
      }
  set_num_threads(2);
  record_support("argmax", "cpu", false, false);
  record_support("argmin", "cpu", false, false);
}
TEST_CASE("argmax of all elements, of one, of none") {
  const auto x = Var<double>::leaf(Tensor<double>::from({2, 3}, {1, 5, 2, 5, -1, 0}));
  CHECK(argmax(x).item() == 1);
  CHECK(argmin(x).item() == 4);
  CHECK(argmax(x).shape() == Shape{});
  CHECK(argmin(x.value().transpose(0, 1)).item() == 3);
  CHECK(argmax(Tensor<float>::scalar(3), 0).item() == 0);
  CHECK(argmax(Tensor<float>::full({3}, static_cast<float>(-kInf)), 0).item() == 0);
  CHECK(argmax(Tensor<float>::zeros({0, 3}), 1).shape() == Shape{0});
  check_error(
      [] {
        argmax(Tensor<float>::zeros({0, 3}), 0);
      },
      {"[argmax]", "at least one element", "(0, 3)"});
  check_error([&] { argmin(x, 2); }, {"[argmin]", "dim must be in [-2, 1]", "got 2"});
}
