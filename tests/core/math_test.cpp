// limbic::math against <cmath> in double: the error in ulp over all floats (every 4099th), the special
// values, and the functions that are not approximations.
#include <limbic/core/math.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstdint>

namespace {

namespace math = limbic::math;
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kMax = std::numeric_limits<float>::max();
constexpr float kTiny = std::numeric_limits<float>::denorm_min();

// Distance of two floats near y.
double ulp(double y) {
  int e = 0;
  std::frexp(std::fmin(std::fabs(y), static_cast<double>(kMax)), &e);
  return std::ldexp(1.0, (e < -125 ? -125 : e) - 24);
}

// The error of got against the exact value; infinite where one is NaN or infinite and the other is not,
// or where a zero has the wrong sign.
double error_in_ulp(float got, double want) {
  const float rounded = static_cast<float>(want);
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) == std::isnan(got) ? 0 : kInf;
  if (std::isinf(rounded) || std::isinf(got)) {
    // Just below the overflow threshold either answer is within the bound.
    const bool edge = std::fabs(want) > 3.40282e38 && std::fabs(got) > 3.40282e38f && !std::isinf(want);
    return rounded == got || edge ? 0 : kInf;
  }
  if (want == 0 && (got != 0 || std::signbit(got) != std::signbit(want))) return kInf;
  return std::fabs(got - want) / ulp(want);
}

// Blocks, so that the loop over f can be vectorised.
template <class F, class G>
double worst_error(F f, G exact) {
  constexpr std::size_t kBlock = 256;
  constexpr std::uint32_t kStep = 4099;
  std::array<float, kBlock> x, y;
  double worst = 0;
  for (std::uint64_t base = 0; base < (std::uint64_t{1} << 32); base += kBlock * kStep) {
    for (std::size_t i = 0; i < kBlock; ++i)
      x[i] = std::bit_cast<float>(static_cast<std::uint32_t>(base + i * kStep));
    for (std::size_t i = 0; i < kBlock; ++i) y[i] = f(x[i]);
    for (std::size_t i = 0; i < kBlock; ++i)
      worst = std::fmax(worst, error_in_ulp(y[i], exact(static_cast<double>(x[i]))));
  }
  for (float v : {0.0f,     -0.0f,   1.0f,   -1.0f,  kInf,     -kInf,       kNan,
                  kMax,     -kMax,   kTiny,  -kTiny, 88.7228f, 88.7229f,    -87.4f,
                  -103.97f, -104.0f, 0.625f, 1e-20f, -1e-20f,  3.14159274f, 1.57079637f})
    worst = std::fmax(worst, error_in_ulp(f(v), exact(static_cast<double>(v))));
  return worst;
}

}  // namespace

TEST_CASE("math: error of the float functions over all floats"){
#define LIMBIC_SCAN(name, bound, exact)                                                        \
  SUBCASE(#name) {                                                                             \
    const double worst =                                                                       \
        worst_error([](float x) { return math::name(x); }, [](double x) { return exact(x); }); \
    CAPTURE(worst);                                                                            \
    CHECK(worst <= bound);                                                                     \
    CHECK(worst > 0.4); /* what is measured is a float function */                             \
  }
    LIMBIC_SCAN(exp, 2.0, std::exp) LIMBIC_SCAN(expm1, 2.0, std::expm1) LIMBIC_SCAN(log, 2.0, std::log)
        LIMBIC_SCAN(log1p, 2.0, std::log1p) LIMBIC_SCAN(tanh, 2.0, std::tanh) LIMBIC_SCAN(erf, 2.0, std::erf)
            LIMBIC_SCAN(sigmoid, 2.5, math::sigmoid) LIMBIC_SCAN(softplus, 2.0, math::softplus)
                LIMBIC_SCAN(sin, 2.0, std::sin) LIMBIC_SCAN(cos, 2.0, std::cos)
#undef LIMBIC_SCAN
}

TEST_CASE("math: sigmoid and softplus of doubles") {
  for (double x : {-800.0, -40.0, -1.5, -1e-9, 0.0, 0.3, 2.0, 39.0, 800.0}) {
    const long double e = std::exp(-static_cast<long double>(x));
    CHECK(math::sigmoid(x) == doctest::Approx(static_cast<double>(1 / (1 + e))).epsilon(1e-15));
    const long double s = x > 0 ? x + std::log1p(std::exp(-static_cast<long double>(x)))
                                : std::log1p(std::exp(static_cast<long double>(x)));
    CHECK(math::softplus(x) == doctest::Approx(static_cast<double>(s)).epsilon(1e-15));
  }
  CHECK(std::isnan(math::sigmoid(static_cast<double>(kNan))));
  CHECK(std::isnan(math::softplus(static_cast<double>(kNan))));
}

TEST_CASE_TEMPLATE("math: exact functions", T, float, double) {
  const T nan = std::numeric_limits<T>::quiet_NaN(), inf = std::numeric_limits<T>::infinity();
  CHECK(math::max(T(1), T(2)) == T(2));
  CHECK(math::min(T(1), T(2)) == T(1));
  for (T x : {T(1), inf, -inf}) {
    CHECK(std::isnan(math::max(x, nan)));
    CHECK(std::isnan(math::max(nan, x)));
    CHECK(std::isnan(math::min(x, nan)));
    CHECK(std::isnan(math::min(nan, x)));
  }
  CHECK(math::sign(T(-3)) == T(-1));
  CHECK(math::sign(inf) == T(1));
  CHECK(math::sign(T(0)) == T(0));
  CHECK(std::isnan(math::sign(nan)));
  CHECK(math::step(T(0)) == T(0));
  CHECK(math::step(T(2)) == T(1));
  CHECK(math::round(T(2.5)) == T(2));
  CHECK(math::round(T(3.5)) == T(4));
  CHECK(math::round(T(-2.5)) == T(-2));
  CHECK(math::floor(T(-1.5)) == T(-2));
  CHECK(math::ceil(T(-1.5)) == T(-1));
  CHECK(math::trunc(T(-1.5)) == T(-1));
  CHECK(math::abs(T(-2)) == T(2));
  CHECK(math::rsqrt(T(4)) == T(0.5));
  CHECK(math::pow(T(2), T(10)) == T(1024));
  CHECK(math::isnan(nan));
  CHECK_FALSE(math::isnan(inf));
  CHECK(math::isfinite(T(1)));
  CHECK_FALSE(math::isfinite(inf));
  CHECK_FALSE(math::isfinite(nan));
}
