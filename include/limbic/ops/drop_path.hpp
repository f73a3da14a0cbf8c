// Stochastic depth: each sample's residual branch is left out with probability p (Huang et al., "Deep
// networks with stochastic depth", ECCV 2016). Dropout of whole samples; see ops/dropout.hpp.
#pragma once

#include <limbic/ops/dropout.hpp>

namespace limbic {

// y_b = m_b x_b / (1 - p) for x (B, ...). x itself, and nothing drawn, when not training or p = 0; zeros for
// p = 1. Throws unless 0 <= p <= 1, and for rank 0.
template <Operand X>
X drop_path(const X& x, double p, RandomStream& random, bool training = true, Site site = Site::here()) {
  detail::check_drop_probability("drop_path", p);
  if (x.rank() < 1) fail("drop_path", "x must be (B, ...); got x ", x.shape());
  if (!training || p == 0) return x;
  return apply(site, detail::Dropout<scalar_of<X>, device_of<X>>{p, random.draw(x.shape()[0]), 1}, x);
}

}  // namespace limbic
