// A size, stride or padding in two dimensions.
#pragma once

#include <limbic/config.hpp>

namespace limbic {

// A number for height and width, or one for each.
struct HeightWidth {
  index_t h, w;
  HeightWidth(index_t both) : h(both), w(both) {}
  HeightWidth(index_t height, index_t width) : h(height), w(width) {}
};

}  // namespace limbic
