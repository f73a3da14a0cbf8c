// Philox against its published vectors, and the numbers made of its words.
#include <limbic/core/philox.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

using namespace limbic;

TEST_CASE("philox: known answers") {
  // From the authors' Random123 distribution (kat_vectors).
  auto is = [](const PhiloxBlock& c, std::array<std::uint32_t, 4> want) {
    for (std::size_t i = 0; i < 4; ++i) CHECK(c.word[i] == want[i]);
  };
  is(philox4x32(0, 0, 0, 0, 0, 0), {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const std::uint32_t f = 0xffffffff;
  is(philox4x32(f, f, f, f, f, f), {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  is(philox4x32(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0),
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("philox: blocks, words and the counter's carry") {
  const PhiloxKey draw{0x0123456789abcdef, 0xfffffffe};
  for (std::uint64_t b = 0; b < 4; ++b) {
    const std::uint64_t n = draw.position + b;
    const PhiloxBlock c = philox4x32(static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(n >> 32), 0, 0,
                                     0x89abcdef, 0x01234567);
    for (std::uint64_t j = 0; j < 4; ++j) {
      CHECK(philox_block(draw, b).word[j] == c.word[j]);
      CHECK(philox_bits(draw, 4 * b + j) == c.word[j]);
    }
    CHECK(philox_bits64(draw, 2 * b) == (std::uint64_t{c.word[1]} << 32 | c.word[0]));
    CHECK(philox_bits64(draw, 2 * b + 1) == (std::uint64_t{c.word[3]} << 32 | c.word[2]));
  }
}

TEST_CASE("philox: numbers from words, at their ends") {
  CHECK(unit_float(0) == 0.0f);
  CHECK(unit_float(255) == 0.0f);
  CHECK(unit_float(0xffffffff) == 1.0f - 0x1p-24f);
  CHECK(unit_double(0) == 0.0);
  CHECK(unit_double(0x7ff) == 0.0);
  CHECK(unit_double(0x800) == 0x1p-53);
  CHECK(unit_double(~std::uint64_t{0}) == 1.0 - 0x1p-53);
  CHECK(philox_threshold(0) == 0);
  CHECK(philox_threshold(-1) == 0);
  CHECK(philox_threshold(NAN) == 0);
  CHECK(philox_threshold(0.25) == 0x40000000);
  CHECK(philox_threshold(1) == std::uint64_t{1} << 32);
  CHECK(philox_threshold(1 - 1e-12) == std::uint64_t{1} << 32);
  CHECK(philox_below(~std::uint64_t{0}, 10) == 9);
  CHECK(philox_below(0, 10) == 0);
  CHECK(philox_below(std::uint64_t{1} << 63, 7) == 3);
  CHECK(philox_below(0xfedcba9876543210, 0x123456789abcdef0) == 0x121fa00ad77d7422);
}

TEST_CASE("normal: within 1e-15 of the exact map") {
  long double worst = 0;
  auto check_pair = [&worst](long double u, long double turn, NormalPair got) {
    const long double r = std::sqrt(-2 * std::log(u)), a = 2 * 3.14159265358979323846264338L * turn;
    const long double x = r * std::cos(a), y = r * std::sin(a);
    // Cosine and sine keep their relative precision at the zeros within an eighth of a turn; the long
    // double's own angle does not.
    for (long double e :
         {(got.first - x) / (std::fabs(x) + 1e-3L * r), (got.second - y) / (std::fabs(y) + 1e-3L * r)})
      worst = std::max(worst, std::fabs(e));
  };
  const PhiloxKey draw{77, 0};
  const std::uint32_t edge32[] = {0,          1,          0x1fffffff, 0x20000000, 0x3fffffff, 0x40000000,
                                  0x7fffffff, 0x80000000, 0xb504f333, 0xfffffffe, 0xffffffff};
  auto check32 = [&](std::uint32_t a, std::uint32_t b) {
    check_pair((a + 0.5L) * 0x1p-32L, (b + 0.5L) * 0x1p-32L, normal_pair(a, b));
  };
  auto check64 = [&](std::uint64_t a, std::uint64_t b) {
    check_pair(((a >> 12) + 0.5L) * 0x1p-52L, static_cast<long double>(b >> 10) * 0x1p-54L,
               normal_pair(a, b));
  };
  for (std::uint32_t a : edge32) {
    for (std::uint32_t b : edge32) {
      check32(a, b);
      check64(std::uint64_t{a} << 32 | a, std::uint64_t{b} << 32 | b);
    }
  }
  for (std::uint64_t i = 0; i < 5000; ++i) {
    check32(philox_bits(draw, 2 * i), philox_bits(draw, 2 * i + 1));
    check64(philox_bits64(draw, 2 * i), philox_bits64(draw, 2 * i + 1));
  }
  CAPTURE(static_cast<double>(worst));
  CHECK(worst < 1e-15L);
  CHECK(worst > 1e-17L);
}
