// Random numbers and dropout on the device: bit for bit those of the CPU.
#pragma once

#include <limbic/backend/cuda/copy.hpp>
#include <limbic/backend/cuda/launch/graph.hpp>
#include <limbic/backend/cuda/launch/random.hpp>
#include <limbic/core/random.hpp>

#include <cmath>

namespace limbic {

namespace cuda::detail {
inline Draw draw_of(PhiloxKey draw) { return {draw.key, draw.position, replay_number()}; }
}  // namespace cuda::detail

// low + u_i (high - low), i < n, kept below high.
template <class T>
void uniform_values(Cuda, T* out, index_t n, PhiloxKey draw, T low, T high) {
  const T last = high > low ? std::nextafter(high, low) : low;
  cuda::uniform_values(out, n, cuda::detail::draw_of(draw), low, high - low, last);
}
// mean + std z_i, i < n, rounded once.
template <class T>
void normal_values(Cuda, T* out, index_t n, PhiloxKey draw, T mean, T std) {
  cuda::normal_values(out, n, cuda::detail::draw_of(draw), static_cast<double>(mean),
                      static_cast<double>(std));
}
// Whether word i, i < n, is below the threshold (philox_threshold()), as T.
template <class T>
void bernoulli_values(Cuda, T* out, index_t n, PhiloxKey draw, std::uint64_t threshold) {
  if (threshold == 0) fill_strided(Cuda{}, Shape{n}, out, Strides{1}, T(0));
  else cuda::event_values(out, n, cuda::detail::draw_of(draw), static_cast<std::uint32_t>(threshold - 1));
}
// Uniform in low .. high - 1, low < high, from words 2i and 2i + 1.
inline void integer_values(Cuda, index_t* out, index_t n, PhiloxKey draw, index_t low, index_t high) {
  const auto from = static_cast<std::uint64_t>(low);
  cuda::integer_values(out, n, cuda::detail::draw_of(draw), from, static_cast<std::uint64_t>(high) - from);
}

// y_i = scale x_i, but 0 with probability p rounded to 2^-16; dense, of one shape.
template <class T>
void dropout_scale(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& x, PhiloxKey draw, double p, T scale) {
  const auto threshold = static_cast<std::uint32_t>((philox_threshold(p) + 0x8000) >> 16);
  if (threshold >> 16) y.fill(T(0));
  else cuda::dropout(y.mutable_data(), x.data(), x.numel(), cuda::detail::draw_of(draw), threshold, scale);
}
// The same for `rows` rows of equal length, p rounded to 2^-32: row r is 0 where word r is an event of
// probability p.
template <class T>
void dropout_scale_rows(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& x, index_t rows, PhiloxKey draw,
                        double p, T scale) {
  if (x.numel() == 0) return;
  cuda::dropout_rows(y.mutable_data(), x.data(), rows, x.numel() / rows, cuda::detail::draw_of(draw),
                     philox_threshold(p), scale);
}

}  // namespace limbic
