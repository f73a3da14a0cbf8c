// Dropout: at random, elements are zero; the rest is scaled so that the mean stays (Srivastava et al.,
// "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014; "inverted" form).
//
//   y_i  = m_i x_i / (1 - p),   m_i = 0 with probability p, else 1
//   dx_i = m_i dy_i / (1 - p)
//
// dropout          one m for each element
// feature_dropout  one for each (sample, channel) of x (B, C, ...)           (Tompson et al., CVPR 2015)
// drop_path        one for each sample of x (B, ...): a residual branch is left out (Huang et al., ECCV 2016)
//
// m is a function of the draw (key and position of a random stream) and the index: backward computes it
// again, nothing is stored. The same function, applied to dy, is the gradient, to any order.
#pragma once

#include <limbic/autograd/engine.hpp>
#include <limbic/backend/cpu/dropout.hpp>
#include <limbic/backend/cpu/random.hpp>

namespace limbic {

namespace detail {

// row_dims: rows are what the first so many dimensions index; kMaxRank: elements.
template <class T, class D>
struct Dropout {
  static constexpr const char* name = "dropout";
  double p;
  PhiloxKey draw;
  int row_dims = kMaxRank;

  Shape infer(const Tensor<T, D>& x) { return x.shape(); }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) { run(y, x); }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx) {
    dx.write([&](Tensor<T, D>& g) { run(g, dy); });
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, apply(Site::here(), Dropout{p, draw, row_dims}, dy));
  }

 private:
  void run(Tensor<T, D>& y, const Tensor<T, D>& x) const {
    const T scale = p < 1 ? static_cast<T>(1 / (1 - p)) : T(0);
    if (row_dims == kMaxRank) {
      dropout_scale(D{}, y, x.contiguous(), draw, p, scale);
      return;
    }
    index_t rows = 1;
    for (int d = 0; d < row_dims; ++d) rows *= x.shape()[d];
    dropout_scale_rows(D{}, y, x.contiguous(), rows, draw, p, scale);
  }
};

inline void check_drop_probability(const char* op, double p) {
  check(p >= 0 && p <= 1, op, "p must be in [0, 1]; got ", p);
}

}  // namespace detail

// Dropout with the draw given, of dropout_words(x.numel()) words (RandomStream::draw): for code that keeps
// the draw. Of x's shape; p counts in steps of 2^-16. Throws unless 0 <= p <= 1.
template <Operand X>
X dropout(const X& x, double p, PhiloxKey draw, Site site = Site::here()) {
  detail::check_drop_probability("dropout", p);
  return apply(site, detail::Dropout<scalar_of<X>, device_of<X>>{p, draw}, x);
}

// Dropout of elements with probability p (in steps of 2^-16), of x's shape. x itself, and nothing drawn, when
// not training or p = 0; zeros for p = 1. Throws unless 0 <= p <= 1.
template <Operand X>
X dropout(const X& x, double p, RandomStream& random, bool training = true, Site site = Site::here()) {
  detail::check_drop_probability("dropout", p);
  if (!training || p == 0) return x;
  return dropout(x, p, random.draw(dropout_words(x.numel())), site);
}

// Dropout of whole channels of x (B, C, ...), p in steps of 2^-32; else as dropout(). Throws for rank < 2.
template <Operand X>
X feature_dropout(const X& x, double p, RandomStream& random, bool training = true,
                  Site site = Site::here()) {
  detail::check_drop_probability("feature_dropout", p);
  if (x.rank() < 2) fail("feature_dropout", "x must be (B, C, ...); got x ", x.shape());
  if (!training || p == 0) return x;
  const PhiloxKey draw = random.draw(x.shape()[0] * x.shape()[1]);
  return apply(site, detail::Dropout<scalar_of<X>, device_of<X>>{p, draw, 2}, x);
}

}  // namespace limbic
