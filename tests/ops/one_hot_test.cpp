// one_hot.
#include <limbic/ops/one_hot.hpp>

#include "support/by_index.hpp"
#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

TEST_CASE("one_hot") {
  const auto index = indices({2, 2}, {0, 2, 1, 2});
  const auto y = one_hot<double>(index, 4);
  CHECK(equal(y, by_index<double>({2, 2, 4}, [&](const Dims& i) {
                return element(index, {i[0], i[1]}) == i[2];
              })));
  CHECK(equal(one_hot(index.transpose(0, 1), 3), one_hot(index, 3).transpose(0, 1).clone()));
  CHECK(one_hot(indices({}, {1}), 2).to_vector() == std::vector<float>{0, 1});
  CHECK(one_hot(indices({0}, {}), 0).shape() == Shape{0, 0});
  check_error([&] { one_hot(index, 2); }, {"[one_hot]", "in [0, 1]", "got 2 at position 1"});
  check_error([&] { one_hot(index, -1); }, {"[one_hot]", "negative"});
  record_support("one_hot", "cpu", false, false);
}
