// Row kernels as functions of tensors, found by the device tag: formulas in rows.hpp and norms.hpp. All
// tensors are dense; rows run over the last dimension. dx is written or, if `accumulate`, added to.
#pragma once

#include <limbic/backend/cpu/norms.hpp>
#include <limbic/backend/cpu/rows.hpp>
#include <limbic/core/tensor.hpp>

namespace limbic {

namespace cpu::detail {
struct Rows2d {
  index_t rows, cols;
  explicit Rows2d(const Shape& shape) : rows(1), cols(shape.back()) {
    for (int d = 0; d + 1 < shape.rank(); ++d) rows *= shape[d];
  }
};
template <class T>
const T* data_or_null(const Tensor<T, Cpu>& t) {
  return t.defined() ? t.data() : nullptr;
}
}  // namespace cpu::detail

template <class T>
void softmax_fwd(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x) {
  const cpu::detail::Rows2d n(x.shape());
  cpu::softmax_fwd(x.data(), y.mutable_data(), n.rows, n.cols);
}
template <class T>
void softmax_bwd(Cpu, Tensor<T, Cpu>& dx, const Tensor<T, Cpu>& y, const Tensor<T, Cpu>& dy,
                 bool accumulate) {
  const cpu::detail::Rows2d n(y.shape());
  cpu::softmax_bwd(y.data(), dy.data(), dx.mutable_data(), n.rows, n.cols, accumulate);
}
template <class T>
void log_softmax_fwd(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x) {
  const cpu::detail::Rows2d n(x.shape());
  cpu::log_softmax_fwd(x.data(), y.mutable_data(), n.rows, n.cols);
}
template <class T>
void log_softmax_bwd(Cpu, Tensor<T, Cpu>& dx, const Tensor<T, Cpu>& y, const Tensor<T, Cpu>& dy,
                     bool accumulate) {
  const cpu::detail::Rows2d n(y.shape());
  cpu::log_softmax_bwd(y.data(), dy.data(), dx.mutable_data(), n.rows, n.cols, accumulate);
}
// y: x's shape without the last dimension.
template <class T>
void logsumexp_fwd(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x) {
  const cpu::detail::Rows2d n(x.shape());
  cpu::logsumexp_fwd(x.data(), y.mutable_data(), n.rows, n.cols);
}
template <class T>
void logsumexp_bwd(Cpu, Tensor<T, Cpu>& dx, const Tensor<T, Cpu>& x, const Tensor<T, Cpu>& y,
                   const Tensor<T, Cpu>& dy, bool accumulate) {
  const cpu::detail::Rows2d n(x.shape());
  cpu::logsumexp_bwd(x.data(), y.data(), dy.data(), dx.mutable_data(), n.rows, n.cols, accumulate);
}

// weight and bias may be undefined; mean and rstd (rows).
template <class T>
void layer_norm_fwd(Cpu, Tensor<T, Cpu>& y, Tensor<T, Cpu>& mean, Tensor<T, Cpu>& rstd,
                    const Tensor<T, Cpu>& x, const Tensor<T, Cpu>& weight, const Tensor<T, Cpu>& bias,
                    T eps) {
  const cpu::detail::Rows2d n(x.shape());
  cpu::layer_norm_fwd(x.data(), cpu::detail::data_or_null(weight), cpu::detail::data_or_null(bias), eps,
                      y.mutable_data(), mean.mutable_data(), rstd.mutable_data(), n.rows, n.cols);
}
// dx, dweight and dbias: null where not wanted; dx is written, or added to; the other two are written.
template <class T>
void layer_norm_bwd(Cpu, Tensor<T, Cpu>* dx, bool accumulate, Tensor<T, Cpu>* dweight, Tensor<T, Cpu>* dbias,
                    const Tensor<T, Cpu>& x, const Tensor<T, Cpu>& weight, const Tensor<T, Cpu>& mean,
                    const Tensor<T, Cpu>& rstd, const Tensor<T, Cpu>& dy) {
  const cpu::detail::Rows2d n(x.shape());
  cpu::layer_norm_bwd<T>(x.data(), cpu::detail::data_or_null(weight), mean.data(), rstd.data(), dy.data(),
                         dx ? dx->mutable_data() : nullptr, accumulate,
                         dweight ? dweight->mutable_data() : nullptr, dbias ? dbias->mutable_data() : nullptr,
                         false, n.rows, n.cols);
}
template <class T>
void rms_norm_fwd(Cpu, Tensor<T, Cpu>& y, Tensor<T, Cpu>& rstd, const Tensor<T, Cpu>& x,
                  const Tensor<T, Cpu>& weight, T eps) {
  const cpu::detail::Rows2d n(x.shape());
  cpu::rms_norm_fwd(x.data(), cpu::detail::data_or_null(weight), eps, y.mutable_data(), rstd.mutable_data(),
                    n.rows, n.cols);
}
template <class T>
void rms_norm_bwd(Cpu, Tensor<T, Cpu>* dx, bool accumulate, Tensor<T, Cpu>* dweight, const Tensor<T, Cpu>& x,
                  const Tensor<T, Cpu>& weight, const Tensor<T, Cpu>& rstd, const Tensor<T, Cpu>& dy) {
  const cpu::detail::Rows2d n(x.shape());
  cpu::rms_norm_bwd<T>(x.data(), cpu::detail::data_or_null(weight), rstd.data(), dy.data(),
                       dx ? dx->mutable_data() : nullptr, accumulate,
                       dweight ? dweight->mutable_data() : nullptr, false, n.rows, n.cols);
}

}  // namespace limbic
