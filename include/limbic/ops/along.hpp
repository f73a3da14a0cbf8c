// What operations along one dimension share: the dimensions before and behind it as one each.
#pragma once

#include <limbic/core/shape.hpp>

namespace limbic::detail {

// A shape as (outer, n, inner) around the dimension `dim`. A tensor of rank 0 counts as one of shape (1).
struct Along {
  int dim;
  index_t outer = 1, n = 1, inner = 1;

  Along(std::string_view op, const Shape& shape, index_t at)
      : dim(normalize_dim(op, at, std::max(1, shape.rank()))) {
    if (shape.rank() == 0) return;
    for (int d = 0; d < shape.rank(); ++d) (d < dim ? outer : d == dim ? n : inner) *= shape[d];
  }
};

}  // namespace limbic::detail
