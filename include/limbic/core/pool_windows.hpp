// The windows of pooling along one dimension.
#pragma once

#include <limbic/config.hpp>

#include <algorithm>

namespace limbic {

// Output i of `count` sees [begin(i), end(i)) of the input of `size` numbers, padding left out, and counts
// places(i), padding included where that is to count. Windows are `kernel` long, `stride` apart, or
// (adaptive) cover the input in equal parts: from floor(i size / count) up to ceil((i + 1) size / count).
struct PoolWindows {
  index_t size = 1, count = 1;
  index_t kernel = 1, stride = 1, padding = 0;
  bool count_padding = false, adaptive = false;

  index_t begin(index_t i) const {
    return adaptive ? i * size / count : std::max<index_t>(i * stride - padding, 0);
  }
  index_t end(index_t i) const {
    return adaptive ? ((i + 1) * size + count - 1) / count : std::min(i * stride - padding + kernel, size);
  }
  index_t places(index_t i) const { return count_padding ? kernel : end(i) - begin(i); }
};

}  // namespace limbic
