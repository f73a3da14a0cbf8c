// A spatial layer: what the tokens of one map, a g x g image of d channels, tell each other.
//
//   x += drop_path(MHSA(LN x));  x += drop_path(mean of three branches (LN x))
//   branch k = 1, 3, 5:  conv kxk d -> w, batch norm, dropout, ReLU, conv 1x1 -> d, batch norm, dropout, ReLU
//
// The branches work on (g^2, N, d), tokens of one place together: convolutions are products there
// (map_conv.hpp).
#pragma once

#include "emotion_clip/blocks.hpp"
#include "emotion_clip/folding.hpp"
#include "emotion_clip/map_conv.hpp"

#include <limbic/nn/conv.hpp>

namespace limbic::emotion_clip {

template <class T, class D = Cpu>
class Branch {
 public:
  Branch() = default;
  Branch(const Config& c, index_t kernel, RandomStream& random)
      : conv_(c.width, c.conv_width, kernel, random),
        point_(c.conv_width, c.width, 1, random),
        norm_(c.conv_width),
        point_norm_(c.width),
        drop_(c.dropout, random),
        point_drop_(c.dropout, random) {
    if (kernel > 1)
      matrices_ =
          std::make_shared<const CyclicMatrices<T, D>>(cyclic_matrices<T>(c.grid(), kernel).template on<D>());
  }
  template <class V>
  void visit(V&& v) {
    v("0", conv_);
    v("1", norm_);
    v("2", drop_);
    v("4", point_);
    v("5", point_norm_);
    v("6", point_drop_);
  }

  // x (g^2, N, d) -> (g^2, N, d)
  Var<T, D> operator()(const Var<T, D>& x) {
    if (!norm_.training) {
      const Affine<T, D> a = ready_[0].defined() ? ready_[0] : first(),
                         b = ready_[1].defined() ? ready_[1] : second();
      return linear_relu(convolve(x, a, true), b.weight, b.bias);
    }
    const Var<T, D> h = convolve(x, {transformed(conv_.weight), conv_.bias}, false);
    const Var<T, D> y = linear(relu(drop_(rows(norm_, h))), matrix(point_.weight), point_.bias);
    return relu(point_drop_(rows(point_norm_, y)));
  }

  // Folds the norms and transforms the weights once for good; parameters must not change afterwards.
  void prepare() {
    const NoGrad off;
    ready_[0] = matrices_ ? first() : inputs_first(first());
    ready_[1] = inputs_first(second());
  }

 private:
  static Var<T, D> matrix(const Var<T, D>& weight) { return reshape(weight, {weight.size(0), -1}); }
  Var<T, D> transformed(const Var<T, D>& weight) const {
    return matrices_ ? transform_weight(*matrices_, weight) : matrix(weight);
  }
  Var<T, D> convolve(const Var<T, D>& x, const Affine<T, D>& a, bool relu) const {
    if (matrices_) return map_conv(matrices_, x, a.weight, a.bias, relu);
    return relu ? linear_relu(x, a.weight, a.bias) : linear(x, a.weight, a.bias);
  }
  // Batch norm of (g^2, N, C) over all but C.
  static Var<T, D> rows(BatchNorm1d<T, D>& norm, const Var<T, D>& x) {
    return reshape(norm(reshape(x, {-1, x.size(2)})), x.shape());
  }
  Affine<T, D> first() const {
    const Affine<T, D> a = folded(conv_.weight, conv_.bias, norm_);
    return {transformed(a.weight), a.bias};
  }
  Affine<T, D> second() const { return folded(matrix(point_.weight), point_.bias, point_norm_); }

  Conv2d<T, D> conv_, point_;  // for their parameters
  BatchNorm1d<T, D> norm_, point_norm_;
  Dropout drop_, point_drop_;
  std::shared_ptr<const CyclicMatrices<T, D>> matrices_;  // none for k = 1
  Affine<T, D> ready_[2];
};

template <class T, class D = Cpu>
struct Convolutions {
  LayerNorm<T, D> norm;
  std::vector<Branch<T, D>> branches;
  DropPath drop_path;

  Convolutions() = default;
  Convolutions(const Config& c, RandomStream& random) : norm(c.width) {
    for (const index_t kernel : {1, 3, 5}) branches.emplace_back(c, kernel, random);
    drop_path = DropPath(c.drop_path, random);
  }
  template <class V>
  void visit(V&& v) {
    v("norm_layer", norm);
    v("multi_conv_layers", branches);
    v("drop_path", drop_path);
  }
  // x (N, g^2, d) -> the same
  Var<T, D> operator()(const Var<T, D>& x) {
    // As rows, so that they are moved here, once, and not by every branch.
    const Var<T, D> rows = reshape(transpose(norm(x), 0, 1), {-1, x.size(2)});
    const Var<T, D> by_place = reshape(rows, {x.size(1), x.size(0), x.size(2)});
    const Var<T, D> sum = branches[0](by_place) + branches[1](by_place) + branches[2](by_place);
    return x + drop_path(transpose(sum * T(1.0 / 3), 0, 1));
  }
};

template <class T, class D = Cpu>
struct SpatialLayer {
  SelfAttention<T, D> attention;
  Convolutions<T, D> convolutions;

  SpatialLayer() = default;
  SpatialLayer(const Config& c, RandomStream& random) : attention(c, random), convolutions(c, random) {}
  template <class V>
  void visit(V&& v) {
    v("0", attention);
    v("1", convolutions);
  }
  Var<T, D> operator()(const Var<T, D>& x) { return convolutions(attention(x)); }
};

}  // namespace limbic::emotion_clip
