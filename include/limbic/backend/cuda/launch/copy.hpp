// Launchers that move elements without looking at them.
#pragma once

#include <cstdint>

namespace limbic::cuda {

// A loop over destination and source, in elements; dimensions that are dense in both are merged.
struct CopyCall {
  int rank = 0;
  std::int64_t count = 1;
  std::int64_t size[8] = {}, to_stride[8] = {}, from_stride[8] = {};
};

// to = from, elements of 1, 4 or 8 bytes. Throws for other sizes.
void copy_elements(const CopyCall& call, void* to, const void* from, int bytes);
// to = the lowest `bytes` bytes of `bits` everywhere (from_stride is not looked at).
void fill_elements(const CopyCall& call, void* to, std::uint64_t bits, int bytes);

}  // namespace limbic::cuda
