// Random numbers: the same bits whatever computes them, the distributions, streams and replay.
#include <limbic/backend/cpu/random.hpp>
#include <limbic/core/compare.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <support/throws.hpp>

namespace {

using namespace limbic;

struct KeepSettings {
  ~KeepSettings() {
    cpu::set_isa(isa);
    set_num_threads(threads);
  }
  cpu::Isa isa = cpu::isa();
  int threads = num_threads();
};

template <class T>
std::vector<std::uint64_t> bits_of(const Tensor<T>& t) {
  std::vector<std::uint64_t> bits;
  for (T v : t.to_vector()) {
    if constexpr (sizeof(T) == 8) bits.push_back(std::bit_cast<std::uint64_t>(v));
    else if constexpr (sizeof(T) == 4) bits.push_back(std::bit_cast<std::uint32_t>(v));
    else bits.push_back(v);
  }
  return bits;
}

// Kolmogorov's distance of sorted samples from a distribution, times sqrt(n): above 1.95 once in a thousand.
template <class T, class Cdf>
double kolmogorov(std::vector<T> x, Cdf cdf) {
  std::sort(x.begin(), x.end());
  const double n = static_cast<double>(x.size());
  double d = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double p = cdf(static_cast<double>(x[i]));
    d = std::max({d, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
  }
  return d * std::sqrt(n);
}

// Mean of the k-th powers about c.
template <class T>
double moment(const std::vector<T>& x, int k, double c = 0) {
  double sum = 0;
  for (T v : x) sum += std::pow(static_cast<double>(v) - c, k);
  return sum / static_cast<double>(x.size());
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

RandomStream stream(std::string_view name = "test") { return Random(20240229).stream(name); }

}  // namespace

TEST_CASE("random: pinned values") {
  // What a seed gives must never change: saved states and published results depend on it.
  CHECK(stream_key(0, "") == detail::mix64(256));
  CHECK(detail::mix64(0) == 0xe220a8397b1dcdafu);  // first output of SplitMix64 seeded with 0
  RandomStream s = Random(42).stream("pin");
  CHECK(s.state().key == 0xb89647cdbd18ea61u);
  CHECK(bits_of(s.normal<float>({4})) ==
        std::vector<std::uint64_t>{0xbf0b70ef, 0xbf2ad6db, 0x3f2d7a90, 0xbee899c3});
  CHECK(bits_of(s.normal<double>({2})) == std::vector<std::uint64_t>{0x3feadd3b11b1edb1, 0xbfed95de6e40b8f6});
  CHECK(bits_of(s.uniform<float>({2}, -1, 3)) == std::vector<std::uint64_t>{0xbf327cc0, 0x3fd20f6e});
  CHECK(bits_of(s.uniform<double>({2}, -1, 3)) ==
        std::vector<std::uint64_t>{0xbfecaa518c615b24, 0x3ffae31b85968e58});
  CHECK(s.permutation(8).to_vector() == std::vector<index_t>{5, 4, 2, 1, 3, 7, 0, 6});
  CHECK(s.integers({6}, -5, 5).to_vector() == std::vector<index_t>{-1, -3, -5, 3, -2, -2});
  CHECK(s.state().position == 11);
}

TEST_CASE("random: an element depends on key, position and index alone") {
  constexpr index_t kN = 40003;  // three pieces of work, the last one ragged
  const PhiloxKey at{stream().state().key, 5};
  const auto low = -2.0f, high = 0.5f;
  const auto u = RandomStream(at).uniform<float>({kN}, low, high).to_vector();
  const auto du = RandomStream(at).uniform<double>({kN}).to_vector();
  const auto f = RandomStream(at).normal<float>({kN}, 1, 3).to_vector();
  const auto d = RandomStream(at).normal<double>({kN}, 1, 3).to_vector();
  const auto b = RandomStream(at).bernoulli({kN}, 0.3).to_vector();
  const auto n = RandomStream(at).integers({kN}, -3, 1000).to_vector();
  bool same = true;
  for (std::uint64_t i = 0; i < u.size(); ++i) {
    same = same && u[i] == std::fma(philox_uniform(at, i), high - low, low);
    same = same && du[i] == unit_double(philox_bits64(at, i));
    same = same && f[i] == static_cast<float>(std::fma(3.0, philox_normal<float>(at, i), 1.0));
    same = same && d[i] == std::fma(3.0, philox_normal<double>(at, i), 1.0);
    same = same && b[i] == philox_event(at, i, philox_threshold(0.3));
    same = same && n[i] == -3 + static_cast<index_t>(philox_below(philox_bits64(at, i), 1003));
  }
  CHECK(same);
}

TEST_CASE("random: the same bits on every instruction set, with 1, 2 and 3 threads") {
  KeepSettings keep;
  auto draw_all = [] {
    RandomStream s = stream();
    std::vector<std::vector<std::uint64_t>> all;
    for (index_t n : {1, 2, 3, 63, 127, 129, 50001}) {
      all.push_back(bits_of(s.uniform<float>({n}, -1, 1)));
      all.push_back(bits_of(s.uniform<double>({n}, -1, 1)));
      all.push_back(bits_of(s.normal<float>({n}, 0.5f, 2)));
      all.push_back(bits_of(s.normal<double>({n}, 0.5, 2)));
      all.push_back(bits_of(s.bernoulli({n}, 0.7)));
      all.push_back(bits_of(s.integers({n}, 0, 1 << 20)));
      all.push_back(bits_of(s.permutation(n)));
    }
    return all;
  };
  const auto want = draw_all();
  for (auto isa : {cpu::Isa::portable, cpu::Isa::avx2, cpu::Isa::avx512}) {
    for (int threads : {1, 2, 3}) {
      cpu::set_isa(isa);
      set_num_threads(threads);
      CHECK(draw_all() == want);
    }
  }
}

TEST_CASE("random: a draw moves the position by the blocks it takes") {
  auto moved = [](auto f) {
    RandomStream s = stream();
    f(s);
    return s.state().position;
  };
  CHECK(moved([](auto& s) { s.template uniform<float>({2, 2}); }) == 1);
  CHECK(moved([](auto& s) { s.template uniform<float>({5}); }) == 2);
  CHECK(moved([](auto& s) { s.template uniform<double>({5}); }) == 3);
  CHECK(moved([](auto& s) { s.template normal<float>({}); }) == 1);
  CHECK(moved([](auto& s) { s.template normal<double>({3}); }) == 2);
  CHECK(moved([](auto& s) { s.bernoulli({9}, 0.5); }) == 3);
  CHECK(moved([](auto& s) { s.integers({3}, 0, 2); }) == 2);
  CHECK(moved([](auto& s) { s.permutation(4); }) == 2);
  CHECK(moved([](auto& s) { s.template uniform<float>({0, 3}); }) == 0);
  CHECK(moved([](auto& s) { s.draw(8, 3); }) == 6);

  // Draws follow one another without overlap, and a saved state continues.
  RandomStream s = stream();
  const auto whole = s.uniform<float>({12}).to_vector();
  s = stream();
  const auto first = s.uniform<float>({4}).to_vector();
  RandomStream resumed(s.state());
  const auto second = resumed.uniform<float>({8}).to_vector();
  CHECK(std::equal(first.begin(), first.end(), whole.begin()));
  CHECK(std::equal(second.begin(), second.end(), whole.begin() + 4));
  s.set_state({stream().state().key, 0});
  CHECK(s.uniform<float>({12}).to_vector() == whole);
}

TEST_CASE("random: streams by name") {
  const Random random(7);
  CHECK(random.seed() == 7);
  std::set<std::uint64_t> keys;
  int count = 0;
  auto add = [&](const RandomStream& s) {
    CHECK(s.state().position == 0);
    keys.insert(s.state().key);
    ++count;
  };
  for (const char* name : {"", "a", "b", "ab", "ba", "dropout/encoder.0", "dropout/encoder.1"}) {
    add(random.stream(name));
    add(Random(8).stream(name));
    add(random.stream("parent").stream(name));
  }
  add(random.stream("a").stream("b"));
  add(random.stream("parent"));
  CHECK(static_cast<int>(keys.size()) == count);
  CHECK(random.stream("a").state() == Random(7).stream("a").state());

  // A child depends on the key only; drawing from it leaves the parent where it was.
  RandomStream parent = random.stream("p");
  const PhiloxKey child = parent.stream("c").state();
  parent.uniform<float>({10});
  CHECK(parent.stream("c").state() == child);
  parent.stream("c").uniform<float>({100});
  CHECK(parent.state().position == 3);
}

TEST_CASE_TEMPLATE("random: uniform", T, float, double) {
  RandomStream s = stream();
  const auto x = s.uniform<T>({200, 500}).to_vector();
  CHECK(*std::min_element(x.begin(), x.end()) >= T(0));
  CHECK(*std::max_element(x.begin(), x.end()) < T(1));
  CHECK(kolmogorov(x, [](double v) { return v; }) < 1.95);
  CHECK(moment(x, 1) == doctest::Approx(0.5).epsilon(0.01));
  CHECK(moment(x, 2, 0.5) == doctest::Approx(1.0 / 12).epsilon(0.01));
  const auto y = s.uniform<T>({100000}, T(-3), T(5)).to_vector();
  CHECK(kolmogorov(y, [](double v) { return (v + 3) / 8; }) < 1.95);
  // The upper bound is not reached, though low + u (high - low) rounds to it.
  const T one = T(1), next = std::nextafter(one, T(2));
  const auto z = s.uniform<T>({1000}, one, next).to_vector();
  CHECK(*std::max_element(z.begin(), z.end()) == one);
  CHECK(s.uniform<T>({3}, T(2), T(2)).to_vector() == std::vector<T>{2, 2, 2});
}

TEST_CASE_TEMPLATE("random: normal", T, float, double) {
  RandomStream s = stream();
  const auto x = s.normal<T>({100000}).to_vector();
  CHECK(kolmogorov(x, normal_cdf) < 1.95);
  CHECK(std::fabs(moment(x, 1)) < 4 / std::sqrt(1e5));
  CHECK(std::fabs(moment(x, 2) - 1) < 4 * std::sqrt(2 / 1e5));
  CHECK(std::fabs(moment(x, 3)) < 4 * std::sqrt(15 / 1e5));
  CHECK(std::fabs(moment(x, 4) - 3) < 4 * std::sqrt(96 / 1e5));
  // Neighbours (the two of a pair, and across pairs) are independent, in their squares too.
  for (std::size_t lag : {1u, 2u, 4u}) {
    double product = 0, squares = 0;
    for (std::size_t i = 0; i + lag < x.size(); ++i) {
      const double a = static_cast<double>(x[i]), b = static_cast<double>(x[i + lag]);
      product += a * b;
      squares += (a * a - 1) * (b * b - 1);
    }
    CHECK(std::fabs(product) < 4 * std::sqrt(1e5));
    CHECK(std::fabs(squares) < 4 * 2 * std::sqrt(1e5));
  }
  const auto y = s.normal<T>({100000}, T(-2), T(0.5)).to_vector();
  CHECK(kolmogorov(y, [](double v) { return normal_cdf((v + 2) / 0.5); }) < 1.95);
  CHECK(s.normal<T>({2}, T(3), T(0)).to_vector() == std::vector<T>{3, 3});
}

TEST_CASE("random: streams are independent") {
  const auto a = stream("a").normal<double>({100000}).to_vector();
  for (const char* name : {"b", "aa", "a/b"}) {
    const auto b = stream(name).normal<double>({100000}).to_vector();
    CHECK(std::fabs(std::inner_product(a.begin(), a.end(), b.begin(), 0.0)) < 4 * std::sqrt(1e5));
  }
  const auto c = Random(20240230).stream("a").normal<double>({100000}).to_vector();
  CHECK(std::fabs(std::inner_product(a.begin(), a.end(), c.begin(), 0.0)) < 4 * std::sqrt(1e5));
}

TEST_CASE("random: bernoulli and integers") {
  RandomStream s = stream();
  for (double p : {0.01, 0.3, 0.5, 0.9}) {
    const auto x = s.bernoulli({100000}, p).to_vector();
    const double hits = static_cast<double>(std::count(x.begin(), x.end(), true));
    CHECK(std::fabs(hits - 1e5 * p) < 4 * std::sqrt(1e5 * p * (1 - p)));
  }
  CHECK(equal(s.bernoulli({1000}, 0), Tensor<bool>::full({1000}, false)));
  CHECK(equal(s.bernoulli({1000}, 1), Tensor<bool>::full({1000}, true)));
  Tensor<float> mask = Tensor<float>::empty({1000});
  RandomStream same = s;
  s.fill_bernoulli(mask, 0.25);
  CHECK(equal(mask, same.bernoulli({1000}, 0.25).to<float>()));

  std::map<index_t, int> counts;
  for (index_t v : s.integers({70000}, -3, 4).to_vector()) ++counts[v];
  CHECK(counts.size() == 7);
  CHECK(counts.begin()->first == -3);
  double chi2 = 0;
  for (auto [v, n] : counts) chi2 += (n - 1e4) * (n - 1e4) / 1e4;
  CHECK(chi2 < 22.5);  // 6 degrees of freedom: once in a thousand
  CHECK(s.integers({3}, 5, 6).to_vector() == std::vector<index_t>{5, 5, 5});
  constexpr index_t kMin = std::numeric_limits<index_t>::min(), kMax = std::numeric_limits<index_t>::max();
  const auto wide = s.integers({1000}, kMin, kMax).to_vector();
  CHECK(std::count_if(wide.begin(), wide.end(), [](index_t v) { return v < 0; }) > 420);
  CHECK(std::count_if(wide.begin(), wide.end(), [](index_t v) { return v > 0; }) > 420);
}

TEST_CASE("random: permutation") {
  RandomStream s = stream();
  for (index_t n : {0, 1, 2, 1000}) {
    auto p = s.permutation(n).to_vector();
    CHECK(static_cast<index_t>(p.size()) == n);
    if (n == 1000) CHECK_FALSE(std::is_sorted(p.begin(), p.end()));
    std::sort(p.begin(), p.end());
    for (index_t i = 0; i < n; ++i) CHECK(p[static_cast<std::size_t>(i)] == i);
  }
  std::map<std::vector<index_t>, int> counts;
  for (int i = 0; i < 24000; ++i) ++counts[s.permutation(4).to_vector()];
  CHECK(counts.size() == 24);
  double chi2 = 0;
  for (auto& [p, n] : counts) chi2 += (n - 1000.0) * (n - 1000.0) / 1000.0;
  CHECK(chi2 < 49.7);  // 23 degrees of freedom: once in a thousand
}

TEST_CASE("random: views are filled in row-major order, and their storage is marked as modified") {
  Tensor<float> base = Tensor<float>::full({6, 8}, -7);
  Tensor<float> view = base.transpose(0, 1).slice(0, 1, 8, 2);
  const auto version = base.storage().version();
  RandomStream a = stream(), b = stream();
  a.fill_normal(view, 1, 2);
  CHECK(equal(view, b.normal<float>({4, 6}, 1, 2)));
  CHECK(base.storage().version() > version);
  for (index_t i = 0; i < 6; ++i) CHECK(base.at(i, 2) == -7);
  a.fill_uniform(view);
  CHECK(equal(view, b.uniform<float>({4, 6})));
}

TEST_CASE("random: what is refused") {
  RandomStream s = stream();
  const float inf = INFINITY;
  CHECK(thrown([&] { s.uniform<float>({2}, 1, 0); }) ==
        "[uniform] finite bounds, the lower one first, are needed; got 1 and 0");
  CHECK(thrown([&] { s.uniform<float>({2}, 0, inf); }) ==
        "[uniform] finite bounds, the lower one first, are needed; got 0 and inf");
  CHECK(thrown([&] { s.uniform<float>({2}, -3e38f, 3e38f); }) != "");
  CHECK(thrown([&] { s.uniform<float>({2}, NAN, 1); }) != "");
  CHECK(thrown([&] { s.normal<double>({2}, 0, -1); }) ==
        "[normal] a finite mean and a finite std of at least 0 are needed; got 0 and -1");
  CHECK(thrown([&] { s.normal<double>({2}, NAN, 1); }) != "");
  CHECK(thrown([&] { s.normal<double>({2}, 0, static_cast<double>(inf)); }) != "");
  CHECK(thrown([&] { s.bernoulli({2}, 1.5); }) == "[bernoulli] a probability in [0, 1] is needed; got 1.5");
  CHECK(thrown([&] { s.bernoulli({2}, NAN); }) != "");
  CHECK(thrown([&] { s.integers({2}, 3, 3); }) ==
        "[integers] a range that is not empty is needed; got 3 and 3");
  CHECK(thrown([&] { s.permutation(-1); }) == "[random] the number of values must not be negative; got -1");
  CHECK(s.state() == stream().state());
}

TEST_CASE("random: replay") {
  RandomStream a = stream("a"), b = stream("b");
  a.uniform<float>({10});  // not recorded
  auto draws = [&] {
    std::vector<float> x = a.normal<float>({3}).to_vector();
    for (bool v : b.bernoulli({5}, 0.5).to_vector()) x.push_back(v);
    for (float v : a.uniform<float>({2}).to_vector()) x.push_back(v);
    return x;
  };
  DrawLog log;
  std::vector<float> first;
  {
    RecordDraws record(log);
    first = draws();
  }
  CHECK(log.size() == 3);
  CHECK(log[0] == PhiloxKey{a.state().key, 3});
  const PhiloxKey after_a = a.state(), after_b = b.state();
  for (int i = 0; i < 2; ++i) {
    ReplayDraws replay(log);
    CHECK(draws() == first);
    CHECK(a.state() == after_a);
    CHECK(b.state() == after_b);
  }
  CHECK(draws() != first);
  CHECK(log.size() == 3);

  SUBCASE("a replay within a recording is recorded, and can be replayed") {
    DrawLog outer;
    auto nested = [&] {
      std::vector<float> x = a.uniform<float>({1}).to_vector();
      ReplayDraws replay(log);
      for (float v : draws()) x.push_back(v);
      return x;
    };
    std::vector<float> want;
    {
      RecordDraws record(outer);
      want = nested();
    }
    CHECK(outer.size() == 4);
    CHECK(outer[1] == log[0]);
    ReplayDraws replay(outer);
    CHECK(nested() == want);
  }
  SUBCASE("a recording within a replay logs what is replayed") {
    DrawLog inner;
    {
      ReplayDraws replay(log);
      RecordDraws record(inner);
      CHECK(draws() == first);
    }
    CHECK(inner.size() == 3);
    for (index_t i = 0; i < 3; ++i) CHECK(inner[i] == log[i]);
  }
  SUBCASE("a replay that does not fit is an error") {
    ReplayDraws replay(log);
    CHECK(thrown([&] { b.draw(1); }) ==
          "[random] a replay must make the draws that were recorded, in their order; draw 0 is from another "
          "stream");
    b.draw(1);
    a.draw(1);
    CHECK(thrown([&] { a.draw(1); }) ==
          "[random] a replay must make the draws that were recorded; got one more than 3");
  }
  SUBCASE("scopes close when an error is thrown") {
    DrawLog other;
    try {
      RecordDraws record(other);
      a.draw(1);
      fail("test", "thrown");
    } catch (const Error&) {
    }
    a.draw(1);
    CHECK(other.size() == 1);
    other.clear();
    CHECK(other.size() == 0);
  }
}
