// The stem: every map alone becomes g x g tokens, one for each 16 x 16 pixels.
//
//   x (N, S, S) -> conv 2x2 stride 2, 1 -> d/8; conv 2x2 stride 2 -> d/2; conv 4x4 stride 4 -> 2d, each
//   followed by batch norm and ReLU; conv 1x1 -> d: tokens (N, g^2, d)
//
// The patches of these convolutions do not overlap. With the pixels in the order of the nested patches
// (token, place in the third patch, in the second, in the first) the input of each is the output of the one
// before, seen as rows of patches: four products, nothing moved in between. Weights are put into that order.
//
// What the first one gives is the largest array of all, and its batch statistics follow from those of its
// input: of patches with mean m and covariance S,  W p + b  has mean  W m + b  and variances  diag(W S W').
// So its norm is folded into its weights in training, too.
#pragma once

#include "emotion_clip/config.hpp"
#include "emotion_clip/folding.hpp"

#include <limbic/nn/conv.hpp>
#include <limbic/ops/activation.hpp>
#include <limbic/ops/statistics.hpp>

namespace limbic::emotion_clip {

template <class T>
class Stem {
 public:
  Stem() = default;
  Stem(const Config& c, RandomStream& random)
      : grid_(c.grid()),
        conv0_(1, c.width / 8, 2, random),
        conv1_(c.width / 8, c.width / 2, 2, random),
        conv2_(c.width / 2, 2 * c.width, 4, random),
        conv3_(2 * c.width, c.width, 1, random),
        norm0_(c.width / 8),
        norm1_(c.width / 2),
        norm2_(2 * c.width) {}

  template <class V>
  void visit(V&& v) {
    v("projection.0", conv0_);
    v("projection.1", norm0_);
    v("projection.3", conv1_);
    v("projection.4", norm1_);
    v("projection.6", conv2_);
    v("projection.7", norm2_);
    v("projection.9", conv3_);
  }

  // x (N, 16 g, 16 g) -> tokens (N, g^2, d)
  Var<T> operator()(const Var<T>& x) {
    const index_t n = x.size(0), d = conv3_.weight.size(0);
    const Var<T> patches = reshape(nested(x), {-1, 4});
    const bool ready = ready_[0].defined();
    const Affine<T> a = ready ? ready_[0] : first(patches);
    const Var<T> h0 = linear_relu(patches, a.weight, a.bias);
    Var<T> h2;
    if (norm1_.training) {
      const Var<T> h1 =
          relu(norm1_(linear(reshape(h0, {-1, 4 * h0.size(1)}), by_place(conv1_.weight), conv1_.bias)));
      h2 = relu(norm2_(linear(reshape(h1, {-1, 16 * h1.size(1)}), by_place(conv2_.weight), conv2_.bias)));
    } else {
      const Affine<T> b = ready ? ready_[1] : second(), e = ready ? ready_[2] : third();
      const Var<T> h1 = linear_relu(reshape(h0, {-1, 4 * h0.size(1)}), b.weight, b.bias);
      h2 = linear_relu(reshape(h1, {-1, 16 * h1.size(1)}), e.weight, e.bias);
    }
    return reshape(linear(h2, reshape(conv3_.weight, {d, -1}), conv3_.bias), {n, grid_ * grid_, d});
  }

  // Folds the norms once for good; parameters must not change afterwards.
  void prepare() {
    const NoGrad off;
    ready_[0] = inputs_first(folded(reshape(conv0_.weight, {-1, 4}), conv0_.bias, norm0_));
    ready_[1] = inputs_first(second());
    ready_[2] = inputs_first(third());
  }

 private:
  // Pixels in the order of nested patches: (N, g, q, a, p) for rows and for columns becomes (N, g g, q q, a
  // a, p p).
  Var<T> nested(const Var<T>& x) const {
    const Var<T> parts = reshape(x, {x.size(0) * grid_, 4, 2, 2, grid_, 4, 2, 2});
    return permute(parts, {0, 4, 1, 5, 2, 6, 3, 7});
  }
  // (O, C, k, k) -> (O, k k C): as the values of a patch lie.
  static Var<T> by_place(const Var<T>& weight) {
    return reshape(permute(weight, {0, 2, 3, 1}), {weight.size(0), -1});
  }

  Affine<T> first(const Var<T>& patches) {
    const Var<T> weight = reshape(conv0_.weight, {-1, 4});
    if (!norm0_.training) return folded(weight, conv0_.bias, norm0_);
    const T n = static_cast<T>(patches.size(0));
    const Var<T> mean = limbic::mean(patches, {0}), centred = patches - mean;
    const Var<T> covariance = matmul(transpose(centred), centred) / n;
    const Var<T> out_mean = linear(reshape(mean, {1, 4}), weight, conv0_.bias);
    const Var<T> variance = sum(matmul(weight, covariance) * weight, {1});
    follow(norm0_, out_mean.value().reshape({weight.size(0)}), variance.value(), static_cast<double>(n));
    return folded(weight, conv0_.bias, norm0_, reshape(out_mean, {-1}), variance);
  }
  Affine<T> second() const { return folded(by_place(conv1_.weight), conv1_.bias, norm1_); }
  Affine<T> third() const { return folded(by_place(conv2_.weight), conv2_.bias, norm2_); }

  // What BatchNorm does to its running statistics, for n values a channel.
  static void follow(BatchNorm1d<T>& norm, const Tensor<T>& mean, const Tensor<T>& variance, double n) {
    if (recomputing()) return;
    norm.num_batches_tracked.fill(norm.num_batches_tracked.item() + 1);
    const T m = static_cast<T>(norm.momentum), unbiased = static_cast<T>(n / (n - 1));
    norm.running_mean.copy_from(norm.running_mean * (T(1) - m) + mean * m);
    norm.running_var.copy_from(norm.running_var * (T(1) - m) + variance * (m * unbiased));
  }

  index_t grid_ = 0;
  Conv2d<T> conv0_, conv1_, conv2_, conv3_;  // for their parameters
  BatchNorm1d<T> norm0_, norm1_, norm2_;
  Affine<T> ready_[3];
};

}  // namespace limbic::emotion_clip
