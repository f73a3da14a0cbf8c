// Pooling as modules.
#pragma once

#include <limbic/nn/activation.hpp>
#include <limbic/ops/pool.hpp>

namespace limbic {

// The largest, or the mean, of each window of x (..., H, W) -> (..., YH, YW); stride 0 stands for the kernel.
// Calls throw as max_pool2d() and avg_pool2d().
struct MaxPool2d : detail::FunctionModule<MaxPool2d> {
  HeightWidth kernel;
  Pool2dOptions options;
  explicit MaxPool2d(HeightWidth kernel_, const Pool2dOptions& o = {}) : kernel(kernel_), options(o) {}
  auto call(const auto& x, Site site) const { return max_pool2d(x, kernel, options, site); }
};
struct AvgPool2d : detail::FunctionModule<AvgPool2d> {
  HeightWidth kernel;
  Pool2dOptions options;
  explicit AvgPool2d(HeightWidth kernel_, const Pool2dOptions& o = {}) : kernel(kernel_), options(o) {}
  auto call(const auto& x, Site site) const { return avg_pool2d(x, kernel, options, site); }
};
// Means over windows that cover x (..., H, W) -> (..., size.h, size.w). Calls throw as adaptive_avg_pool2d().
struct AdaptiveAvgPool2d : detail::FunctionModule<AdaptiveAvgPool2d> {
  HeightWidth size;
  explicit AdaptiveAvgPool2d(HeightWidth size_) : size(size_) {}
  auto call(const auto& x, Site site) const { return adaptive_avg_pool2d(x, size, site); }
};

}  // namespace limbic
