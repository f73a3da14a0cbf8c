// Tensors: making, asking, copying, wrapping; views have a test of their own.
#include <limbic/core/compare.hpp>
#include <limbic/core/tensor.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <support/throws.hpp>

using namespace limbic;

TEST_CASE_TEMPLATE("tensor: making", T, float, double, index_t, std::int32_t, std::uint8_t) {
  const auto e = Tensor<T>::empty({2, 3});
  CHECK(e.shape() == Shape{2, 3});
  CHECK(e.strides() == Strides{3, 1});
  CHECK(e.numel() == 6);
  CHECK(e.rank() == 2);
  CHECK(e.defined());
  CHECK(e.is_contiguous());
  CHECK(reinterpret_cast<std::uintptr_t>(e.data()) % 64 == 0);
  CHECK(Tensor<T>::zeros({3}).to_vector() == std::vector<T>{0, 0, 0});
  CHECK(Tensor<T>::ones({2}).to_vector() == std::vector<T>{1, 1});
  CHECK(Tensor<T>::full({2}, T(7)).to_vector() == std::vector<T>{7, 7});
  CHECK(Tensor<T>::arange(4).to_vector() == std::vector<T>{0, 1, 2, 3});
  CHECK(Tensor<T>::arange(3, T(5), T(2)).to_vector() == std::vector<T>{5, 7, 9});
  CHECK(Tensor<T>::arange(0).shape() == Shape{0});
  CHECK(Tensor<T>::eye(2).to_vector() == std::vector<T>{1, 0, 0, 1});
  CHECK(Tensor<T>::eye(0).shape() == Shape{0, 0});
  CHECK(Tensor<T>::scalar(T(3)).rank() == 0);
  CHECK(Tensor<T>::scalar(T(3)).item() == T(3));
  CHECK(Tensor<T>::from({2, 2}, {1, 2, 3, 4}).at(1, 0) == T(3));
  CHECK(to_text(Tensor<T>::zeros({2, 1})) == std::string(dtype_name<T>) + " (2, 1)");
}

TEST_CASE("tensor: without memory, and without elements") {
  const Tensor<float> none;
  CHECK_FALSE(none.defined());
  CHECK(none.shape() == Shape{0});
  CHECK(none.numel() == 0);
  CHECK(none.to_vector().empty());
  CHECK(none.clone().numel() == 0);
  const auto e = Tensor<float>::zeros({3, 0, 2});
  CHECK(e.defined());
  CHECK(e.numel() == 0);
  CHECK(e.is_contiguous());
  CHECK(e.transpose(0, 2).shape() == Shape{2, 0, 3});
  CHECK(e.reshape({0, 7}).shape() == Shape{0, 7});
  CHECK(e.select(0, 2).numel() == 0);
  CHECK(e.to<double>().shape() == e.shape());
  CHECK(e.span().empty());
  CHECK(equal(e, Tensor<float>::ones({3, 0, 2})));
  CHECK_FALSE(equal(e, Tensor<float>::ones({3, 2, 0})));
  Tensor<float> target = e;
  target.copy_from(Tensor<float>::ones({1, 1, 2}));
  target.fill(3);
}

TEST_CASE("tensor: std::span, std::vector and back") {
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  const auto t = Tensor<float>::from({2, 3}, values);
  CHECK(t.to_vector() == values);
  CHECK(Tensor<float>::from({3}, std::span(values).subspan(3)).to_vector() == std::vector<float>{4, 5, 6});
  CHECK(Tensor<float>::from({2}, std::array<float, 2>{8, 9}).at(1) == 9);
  CHECK(t.span().size() == 6);
  CHECK(t.span()[4] == 5);
  CHECK(t.transpose(0, 1).to_vector() == std::vector<float>{1, 4, 2, 5, 3, 6});
  CHECK(
      thrown([&] { t.transpose(0, 1).span(); }) ==
      "[span] the elements must be dense and in order; got (3, 2) with strides (1, 3) (hint: contiguous())");
  Tensor<float> copy = t.clone();
  for (float& v : copy.mutable_span()) v *= 2;
  CHECK(copy.at(1, 2) == 12);
  CHECK(t.at(1, 2) == 6);
  CHECK(thrown([&] { copy.transpose(0, 1).mutable_span(); }) != "");
  CHECK(thrown([&] { Tensor<float>::from({7}, values); }) ==
        "[tensor] as many values as the shape has are needed; got 6 for (7)");
  CHECK(thrown([&] { Tensor<float>::from({-6}, values); }) != "");
  const std::vector<bool> flags{true, false, true};
  const auto b = Tensor<bool>::from({3}, flags);
  CHECK(b.to_vector() == flags);
  CHECK(Tensor<bool>::from({2}, {false, true}).to_vector() == std::vector<bool>{false, true});
  CHECK(b.slice(0, 0, 3, 2).to_vector() == std::vector<bool>{true, true});
}

TEST_CASE("tensor: elements") {
  Tensor<float> t = Tensor<float>::arange(24).reshape({2, 3, 4});
  CHECK(t.at(1, 2, 3) == 23);
  CHECK(t(0, 1, 2) == 6);
  CHECK(t.at(-1, -3, -4) == 12);
  CHECK(t.size(-1) == 4);
  CHECK(Tensor<float>::scalar(5).at() == 5);
  t.set({1, -1, 0}, 100);
  CHECK(t.at(1, 2, 0) == 100);
  CHECK(thrown([&] { t.at(1, 2); }) == "[at] one index a dimension is needed; got (1, 2) for (2, 3, 4)");
  CHECK(thrown([&] { t.at(2, 0, 0); }) == "[select] index must be in [-2, 1]; got 2 for dim 0 of (2, 3, 4)");
  CHECK(thrown([&] { t.set({0, 0, 4}, 1); }) != "");
  CHECK(thrown([&] { t.item(); }) == "[item] a tensor of one element is needed; got (2, 3, 4)");
  CHECK(thrown([&] { t.size(3); }) == "[size] dim must be in [-3, 2]; got 3 for a tensor of rank 3");
  CHECK(Tensor<float>::full({1, 1}, 4).item() == 4);
}

TEST_CASE("tensor: eight dimensions and no more") {
  const Shape eight = {2, 1, 3, 1, 2, 1, 2, 1};
  const auto t = Tensor<float>::arange(24).reshape(eight);
  CHECK(t.at(1, 0, 2, 0, 1, 0, 1, 0) == 23);
  CHECK(t.permute({7, 6, 5, 4, 3, 2, 1, 0}).clone().at(0, 1, 0, 1, 0, 2, 0, 1) == 23);
  CHECK(thrown([] {
          Tensor<float>::zeros({1, 1, 1, 1, 1, 1, 1, 1, 1});
        }) == "[shape] a tensor has at most 8 dimensions; got 9");
}

TEST_CASE("tensor: sizes that cannot be") {
  const index_t big = index_t{1} << 40, max = std::numeric_limits<index_t>::max();
  CHECK(thrown([] { Tensor<float>::zeros({-1}); }) == "[shape] sizes must not be negative; got (-1)");
  CHECK(thrown([=] { Tensor<float>::empty({big, big}); }) != "");
  CHECK(thrown([=] { Tensor<float>::empty({big, 100}); }) == "[tensor] too large; got (1099511627776, 100)");
  CHECK(thrown([=] { Tensor<float>::arange(max); }) != "");
  CHECK(thrown([] { Tensor<float>::arange(-1); }) == "[shape] sizes must not be negative; got (-1)");
  CHECK(thrown([=] { Tensor<float>::eye(big); }) != "");
}

TEST_CASE("tensor: conversion") {
  const auto t = Tensor<double>::from({4}, {-1.75, 0, 0.5, 3});
  CHECK(t.to<float>().to_vector() == std::vector<float>{-1.75f, 0, 0.5f, 3});
  CHECK(t.to<index_t>().to_vector() == std::vector<index_t>{-1, 0, 0, 3});
  CHECK(t.to<bool>().to_vector() == std::vector<bool>{true, false, true, true});
  CHECK(t.to<bool>().to<float>().to_vector() == std::vector<float>{1, 0, 1, 1});
  CHECK(t.slice(0, 0, 4, 3).to<float>().to_vector() == std::vector<float>{-1.75f, 3});
  CHECK(t.to<double>().storage().same(t.storage()));
}

TEST_CASE("tensor: equal and all_close") {
  const float nan = NAN, inf = INFINITY;
  const auto a = Tensor<float>::from({2, 2}, {1, 2, 3, 4});
  CHECK(equal(a, a.clone()));
  CHECK(equal(a.transpose(0, 1), Tensor<float>::from({2, 2}, {1, 3, 2, 4})));
  CHECK_FALSE(equal(a, a.reshape({4})));
  CHECK_FALSE(equal(a, Tensor<float>::from({2, 2}, {1, 2, 3, 5})));
  CHECK_FALSE(equal(Tensor<float>::scalar(nan), Tensor<float>::scalar(nan)));
  auto close = [](float x, float y, double rtol, double atol) {
    return all_close(Tensor<float>::scalar(x), Tensor<float>::scalar(y), rtol, atol);
  };
  CHECK(close(1, 1.125f, 0.125, 0));
  CHECK_FALSE(close(1.25f, 1, 0.125, 0));
  CHECK(close(0.25f, 0, 0, 0.25));
  CHECK_FALSE(close(-0.5f, 0, 0, 0.25));
  CHECK(close(-4, -4.5f, 0.125, 0));
  CHECK(close(inf, inf, 0, 0));
  CHECK_FALSE(close(inf, -inf, 1, 1));
  CHECK_FALSE(close(1, inf, 0, 1));
  CHECK_FALSE(close(nan, nan, 1, 1));
  CHECK_FALSE(close(nan, 1, 1, 1));
  CHECK_FALSE(all_close(a, a.reshape({4})));
  CHECK(all_close(Tensor<index_t>::arange(3), Tensor<index_t>::arange(3)));
  CHECK(all_close(Tensor<bool>::ones({3}), Tensor<bool>::ones({3})));
}

TEST_CASE("tensor: wrap uses the caller's memory and releases it once") {
  std::vector<double> memory{0, 1, 2, 3, 4, 5, 6, 7};
  int released = 0;
  auto release = [](void* context) { ++*static_cast<int*>(context); };
  {
    auto t = Tensor<double>::wrap(memory.data(), {2, 3}, Strides{4, 1}, release, &released);
    CHECK(t.data() == memory.data());
    CHECK_FALSE(t.is_contiguous());
    CHECK(t.to_vector() == std::vector<double>{0, 1, 2, 4, 5, 6});
    CHECK(t.storage().bytes() == 7 * sizeof(double));
    t.fill(-1);
    CHECK(memory == std::vector<double>{-1, -1, -1, 3, -1, -1, -1, 7});
    const auto view = t.transpose(0, 1).select(0, 1);
    t = {};
    CHECK(released == 0);
    CHECK(view.at(0) == -1);
  }
  CHECK(released == 1);

  const index_t max = std::numeric_limits<index_t>::max(), big = index_t{1} << 40;
  double* p = memory.data();
  CHECK(thrown([&] {
          Tensor<double>::wrap(p, {2, 3}, Strides{1});
        }) == "[wrap] as many strides as dimensions are needed; got (1) for (2, 3)");
  CHECK(thrown([&] { Tensor<double>::wrap(p, {2}, Strides{-1}); }) ==
        "[wrap] strides must not be negative; got (-1)");
  CHECK(thrown([&] { Tensor<double>::wrap(nullptr, {2}); }) ==
        "[wrap] a pointer to the data is needed; got null for (2)");
  CHECK(thrown([&] { Tensor<double>::wrap(p, {3}, Strides{max}); }) ==
        "[wrap] the memory must end within 2^56 bytes; got strides (9223372036854775807) for (3)");
  CHECK(thrown([&] { Tensor<double>::wrap(p, {2, 2}, Strides{max, max}, release, &released); }) != "");
  CHECK(thrown([&] { Tensor<double>::wrap(p, {2, big, big}); }) != "");
  CHECK(released == 1);  // what was refused stays the caller's
  CHECK(Tensor<double>::wrap(nullptr, {0}).numel() == 0);
  CHECK(Tensor<double>::wrap(p, {1, 8}, Strides{max, 1}).is_contiguous());
}

TEST_CASE("tensor: copy_from broadcasts") {
  Tensor<float> t = Tensor<float>::zeros({2, 3});
  t.copy_from(Tensor<float>::from({3}, {1, 2, 3}));
  CHECK(t.to_vector() == std::vector<float>{1, 2, 3, 1, 2, 3});
  t.copy_from(Tensor<float>::from({2, 1}, {5, 6}));
  CHECK(t.to_vector() == std::vector<float>{5, 5, 5, 6, 6, 6});
  t.transpose(0, 1).copy_from(Tensor<float>::arange(6).reshape({3, 2}));
  CHECK(t.to_vector() == std::vector<float>{0, 2, 4, 1, 3, 5});
  t.copy_from(Tensor<float>::scalar(9));
  CHECK(t.at(1, 1) == 9);
  CHECK(thrown([&] { t.copy_from(Tensor<float>::zeros({2})); }) ==
        "[copy_from] the source must broadcast to the target; got (2) for (2, 3)");
  CHECK(thrown([&] { t.copy_from(Tensor<float>::zeros({1, 2, 3})); }) != "");
}

TEST_CASE("tensor: copy_from between overlapping views of one memory") {
  const auto fresh = [] { return Tensor<float>::arange(6); };
  Tensor<float> t = fresh();
  t.slice(0, 1).copy_from(t.slice(0, 0, 5));
  CHECK(t.to_vector() == std::vector<float>{0, 0, 1, 2, 3, 4});
  t = fresh();
  t.slice(0, 0, 5).copy_from(t.slice(0, 1));
  CHECK(t.to_vector() == std::vector<float>{1, 2, 3, 4, 5, 5});
  t = fresh();
  t.slice(0, 0, 4).copy_from(t.slice(0, 5));  // one element, broadcast over what it follows
  CHECK(t.to_vector() == std::vector<float>{5, 5, 5, 5, 4, 5});
  t = fresh();
  t.copy_from(t.slice(0, 2, 3));  // broadcast over itself too
  CHECK(t.to_vector() == std::vector<float>{2, 2, 2, 2, 2, 2});
  Tensor<float> m = Tensor<float>::arange(9).reshape({3, 3});
  m.copy_from(m.transpose(0, 1));
  CHECK(m.to_vector() == std::vector<float>{0, 3, 6, 1, 4, 7, 2, 5, 8});
  m.copy_from(m);
  CHECK(m.to_vector() == std::vector<float>{0, 3, 6, 1, 4, 7, 2, 5, 8});
}

TEST_CASE("tensor: modifications are counted where they are asked for") {
  Tensor<float> t = Tensor<float>::zeros({4});
  const auto start = t.storage().version();
  auto modified = [&, last = start](int line) mutable {
    const bool once = t.storage().version() == last + 1 && t.storage().modified_at().line == line;
    last = t.storage().version();
    return once && to_text(t.storage().modified_at()).find("tensor_test.cpp:") == 0;
  };
  t.fill(1);
  CHECK(modified(__LINE__ - 1));
  t.slice(0, 1, 2).fill(2);
  CHECK(modified(__LINE__ - 1));
  t.copy_from(Tensor<float>::ones({4}));
  CHECK(modified(__LINE__ - 1));
  t.set({0}, 3);
  CHECK(modified(__LINE__ - 1));
  t.mutable_data()[1] = 4;
  CHECK(modified(__LINE__ - 1));
  t.mutable_span()[1] = 5;
  CHECK(modified(__LINE__ - 1));
  const auto before = t.storage().version();
  (void)t.data();
  (void)t.clone();
  (void)t.to_vector();
  (void)t.transpose(0, 0).reshape({2, 2});
  CHECK(t.storage().version() == before);
}

TEST_CASE("numbers that an integer type cannot hold are refused") {
  using namespace limbic;
  CHECK(Tensor<float>::from({2}, {1.9f, -2.5f}).to<index_t>().to_vector() == std::vector<index_t>{1, -2});
  CHECK(Tensor<double>::full({1}, -0x1p63).to<index_t>()(0) == std::numeric_limits<index_t>::min());
  for (double bad : {double(NAN), double(INFINITY), 0x1p63, -0x1.8p63})
    CHECK_THROWS_WITH_AS(Tensor<double>::full({1}, bad).to<index_t>(),
                         doctest::Contains("[to] a value must be finite and fit the integer type"), Error);
  CHECK(Tensor<double>::full({1}, 255.5).to<std::uint8_t>()(0) == 255);
  CHECK_THROWS_AS(Tensor<double>::full({1}, 256.0).to<std::uint8_t>(), Error);
  CHECK_THROWS_AS(Tensor<double>::full({1}, -1.0).to<std::uint8_t>(), Error);
}
