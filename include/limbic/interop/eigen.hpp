// Tensors of rank 1 and 2 as Eigen vectors and matrices, and the other way round.
//
// Views share the memory, whatever the strides: the tensor (or the Eigen object) must outlive them.
#pragma once

#include <limbic/core/tensor.hpp>

#include <Eigen/Core>

#include <concepts>

namespace limbic {

// The types that the views below have; matrices are row-major. EigenStrides is outer, then inner.
using EigenStrides = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
template <class T>
using EigenMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using EigenVector = Eigen::Matrix<T, Eigen::Dynamic, 1>;
// const T for reading.
template <class T>
using EigenMatrixMap =
    std::conditional_t<std::is_const_v<T>,
                       Eigen::Map<const EigenMatrix<std::remove_const_t<T>>, Eigen::Unaligned, EigenStrides>,
                       Eigen::Map<EigenMatrix<T>, Eigen::Unaligned, EigenStrides>>;
template <class T>
using EigenVectorMap = std::conditional_t<
    std::is_const_v<T>,
    Eigen::Map<const EigenVector<std::remove_const_t<T>>, Eigen::Unaligned, Eigen::InnerStride<>>,
    Eigen::Map<EigenVector<T>, Eigen::Unaligned, Eigen::InnerStride<>>>;

namespace detail {

template <class T>
void check_eigen_rank(std::string_view op, const Tensor<T, Cpu>& t, int rank) {
  if (t.rank() != rank) fail(op, "a tensor of rank ", rank, " is needed; got ", t.shape());
}

// Eigen expressions whose coefficients lie in memory that may be written.
template <class M>
concept WritableEigen = requires(M& m) {
  { m.derived().data() } -> std::convertible_to<typename M::Scalar*>;
  m.rowStride();
  m.colStride();
};
template <class M>
inline constexpr bool kOwnsItsMemory = std::is_base_of_v<Eigen::PlainObjectBase<M>, M>;

}  // namespace detail

// A tensor (N, C) as an Eigen matrix of N rows. Throws unless the rank is 2.
template <class T>
EigenMatrixMap<const T> eigen_matrix(const Tensor<T, Cpu>& t) {
  detail::check_eigen_rank("eigen_matrix", t, 2);
  return {t.data(), t.size(0), t.size(1), EigenStrides(t.strides()[0], t.strides()[1])};
}
// The same for writing. Elements of an expanded dimension share one place: write to dense ones only.
template <class T>
EigenMatrixMap<T> mutable_eigen_matrix(Tensor<T, Cpu>& t, Site site = Site::here()) {
  detail::check_eigen_rank("mutable_eigen_matrix", t, 2);
  return {t.mutable_data(site), t.size(0), t.size(1), EigenStrides(t.strides()[0], t.strides()[1])};
}

// A tensor (N) as an Eigen column vector. Throws unless the rank is 1.
template <class T>
EigenVectorMap<const T> eigen_vector(const Tensor<T, Cpu>& t) {
  detail::check_eigen_rank("eigen_vector", t, 1);
  return {t.data(), t.size(0), Eigen::InnerStride<>(t.strides()[0])};
}
// The same for writing, and with the same caution.
template <class T>
EigenVectorMap<T> mutable_eigen_vector(Tensor<T, Cpu>& t, Site site = Site::here()) {
  detail::check_eigen_rank("mutable_eigen_vector", t, 1);
  return {t.mutable_data(site), t.size(0), Eigen::InnerStride<>(t.strides()[0])};
}

// The values of any dense Eigen expression: (rows, columns), or (N) for what Eigen knows to be a vector.
template <class M>
Tensor<typename M::Scalar, Cpu> from_eigen(const Eigen::DenseBase<M>& expression) {
  using T = typename M::Scalar;
  const index_t rows = expression.rows(), columns = expression.cols();
  auto t = Tensor<T, Cpu>::empty(M::IsVectorAtCompileTime ? Shape{rows * columns} : Shape{rows, columns});
  if (t.numel() > 0) Eigen::Map<EigenMatrix<T>>(t.mutable_data(), rows, columns) = expression.derived();
  return t;
}

// The memory of an Eigen matrix, vector, Map, Ref or Block, without a copy; shape as from_eigen(). It must
// stay where it is as long as the tensor is used. Throws for negative strides. (A temporary matrix is not
// taken: its memory is gone at once.)
template <class M>
requires(detail::WritableEigen<std::remove_reference_t<M>> &&
         (std::is_lvalue_reference_v<M> || !detail::kOwnsItsMemory<M>)) auto wrap_eigen(M&& m) {
  using Matrix = std::remove_reference_t<M>;
  using T = typename Matrix::Scalar;
  const index_t rows = m.rows(), columns = m.cols();
  if constexpr (Matrix::IsVectorAtCompileTime) {
    return Tensor<T, Cpu>::wrap(m.data(), {rows * columns}, Strides{m.innerStride()});
  } else {
    return Tensor<T, Cpu>::wrap(m.data(), {rows, columns}, Strides{m.rowStride(), m.colStride()});
  }
}

}  // namespace limbic
