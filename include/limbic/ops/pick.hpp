// Operations that pick elements of a tensor, and their transposes, which place elements among zeros.
//
//   pick    y = x[map]               dx = 0, then dx[map] += dy
//   place   y = 0, then y[map] += x  dx = dy[map]
//
// Each is the other's derivative, so any order follows. A map is a small struct with
//
//   static constexpr const char *name, *place_name
//
// and either, when each element is picked at most once and strides can tell where,
//
//   Tensor view(const Tensor& x) const
//
// or
//
//   Shape shape(const Shape& from) const                the result's shape; checks
//   void pick(Tensor& y, const Tensor& x) const         y = x[map]
//   void add(Tensor& y, const Tensor& x) const          y[map] += x, in an order that is fixed
//   Map placing() const                                 optional: the map of the derivative, if another
#pragma once

#include <limbic/autograd/engine.hpp>

namespace limbic::detail {

template <class Map, class T, class D>
concept ViewMap = requires(const Map& m, const Tensor<T, D>& x) {
  m.view(x);
};

template <class Map>
Map placing(const Map& map) {
  if constexpr (requires { map.placing(); }) return map.placing();
  else return map;
}

// y = x (or y += x) at the places of the map.
template <class Map, class T, class D>
void put(const Map& map, Tensor<T, D>& y, const Tensor<T, D>& x, bool accumulate) {
  if constexpr (ViewMap<Map, T, D>) {
    Tensor<T, D> places = map.view(y);
    if (accumulate) add_into(D{}, places, x);
    else places.copy_from(x);
  } else {
    map.add(y, x);
  }
}

template <class Map, class T, class D>
struct Place;

template <class Map, class T, class D>
struct Pick {
  static constexpr const char* name = Map::name;
  Map map{};
  Shape from{};

  Tensor<T, D> evaluate(const Tensor<T, D>& x) requires ViewMap<Map, T, D> {
    from = x.shape();
    return map.view(x);
  }
  Shape infer(const Tensor<T, D>& x) {
    from = x.shape();
    return map.shape(from);
  }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) { map.pick(y, x); }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx) {
    if (!dx) return;
    auto [g, accumulate] = dx.out();
    if (!accumulate) g.fill(T(0));
    put(placing(map), g, dy, accumulate);
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, apply(Site::here(), Place<Map, T, D>{.map = placing(map), .to = from}, dy));
  }
};

template <class Map, class T, class D>
struct Place {
  static constexpr const char* name = Map::place_name;
  Map map{};
  Shape to{};
  T fill = T(0);  // where nothing is placed

  Shape infer(const Tensor<T, D>&) { return to; }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    y.fill(fill);
    put(map, y, x, false);
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, apply(Site::here(), Pick<Map, T, D>{.map = map}, dy));
  }
};

template <class Map, Operand X>
X pick(Site site, const Map& map, const X& x) {
  return apply(site, Pick<Map, scalar_of<X>, device_of<X>>{.map = map}, x);
}

// The same for integers and masks, which have no derivative.
template <class Map, class T, class D>
requires(!Operand<Tensor<T, D>>) Tensor<T, D> pick(Site, const Map& map, const Tensor<T, D>& x) {
  Tensor<T, D> y = Tensor<T, D>::empty(map.shape(x.shape()));
  map.pick(y, x);
  return y;
}

template <class Map, Operand X>
X place(Site site, const Map& map, const Shape& to, const X& x, scalar_of<X> fill = 0) {
  return apply(site, Place<Map, scalar_of<X>, device_of<X>>{.map = map, .to = to, .fill = fill}, x);
}

}  // namespace limbic::detail
