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

namespace detail {

// Pixels in the order of nested patches: rows (g, q, a, p) and columns alike of (N, 16 g, 16 g) become
// (N, g g, q q, a a, p p). Two pixels of a row stay together, too little for a general permutation to be
// quick.
template <class T>
struct Nested {
  static constexpr const char* name = "nested_patches";
  index_t grid = 0;

  Shape infer(const Tensor<T>& x) { return x.shape(); }
  void forward(Tensor<T>& y, const Tensor<T>& x) {
    const Tensor<T> dense = x.contiguous();
    const T* const from = dense.data();
    T* const to = y.mutable_data();
    each_pair(x.size(0), [=](index_t nested, index_t flat) { std::copy_n(from + flat, 2, to + nested); });
  }
  void backward(const Tensor<T>& dy, Grad<T, Cpu>& dx) {
    dx.write([&](Tensor<T>& g) {
      const Tensor<T> dense = dy.contiguous();
      const T* const from = dense.data();
      T* const to = g.mutable_data();
      each_pair(dy.size(0), [=](index_t nested, index_t flat) { std::copy_n(from + nested, 2, to + flat); });
    });
  }

 private:
  // Calls f(place in nested order, place in the image) of every pair of pixels.
  template <class F>
  void each_pair(index_t maps, F&& f) const {
    const index_t side = 16 * grid, pixels = side * side;
    parallel_for(maps, 4, [&](index_t begin, index_t end) {
      for (index_t n = begin; n < end; ++n) {
        index_t at = n * pixels;
        for (index_t token = 0; token < grid * grid; ++token)
          for (index_t q = 0; q < 16; ++q) {
            const index_t corner =
                n * pixels + (token / grid * 16 + q / 4 * 4) * side + token % grid * 16 + q % 4 * 4;
            for (index_t a = 0; a < 4; ++a)
              for (index_t p = 0; p < 2; ++p, at += 2) f(at, corner + (a / 2 * 2 + p) * side + a % 2 * 2);
          }
      }
    });
  }
};

}  // namespace detail

template <class T, class D = Cpu>
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
  Var<T, D> operator()(const Var<T, D>& x) {
    const index_t n = x.size(0), d = conv3_.weight.size(0);
    const Var<T, D> patches = reshape(nested(x), {-1, 4});
    const bool ready = ready_[0].defined();
    const Affine<T, D> a = ready ? ready_[0] : first(patches);
    const Var<T, D> h0 = linear_relu(patches, a.weight, a.bias);
    Var<T, D> h2;
    if (norm1_.training) {
      const Var<T, D> h1 =
          relu(norm1_(linear(reshape(h0, {-1, 4 * h0.size(1)}), by_place(conv1_.weight), conv1_.bias)));
      h2 = relu(norm2_(linear(reshape(h1, {-1, 16 * h1.size(1)}), by_place(conv2_.weight), conv2_.bias)));
    } else {
      const Affine<T, D> b = ready ? ready_[1] : second(), e = ready ? ready_[2] : third();
      const Var<T, D> h1 = linear_relu(reshape(h0, {-1, 4 * h0.size(1)}), b.weight, b.bias);
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
  Var<T, D> nested(const Var<T, D>& x) const {
    if constexpr (std::is_same_v<D, Cpu>) {
      return apply(Site::here(), detail::Nested<T>{.grid = grid_}, x);
    } else {
      const Var<T, D> parts = reshape(x, {x.size(0) * grid_, 4, 2, 2, grid_, 4, 2, 2});
      return permute(parts, {0, 4, 1, 5, 2, 6, 3, 7});
    }
  }
  // (O, C, k, k) -> (O, k k C): as the values of a patch lie.
  static Var<T, D> by_place(const Var<T, D>& weight) {
    return reshape(permute(weight, {0, 2, 3, 1}), {weight.size(0), -1});
  }

  Affine<T, D> first(const Var<T, D>& patches) {
    const Var<T, D> weight = reshape(conv0_.weight, {-1, 4});
    if (!norm0_.training) return folded(weight, conv0_.bias, norm0_);
    const T n = static_cast<T>(patches.size(0));
    const Var<T, D> mean = limbic::mean(patches, {0}), centred = patches - mean;
    const Var<T, D> covariance = matmul(transpose(centred), centred) / n;
    const Var<T, D> out_mean = linear(reshape(mean, {1, 4}), weight, conv0_.bias);
    const Var<T, D> variance = sum(matmul(weight, covariance) * weight, {1});
    follow(norm0_, out_mean.value().reshape({weight.size(0)}), variance.value(), static_cast<double>(n));
    return folded(weight, conv0_.bias, norm0_, reshape(out_mean, {-1}), variance);
  }
  Affine<T, D> second() const { return folded(by_place(conv1_.weight), conv1_.bias, norm1_); }
  Affine<T, D> third() const { return folded(by_place(conv2_.weight), conv2_.bias, norm2_); }

  // What BatchNorm does to its running statistics, for n values a channel.
  static void follow(BatchNorm1d<T, D>& norm, const Tensor<T, D>& mean, const Tensor<T, D>& variance,
                     double n) {
    if (recomputing()) return;
    norm.count_batch();
    const T m = static_cast<T>(norm.momentum), unbiased = static_cast<T>(n / (n - 1));
    norm.running_mean.copy_from(norm.running_mean * (T(1) - m) + mean * m);
    norm.running_var.copy_from(norm.running_var * (T(1) - m) + variance * (m * unbiased));
  }

  index_t grid_ = 0;
  Conv2d<T, D> conv0_, conv1_, conv2_, conv3_;  // for their parameters
  BatchNorm1d<T, D> norm0_, norm1_, norm2_;
  Affine<T, D> ready_[3];
};

}  // namespace limbic::emotion_clip
