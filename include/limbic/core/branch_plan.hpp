// The end of a residual branch, on every device: y = residual + m f(x + bias) / (1 - p).
#pragma once

#include <limbic/core/philox.hpp>

namespace limbic {

// f; gelu is the exact one.
enum class BranchGate : std::uint8_t { identity, relu, gelu, quick_gelu };

struct BranchPlan {
  BranchGate gate = BranchGate::identity;
  double dropout = 0;  // p
  PhiloxKey draw{};    // of m, as for dropout()
};

}  // namespace limbic
