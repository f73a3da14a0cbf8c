// Diagonals and triangles of the matrices in a tensor.
//
//   diagonal    y_i = x_{i, i+k}, a view    dx = dy on the diagonal     (diag_embed is the transpose)
//   tril, triu  y = x below, above the k-th diagonal and on it, else 0  dx = the same of dy
#pragma once

#include <limbic/backend/cpu/index.hpp>
#include <limbic/ops/pick.hpp>
#include <limbic/ops/sum.hpp>

namespace limbic {

namespace detail {

struct DiagonalMap {
  static constexpr const char* name = "diagonal";
  static constexpr const char* place_name = "diag_embed";
  index_t offset = 0, dim0 = 0, dim1 = 1;
  template <class T, class D>
  Tensor<T, D> view(const Tensor<T, D>& x) const {
    return x.diagonal(offset, dim0, dim1);
  }
};

template <class T, class D, bool Lower>
struct Triangle {
  static constexpr const char* name = Lower ? "tril" : "triu";
  index_t k = 0;
  Shape infer(const Tensor<T, D>& x) {
    check(x.rank() >= 2, name, "at least two dimensions are needed; got ", x.shape());
    k = std::clamp(k, -x.size(-2), x.size(-1));
    return x.shape();
  }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) { keep_triangle(D{}, y, x.contiguous(), k, Lower); }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, apply(Site::here(), Triangle{k}, dy));
  }
};

}  // namespace detail

// Elements whose index along dim1 is `offset` more than that along dim0, as a new last dimension in place of
// the two; a view. Throws unless the dims are two different ones. (numpy.diagonal)
template <Operand X>
X diagonal(const X& x, index_t offset = 0, index_t dim0 = 0, index_t dim1 = 1, Site site = Site::here()) {
  return detail::pick(site, detail::DiagonalMap{offset, dim0, dim1}, x);
}

// Zeros but for x's last dimension on a diagonal of two new dimensions dim0 and dim1: diagonal() of the
// result gives x. Throws for a scalar, equal dims and an offset of 2^31 and more. (torch.diag_embed)
template <Operand X>
X diag_embed(const X& x, index_t offset = 0, index_t dim0 = -2, index_t dim1 = -1, Site site = Site::here()) {
  check(x.rank() >= 1, "diag_embed", "at least one dimension is needed; got ", x.shape());
  const int a = normalize_dim("diag_embed", dim0, x.rank() + 1),
            b = normalize_dim("diag_embed", dim1, x.rank() + 1);
  check(a != b, "diag_embed", "two different dimensions are needed; got ", dim0, " and ", dim1);
  constexpr index_t kFar = index_t{1} << 31;
  check(offset > -kFar && offset < kFar, "diag_embed", "offset must be less than 2^31; got ", offset);
  Shape shape = x.shape();
  const index_t n = shape.back() + (offset < 0 ? -offset : offset);
  shape.erase(shape.rank() - 1);
  shape.insert(std::min(a, b), n);
  shape.insert(std::max(a, b), n);
  return detail::place(site, detail::DiagonalMap{offset, a, b}, shape, x);
}

// Sum of the diagonal of the first two dimensions, as numpy.trace; the others stay. Throws for rank < 2.
template <Operand X>
X trace(const X& x, Site site = Site::here()) {
  return sum(diagonal(x, 0, 0, 1, site), {-1}, false, site);
}

// The elements on and below the diagonal of the last two dimensions, moved k columns to the right; else 0.
// Throw for rank < 2.
template <Operand X>
X tril(const X& x, index_t k = 0, Site site = Site::here()) {
  return apply(site, detail::Triangle<scalar_of<X>, device_of<X>, true>{k}, x);
}
// The elements on and above that diagonal; else 0.
template <Operand X>
X triu(const X& x, index_t k = 0, Site site = Site::here()) {
  return apply(site, detail::Triangle<scalar_of<X>, device_of<X>, false>{k}, x);
}

}  // namespace limbic
