// Symmetric products against whole ones: several blocks, one block, more columns than rows, a scaled factor.
#include <doctest/doctest.h>
#include <limbic/backend/cpu/random.hpp>
#include <limbic/backend/cpu/symmetric_product.hpp>
#include <limbic/core/random.hpp>

#include <cmath>

using namespace limbic;

TEST_CASE("symmetric products, block by block") {
  RandomStream random = Random(3).stream("symmetric");
  for (const Shape& shape : {Shape{300, 200}, {257, 129}, {40, 40}, {3, 130}, {1, 1}, {0, 70}}) {
    const index_t n = shape[0], d = shape[1];
    CAPTURE(n);
    CAPTURE(d);
    const Tensor<double> a = random.normal<double>({n, d});
    Tensor<double> b = a.clone();
    for (index_t i = 0; i < n; ++i)
      for (index_t j = 0; j < d; ++j) b.mutable_data()[i * d + j] *= 1.0 + static_cast<double>(i % 5);
    Tensor<double> y = Tensor<double>::full({d, d}, 7.0);
    symmetric_product(Cpu{}, y, a, b);
    double worst = 0;
    for (index_t i = 0; i < d; ++i)
      for (index_t j = 0; j < d; ++j) {
        double sum = 0;
        for (index_t k = 0; k < n; ++k) sum += a.data()[k * d + i] * b.data()[k * d + j];
        worst = std::max(worst, std::abs(sum - y.data()[i * d + j]));
      }
    CHECK(worst < 1e-10);
  }
}
