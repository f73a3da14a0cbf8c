// Matrix products with NumPy's rules for batches and vectors.
//
//   a (..., N, K), b (..., K, M), y (..., N, M)
//   y  = a b        da = dy b'      db = a' dy       (summed over the batches that were broadcast)
//
// The derivatives are products themselves, of transposes that are read in place.
#pragma once

#include <limbic/backend/cpu/matmul.hpp>
#include <limbic/ops/view.hpp>

namespace limbic {

template <Operand A, Operand B>
result_of<A, B> matmul(const A& a, const B& b, Site site = Site::here());

namespace detail {

template <class T, class D>
struct MatMul {
  static constexpr const char* name = "matmul";
  bool keep = false;
  MatrixForm a_form = MatrixForm::matrix, b_form = MatrixForm::matrix, y_form = MatrixForm::matrix;
  Saved<T, D> kept_a{}, kept_b{};

  Shape infer(const Tensor<T, D>& a, const Tensor<T, D>& b) {
    const Shape &s = a.shape(), &t = b.shape();
    if (s.rank() == 0 || t.rank() == 0) fail(name, "at least one dimension is needed; got a ", s, ", b ", t);
    const bool a_vector = s.rank() == 1, b_vector = t.rank() == 1;
    if (s.back() != t[b_vector ? 0 : t.rank() - 2])
      fail(name, "a's last size must equal b's last but one (a vector's only one); got a ", s, ", b ", t);
    Shape y;
    if (s.rank() > 2 || t.rank() > 2) {
      const Shape p(std::span(s.begin(), static_cast<std::size_t>(std::max(0, s.rank() - 2))));
      const Shape q(std::span(t.begin(), static_cast<std::size_t>(std::max(0, t.rank() - 2))));
      if (!expandable(p, q) && !expandable(q, p)) y = broadcast(p, q, s, t);
      else y = expandable(p, q) ? q : p;
    }
    if (a_vector) a_form = MatrixForm::row;
    else y.push_back(s[s.rank() - 2]);
    if (b_vector) b_form = MatrixForm::column;
    else y.push_back(t.back());
    y_form = a_vector ? (b_vector ? MatrixForm::scalar : MatrixForm::row)
                      : (b_vector ? MatrixForm::column : MatrixForm::matrix);
    return y;
  }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& a, const Tensor<T, D>& b) {
    matmul(D{}, y, y_form, matrices(a, a_form), matrices(b, b_form), false);
    if (!keep) return;
    kept_a = a;
    kept_b = b;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& da, Grad<T, D>& db) {
    const auto d = matrices(dy, y_form);
    if (da) {
      auto [g, accumulate] = da.out();
      matmul(D{}, g, a_form, d, matrices(kept_b.get(), b_form, true), accumulate);
    }
    if (db) {
      auto [g, accumulate] = db.out();
      matmul(D{}, g, b_form, matrices(kept_a.get(), a_form, true), d, accumulate);
    }
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    const Var<T, D> a = c.input(0, kept_a), b = c.input(1, kept_b);
    const Var<T, D> p = a_form == MatrixForm::row ? unsqueeze(a, 0) : a;
    const Var<T, D> q = b_form == MatrixForm::column ? unsqueeze(b, 1) : b;
    Var<T, D> d = dy;
    if (a_form == MatrixForm::row) d = unsqueeze(d, b_form == MatrixForm::column ? -1 : -2);
    if (b_form == MatrixForm::column) d = unsqueeze(d, -1);
    if (c.wants(0)) c.give(0, as(sum_to(matmul(d, transpose(q)), p.shape()), a.shape()));
    if (c.wants(1)) c.give(1, as(sum_to(matmul(transpose(p), d), q.shape()), b.shape()));
  }

 private:
  static Shape broadcast(const Shape& p, const Shape& q, const Shape& a, const Shape& b) {
    try {
      return broadcast_shapes(name, p, q);
    } catch (const Error&) {
      fail(name, "leading dimensions must broadcast (sizes equal or 1, from the back); got a ", a, ", b ", b);
    }
  }
  static Var<T, D> as(const Var<T, D>& g, const Shape& shape) {
    return g.shape() == shape ? g : reshape(g, shape);
  }
};

}  // namespace detail

// Product of a (..., N, K) and b (..., K, M) -> (..., N, M); leading dimensions broadcast. A vector (K) as a
// is one row, as b one column, and that dimension is left out of the result. Strided inputs are not copied.
// Throws for a scalar, if the inner sizes differ, or the leading dimensions do not broadcast. (numpy.matmul)
template <Operand A, Operand B>
result_of<A, B> matmul(const A& a, const B& b, Site site) {
  return apply(site, detail::MatMul<scalar_of<A>, device_of<A>>{}, a, b);
}

// matmul() of a (B, N, K) and b (B, K, M) -> (B, N, M), without broadcasting: throws for other shapes, as the
// three below do.
template <Operand A, Operand B>
result_of<A, B> bmm(const A& a, const B& b, Site site = Site::here()) {
  if (a.rank() != 3 || b.rank() != 3 || a.shape()[0] != b.shape()[0])
    fail("bmm", "shapes (B, N, K) and (B, K, M) are needed; got a ", a.shape(), ", b ", b.shape());
  return matmul(a, b, site);
}

// Matrix a (N, K) times vector x (K) -> (N).
template <Operand A, Operand B>
result_of<A, B> mv(const A& a, const B& x, Site site = Site::here()) {
  if (a.rank() != 2 || x.rank() != 1)
    fail("mv", "shapes (N, K) and (K) are needed; got a ", a.shape(), ", x ", x.shape());
  return matmul(a, x, site);
}

// Inner product of two vectors (K) -> ().
template <Operand A, Operand B>
result_of<A, B> dot(const A& a, const B& b, Site site = Site::here()) {
  if (a.rank() != 1 || b.rank() != 1)
    fail("dot", "shapes (K) and (K) are needed; got a ", a.shape(), ", b ", b.shape());
  return matmul(a, b, site);
}

// Products of all pairs of elements of two vectors: (N), (M) -> (N, M).
template <Operand A, Operand B>
result_of<A, B> outer(const A& a, const B& b, Site site = Site::here()) {
  if (a.rank() != 1 || b.rank() != 1)
    fail("outer", "shapes (N) and (M) are needed; got a ", a.shape(), ", b ", b.shape());
  return matmul(unsqueeze(a, 1, site), unsqueeze(b, 0, site), site);
}

}  // namespace limbic
