// Dropout on the CPU: elements or rows are set to zero by the events of a draw, the rest is scaled.
//
// Whether element i is dropped depends on the draw and i alone (core/philox.hpp), so nothing is stored: the
// same call on dy is the backward. Bitwise the same for any number of threads and any instruction set.
// An element takes half a word: the numbers, not memory, are what dropout waits for.
#pragma once

#include <limbic/backend/cpu/elementwise.hpp>
#include <limbic/backend/cpu/vec.hpp>
#include <limbic/core/random.hpp>

#define LIMBIC_ISA_FILE <limbic/backend/cpu/dropout.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>

namespace limbic {

// The words that dropout_scale() takes of a draw.
inline index_t dropout_words(index_t numel) { return (numel + 1) / 2; }

// y_i = scale x_i, but 0 with probability p rounded to 2^-16: where half i % 2 (the low one is 0) of word i /
// 2 is below p 2^16. Dense, of one shape.
template <class T>
void dropout_scale(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x, PhiloxKey draw, double p, T scale) {
  const auto threshold = static_cast<std::uint32_t>((philox_threshold(p) + 0x8000) >> 16);
  if (threshold >> 16) {
    y.fill(T(0));
    return;
  }
  constexpr index_t kGrain = 16384;  // a multiple of every step
  const T* from = x.data();
  T* to = y.mutable_data();
  parallel_for(x.numel(), kGrain, [&](index_t begin, index_t end) {
    cpu::on_isa<cpu::portable::DropoutRows, cpu::avx2::DropoutRows, cpu::avx512::DropoutRows>(
        [&](auto k) { k.run(from, to, begin, end, draw, threshold, scale); });
  });
}

// The same for `rows` rows of equal length, p rounded to 2^-32: row r is 0 where word r is an event of
// probability p.
template <class T>
void dropout_scale_rows(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x, index_t rows, PhiloxKey draw,
                        double p, T scale) {
  if (x.numel() == 0) return;
  const index_t length = x.numel() / rows;
  const std::uint64_t threshold = philox_threshold(p);
  const T* from = x.data();
  T* to = y.mutable_data();
  const auto scaled = [scale](T v) { return scale * v; };
  parallel_for(rows, std::max<index_t>(1, 16384 / length), [&](index_t begin, index_t end) {
    for (index_t r = begin; r < end; ++r) {
      T* row = to + r * length;
      if (philox_event(draw, static_cast<std::uint64_t>(r), threshold)) std::fill_n(row, length, T(0));
      else cpu::detail::rows_of<false>(scaled, row, length, from + r * length);
    }
  });
}

}  // namespace limbic
