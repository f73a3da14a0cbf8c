// Launchers of a convolution's columns, T = float or double. Everything is dense; sizes have a channel a
// group.
#pragma once

#include <limbic/backend/cuda/launch/conv.hpp>

namespace limbic::cuda {

// y (B, C taps, positions) = what each position sees of x (B, C, H, W). Both throw where a plane's columns,
// or a plane, have 2^30 numbers or more.
template <class T>
void unfold(const ConvSizes& s, T* y, const T* x);
// x = the transpose of unfold(), of y.
template <class T>
void fold(const ConvSizes& s, T* x, const T* y);

}  // namespace limbic::cuda
