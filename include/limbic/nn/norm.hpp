// LayerNorm, RmsNorm, BatchNorm1d and BatchNorm2d, with parameters and buffers as in PyTorch.
#pragma once

#include <limbic/nn/module.hpp>
#include <limbic/ops/batch_norm.hpp>
#include <limbic/ops/layer_norm.hpp>

namespace limbic {

// Layer norm over the last dimension, of size `width`, of x (..., C); weight (C) 1, bias (C) 0 at first.
template <class T, class D = Cpu>
struct LayerNorm {
  Var<T, D> weight, bias;
  double eps = 1e-5;

  LayerNorm() = default;
  explicit LayerNorm(index_t width, double eps_ = 1e-5)
      : weight(Var<T, D>::leaf(Tensor<T, D>::ones({width}))),
        bias(Var<T, D>::leaf(Tensor<T, D>::zeros({width}))),
        eps(eps_) {}
  template <class V>
  void visit(V&& v) {
    v("weight", weight);
    v("bias", bias);
  }
  // Of x's shape. Throws unless x's last size is the width, and for a negative eps.
  template <Operand X>
  Var<T, D> operator()(const X& x, Site site = Site::here()) const {
    return layer_norm(x, weight, bias, eps, site);
  }
};

// RMS norm over the last dimension, of size `width`, of x (..., C); weight (C) 1 at first. eps is 1e-5 if
// none is given (PyTorch: the scalar type's epsilon).
template <class T, class D = Cpu>
struct RmsNorm {
  Var<T, D> weight;
  double eps = 1e-5;

  RmsNorm() = default;
  explicit RmsNorm(index_t width, double eps_ = 1e-5)
      : weight(Var<T, D>::leaf(Tensor<T, D>::ones({width}))), eps(eps_) {}
  template <class V>
  void visit(V&& v) {
    v("weight", weight);
  }
  // Of x's shape. Throws unless x's last size is the width, and for a negative eps.
  template <Operand X>
  Var<T, D> operator()(const X& x, Site site = Site::here()) const {
    return rms_norm(x, weight, eps, site);
  }
};

// Batch norm over all dimensions but the second, of size `channels`; ranks Low..High are accepted. weight and
// bias (C) are 1 and 0 at first, running_mean and running_var (C) 0 and 1; momentum is the weight of the new
// batch. Call with a Tensor or Var; while training it changes the running statistics. Throws for another
// rank, and as batch_norm().
template <class T, class D, int Low, int High>
struct BatchNorm {
  Var<T, D> weight, bias;
  Tensor<T, D> running_mean, running_var;
  Tensor<index_t, D> num_batches_tracked;  // (): how many training batches were seen
  double momentum = 0.1, eps = 1e-5;
  Training training{};

  BatchNorm() = default;
  explicit BatchNorm(index_t channels, double momentum_ = 0.1, double eps_ = 1e-5)
      : weight(Var<T, D>::leaf(Tensor<T, D>::ones({channels}))),
        bias(Var<T, D>::leaf(Tensor<T, D>::zeros({channels}))),
        running_mean(Tensor<T, D>::zeros({channels})),
        running_var(Tensor<T, D>::ones({channels})),
        num_batches_tracked(Tensor<index_t, D>::scalar(0)),
        momentum(momentum_),
        eps(eps_) {}
  template <class V>
  void visit(V&& v) {
    v("weight", weight);
    v("bias", bias);
    v("running_mean", running_mean);
    v("running_var", running_var);
    v("num_batches_tracked", num_batches_tracked);
    v("training", training);
  }
  // Counts a training batch; a device is not waited for.
  void count_batch() {
    elementwise_update(
        D{}, [](auto n) { return n + index_t(1); }, num_batches_tracked);
  }
  // Of x's shape.
  template <Operand X>
  Var<T, D> operator()(const X& x, Site site = Site::here()) {
    if (x.rank() < Low || x.rank() > High)
      fail("batch_norm", "x must be of rank ", Low, " to ", High, "; got x ", x.shape());
    if (training && !recomputing()) count_batch();
    return batch_norm(x, weight, bias, running_mean, running_var,
                      BatchNormOptions{.training = training, .momentum = momentum, .eps = eps}, site);
  }
};

// x (B, C) or (B, C, L).
template <class T, class D = Cpu>
using BatchNorm1d = BatchNorm<T, D, 2, 3>;
// x (B, C, H, W).
template <class T, class D = Cpu>
using BatchNorm2d = BatchNorm<T, D, 4, 4>;

}  // namespace limbic
