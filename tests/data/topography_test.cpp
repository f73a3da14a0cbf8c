// Electrodes on the grid and enlarged. (Images of 62 electrodes are compared with golden vectors.)
#include <limbic/core/compare.hpp>
#include <limbic/data/topography.hpp>

#include "support/throws.hpp"

#include <doctest/doctest.h>

using namespace limbic;
using namespace limbic::data;

namespace {

// Some map of 62 values.
Tensor<double> some_values(index_t maps) {
  Tensor<double> v = Tensor<double>::empty({maps, 62});
  int i = 0;
  for (double& x : v.mutable_span()) ++i, x = 3 * std::sin(i * 1.7) + i % 5;
  return v;
}

}  // namespace

TEST_CASE("bicubic weights") {
  // Twice as many pixels: at a quarter and three quarters between cells, Keys' kernel with a = -1/2.
  const auto w = bicubic_weights(6, 12);
  const double expected[] = {-0.0234375, 0.2265625, 0.8671875, -0.0703125};  // pixel 4: cells 0 to 3
  for (std::size_t i = 0; i < 4; ++i) CHECK(w[4 * 6 + i] == doctest::Approx(expected[i]));
  CHECK(w[4 * 6 + 4] == 0);
  // Pixel 0 sees cells 0 and 1 only, of -0.25 and 1.25 cells away (and cell -1, -2 that are not there).
  CHECK(w[0] == doctest::Approx(0.8671875 / (0.8671875 - 0.0703125)));
  for (index_t n : {1, 2, 3, 9, 64})
    for (index_t N : {n, n + 1, 2 * n + 3, 64 * n}) {
      const auto all = bicubic_weights(n, N);
      for (index_t p = 0; p < N; ++p) {
        double sum = 0;
        int used = 0;
        for (index_t i = 0; i < n; ++i) {
          const double v = all[static_cast<std::size_t>(p * n + i)];
          sum += v;
          used += v != 0;
        }
        CHECK(sum == doctest::Approx(1));
        CHECK(used <= 4);
      }
    }
  CHECK_THROWS_AS(bicubic_weights(0, 4), Error);
  CHECK_THROWS_AS(bicubic_weights(9, 8), Error);
}

TEST_CASE("z-score and grid of a small cap") {
  const ElectrodeGrid grid{2, 3, {{0, 0}, {1, 2}, {0, 1}}};
  const Topography<double> t(grid, 2, 3);
  const Tensor<double> y = t.grids(Tensor<double>::from({2, 3}, {1, 3, 5, 7, 7, 7}));
  CHECK(y.shape() == Shape{2, 2, 3});
  const double z = std::sqrt(1.5);                                  // (5 - 3) / sqrt(8 / 3)
  const double expected[] = {-z, z, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};  // where all are the same: 0
  for (std::size_t i = 0; i < 12; ++i) CHECK(y.span()[i] == doctest::Approx(expected[i]));
  // An image of the grid's size is the grid.
  Topography<double> same(grid, 2, 3);
  CHECK(equal(same.images(Tensor<double>::from({3}, {1, 3, 5})), y.select(0, 0).contiguous()));
}

TEST_CASE("images are My grid Mx^T, of any size") {
  for (const auto& [height, width] : {std::pair<index_t, index_t>{64, 64}, {9, 30}, {21, 9}}) {
    Topography<double> t({}, height, width);
    const Tensor<double> v = some_values(2), grid = t.grids(v), image = t.images(v);
    CHECK(image.shape() == Shape{2, height, width});
    const auto down = bicubic_weights(9, height), across = bicubic_weights(9, width);
    double worst = 0;
    for (index_t m = 0; m < 2; ++m)
      for (index_t y = 0; y < height; ++y)
        for (index_t x = 0; x < width; ++x) {
          double sum = 0;
          for (index_t r = 0; r < 9; ++r)
            for (index_t c = 0; c < 9; ++c)
              sum += down[static_cast<std::size_t>(y * 9 + r)] * across[static_cast<std::size_t>(x * 9 + c)] *
                     grid.data()[(m * 9 + r) * 9 + c];
          worst = std::max(worst, std::fabs(sum - image.data()[(m * height + y) * width + x]));
        }
    CHECK(worst < 1e-13);
  }
}

TEST_CASE("one call for all maps of a window; strided values; float") {
  const Tensor<double> v = some_values(6);
  Topography<float> t;
  const Tensor<float> images = t.images(v.to<float>());
  Tensor<float> drawn = Tensor<float>::zeros({6, 64, 64});
  t.draw(v.span(), drawn.mutable_span());
  CHECK(all_close(drawn, images, 0, 1e-5));
  Topography<double> d;
  CHECK(equal(d.images(v.transpose(0, 1).clone().transpose(0, 1)), d.images(v)));
  CHECK(thrown([&] { t.draw(v.span(), drawn.mutable_span().first(4096)); }) ==
        "[topography] maps of 62 electrodes and images of 4096 pixels each are needed; got 372 values and "
        "4096 pixels");
  CHECK(t.images(Tensor<float>::zeros({0, 48, 62})).shape() == Shape{0, 48, 64, 64});
}

TEST_CASE("electrodes by name") {
  const std::vector<std::string> names = {"Cz", "FP1", "oz"};
  const ElectrodeGrid grid = electrode_grid(names);
  REQUIRE(grid.cells.size() == 3);
  CHECK((grid.cells[0].row == 4 && grid.cells[0].column == 4));
  CHECK((grid.cells[1].row == 0 && grid.cells[1].column == 3));
  CHECK((grid.cells[2].row == 8 && grid.cells[2].column == 4));
  CHECK(thrown([] {
          electrode_grid(std::vector<std::string>{"CZ", "A1"});
        }) == "[electrodes] a name of the 62-channel cap is needed, such as CZ; got 'A1'");
  CHECK(thrown([] {
          electrode_grid(std::vector<std::string>{"CZ", "cz"});
        }) == "[electrodes] each electrode must be named once; got CZ twice");
}

TEST_CASE("bad grids and values") {
  CHECK_THROWS_AS(Topography<double>({2, 2, {}}), Error);
  CHECK_THROWS_AS(Topography<double>({2, 2, {{2, 0}}}), Error);
  CHECK_THROWS_AS(Topography<double>({2, 2, {{0, -1}}}), Error);
  CHECK_THROWS_AS(Topography<double>({2, 2, {{0, 1}, {0, 1}}}), Error);
  CHECK_THROWS_AS(Topography<double>({0, 2, {{0, 1}}}), Error);
  CHECK_THROWS_AS(Topography<double>({}, 8, 64), Error);
  Topography<double> t;
  CHECK_THROWS_AS(t.images(Tensor<double>::zeros({5, 61})), Error);
  CHECK_THROWS_AS(t.grids(Tensor<double>::scalar(1)), Error);
}
