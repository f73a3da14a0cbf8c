// The arithmetic of shapes and strides behind Tensor's views.
#pragma once

#include <limbic/core/error.hpp>
#include <limbic/core/shape.hpp>

#include <optional>

namespace limbic {

// Whether strides walk a shape's elements one after the other in row-major order.
inline bool is_dense(const Shape& shape, const Strides& strides) {
  index_t expected = 1;
  for (index_t size : shape)
    if (size == 0) return true;
  for (int d = shape.rank() - 1; d >= 0; --d) {
    if (shape[d] != 1 && strides[d] != expected) return false;
    expected *= shape[d];
  }
  return true;
}

// `wanted` with its one -1, if any, replaced by what makes it hold as many elements as `shape`. Throws when
// none does, and for other negative sizes.
inline Shape infer_reshape(const Shape& shape, const Shape& wanted) {
  const index_t count = numel(shape);
  Shape out = wanted;
  int open = -1;
  for (int d = 0; d < wanted.rank(); ++d) {
    if (wanted[d] == -1 && open < 0) out[open = d] = 1;
    else check(wanted[d] >= 0, "reshape", "sizes must not be negative but for one -1; got ", wanted);
  }
  if (open >= 0) {
    const index_t known = numel(out);
    if (known == 0 || count % known != 0)
      fail("reshape", "the size -1 stands for must be a whole number; got ", shape, " to ", wanted);
    out[open] = count / known;
  }
  if (numel(out) != count) fail("reshape", "the number of elements must stay; got ", shape, " to ", wanted);
  return out;
}

// Strides under which the memory that (shape, strides) describe reads as `wanted`, if there are any: every
// run of new dimensions must lie within a run of old dimensions that is dense in itself. Both must have as
// many elements.
inline std::optional<Strides> view_strides(const Shape& shape, const Strides& strides, const Shape& wanted) {
  if (is_dense(shape, strides)) return contiguous_strides(wanted);
  Strides out = Dims::filled(wanted.rank(), 1);
  int to = wanted.rank() - 1;
  for (int d = shape.rank() - 1; d >= 0;) {
    if (shape[d] == 1) {
      --d;
      continue;
    }
    index_t run = shape[d];
    const index_t step = strides[d];
    int first = d - 1;
    while (first >= 0 && (shape[first] == 1 || strides[first] == step * run)) run *= shape[first--];
    index_t stride = step;
    while (to >= 0 && (run > 1 || wanted[to] == 1)) {
      if (run % wanted[to] != 0) return {};
      out[to] = stride;
      stride *= wanted[to];
      run /= wanted[to--];
    }
    if (run != 1) return {};
    d = first;
  }
  return out;
}

}  // namespace limbic
