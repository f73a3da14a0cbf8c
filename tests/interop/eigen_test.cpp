// Tensors and Eigen: maps on any strides, copies of expressions, wrapped memory.
#include <limbic/core/compare.hpp>
#include <limbic/interop/eigen.hpp>

#include <doctest/doctest.h>

#include <support/throws.hpp>

using namespace limbic;

namespace {

template <class M>
concept Wrappable = requires(M&& m) {
  wrap_eigen(std::forward<M>(m));
};

}  // namespace

TEST_CASE_TEMPLATE("eigen: tensors as matrices and vectors, whatever the strides", T, float, double,
                   index_t) {
  const auto base = Tensor<T>::arange(24).reshape({4, 6});
  for (const auto& t : {base, base.transpose(0, 1), base.slice(0, 1, 4, 2), base.slice(1, 2, 6, 3),
                        base.slice(0, 1, 2).expand({5, 6}), base.slice(0, 2, 2)}) {
    const auto m = eigen_matrix(t);
    REQUIRE(m.rows() == t.size(0));
    REQUIRE(m.cols() == t.size(1));
    CHECK(m.data() == t.data());
    for (index_t i = 0; i < m.rows(); ++i)
      for (index_t j = 0; j < m.cols(); ++j) CHECK(m(i, j) == t.at(i, j));
  }
  for (const auto& t : {base.select(0, 2), base.select(1, 3), base.select(0, 0).slice(0, 0, 6, 2)}) {
    const auto v = eigen_vector(t);
    REQUIRE(v.size() == t.numel());
    for (index_t i = 0; i < v.size(); ++i) CHECK(v(i) == t.at(i));
  }
}

TEST_CASE("eigen: writing through maps") {
  Tensor<float> t = Tensor<float>::arange(6).reshape({2, 3});
  Tensor<float> column = t.select(1, 1), turned = t.transpose(0, 1);
  const auto version = t.storage().version();
  mutable_eigen_vector(column) *= 10;
  CHECK(t.to_vector() == std::vector<float>{0, 10, 2, 3, 40, 5});
  mutable_eigen_matrix(turned).row(2).setZero();
  CHECK(t.to_vector() == std::vector<float>{0, 10, 0, 3, 40, 0});
  CHECK(t.storage().version() == version + 2);
  const Eigen::MatrixXf product = eigen_matrix(t) * eigen_matrix(turned);
  CHECK(product(0, 1) == 400);
  (void)eigen_matrix(t);
  CHECK(t.storage().version() == version + 2);
}

TEST_CASE("eigen: wrong rank") {
  Tensor<float> cube = Tensor<float>::zeros({2, 2, 2});
  CHECK(thrown([&] { eigen_matrix(cube); }) == "[eigen_matrix] a tensor of rank 2 is needed; got (2, 2, 2)");
  CHECK(thrown([&] { eigen_vector(cube); }) == "[eigen_vector] a tensor of rank 1 is needed; got (2, 2, 2)");
  CHECK(thrown([&] { mutable_eigen_matrix(cube); }) != "");
  CHECK(thrown([&] { mutable_eigen_vector(cube); }) != "");
}

TEST_CASE("eigen: values of expressions") {
  Eigen::MatrixXd m(2, 3);
  m << 1, 2, 3, 4, 5, 6;
  CHECK(equal(from_eigen(m), Tensor<double>::from({2, 3}, {1, 2, 3, 4, 5, 6})));
  CHECK(equal(from_eigen(m.transpose() * 2), Tensor<double>::from({3, 2}, {2, 8, 4, 10, 6, 12})));
  CHECK(equal(from_eigen(m.col(1)), Tensor<double>::from({2}, {2, 5})));
  CHECK(equal(from_eigen(m.row(1)), Tensor<double>::from({3}, {4, 5, 6})));
  CHECK(
      equal(from_eigen(m.array() > 3), Tensor<bool>::from({2, 3}, {false, false, false, true, true, true})));
  CHECK(equal(from_eigen(m * m.transpose()), Tensor<double>::from({2, 2}, {14, 32, 32, 77})));
  CHECK(from_eigen(Eigen::MatrixXf(0, 4)).shape() == Shape{0, 4});
  const auto copy = from_eigen(m);
  m.setZero();
  CHECK(copy.at(1, 2) == 6);
}

TEST_CASE("eigen: memory wrapped without a copy") {
  Eigen::MatrixXf columns(2, 3);
  columns << 1, 2, 3, 4, 5, 6;
  auto t = wrap_eigen(columns);
  CHECK(t.data() == columns.data());
  CHECK(t.to_vector() == std::vector<float>{1, 2, 3, 4, 5, 6});
  t.set({1, 0}, 40);
  CHECK(columns(1, 0) == 40);
  Eigen::Matrix<float, 2, 3, Eigen::RowMajor> rows = columns;
  CHECK(wrap_eigen(rows).is_contiguous());
  CHECK(equal(wrap_eigen(rows), t));
  CHECK(wrap_eigen(columns.block(0, 1, 2, 2)).to_vector() == std::vector<float>{2, 3, 5, 6});
  CHECK(wrap_eigen(columns.row(1)).to_vector() == std::vector<float>{40, 5, 6});
  CHECK(wrap_eigen(columns.row(1)).shape() == Shape{3});
  CHECK(wrap_eigen(columns.transpose()).to_vector() == std::vector<float>{1, 40, 2, 5, 3, 6});
  Eigen::Ref<Eigen::MatrixXf> ref(columns);
  CHECK(wrap_eigen(ref).data() == columns.data());
  CHECK(wrap_eigen(mutable_eigen_matrix(t)).strides() == t.strides());
  Eigen::VectorXd v = Eigen::VectorXd::LinSpaced(4, 0, 3);
  CHECK(wrap_eigen(v).to_vector() == std::vector<double>{0, 1, 2, 3});
  // Neither a temporary, nor what must not be written, nor what has no memory.
  CHECK(Wrappable<Eigen::MatrixXf&>);
  CHECK_FALSE(Wrappable<Eigen::MatrixXf>);
  CHECK_FALSE(Wrappable<const Eigen::MatrixXf&>);
  CHECK_FALSE(Wrappable<decltype(columns * 2)>);
  CHECK_FALSE(Wrappable<Eigen::Map<const Eigen::MatrixXf>>);
}
