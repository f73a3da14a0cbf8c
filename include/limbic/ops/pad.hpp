// Padding: constant, by reflection, by the edge, or around. Its derivative is a slice (constant), or adds up
// what was repeated.
#pragma once

#include <limbic/ops/index_select.hpp>

namespace limbic {

// How many elements come before and after a dimension's own.
struct Padding {
  index_t before = 0, after = 0;
};

// What stands in the elements added.
//
//   x = 1 2 3, two before and after:  constant 0 0 1 2 3 0 0   reflect (edge not repeated) 3 2 1 2 3 2 1
//                                     replicate 1 1 1 2 3 3 3  circular 2 3 1 2 3 1 2
enum class PadMode { constant, reflect, replicate, circular };

namespace detail {

struct BoxMap {
  static constexpr const char* name = "unpad";
  static constexpr const char* place_name = "pad";
  Dims start{}, size{};
  template <class T, class D>
  Tensor<T, D> view(const Tensor<T, D>& x) const {
    Tensor<T, D> y = x;
    for (int d = 0; d < x.rank(); ++d)
      if (size[d] != x.shape()[d]) y = y.slice(d, start[d], start[d] + size[d]);
    return y;
  }
};

// Which element of n stands at place i, counted from the first one's place.
inline index_t padded_from(PadMode mode, index_t i, index_t n) {
  if (mode == PadMode::replicate) return std::clamp<index_t>(i, 0, n - 1);
  if (mode == PadMode::circular) return i < 0 ? i + n : i >= n ? i - n : i;
  return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
}

}  // namespace detail

// x with elements added at both ends of its last pads.size() dimensions, the first entry for the first of
// these (as numpy.pad; torch.nn.functional.pad begins with the last). `value` is for PadMode::constant.
// Throws for negative numbers, more pads than dimensions, and where x has too few elements: reflect needs
// more than are added at an end, circular as many, replicate one.
template <Operand X>
X pad(const X& x, const std::vector<Padding>& pads, PadMode mode = PadMode::constant, scalar_of<X> value = 0,
      Site site = Site::here()) {
  const int count = static_cast<int>(pads.size()), lead = x.rank() - count;
  check(lead >= 0, "pad", "at most as many pads as dimensions are needed; got ", count, " for ", x.shape());
  Shape to = x.shape();
  Dims start = Dims::filled(x.rank(), 0);
  for (int i = 0; i < count; ++i) {
    const Padding p = pads[static_cast<std::size_t>(i)];
    const index_t n = x.shape()[lead + i], most = std::max(p.before, p.after);
    if (p.before < 0 || p.after < 0 || most > index_t{1} << 46)
      fail("pad", "pads must be from 0 to 2^46; got ", p.before, " and ", p.after);
    const bool enough = most == 0 || mode == PadMode::constant || (mode == PadMode::reflect && most < n) ||
                        (mode == PadMode::replicate && n > 0) || (mode == PadMode::circular && most <= n);
    if (!enough)
      fail("pad", "the dimension has too few elements for this mode; got pads ", p.before, " and ", p.after,
           " for dim ", lead + i, " of ", x.shape());
    start[lead + i] = p.before;
    to[lead + i] = n + p.before + p.after;
  }
  if (mode == PadMode::constant) return detail::place(site, detail::BoxMap{start, x.shape()}, to, x, value);
  X y = x;
  for (int d = lead; d < x.rank(); ++d) {
    const index_t n = x.shape()[d], before = start[d];
    if (to[d] != n)
      y = detail::remap(site, y, d, to[d],
                        [&](index_t i) { return detail::padded_from(mode, i - before, n); });
  }
  return y;
}

}  // namespace limbic
