// kernels/prelude.cuh under the emulator: against plain loops, and the library's own random numbers.
#include "emulator/planted/planted.hpp"

#include <limbic/core/philox.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace planted;

namespace {

// Values that bf16, fp16 and tf32 hold exactly.
std::vector<float> small_integers(std::size_t n, unsigned seed) {
  std::vector<float> v(n);
  for (float& x : v) {
    seed = seed * 1664525u + 1013904223u;
    x = static_cast<float>(static_cast<int>(seed >> 24) % 17 - 8);
  }
  return v;
}

// 1 + a b.
std::vector<float> product(const std::vector<float>& a, const std::vector<float>& b, std::size_t k) {
  std::vector<float> d(16 * 8, 1.0f);
  for (std::size_t i = 0; i < 16; ++i)
    for (std::size_t j = 0; j < 8; ++j)
      for (std::size_t p = 0; p < k; ++p) d[8 * i + j] += a[k * i + p] * b[8 * p + j];
  return d;
}

}  // namespace

TEST_CASE("mma.sync multiplies: bf16, fp16, tf32, and operands through ldmatrix") {
  for (const int type : {0, 1, 2}) {
    const std::size_t k = type == 2 ? 8 : 16;
    const std::vector<float> a = small_integers(16 * k, 1), b = small_integers(k * 8, 2);
    Device<float> left(a), right(b), d(128);
    matrix_product(type, left.get(), right.get(), d.get());
    CHECK(d.values() == product(a, b, k));
    if (type == 0) {
      matrix_product_loaded(left.get(), right.get(), d.get());
      CHECK(d.values() == product(a, b, k));
    }
  }
}

TEST_CASE("Philox gives the library's numbers, bit for bit") {
  const int n = 1001;
  const limbic::PhiloxKey draw{0x123456789abcdefu, 0xfffffffeu};
  const auto size = static_cast<std::size_t>(n);
  Device<float> uniform(size), normal(size);
  Device<double> uniform2(size), normal2(size);
  Device<unsigned> bits(size);
  random_numbers(draw.key, draw.position, uniform.get(), uniform2.get(), normal.get(), normal2.get(),
                 bits.get(), n);
  const auto u = uniform.values(), g = normal.values();
  const auto u2 = uniform2.values(), g2 = normal2.values();
  const auto w = bits.values();
  int equal = 0;
  for (std::size_t i = 0; i < size; ++i)
    equal += w[i] == limbic::philox_bits(draw, i) && u[i] == limbic::philox_uniform(draw, i) &&
             u2[i] == limbic::unit_double(limbic::philox_bits64(draw, i)) &&
             g[i] == static_cast<float>(limbic::philox_normal<float>(draw, i)) &&
             g2[i] == limbic::philox_normal<double>(draw, i);
  CHECK(equal == n);
}

TEST_CASE("half types round to nearest, ties to even") {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {0.0f,     -0.0f,    1.0f,  1.00390625f, 1.01171875f,     65504.0f,
                                65519.0f, 65520.0f, 1e-7f, 6e-8f,       6.103515625e-5f, 2.98023224e-8f,
                                -inf,     inf,      1e38f, 1.0004883f,  -3.1416f,        1.0014648f};
  // Computed with numpy's float16 and a float rounded to 8 and (away from zero) to 11 significant bits.
  const std::vector<float> bf16 = {
      0.0f,     -0.0f,    1.0f,           1.0f,           1.015625f,       65536.0f,
      65536.0f, 65536.0f, 1.00117177e-7f, 5.98374754e-8f, 6.103515625e-5f, 2.98023224e-8f,
      -inf,     inf,      0.99692e38f,    1.0f,           -3.140625f,      1.0f};
  const std::vector<float> f16 = {0.0f,     -0.0f, 1.0f,          1.00390625f,   1.01171875f,     65504.0f,
                                  65504.0f, inf,   1.1920929e-7f, 5.9604645e-8f, 6.103515625e-5f, 0.0f,
                                  -inf,     inf,   inf,           1.0f,          -3.140625f,      1.0019531f};
  Device<float> from(x), b(x.size()), f(x.size()), t(x.size());
  half_round_trip(from.get(), b.get(), f.get(), t.get(), static_cast<int>(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    CAPTURE(x[i]);
    if (std::isfinite(bf16[i])) CHECK(b.values()[i] == doctest::Approx(bf16[i]).epsilon(1e-5));
    else CHECK(b.values()[i] == bf16[i]);
    if (std::isfinite(f16[i])) CHECK(f.values()[i] == doctest::Approx(f16[i]).epsilon(1e-7));
    else CHECK(f.values()[i] == f16[i]);
    if (std::isfinite(x[i])) CHECK(std::abs(t.values()[i] - x[i]) <= std::abs(x[i]) * 0x1p-11f);
    else CHECK(t.values()[i] == x[i]);
  }
}

TEST_CASE("reductions: every thread has the result") {
  std::vector<float> x = small_integers(128, 3);
  x[77] = 40;
  x[3] = -50;
  Device<float> from(x), y(7 * 128);
  reductions(from.get(), y.get());
  const std::vector<float> got = y.values();
  float sum = 0, inclusive = 0;
  for (const float v : x) sum += v;
  for (std::size_t t = 0; t < 128; ++t) {
    float warp = 0, eight = 0, most = -100;
    for (std::size_t i = t / 32 * 32; i < t / 32 * 32 + 32; ++i) warp += x[i], most = std::max(most, x[i]);
    for (std::size_t i = t / 8 * 8; i < t / 8 * 8 + 8; ++i) eight += x[i];
    inclusive = t % 32 ? inclusive + x[t] : x[t];
    const float want[] = {sum, 40, -50, warp, eight, most, inclusive};
    for (std::size_t i = 0; i < 7; ++i) CHECK(got[128 * i + t] == want[i]);
  }
}

TEST_CASE("sums are the same bits in any order of execution") {
  const KeepOptions keep;
  std::vector<float> x = ramp(3 * 1000, 0.1f);
  Device<float> from(x), y(3);
  std::vector<float> first;
  for (const std::uint64_t schedule : {0, 1, 2, 3, 99}) {
    emulator::options().schedule = schedule;
    row_sums(from.get(), y.get(), 3, 1000);
    if (first.empty()) first = y.values();
    CHECK(y.values() == first);
  }
  CHECK(first[2] == doctest::Approx(249950.0).epsilon(1e-5));
}
