// An operation of one's own, outside the library: what it computes, its gradient, and the check of both.
#include <limbic/limbic.hpp>

#include <cstdio>

using namespace limbic;

// [readme:own_op]
// y = x / (1 + k x^2) elementwise        dx = dy (1 - k x^2) / (1 + k x^2)^2
template <class T, class D>
struct Squash {
  static constexpr const char* name = "squash";
  T k;
  bool keep = false;   // set before forward: whether this call is recorded
  Saved<T, D> kept{};  // what backward needs; it notices if somebody modifies it

  Shape infer(const Tensor<T, D>& x) { return x.shape(); }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    elementwise(
        D{}, [k = k](T v) { return v / (1 + k * v * v); }, y, x);
    if (keep) kept = x;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx) {
    const auto slope = [k = k](T d, T v) {
      const T s = 1 + k * v * v;
      return d * (2 - s) / (s * s);
    };
    dx.write([&](Tensor<T, D>& g) { elementwise(D{}, slope, g, dy, kept.get()); });
  }
  // The same from simpler operations: differentiated where the gradient's own gradient is wanted.
  Var<T, D> reference(const Var<T, D>& x) const { return x / (k * x * x + T(1)); }
  const Saved<T, D>& saved_input(int) const { return kept; }
};

// Of a Tensor it is a Tensor, of a Var a Var. `site` puts the caller's line into messages.
template <Operand X>
X squash(const X& x, scalar_of<X> k, Site site = Site::here()) {
  return apply(site, Squash<scalar_of<X>, device_of<X>>{.k = k}, x);
}
// [/readme]

int main() {
  // [readme:own_op_check]
  const auto x = Tensor<double>::from({2, 3}, {-2, -1, -0.5, 0.25, 1, 3});
  const auto f = [](const auto& v) { return squash(v[0], 0.7); };
  gradcheck(f, std::vector{x});      // throws where a gradient disagrees with differences
  gradgradcheck(f, std::vector{x});  // the same for the gradient of the gradient
  // [/readme]
  std::puts("squash: first and second gradients agree with differences");
}
