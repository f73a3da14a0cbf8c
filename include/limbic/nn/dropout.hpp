// Dropout and DropPath as modules, each with a random stream of its own, which it makes from the one given
// (that advances by a draw). x may have any shape, which the result has too.
#pragma once

#include <limbic/nn/module.hpp>
#include <limbic/ops/drop_path.hpp>
#include <limbic/ops/dropout.hpp>

namespace limbic {

namespace detail {
// A stream that no other module of the same parent has: named by what the parent has drawn so far and by a
// count within that.
inline RandomStream own_stream(RandomStream& parent, std::string_view kind) {
  return parent.stream(std::string(kind) + " " + std::to_string(parent.draw(1).position));
}
}  // namespace detail

// Zeroes elements with probability p and scales the rest by 1 / (1 - p), while training.
struct Dropout {
  double p = 0;
  RandomStream random{};
  Training training{};

  Dropout() = default;
  // Throws unless 0 <= probability <= 1; there is no default.
  Dropout(double probability, RandomStream& stream)
      : p(probability), random(detail::own_stream(stream, "dropout")) {
    detail::check_drop_probability("dropout", p);
  }
  template <class V>
  void visit(V&& v) {
    v("random", random);
    v("training", training);
  }
  // x, of which some is dropped while it trains.
  template <Operand X>
  X operator()(const X& x, Site site = Site::here()) {
    return dropout(x, p, random, training, site);
  }
};

// Zeroes whole samples (of the first dimension) of a residual branch with probability p and scales the rest
// by 1 / (1 - p), while training (Huang et al., ECCV 2016).
struct DropPath {
  double p = 0;
  RandomStream random{};
  Training training{};

  DropPath() = default;
  // Throws unless 0 <= probability <= 1.
  DropPath(double probability, RandomStream& stream)
      : p(probability), random(detail::own_stream(stream, "drop_path")) {
    detail::check_drop_probability("drop_path", p);
  }
  template <class V>
  void visit(V&& v) {
    v("random", random);
    v("training", training);
  }
  // x (B, ...), of which some samples are dropped while it trains.
  template <Operand X>
  X operator()(const X& x, Site site = Site::here()) {
    return drop_path(x, p, random, training, site);
  }
};

}  // namespace limbic
