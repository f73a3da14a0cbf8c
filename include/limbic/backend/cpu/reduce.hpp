// Sums over dimensions of a strided tensor, in an order that depends on the shape only.
#pragma once

#include <limbic/backend/cpu/elementwise.hpp>

#define LIMBIC_ISA_FILE <limbic/backend/cpu/reduce.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>

namespace limbic {

namespace cpu::detail {

// Splits a shape into the loops over kept and over reduced dimensions. Size-1 dimensions belong to both.
struct ReducePlan {
  Shape kept, reduced;
  Strides kept_x, reduced_x, kept_y;

  ReducePlan(const Shape& from, const Strides& x, const Shape& to, const Strides& y) {
    const int lead = from.rank() - to.rank();
    for (int d = 0; d < from.rank(); ++d) {
      const bool keep = d >= lead && (to[d - lead] == from[d]);
      (keep ? kept : reduced).push_back(from[d]);
      (keep ? kept_x : reduced_x).push_back(x[d]);
      if (keep) kept_y.push_back(y[d - lead]);
    }
  }
};

template <class F>
void with_reduce(F&& f) {
  on_isa<portable::Reduce, avx2::Reduce, avx512::Reduce>(f);
}

template <class T>
T sum_rows(const T* x, const Loops<1>& loops) {
  const index_t n = loops.row_length(), stride = loops.inner_stride(0);
  T total = 0;
  loops.for_rows(0, loops.rows(), [&](const index_t(&at)[1]) {
    const T* row = x + at[0];
    if (stride == 1 && n > 1) {
      with_reduce([&](auto k) { total += decltype(k)::template sum_row<T>(row, n); });
    } else {
      for (index_t i = 0; i < n; ++i) total += row[i * stride];
    }
  });
  return total;
}

}  // namespace cpu::detail

// y = x summed over the dimensions in which y, which broadcasts to x, has size 1 or no place.
template <class T>
void reduce_sum(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x) {
  using namespace cpu::detail;
  y.fill(T(0));
  if (x.numel() == 0 || y.numel() == 0) return;
  const ReducePlan plan(x.shape(), x.strides(), y.shape(), y.strides());
  T* const yp = y.mutable_data();
  const Loops<1> inner(plan.reduced, {&plan.reduced_x});
  const Loops<2> outer(plan.kept, {&plan.kept_y, &plan.kept_x});
  const index_t outer_length = outer.row_length(), y_step = outer.inner_stride(0), x_step = outer.inner_stride(1);
  const index_t work = numel(plan.reduced);

  if (outer.rank > 0 && x_step == 1 && y_step == 1 && outer_length > 1) {
    // The kept dimension is the dense one: add whole rows. Pieces of columns go to threads.
    const index_t grain = std::max<index_t>(64, kElementGrain / std::max<index_t>(1, work) / 64 * 64);
    const index_t pieces = (outer_length + grain - 1) / grain;
    parallel_for(outer.rows() * pieces, 1, [&](index_t begin, index_t end) {
      for (index_t p = begin; p < end; ++p) {
        const index_t column = p % pieces * grain, n = std::min(grain, outer_length - column);
        outer.for_rows(p / pieces, p / pieces + 1, [&](const index_t(&at)[2]) {
          T* to = yp + at[0] + column;
          const T* from = x.data() + at[1] + column;
          const index_t count = inner.row_length(), step = inner.inner_stride(0);
          inner.for_rows(0, inner.rows(), [&](const index_t(&row)[1]) {
            with_reduce([&](auto k) {
              for (index_t i = 0; i < count; ++i)
                decltype(k)::template add_row<T>(to, from + row[0] + i * step, n);
            });
          });
        });
      }
    });
    return;
  }

  constexpr index_t kSplit = 65536;  // a reduction longer than this is cut among threads
  if (outer.rank == 0 && inner.rank == 1 && inner.inner_stride(0) == 1 && work > kSplit) {
    const index_t pieces = (work + kSplit - 1) / kSplit;
    Tensor<T, Cpu> partial = Tensor<T, Cpu>::empty({pieces});
    T* const pp = partial.mutable_data();
    parallel_for(work, kSplit, [&](index_t b, index_t e) {
      with_reduce([&](auto k) { pp[b / kSplit] = decltype(k)::template sum_row<T>(x.data() + b, e - b); });
    });
    T total = 0;
    for (index_t i = 0; i < pieces; ++i) total += pp[i];
    *yp = total;
    return;
  }

  const index_t grain = std::max<index_t>(1, kElementGrain / std::max<index_t>(1, work * outer_length));
  parallel_for(outer.rows(), grain, [&](index_t begin, index_t end) {
    outer.for_rows(begin, end, [&](const index_t(&at)[2]) {
      for (index_t i = 0; i < outer_length; ++i)
        yp[at[0] + i * y_step] = sum_rows(x.data() + at[1] + i * x_step, inner);
    });
  });
}

}  // namespace limbic
