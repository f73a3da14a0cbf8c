// Launcher of arithmetic sequences.
#pragma once

#include <cstdint>

namespace limbic::cuda {

// to_i = start + i step, i < count.
void fill_sequence(std::int64_t* to, std::int64_t count, std::int64_t start, std::int64_t step);

}  // namespace limbic::cuda
