// Row kernels as functions of tensors on the device: formulas in backend/cpu/rows.hpp and norms.hpp. All
// tensors are dense; rows run over the last dimension. dx is written or, if `accumulate`, added to.
#pragma once

#include <limbic/backend/cuda/copy.hpp>
#include <limbic/backend/cuda/launch/rows.hpp>

namespace limbic {

namespace cuda::detail {
struct Rows2d {
  index_t rows, cols;
  explicit Rows2d(const Shape& shape) : rows(1), cols(shape.back()) {
    for (int d = 0; d + 1 < shape.rank(); ++d) rows *= shape[d];
  }
};
template <class T>
const T* data_or_null(const Tensor<T, Cuda>& t) {
  return t.defined() ? t.data() : nullptr;
}
template <class T>
NormCall<T> norm_call(bool centred, const Tensor<T, Cuda>& x, const Tensor<T, Cuda>& weight) {
  const Rows2d n(x.shape());
  return {.centred = centred, .x = x.data(), .weight = data_or_null(weight), .rows = n.rows, .cols = n.cols};
}
}  // namespace cuda::detail

template <class T>
void softmax_fwd(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& x) {
  const cuda::detail::Rows2d n(x.shape());
  cuda::softmax_fwd(y.mutable_data(), x.data(), n.rows, n.cols);
}
template <class T>
void softmax_bwd(Cuda, Tensor<T, Cuda>& dx, const Tensor<T, Cuda>& y, const Tensor<T, Cuda>& dy,
                 bool accumulate) {
  const cuda::detail::Rows2d n(y.shape());
  cuda::softmax_bwd(dx.mutable_data(), y.data(), dy.data(), n.rows, n.cols, accumulate);
}
template <class T>
void log_softmax_fwd(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& x) {
  const cuda::detail::Rows2d n(x.shape());
  cuda::log_softmax_fwd(y.mutable_data(), x.data(), n.rows, n.cols);
}
template <class T>
void log_softmax_bwd(Cuda, Tensor<T, Cuda>& dx, const Tensor<T, Cuda>& y, const Tensor<T, Cuda>& dy,
                     bool accumulate) {
  const cuda::detail::Rows2d n(y.shape());
  cuda::log_softmax_bwd(dx.mutable_data(), y.data(), dy.data(), n.rows, n.cols, accumulate);
}
// y: x's shape without the last dimension.
template <class T>
void logsumexp_fwd(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& x) {
  const cuda::detail::Rows2d n(x.shape());
  cuda::logsumexp_fwd(y.mutable_data(), x.data(), n.rows, n.cols);
}
template <class T>
void logsumexp_bwd(Cuda, Tensor<T, Cuda>& dx, const Tensor<T, Cuda>& x, const Tensor<T, Cuda>& y,
                   const Tensor<T, Cuda>& dy, bool accumulate) {
  const cuda::detail::Rows2d n(x.shape());
  cuda::logsumexp_bwd(dx.mutable_data(), x.data(), y.data(), dy.data(), n.rows, n.cols, accumulate);
}

// weight and bias may be undefined; mean and rstd (rows).
template <class T>
void layer_norm_fwd(Cuda, Tensor<T, Cuda>& y, Tensor<T, Cuda>& mean, Tensor<T, Cuda>& rstd,
                    const Tensor<T, Cuda>& x, const Tensor<T, Cuda>& weight, const Tensor<T, Cuda>& bias,
                    T eps) {
  auto call = cuda::detail::norm_call(true, x, weight);
  call.bias = cuda::detail::data_or_null(bias);
  call.mean = mean.mutable_data();
  call.rstd = rstd.mutable_data();
  cuda::norm_fwd(call, y.mutable_data(), eps);
}
// dx, dweight and dbias: null where not wanted; dx is written, or added to; the other two are written.
template <class T>
void layer_norm_bwd(Cuda, Tensor<T, Cuda>* dx, bool accumulate, Tensor<T, Cuda>* dweight,
                    Tensor<T, Cuda>* dbias, const Tensor<T, Cuda>& x, const Tensor<T, Cuda>& weight,
                    const Tensor<T, Cuda>& mean, const Tensor<T, Cuda>& rstd, const Tensor<T, Cuda>& dy) {
  auto call = cuda::detail::norm_call(true, x, weight);
  call.mean = const_cast<T*>(mean.data());  // read only by backward
  call.rstd = const_cast<T*>(rstd.data());
  cuda::norm_bwd(call, dy.data(), dx ? dx->mutable_data() : nullptr, accumulate,
                 dweight ? dweight->mutable_data() : nullptr, dbias ? dbias->mutable_data() : nullptr);
}
template <class T>
void rms_norm_fwd(Cuda, Tensor<T, Cuda>& y, Tensor<T, Cuda>& rstd, const Tensor<T, Cuda>& x,
                  const Tensor<T, Cuda>& weight, T eps) {
  auto call = cuda::detail::norm_call(false, x, weight);
  call.rstd = rstd.mutable_data();
  cuda::norm_fwd(call, y.mutable_data(), eps);
}
template <class T>
void rms_norm_bwd(Cuda, Tensor<T, Cuda>* dx, bool accumulate, Tensor<T, Cuda>* dweight,
                  const Tensor<T, Cuda>& x, const Tensor<T, Cuda>& weight, const Tensor<T, Cuda>& rstd,
                  const Tensor<T, Cuda>& dy) {
  auto call = cuda::detail::norm_call(false, x, weight);
  call.rstd = const_cast<T*>(rstd.data());
  cuda::norm_bwd<T>(call, dy.data(), dx ? dx->mutable_data() : nullptr, accumulate,
                    dweight ? dweight->mutable_data() : nullptr, nullptr);
}

}  // namespace limbic
