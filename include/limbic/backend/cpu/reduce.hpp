// Reductions over dimensions of a strided tensor, in an order that depends on shape and strides only.
//
// What is computed is a fold, a small struct (core/folds.hpp):
//
//   R identity() const            combined with anything gives that
//   R map(T x, S side...) const   of one element, and of y's side value if there is a side tensor
//   R combine(R, R) const         associative and commutative (but for rounding)
#pragma once

#include <limbic/backend/cpu/elementwise.hpp>
#include <limbic/core/folds.hpp>

#define LIMBIC_ISA_FILE <limbic/backend/cpu/reduce.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>

namespace limbic {

namespace cpu::detail {

template <class F>
void with_reduce(F&& f) {
  on_isa<portable::Reduce, avx2::Reduce, avx512::Reduce>(f);
}

// The loops over kept and over reduced dimensions; dimensions of size 1 are left out. Operands: y and the
// side tensors, which have y's shape, and x.
struct ReducePlan {
  Shape kept, reduced;
  Strides kept_x, kept_y, reduced_x;
  int longest = -1;  // the reduced dimension of x with the most elements

  ReducePlan(const Shape& from, const Strides& x, const Shape& to, const Strides& y) {
    const int lead = from.rank() - to.rank();
    for (int d = 0; d < from.rank(); ++d) {
      const bool keep = d >= lead && (to[d - lead] == from[d]);
      (keep ? kept : reduced).push_back(from[d]);
      (keep ? kept_x : reduced_x).push_back(x[d]);
      if (keep) kept_y.push_back(y[d - lead]);
      else if (longest < 0 || from[d] > from[longest]) longest = d;
    }
  }
};

// y, dense and filled with what to start from, folded with x.
template <class F, class R, class T, class... S>
void reduce_part(const F& f, const ReducePlan& plan, R* y, const T* x, const S*... side) {
  const Loops<1> inner(plan.reduced, {&plan.reduced_x});
  const Loops<2> outer(plan.kept, {&plan.kept_y, &plan.kept_x});
  const index_t length = outer.row_length(), y_step = outer.inner_stride(0), x_step = outer.inner_stride(1);
  const index_t count = inner.row_length(), step = inner.inner_stride(0), rows = inner.rows(),
                work = numel(plan.reduced);
  const bool columns = length > 1 && x_step == 1 && y_step == 1 && !(step == 1 && count >= length);

  with_reduce([&](auto k) {
    using K = decltype(k);
    if (columns) {
      // The kept dimension is dense: whole rows are folded together. Pieces of columns go to threads.
      const index_t grain = std::max<index_t>(64, kElementGrain / std::max<index_t>(1, work) / 64 * 64);
      const index_t pieces = (length + grain - 1) / grain;
      parallel_for(outer.rows() * pieces, std::max<index_t>(1, kElementGrain / (grain * work)),
                   [&](index_t begin, index_t end) {
                     for (index_t p = begin; p < end; ++p) {
                       const index_t column = p % pieces * grain, n = std::min(grain, length - column);
                       outer.for_rows(p / pieces, p / pieces + 1, [&](const index_t(&at)[2]) {
                         inner.for_rows(0, rows, [&](const index_t(&row)[1]) {
                           K::template fold_columns<F, R, T, S...>(f, y + at[0] + column,
                                                                   x + at[1] + column + row[0], step, count,
                                                                   n, side + at[0] + column...);
                         });
                       });
                     }
                   });
      return;
    }
    const index_t grain = std::max<index_t>(1, kElementGrain / std::max<index_t>(1, work));
    parallel_for(outer.rows() * length, grain, [&](index_t begin, index_t end) {
      while (begin < end) {
        const index_t first = begin % length, last = std::min(length, first + end - begin);
        outer.for_rows(begin / length, begin / length + 1, [&](const index_t(&at)[2]) {
          for (index_t i = first; i < last; ++i) {
            R& to = y[at[0] + i * y_step];
            const T* from = x + at[1] + i * x_step;
            auto fold = [&](index_t row) {
              return step == 1 ? K::template fold_row<F, R>(f, from + row, count, side[at[0] + i * y_step]...)
                               : K::template fold_strided<F, R>(f, from + row, step, count,
                                                                side[at[0] + i * y_step]...);
            };
            if (rows == 1) to = f.combine(to, fold(0));
            else inner.for_rows(0, rows, [&](const index_t(&row)[1]) { to = f.combine(to, fold(row[0])); });
          }
        });
        begin += last - first;
      }
    });
  });
}

}  // namespace cpu::detail

// y = the elements of x folded over the dimensions in which y, which broadcasts to x, has size 1 or no place;
// the fold's identity where there are none. y and the side tensors, of y's shape, are dense.
template <class F, class R, class T, class... S>
void reduce(Cpu, const F& f, Tensor<R, Cpu>& y, const Tensor<T, Cpu>& x, const Tensor<S, Cpu>&... side) {
  using namespace cpu::detail;
  y.fill(f.identity());
  if (x.numel() == 0 || y.numel() == 0) return;
  const ReducePlan plan(x.shape(), x.strides(), y.shape(), y.strides());

  // Many elements for few results: parts of the longest reduced dimension go to threads. Also where whole
  // rows are folded together, so that memory is read in order.
  constexpr index_t kPart = 65536;
  const index_t parts = plan.longest < 0 ? 0 : std::min(x.shape()[plan.longest], x.numel() / kPart);
  const bool columns = plan.kept.rank() > 0 && plan.kept_x.back() == 1 && plan.kept.back() > 1;
  if (parts >= 2 && y.numel() <= (columns ? 8192 : 16)) {
    const index_t size = x.shape()[plan.longest], grain = (size + parts - 1) / parts;
    Shape shape = y.shape();
    shape.insert(0, (size + grain - 1) / grain);
    Tensor<R, Cpu> partial = Tensor<R, Cpu>::full(shape, f.identity());
    R* const to = partial.mutable_data();
    parallel_for(size, grain, [&](index_t begin, index_t end) {
      const Tensor<T, Cpu> piece = x.slice(plan.longest, begin, end);
      reduce_part(f, ReducePlan(piece.shape(), piece.strides(), y.shape(), y.strides()),
                  to + begin / grain * y.numel(), piece.data(), side.data()...);
    });
    R* const yp = y.mutable_data();
    for (index_t p = 0; p < shape[0]; ++p)
      for (index_t i = 0; i < y.numel(); ++i) yp[i] = f.combine(yp[i], to[p * y.numel() + i]);
    return;
  }
  reduce_part(f, plan, y.mutable_data(), x.data(), side.data()...);
}

// y = x summed over the dimensions in which y, which broadcasts to x, has size 1 or no place.
template <class T>
void reduce_sum(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x) {
  reduce(Cpu{}, folds::Sum<T>{}, y, x);
}

}  // namespace limbic
