// Shapes, strides and broadcasting, with the texts of their errors.
#include <limbic/core/shape.hpp>

#include <doctest/doctest.h>

#include <support/throws.hpp>
#include <vector>

using namespace limbic;

TEST_CASE("dims: building and editing") {
  Dims d{2, 3, 4};
  CHECK(d.rank() == 3);
  CHECK(d.back() == 4);
  CHECK(to_text(d) == "(2, 3, 4)");
  CHECK(to_text(Dims{}) == "()");
  CHECK(Dims{}.empty());
  d.insert(1, 7);
  CHECK(d == Dims{2, 7, 3, 4});
  d.erase(0);
  CHECK(d == Dims{7, 3, 4});
  d.push_back(5);
  CHECK(d == Dims{7, 3, 4, 5});
  CHECK_FALSE(d == Dims{7, 3, 4});
  CHECK_FALSE(d == Dims{7, 3, 4, 6});
  CHECK(Dims::filled(3, 9) == Dims{9, 9, 9});
}

TEST_CASE("dims: at most eight") {
  CHECK(Dims{1, 2, 3, 4, 5, 6, 7, 8}.rank() == 8);
  CHECK(thrown([] { Dims{1, 2, 3, 4, 5, 6, 7, 8, 9}; }) ==
        "[shape] a tensor has at most 8 dimensions; got 9");
  CHECK(thrown([] { Dims::filled(8, 1).push_back(1); }) ==
        "[shape] a tensor has at most 8 dimensions; got 9");
  CHECK(thrown([] { Dims::filled(9, 1); }) == "[shape] a tensor has at most 8 dimensions; got 9");
  CHECK(thrown([] { Dims::filled(-1, 1); }) != "");
}

TEST_CASE("shape: number of elements") {
  CHECK(numel({}) == 1);
  CHECK(numel({2, 3}) == 6);
  CHECK(numel({2, 0, 3}) == 0);
  CHECK(thrown([] { numel({2, -1}); }) == "[shape] sizes must not be negative; got (2, -1)");
  CHECK(thrown([] { numel({0, -1}); }) != "");
  const index_t big = index_t{1} << 40;
  CHECK(thrown([=] {
          numel({big, big});
        }) == "[shape] too many elements; got (1099511627776, 1099511627776)");
  CHECK(thrown([=] { numel({0, big, big}); }) != "");
  CHECK(thrown([] { numel({std::numeric_limits<index_t>::max()}); }) != "");
}

TEST_CASE("shape: strides") {
  CHECK(contiguous_strides({}) == Strides{});
  CHECK(contiguous_strides({5}) == Strides{1});
  CHECK(contiguous_strides({2, 3, 4}) == Strides{12, 4, 1});
  CHECK(contiguous_strides({2, 0, 4}) == Strides{4, 4, 1});
  CHECK(expanded_strides({3, 1}, {1, 9}, {2, 3, 4}) == Strides{0, 1, 0});
  CHECK(expanded_strides({}, {}, {2, 3}) == Strides{0, 0});
}

TEST_CASE("shape: dimensions count from either end") {
  CHECK(normalize_dim("op", 0, 3) == 0);
  CHECK(normalize_dim("op", 2, 3) == 2);
  CHECK(normalize_dim("op", -1, 3) == 2);
  CHECK(normalize_dim("op", -3, 3) == 0);
  CHECK(thrown([] { normalize_dim("op", 3, 3); }) ==
        "[op] dim must be in [-3, 2]; got 3 for a tensor of rank 3");
  CHECK(thrown([] { normalize_dim("op", -4, 3); }) ==
        "[op] dim must be in [-3, 2]; got -4 for a tensor of rank 3");
  CHECK(thrown([] { normalize_dim("op", 0, 0); }) != "");
  CHECK(thrown([] { normalize_dim("op", std::numeric_limits<index_t>::min(), 3); }) != "");
  CHECK(thrown([] { normalize_dim("op", std::numeric_limits<index_t>::max(), 3); }) != "");

  auto flags = dim_flags("op", {-1, 0}, 3);
  CHECK((flags[0] && !flags[1] && flags[2]));
  flags = dim_flags("op", {}, 2);
  CHECK((flags[0] && flags[1] && !flags[2]));
  CHECK(thrown([] { dim_flags("op", {1, -1}, 2); }) == "[op] dims must not repeat; got (1, -1)");
}

TEST_CASE("shape: broadcasting, for all pairs of small shapes") {
  std::vector<Shape> shapes = {{}};
  for (index_t a : {0, 1, 2, 3}) {
    shapes.push_back({a});
    for (index_t b : {0, 1, 2, 3}) {
      shapes.push_back({a, b});
      for (index_t c : {1, 2}) shapes.push_back({a, b, c});
    }
  }
  int fit = 0, refused = 0;
  for (const Shape& a : shapes) {
    for (const Shape& b : shapes) {
      // The rule, word by word: pad with ones in front; equal, or one of the two is 1.
      const int rank = std::max(a.rank(), b.rank());
      bool ok = true;
      Shape want;
      for (int d = 0; d < rank; ++d) {
        const int da = d - (rank - a.rank()), db = d - (rank - b.rank());
        const index_t x = da < 0 ? 1 : a[da], y = db < 0 ? 1 : b[db];
        if (x == y) want.push_back(x);
        else if (x == 1) want.push_back(y);
        else if (y == 1) want.push_back(x);
        else ok = false;
      }
      INFO(to_text(a) << " and " << to_text(b));
      if (ok) {
        CHECK(broadcast_shapes("op", a, b) == want);
        CHECK(expandable(a, want));
        CHECK(expandable(b, want));
        ++fit;
      } else {
        CHECK(thrown([&] { broadcast_shapes("op", a, b); }) ==
              "[op] shapes must broadcast (sizes equal or 1, from the last dimension on); got " + to_text(a) +
                  " and " + to_text(b));
        ++refused;
      }
      CHECK(expandable(a, b) == (ok && want == b));
    }
  }
  CHECK(fit > 500);
  CHECK(refused > 500);
}
