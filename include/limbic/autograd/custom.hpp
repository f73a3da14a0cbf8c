// custom(): an operation from two functions, without a struct. (An operation that is used widely is
// better written as one: see apply.hpp.)
#pragma once

#include <limbic/autograd/engine.hpp>

namespace limbic {

namespace detail {

template <class Forward, class Backward, class T, class D, std::size_t N>
struct Custom {
  const char* name;
  Forward value;
  Backward derivative;
  bool keep = false;
  std::array<Saved<T, D>, N> kept{};
  Saved<T, D> kept_y{};

  template <class... X>
  Tensor<T, D> evaluate(const X&... x) {
    Tensor<T, D> y = value(x...);
    if (keep) {
      kept = {Saved<T, D>(x)...};
      kept_y = y;
    }
    return y;
  }

  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      const std::array<Var<T, D>, N> g =
          derivative(dy, c.output(kept_y), c.input(static_cast<int>(I), kept[I])...);
      for (std::size_t i = 0; i < N; ++i) {
        if (!c.wants(static_cast<int>(i))) continue;
        if (!g[i].defined()) fail(name, "backward must return a gradient for input ", i);
        c.give(static_cast<int>(i), g[i]);
      }
    }
    (std::make_index_sequence<N>{});
  }
};

// A name, converted to at the call: that is how custom() learns its place.
struct CustomName {
  const char* text;
  Site site;
  CustomName(const char* name, Site at = Site::here()) : text(name), site(at) {}
};

}  // namespace detail

// y = forward(x...), with tensors; backward(dy, y, x...), with variables, returns std::array of the
// gradients, one for each x and of its shape (an undefined Var where none is wanted). Written in limbic's
// own operations it can be differentiated again. `name` must outlive the result; it stands in errors. Throws,
// in backward, where a gradient that is wanted is undefined or of another shape.
template <class Forward, class Backward, Operand... X>
result_of<X...> custom(detail::CustomName name, Forward forward, Backward backward, const X&... x) {
  using R = result_of<X...>;
  using Op = detail::Custom<Forward, Backward, scalar_of<R>, device_of<R>, sizeof...(X)>;
  return apply(name.site,
               Op{.name = name.text, .value = std::move(forward), .derivative = std::move(backward)}, x...);
}

}  // namespace limbic
