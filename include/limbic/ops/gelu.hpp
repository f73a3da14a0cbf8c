// Activations y = x s(x) with a gate s, elementwise: dx = dy (s(x) + x s'(x)).
//
//   gelu        s = (1 + erf(x / sqrt 2)) / 2                        s' = e^(-x^2/2) / sqrt(2 pi)
//   gelu_tanh   s = (1 + t) / 2, t = tanh(c (x + 0.044715 x^3)), c = sqrt(2/pi)
//                                                                    s' = (1 - t^2) c (1 + 0.134145 x^2) / 2
//   silu        s = sigmoid(x)                                       s' = s (1 - s)
//   quick_gelu  s = sigmoid(1.702 x)                                 s' = 1.702 s (1 - s)
//   mish        s = tanh(softplus(x))                                s' = (1 - s^2) sigmoid(x)
//
// Hendrycks and Gimpel, "Gaussian error linear units", 2016; Misra, "Mish", 2019.
#pragma once

#include <limbic/ops/activation.hpp>
#include <limbic/ops/error_function.hpp>

namespace limbic {

namespace detail {

struct GeluF : OfInput {
  static constexpr const char* name = "gelu";
  template <class T>
  LIMBIC_INLINE T value(T x) const {
    const T h = T(0.5) * x;
    return h + h * math::erf(x * T(0.70710678118654752440));
  }
  template <class X>
  LIMBIC_INLINE X slope(const X& x) const {
    using math::erf;
    using math::exp;
    const X s = like(x, 0.5) + like(x, 0.5) * erf(x * like(x, 0.70710678118654752440));
    return s + x * (like(x, 0.39894228040143267794) * exp(like(x, -0.5) * (x * x)));
  }
};

struct GeluTanhF : OfInput {
  static constexpr const char* name = "gelu_tanh";
  template <class T>
  LIMBIC_INLINE T value(T x) const {
    const T h = T(0.5) * x;
    return h + h * math::tanh(x * (T(kC) + T(kC * 0.044715) * (x * x)));
  }
  template <class X>
  LIMBIC_INLINE X slope(const X& x) const {
    using math::tanh;
    const X x2 = x * x;
    const X t = tanh(x * (like(x, kC) + like(x, kC * 0.044715) * x2));
    const X inner = like(x, kC) + like(x, kC * 0.134145) * x2;
    return like(x, 0.5) * (like(x, 1) + t + x * inner * (like(x, 1) - t * t));
  }

 private:
  static constexpr double kC = 0.79788456080286535588;
};

// x sigmoid(Thousandths/1000 x).
template <int Thousandths>
struct SigmoidGateF : OfInput {
  static constexpr const char* name = Thousandths == 1000 ? "silu" : "quick_gelu";
  template <class T>
  LIMBIC_INLINE T value(T x) const {
    return x * math::sigmoid(T(kScale) * x);
  }
  template <class X>
  LIMBIC_INLINE X slope(const X& x) const {
    using math::sigmoid;
    const X z = like(x, kScale) * x, s = sigmoid(z);
    return s + z * s * (like(x, 1) - s);
  }

 private:
  static constexpr double kScale = Thousandths / 1000.0;
};

struct MishF : OfInput {
  static constexpr const char* name = "mish";
  template <class T>
  LIMBIC_INLINE T value(T x) const {
    return x * gate(x);
  }
  template <class X>
  LIMBIC_INLINE X slope(const X& x) const {
    using math::sigmoid;
    const X t = gate(x);
    return t + x * (like(x, 1) - t * t) * sigmoid(x);
  }

 private:
  // tanh(log(1 + e^x)) = n / (n + 2) with n = e^x (e^x + 2); 1 to the last place from 20 (40 for double) on.
  template <class X>
  static LIMBIC_INLINE X gate(const X& x) {
    if constexpr (Operand<X>) {
      return tanh(softplus(x));
    } else {
      constexpr double kFar = sizeof(math::scalar_t<X>) == 4 ? 20 : 40;
      const X e = math::exp(choose(x > X(kFar), X(kFar), x)), n = e * (e + X(2));
      return n / (n + X(2));
    }
  }
};

}  // namespace detail

// x times the normal distribution's cumulative function.
template <Operand X>
X gelu(const X& x, Site site = Site::here()) {
  return unary(site, detail::GeluF{}, x);
}
// The approximation of gelu by tanh.
template <Operand X>
X gelu_tanh(const X& x, Site site = Site::here()) {
  return unary(site, detail::GeluTanhF{}, x);
}
// x sigmoid(1.702 x), the approximation of gelu in CLIP.
template <Operand X>
X quick_gelu(const X& x, Site site = Site::here()) {
  return unary(site, detail::SigmoidGateF<1702>{}, x);
}
// x sigmoid(x), also called swish.
template <Operand X>
X silu(const X& x, Site site = Site::here()) {
  return unary(site, detail::SigmoidGateF<1000>{}, x);
}
// x tanh(softplus(x)).
template <Operand X>
X mish(const X& x, Site site = Site::here()) {
  return unary(site, detail::MishF{}, x);
}

}  // namespace limbic
