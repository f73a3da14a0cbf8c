// Butterworth sections and the filter against scipy, and against what defines them.
#include <limbic/core/compare.hpp>
#include <limbic/core/random.hpp>
#include <limbic/data/sos_filter.hpp>

#include "support/throws.hpp"

#include <doctest/doctest.h>

using namespace limbic;
using namespace limbic::data;

namespace {

// y[i] of scipy 1.17.1: sosfilt(butter(order, [low, high], "bandpass", fs=rate, output="sos"), x) for
// x[n] = sin(n / 20) + cos(9 n / 10) + (37 n mod 101) / 101, n < 400; and the gain in the band's middle.
struct Reference {
  int order;
  double low, high, rate;
  double y[6];
  double middle;
};
constexpr int kPlaces[] = {0, 1, 7, 50, 199, 399};
constexpr Reference kReferences[] = {
    {5,
     0.5,
     75,
     200,
     {0.2614812261385224, 0.9197905984118669, 1.344522405691803, 0.8866342669908402, -1.918040982974287,
      1.935587649779922},
     0.999999031917676},
    {5,
     1,
     4,
     200,
     {2.00242067359683e-07, 2.145357721723838e-06, 0.0008423182568907776, 0.09459763177255168,
      -1.071833757299585, 0.8332177885313772},
     0.999997102377853},
    {3,
     51,
     75,
     200,
     {0.0286353001709179, -0.02555117047869469, 0.08531140302544389, -0.1623455739671371, 0.1489804207919698,
      0.2177361782515972},
     0.999999841783922},
    {1,
     8,
     13,
     128,
     {0.1097961701730282, 0.2853353902889816, 0.2328490345927809, 0.3879806510669231, -0.1447804247479451,
      0.3033074995544985},
     0.99417063440186},
    {4,
     20,
     40,
     250,
     {0.002234891698082324, 0.0135766859475483, -0.03510682477720414, 0.5496511542362166, 0.3016017383558005,
      0.7079063849858025},
     0.999999946364931},
    {2,
     0.1,
     90,
     200,
     {0.7988078121418661, 1.176244768392205, 1.723360929291947, 1.387733995646933, -1.025005394113835,
      1.255710636177179},
     0.999840337946772},
};

Tensor<double> noise(const Shape& shape, std::uint64_t seed) {
  RandomStream random = Random(seed).stream("noise");
  const PhiloxKey key = random.draw(numel(shape), 2);
  Tensor<double> x = Tensor<double>::empty(shape);
  std::uint64_t i = 0;
  for (double& v : x.mutable_span()) v = static_cast<double>(philox_bits64(key, i++) >> 11) * 0x1p-52 - 1;
  return x;
}

}  // namespace

TEST_CASE("as scipy designs and filters") {
  Tensor<double> x = Tensor<double>::empty({1, 400});
  for (int n = 0; n < 400; ++n)
    x.mutable_data()[n] = std::sin(0.05 * n) + std::cos(0.9 * n) + (n * 37 % 101) / 101.0;
  for (const Reference& r : kReferences) {
    CAPTURE(r.order);
    CAPTURE(r.low);
    const auto sections = butterworth_bandpass(r.order, r.low, r.high, r.rate);
    CHECK(sections.size() == static_cast<std::size_t>(r.order));
    const Tensor<double> y = filter_channels(sections, x);
    for (int i = 0; i < 6; ++i) CHECK(std::fabs(y.at(0, kPlaces[i]) - r.y[i]) < 1e-11);
    CHECK(gain_at(sections, (r.low + r.high) / 2, r.rate) == doctest::Approx(r.middle).epsilon(1e-12));
  }
}

TEST_CASE("gain at the edges, stable poles, any order") {
  for (int order = 1; order <= 20; ++order)
    for (const auto& [low, high] : {std::pair{0.5, 75.0}, {1.0, 4.0}, {31.0, 51.0}, {10.0, 10.5}}) {
      CAPTURE(order);
      const auto sections = butterworth_bandpass(order, low, high, 200);
      CHECK(gain_at(sections, low, 200) == doctest::Approx(std::sqrt(0.5)).epsilon(1e-6));
      CHECK(gain_at(sections, high, 200) == doctest::Approx(std::sqrt(0.5)).epsilon(1e-6));
      CHECK(gain_at(sections, 0, 200) == 0);
      for (const FilterSection& s : sections) CHECK((std::fabs(s.a2) < 1 && std::fabs(s.a1) < 1 + s.a2));
    }
}

TEST_CASE("channels do not mix, blocks of any size give the same bits") {
  const auto sections = butterworth_bandpass(3, 8, 14, 200);
  const Tensor<double> x = noise({11, 700}, 3), all = filter_channels(sections, x);
  for (index_t c = 0; c < 11; ++c)
    CHECK(equal(filter_channels(sections, x.slice(0, c, c + 1)), all.slice(0, c, c + 1).contiguous()));

  SosFilter filter(sections, 1);
  std::vector<double> lanes(700 * kFilterLanes);
  for (index_t n = 0; n < 700; ++n) lanes[static_cast<std::size_t>(n * kFilterLanes)] = x.at(0, n);
  for (index_t begin = 0, size = 1; begin < 700; begin += size, size = size * 2 % 37 + 1) {
    double* at = lanes.data() + begin * kFilterLanes;
    filter.run(0, at, at, std::min<index_t>(size, 700 - begin));
  }
  for (index_t n = 0; n < 700; ++n) CHECK(lanes[static_cast<std::size_t>(n * kFilterLanes)] == all.at(0, n));
}

TEST_CASE("strided input, float, no samples") {
  const auto sections = butterworth_bandpass(2, 8, 14, 200);
  const Tensor<double> x = noise({60, 3}, 4);
  CHECK(equal(filter_channels(sections, x.transpose(0, 1)),
              filter_channels(sections, x.transpose(0, 1).clone())));
  const Tensor<float> y = filter_channels(sections, x.transpose(0, 1).to<float>());
  CHECK(y.at(2, 59) == doctest::Approx(filter_channels(sections, x.transpose(0, 1)).at(2, 59)).epsilon(1e-5));
  CHECK(filter_channels(sections, Tensor<double>::zeros({3, 0})).shape() == Shape{3, 0});
}

TEST_CASE("bad bands, orders, filters") {
  CHECK(thrown([] { butterworth_bandpass(0, 1, 4, 200); }) ==
        "[butterworth] an order of 1 to 20 is needed; got 0");
  CHECK(thrown([] { butterworth_bandpass(5, 51, 100, 200); }) ==
        "[butterworth] a band inside 0 to 100 Hz, half the rate, is needed; got 51 to 100 Hz");
  const double nan = std::nan("");
  for (const auto& [low, high, rate] : {std::tuple{0.0, 4.0, 200.0},
                                        {4.0, 4.0, 200.0},
                                        {4.0, 1.0, 200.0},
                                        {nan, 4.0, 200.0},
                                        {1.0, nan, 200.0},
                                        {1.0, 4.0, 0.0},
                                        {1.0, 4.0, nan}})
    CHECK_THROWS_AS(butterworth_bandpass(2, low, high, rate), Error);
  CHECK_THROWS_AS(SosFilter({}, 3), Error);
  CHECK_THROWS_AS(SosFilter({FilterSection{}}, 0), Error);
  CHECK_THROWS_AS(SosFilter({FilterSection{nan, 0, 0, 0, 0}}, 1), Error);
  CHECK_THROWS_AS(filter_channels({FilterSection{}}, Tensor<double>::zeros({3})), Error);
}
