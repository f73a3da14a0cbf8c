// exp, log, tanh ... of floats, as polynomials without branch, call or table. No include guard: it is
// included once for scalars (core/math.hpp, where plain loops over the functions vectorise) and once for
// each instruction set (backend/cpu/vec.hpp, for vector types). It includes nothing itself.
//
// F is float or a vector of floats, I and U the signed and unsigned integers of the same shape.
// The largest errors, measured over all floats (tests/core/math_test.cpp): see math.hpp. Coefficients:
// minimax fits over the stated interval. Correct with and without fused multiply-add; needs IEEE
// semantics (no -ffast-math), since rounding to an integer is the addition of 1.5 * 2^23.
template <class F, class I, class U>
struct FloatMath {
  static LIMBIC_INLINE U bits(F x) { return __builtin_bit_cast(U, x); }
  static LIMBIC_INLINE F from_bits(U b) { return __builtin_bit_cast(F, b); }
  static LIMBIC_INLINE F splat(float c) { return F{} + c; }
  // condition ? a : b. For scalars by masks: g++ turns ?: into jumps, which keep a loop from vectorising.
  template <class Condition>
  static LIMBIC_INLINE F select(Condition condition, F a, F b) {
    if constexpr (sizeof(F) == sizeof(float)) {
      const U mask = U(0) - static_cast<U>(condition);
      return from_bits((bits(a) & mask) | (bits(b) & ~mask));
    } else {
      return condition ? a : b;
    }
  }
  static LIMBIC_INLINE F abs(F x) { return from_bits(bits(x) & 0x7fffffffu); }
  // Magnitude of a non-negative x with the sign of s.
  static LIMBIC_INLINE F with_sign(F x, F s) { return from_bits(bits(x) | (bits(s) & 0x80000000u)); }
  // 2^k for -127 < k < 128.
  static LIMBIC_INLINE F pow2(I k) { return from_bits((__builtin_bit_cast(U, k) + 127u) << 23); }

  // x = k ln 2 + r with |r| <= ln 2 / 2 (and a little). ln 2 is split so that k times its first part is
  // exact.
  static LIMBIC_INLINE F reduce(F x, I& k) {
    const F shifted = x * 1.44269504f + 12582912.0f;
    const F n = shifted - 12582912.0f;
    k = __builtin_bit_cast(I, bits(shifted) - 0x4b400000u);
    return (x - n * 0.693359375f) + n * 2.12194440e-4f;
  }

  // e^r = 1 + r + r^2 p(r), scaled by 2^k in two steps so that denormal results round once.
  static LIMBIC_INLINE F exp(F x) {
    const F low = splat(-104.0f), high = splat(89.0f);  // beyond: 0 and inf
    F c = select(x < low, low, x);
    c = select(c > high, high, c);
    I k;
    const F r = reduce(c, k);
    F p = r * 1.39112934e-3f + 8.36330932e-3f;
    p = p * r + 4.16667051e-2f;
    p = p * r + 0.166665763f;
    p = p * r + 0.5f;
    const F y = (p * (r * r) + r) + 1.0f;
    const I half = k >> 1;
    return y * pow2(half) * pow2(k - half);
  }

  // e^x - 1 = 2 (2^(k-1) (e^r - 1) + (2^(k-1) - 1/2)).
  static LIMBIC_INLINE F expm1(F x) {
    const F low = splat(-18.0f), high = splat(89.0f);
    F c = select(x < low, low, x);
    c = select(c > high, high, c);
    I k;
    const F r = reduce(c, k);
    F p = r * 1.99510541e-4f + 1.39309175e-3f;
    p = p * r + 8.33319966e-3f;
    p = p * r + 4.16665077e-2f;
    p = p * r + 0.166666672f;
    p = p * r + 0.5f;
    const F q = p * (r * r) + r;
    const F s = pow2(k - 1);
    const F y = (s * q + (s - 0.5f)) * 2.0f;
    return select(x == 0.0f, x, y);  // keeps the sign of zero
  }

  // log(y) + low for positive normal y: y = 2^k (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2),
  // log(1 + f) = f - f^2/2 + f^3 p(f). `low` is small against log(y); `shift` is added to k.
  static LIMBIC_INLINE F log_normal(F y, F shift, F low) {
    const U b = bits(y);
    const I e = __builtin_bit_cast(I, b - 0x3f3504f3u) >> 23;
    const U ue = __builtin_bit_cast(U, e);
    const F f = from_bits(b - (ue << 23)) - 1.0f;
    const F k = (from_bits(ue + 0x4b400000u) - 12582912.0f) + shift;
    const F s = f * f;
    F p = f * 7.03835413e-2f - 0.115118906f;
    p = p * f + 0.116752379f;
    p = p * f - 0.124205112f;
    p = p * f + 0.142496124f;
    p = p * f - 0.166680455f;
    p = p * f + 0.200007007f;
    p = p * f - 0.249999940f;
    p = p * f + 0.333333313f;
    const F tail = (p * (f * s) - s * 0.5f) + (low - k * 2.12194440e-4f);
    return (f + tail) + k * 0.693359375f;
  }

  static LIMBIC_INLINE F log(F x) {
    const F zero{}, inf = from_bits(U{} + 0x7f800000u), nan = from_bits(U{} + 0x7fc00000u);
    const F scaled = x * 8388608.0f, shift = splat(-23.0f);
    const F y = select(x < 1.17549435e-38f, scaled, x);
    const F k = select(x < 1.17549435e-38f, shift, zero);
    const F r = log_normal(y, k, zero);
    const F positive = select(x < inf, r, x);
    const F other = select(x == 0.0f, -inf, nan);
    return select(x > 0.0f, positive, other);
  }

  // log(u) + c/u where u = 1 + x rounded and c what the rounding lost.
  static LIMBIC_INLINE F log1p(F x) {
    const F zero{}, inf = from_bits(U{} + 0x7f800000u), nan = from_bits(U{} + 0x7fc00000u);
    const F u = x + 1.0f;
    const F c1 = 1.0f - (u - x), c2 = x - (u - 1.0f);
    const F c = select(x > 1.0f, c1, c2);
    const F r = log_normal(u, zero, c / u);
    const F normal = select(x < inf, r, x);
    const F inside = select(x == 0.0f, x, normal);
    const F other = select(x == -1.0f, -inf, nan);
    return select(x > -1.0f, inside, other);
  }

  // |x| < 0.625: x + x^3 p(x^2); above: 1 - 2 / (e^2x + 1).
  static LIMBIC_INLINE F tanh(F x) {
    const F a = abs(x), s = a * a;
    F p = s * 2.30532535e-3f - 8.37684516e-3f;
    p = p * s + 2.17899438e-2f;
    p = p * s - 5.39643578e-2f;
    p = p * s + 0.133333504f;
    p = p * s - 0.333333343f;
    const F small = p * (a * s) + a;
    const F large = 1.0f - 2.0f / (exp(a + a) + 1.0f);
    return with_sign(select(a < 0.625f, small, large), x);
  }

  // Both signs from e^-|x|, which cannot overflow.
  static LIMBIC_INLINE F sigmoid(F x) {
    const F e = exp(-abs(x)), one = splat(1.0f);
    const F numerator = select(x < 0.0f, e, one);
    return numerator / (e + 1.0f);
  }

  // |x| < 1: x + x p(x^2); above: 1 - e^-q(x), q a fit of -log(erfc(x)) over [1, 4].
  static LIMBIC_INLINE F erf(F x) {
    const F a = abs(x), s = a * a, four = splat(4.0f);
    F p = s * 7.92412975e-5f - 8.03183590e-4f;
    p = p * s + 5.19084465e-3f;
    p = p * s - 2.68551745e-2f;
    p = p * s + 0.112836190f;
    p = p * s - 0.376126289f;
    p = p * s + 0.128379166f;
    const F small = p * a + a;
    const F b = select(a > 4.0f, four, a);
    F q = b * -1.60024774e-6f + 4.53072571e-5f;
    q = q * b - 5.90286858e-4f;
    q = q * b + 4.72811330e-3f;
    q = q * b - 2.63288356e-2f;
    q = q * b + 0.109912247f;
    q = q * b + 0.632010520f;
    q = q * b + 1.13012159f;
    q = q * b - 2.91531673e-4f;
    const F large = 1.0f - exp(-q);
    return with_sign(select(a < 1.0f, small, large), x);
  }

  // max(x, 0) + log(1 + e^-|x|).
  static LIMBIC_INLINE F softplus(F x) {
    const F zero{};
    return select(x > 0.0f, x, zero) + log1p(exp(-abs(x)));
  }
};
