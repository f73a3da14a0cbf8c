// Dropout on the CPU: elements or rows are set to zero by the events of a draw, the rest is scaled.
//
// Whether element i is dropped depends on the draw and i alone (core/philox.hpp), so nothing is stored: the
// same call on dy is the backward. Bitwise the same for any number of threads and any instruction set.
#pragma once

#include <limbic/backend/cpu/elementwise.hpp>
#include <limbic/backend/cpu/random.hpp>

#define LIMBIC_ISA_FILE <limbic/backend/cpu/dropout.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>

namespace limbic {

// y_i = word i of the draw < threshold ? 0 : scale x_i. Dense, of one shape; 0 <= threshold <= 2^32.
template <class T>
void dropout_scale(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x, PhiloxKey draw, std::uint64_t threshold, T scale) {
  if (threshold >> 32) {
    y.fill(T(0));
    return;
  }
  constexpr index_t kGrain = 16384;  // a multiple of every chunk
  const T* from = x.data();
  T* to = y.mutable_data();
  parallel_for(x.numel(), kGrain, [&](index_t begin, index_t end) {
    cpu::on_isa<cpu::portable::DropoutRows, cpu::avx2::DropoutRows, cpu::avx512::DropoutRows>([&](auto k) {
      k.run(from, to, begin, end, draw, static_cast<std::uint32_t>(threshold), scale);
    });
  });
}

// The same for `rows` rows of equal length: word r decides over row r.
template <class T>
void dropout_scale_rows(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x, index_t rows, PhiloxKey draw,
                        std::uint64_t threshold, T scale) {
  if (x.numel() == 0) return;
  const index_t length = x.numel() / rows;
  const T* from = x.data();
  T* to = y.mutable_data();
  parallel_for(rows, std::max<index_t>(1, 16384 / length), [&](index_t begin, index_t end) {
    for (index_t r = begin; r < end; ++r) {
      const bool dropped = philox_event(draw, static_cast<std::uint64_t>(r), threshold);
      const auto row = [&](auto f) { cpu::detail::rows_of<false>(f, to + r * length, length, from + r * length); };
      if (dropped) std::fill_n(to + r * length, length, T(0));
      else row([scale](T v) { return scale * v; });
    }
  });
}

}  // namespace limbic
