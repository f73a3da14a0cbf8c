// Elementwise loops: y = f(x...) over strided operands that broadcast to y.
#pragma once

#include <limbic/backend/cpu/isa.hpp>
#include <limbic/backend/cpu/parallel.hpp>
#include <limbic/core/tensor.hpp>

#define LIMBIC_ISA_FILE <limbic/backend/cpu/elementwise.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>

namespace limbic {

namespace cpu::detail {

inline constexpr index_t kStage = 256;           // elements staged at a time
inline constexpr index_t kElementGrain = 32768;  // elements for a thread to be worth its while

// A dense window on one operand's row: the row itself if it is dense, else a copy of the piece at hand.
template <class A>
class Staged {
 public:
  Staged(const A* row, index_t stride) : row_(row), stride_(stride) {
    if (stride_ == 0) std::fill_n(buffer_, kStage, *row_);
  }
  const A* piece(index_t i, index_t n) {
    if (stride_ == 1) return row_ + i;
    if (stride_ != 0)
      for (index_t j = 0; j < n; ++j) buffer_[j] = row_[(i + j) * stride_];
    return buffer_;
  }
  bool dense() const { return stride_ == 1; }

 private:
  const A* row_;
  index_t stride_;
  A buffer_[kStage];
};

template <bool Update, class F, class R, class... A>
void rows_of(const F& f, R* y, index_t n, const A*... x) {
  on_isa<portable::Elementwise, avx2::Elementwise, avx512::Elementwise>(
      [&](auto k) { decltype(k)::template row<Update>(f, y, n, x...); });
}

// One row in which some operand is not dense.
template <bool Update, class F, class R, class... A>
void staged_row(const F& f, R* y, index_t y_stride, index_t n, std::pair<const A*, index_t>... x) {
  [&](Staged<A>... in) {
    R out[kStage];
    for (index_t i = 0; i < n; i += kStage) {
      const index_t m = std::min(kStage, n - i);
      R* to = y_stride == 1 ? y + i : out;
      if (Update && y_stride != 1)
        for (index_t j = 0; j < m; ++j) out[j] = y[(i + j) * y_stride];
      rows_of<Update>(f, to, m, in.piece(i, m)...);
      if (y_stride != 1)
        for (index_t j = 0; j < m; ++j) y[(i + j) * y_stride] = out[j];
    }
  }(Staged<A>(x.first, x.second)...);
}

template <bool Update, class F, class R, class... A>
void elementwise_impl(const F& f, Tensor<R, Cpu>& y, const Tensor<A, Cpu>&... x) {
  const index_t total = y.numel();
  if (total == 0) return;
  R* const yp = y.mutable_data();
  if (y.is_contiguous() && ((x.is_contiguous() && x.numel() == total) && ...)) {
    if (total <= kElementGrain) {
      rows_of<Update>(f, yp, total, x.data()...);
    } else {
      parallel_for(total, kElementGrain,
                   [&](index_t b, index_t e) { rows_of<Update>(f, yp + b, e - b, x.data() + b...); });
    }
    return;
  }
  constexpr int kOperands = 1 + static_cast<int>(sizeof...(A));
  const Strides strides[] = {y.strides(), expanded_strides(x.shape(), x.strides(), y.shape())...};
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    const Loops<kOperands> loops(y.shape(), {&strides[0], &strides[I + 1]...});
    const index_t n = loops.row_length();
    const bool dense =
        loops.inner_stride(0) == 1 && ((loops.inner_stride(static_cast<int>(I) + 1) == 1) && ...);
    parallel_for(loops.rows(), std::max<index_t>(1, kElementGrain / n), [&](index_t b, index_t e) {
      loops.for_rows(b, e, [&](const index_t(&at)[kOperands]) {
        if (dense) rows_of<Update>(f, yp + at[0], n, x.data() + at[I + 1]...);
        else
          staged_row<Update, F, R, A...>(
              f, yp + at[0], loops.inner_stride(0), n,
              std::pair<const A*, index_t>(x.data() + at[I + 1],
                                           loops.inner_stride(static_cast<int>(I) + 1))...);
      });
    });
  }
  (std::index_sequence_for<A...>{});
}

}  // namespace cpu::detail

// y = f(x...). The operands broadcast to y's shape; y overlaps none of them. f is called from several
// threads.
template <class F, class R, class... A>
void elementwise(Cpu, const F& f, Tensor<R, Cpu>& y, const Tensor<A, Cpu>&... x) {
  cpu::detail::elementwise_impl<false>(f, y, x...);
}

// The same in place: y = f(y, x...).
template <class F, class R, class... A>
void elementwise_update(Cpu, const F& f, Tensor<R, Cpu>& y, const Tensor<A, Cpu>&... x) {
  cpu::detail::elementwise_impl<true>(f, y, x...);
}

// y += x, which broadcasts to it.
template <class T>
void add_into(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x) {
  elementwise_update(
      Cpu{}, [](T a, T b) { return a + b; }, y, x);
}

// Whether no element is NaN or Inf; dense.
template <class T>
bool all_finite(Cpu, const Tensor<T, Cpu>& x) {
  const T* p = x.data();
  for (index_t i = 0; i < x.numel(); ++i)
    if (!(p[i] - p[i] == T(0))) return false;
  return true;
}

}  // namespace limbic
