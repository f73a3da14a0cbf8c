// map(f, x...): one fused pass of the caller's own scalar function over broadcast operands.
//
//   auto y = map([](auto a, auto b) { using limbic::math::exp; return a * exp(-b * b); }, x, z);
//
// y = f(x...); dx_k = dy df/dx_k, by evaluating f on dual numbers (core/dual.hpp): no gradient to write,
// no intermediate in memory. Third derivatives are the highest. On a GPU f cannot branch: it says
// choose(a < b, x, y) for a < b ? x : y.
#pragma once

#include <limbic/core/dual.hpp>
#include <limbic/ops/arithmetic.hpp>

namespace limbic {

namespace detail {

// df/dx_k as a scalar function again.
template <class F, std::size_t K>
struct Partial {
  F f;
  template <class... S>
  LIMBIC_INLINE auto operator()(S... x) const {
    using First = std::tuple_element_t<0, std::tuple<S...>>;
    return [&]<std::size_t... I>(std::index_sequence<I...>)->First {
      return Dual<First>(f(Dual<First>(x, First(I == K ? 1 : 0))...)).slope;
    }
    (std::index_sequence_for<S...>{});
  }
};

template <class F, int Order, class... X>
auto map_of(Site site, F f, const X&... x);

template <class F, class T, class D, std::size_t N, int Order>
struct Map {
  static constexpr const char* name = "map";
  static constexpr int kMaxOrder = 3;
  F f;
  bool keep = false;
  std::array<Saved<T, D>, N> kept{};

  template <class... X>
  Shape infer(const X&... x) {
    Shape shape{};
    ((shape = broadcast_shapes(name, shape, x.shape())), ...);
    return shape;
  }
  template <class... X>
  void forward(Tensor<T, D>& y, const X&... x) {
    elementwise(
        D{}, [f = f](auto... v) { return math::as<T>(f(v...)); }, y, x...);
    if (keep) kept = {Saved<T, D>(x)...};
  }
  template <class... G>
  void backward(const Tensor<T, D>& dy, G&... dx) {
    auto each = [&]<std::size_t K>(std::integral_constant<std::size_t, K>, Grad<T, D>& g) {
      if (!g) return;
      Tensor<T, D> whole = Tensor<T, D>::empty(dy.shape());
      with_kept([&](const auto&... x) {
        elementwise(
            D{}, [p = Partial<F, K>{f}](auto d, auto... v) { return d * p(v...); }, whole, dy, x...);
      });
      g.give(sum_to(whole, g.shape()));
    };
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (each(std::integral_constant<std::size_t, I>{}, dx), ...);
    }
    (std::make_index_sequence<N>{});
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if constexpr (Order >= kMaxOrder) {
      fail(name,
           "derivatives of a mapped function go up to the third (hint: write it with limbic's own "
           "operations)");
    } else {
      [&]<std::size_t... I>(std::index_sequence<I...>) {
        const std::array<Var<T, D>, N> x{c.input(static_cast<int>(I), kept[I])...};
        auto each = [&]<std::size_t K>(std::integral_constant<std::size_t, K>) {
          if (!c.wants(K)) return;
          const Var<T, D> p = map_of<Partial<F, K>, Order + 1>(Site::here(), Partial<F, K>{f}, x[I]...);
          c.give(K, sum_to(dy * p, x[K].shape()));
        };
        (each(std::integral_constant<std::size_t, I>{}), ...);
      }
      (std::make_index_sequence<N>{});
    }
  }

 private:
  template <class G>
  void with_kept(G&& g) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { g(kept[I].get()...); }
    (std::make_index_sequence<N>{});
  }
};

template <class F, int Order, class... X>
auto map_of(Site site, F f, const X&... x) {
  using R = result_of<X...>;
  return apply(site, Map<F, scalar_of<R>, device_of<R>, sizeof...(X), Order>{.f = f}, x...);
}

}  // namespace detail

// y = f(x...) elementwise over operands that broadcast. f is a generic function of scalars, without side
// effects, that may use limbic::math and branch on values; it is called from several threads, and must also
// take Dual numbers if an operand is a Var. Throws if the shapes do not broadcast, and for a fourth
// derivative.
template <class F, Operand... X>
requires(sizeof...(X) > 0) auto map(F f, const X&... x) { return detail::map_of<F, 0>(Site{}, f, x...); }

}  // namespace limbic
