// Columns of a convolution as a tensor, on the CPU; each plane of x gives rows of its own.
#pragma once

#include <limbic/backend/cpu/conv_parts.hpp>

namespace limbic {

namespace cpu::detail {

// Calls f(k, where a plane of x begins, where its rows of columns do) for every plane; s has one channel a
// group.
template <class F>
void for_unfolded(const ConvShape& s, const F& f) {
  const index_t out = s.taps() * s.positions();
  parallel_for(s.batch * s.channels, std::max<index_t>(1, 16384 / std::max<index_t>(1, out)),
               [&](index_t begin, index_t end) {
                 with_im2col([&](auto k) {
                   for (index_t p = begin; p < end; ++p) f(k, p * s.pixels(), p * out);
                 });
               });
}

}  // namespace cpu::detail

// y (B, C taps, positions) = what each position sees of x (B, C, H, W), zeros where that is padding. s has
// one channel a group. All dense.
template <class T>
void unfold_fwd(Cpu, const ConvShape& s, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x) {
  if (y.numel() == 0) return;
  T* const to = y.mutable_data();
  cpu::detail::for_unfolded(s, [&](auto k, index_t in, index_t out) {
    k.gather(s, x.data() + in, index_t{0}, s.positions(), to + out, s.positions());
  });
}

// x (B, C, H, W) = the transpose of unfold_fwd(), of y: patches that overlap add up. All dense.
template <class T>
void fold_fwd(Cpu, const ConvShape& s, Tensor<T, Cpu>& x, const Tensor<T, Cpu>& y) {
  x.fill(T(0));
  if (y.numel() == 0) return;
  T* const to = x.mutable_data();
  cpu::detail::for_unfolded(s, [&](auto k, index_t in, index_t out) {
    k.scatter(s, y.data() + out, s.positions(), index_t{0}, s.positions(), to + in);
  });
}

}  // namespace limbic
