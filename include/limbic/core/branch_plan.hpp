// The end of a residual branch, on every device: y = residual + m f(x + bias) / (1 - p).
#pragma once

#include <limbic/core/philox.hpp>

namespace limbic {

// f; gelu is the exact one.
enum class BranchGate : std::uint8_t { identity, relu, gelu, quick_gelu };

// m_i = 0 with probability p, else 1; x (..., C), bias (C).
struct BranchPlan {
  BranchGate gate = BranchGate::identity;
  double dropout = 0;  // p, in [0, 1]
  PhiloxKey draw{};    // of m, as for dropout()
};

}  // namespace limbic
