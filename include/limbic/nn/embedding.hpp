// Embedding: rows of a table by number, named and initialised as PyTorch's.
#pragma once

#include <limbic/nn/init.hpp>
#include <limbic/nn/module.hpp>
#include <limbic/ops/index_select.hpp>

namespace limbic {

// weight (count, width), standard normal; the row `padding` (if it is not negative) is zero and gets no
// gradient.
template <class T, class D = Cpu>
struct Embedding {
  Var<T, D> weight;
  index_t padding = -1;

  Embedding() = default;
  // Throws unless both sizes are positive and padding is below count. (Negative padding does not count from
  // the back.)
  Embedding(index_t count, index_t width, RandomStream& random, index_t padding_ = -1) : padding(padding_) {
    check(count > 0 && width > 0, "embedding", "sizes must be positive; got ", count, " and ", width);
    check(padding < count, "embedding", "padding must be a row of the table; got ", padding, " of ", count);
    auto w = Tensor<T, D>::empty({count, width});
    init::normal(w, random);
    if (padding >= 0) w.select(0, padding).fill(T(0));
    weight = Var<T, D>::leaf(w);
  }

  template <class V>
  void visit(V&& v) {
    v("weight", weight);
  }

  // index (...) -> (..., width). Throws for numbers out of range.
  Var<T, D> operator()(const Tensor<index_t, D>& index, Site site = Site::here()) const {
    return embedding(weight, index, padding, site);
  }
};

}  // namespace limbic
