// One dimension of a convolution: which element of x an output and a tap meet at.
#pragma once

#include <limbic/backend/cuda/launch/conv.hpp>

#include "divisor.cuh"
#include "prelude.cuh"

namespace limbic::cuda {

// Place of output i and tap k in x: i stride - pad + k dilation.
struct ConvAxis {
  int size, out, kernel, stride, pad, dilation;
};
inline ConvAxis conv_rows(const ConvSizes& s) {
  return {static_cast<int>(s.height),   static_cast<int>(s.out_h), static_cast<int>(s.kernel_h),
          static_cast<int>(s.stride_h), static_cast<int>(s.pad_h), static_cast<int>(s.dilation_h)};
}
inline ConvAxis conv_cols(const ConvSizes& s) {
  return {static_cast<int>(s.width),    static_cast<int>(s.out_w), static_cast<int>(s.kernel_w),
          static_cast<int>(s.stride_w), static_cast<int>(s.pad_w), static_cast<int>(s.dilation_w)};
}

namespace device {

__device__ inline int ceil_divide(int a, int b) { return a <= 0 ? 0 : (a + b - 1) / b; }  // 0 for negative a

// A range of indices, [begin, end).
struct Range {
  int begin, end;
  __device__ int size() const { return end > begin ? end - begin : 0; }
};

// Output i and tap k meet at x's place `meeting`, if that is inside; or (transposed) x's place i and tap k at
// the output meeting / stride. `place` gives that, or -1.
template <bool kTransposed>
__device__ __forceinline__ int meeting(const ConvAxis& a, int i, int k) {
  if constexpr (kTransposed) return i + a.pad - k * a.dilation;
  else return i * a.stride - a.pad + k * a.dilation;
}
template <bool kTransposed>
__device__ __forceinline__ int place(const ConvAxis& a, int meeting) {
  if constexpr (!kTransposed) {
    return static_cast<unsigned>(meeting) < static_cast<unsigned>(a.size) ? meeting : -1;
  } else {
    if (meeting < 0) return -1;
    const int o = a.stride == 1 ? meeting : meeting / a.stride;
    return o < a.out && o * a.stride == meeting ? o : -1;
  }
}
constexpr int kNoMeeting = -(1 << 30);  // as far outside as launchers let sizes reach

// All taps that have a place with some i in [first, last] (and maybe others).
template <bool kTransposed>
__device__ inline Range taps_of(const ConvAxis& a, int first, int last) {
  Range r;
  if constexpr (!kTransposed) {
    r.begin = ceil_divide(a.pad - last * a.stride, a.dilation);
    r.end = ceil_divide(a.size + a.pad - first * a.stride, a.dilation);
  } else {
    r.begin = ceil_divide(first + a.pad - (a.out - 1) * a.stride, a.dilation);
    r.end = ceil_divide(last + a.pad + 1, a.dilation);
  }
  r.end = r.end < a.kernel ? r.end : a.kernel;
  return r;
}

// All outputs that have a place in x with some tap in [first, last].
__device__ inline Range outputs_of(const ConvAxis& a, int first, int last) {
  Range r{ceil_divide(a.pad - last * a.dilation, a.stride),
          ceil_divide(a.size + a.pad - first * a.dilation, a.stride)};
  r.end = r.end < a.out ? r.end : a.out;
  return r;
}

}  // namespace device
}  // namespace limbic::cuda
