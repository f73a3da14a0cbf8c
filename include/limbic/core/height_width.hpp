// A size, stride or padding in two dimensions.
#pragma once

#include <limbic/config.hpp>

namespace limbic {

// One number for both (3), or one for height and width each ({3, 5}), in this order.
struct HeightWidth {
  index_t h, w;
  HeightWidth(index_t both) : h(both), w(both) {}
  HeightWidth(index_t height, index_t width) : h(height), w(width) {}
};

}  // namespace limbic
