// Fused attention against plain loops in double, for every instruction set; its gradients also against
// finite differences; packed layouts, accumulation, empty shapes, threads.
#include "attention_case.hpp"

#include <doctest/doctest.h>

#include <string>

namespace {

using namespace limbic;
using namespace limbic::cpu;
using namespace limbic::cpu::test;

constexpr Isa kIsas[] = {Isa::portable, Isa::avx2, Isa::avx512};

struct RestoreSettings {
  Isa isa = cpu::isa();
  int threads = num_threads();
  ~RestoreSettings() {
    set_isa(isa);
    set_num_threads(threads);
  }
};

template <class T>
AttentionGradients<T> gradients(const Case<T>& c, Result<T>& r, bool accumulate) {
  const auto& o = c.o;
  AttentionGradients<T> g;
  g.q = c.heads(c.q, o.Lq, o.E);
  g.k = c.heads(c.k, o.Lk, o.E);
  g.v = c.heads(c.v, o.Lk, o.Ev);
  g.out = c.heads(std::as_const(r.out), o.Lq, o.Ev);
  g.dout = c.heads(c.dout, o.Lq, o.Ev);
  g.lse = r.lse.data();
  g.dq = c.heads(r.dq, o.Lq, o.E);
  g.dk = c.heads(r.dk, o.Lk, o.E);
  g.dv = c.heads(r.dv, o.Lk, o.Ev);
  if (o.bias.data) g.dbias = {r.dbias.data(), o.bias.batch, o.bias.head, o.bias.query, o.bias.key};
  g.accumulate_dq = g.accumulate_dk = g.accumulate_dv = g.accumulate_dbias = accumulate;
  return g;
}

// Every buffer starts as `start` and has 3 more elements, which must keep it.
template <class T>
Result<T> fused(const Case<T>& c, bool want_map, T start, bool accumulate) {
  const auto& o = c.o;
  const index_t heads = o.B * o.H;
  Result<T> r;
  auto fresh = [&](std::size_t n) { return std::vector<T>(n + 3, start); };
  r.out = fresh(at(heads * o.Lq * o.Ev));
  r.lse = fresh(at(heads * o.Lq));
  r.map = fresh(at(heads * o.Lq * o.Lk));
  r.dq = fresh(c.q.size());
  r.dk = fresh(c.k.size());
  r.dv = fresh(c.v.size());
  r.dbias = fresh(c.bias.size());
  attention_fwd<T>(o, c.heads(c.q, o.Lq, o.E), c.heads(c.k, o.Lk, o.E), c.heads(c.v, o.Lk, o.Ev),
                   c.heads(r.out, o.Lq, o.Ev), r.lse.data(), want_map ? r.map.data() : nullptr);
  attention_bwd<T>(o, gradients(c, r, accumulate));
  for (auto* x : {&r.out, &r.lse, &r.map, &r.dq, &r.dk, &r.dv, &r.dbias}) {
    for (int i = 0; i < 3; ++i) {
      CHECK(std::memcmp(&x->back(), &start, sizeof(T)) == 0);
      x->pop_back();
    }
  }
  return r;
}

template <class A, class B>
double distance(const std::vector<A>& got, const std::vector<B>& want) {
  REQUIRE(got.size() == want.size());
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto a = static_cast<double>(got[i]), b = static_cast<double>(want[i]);
    if (std::isinf(b) && a == b) continue;
    const double d = std::fabs(a - b);
    worst = d <= worst ? worst : d;  // NaN stays
  }
  return worst;
}

template <class T>
void check_case(const Case<T>& c) {
  const Result<double> exact = plain<double>(c);
  const Result<T> naive = plain<T>(c);
  const Result<T> got = fused<T>(c, true, std::numeric_limits<T>::quiet_NaN(), false);
  auto check = [&](const char* name, const auto& mine, const auto& theirs, const auto& truth) {
    const double error = distance(mine, truth);
    // P is computed again from lse, which is rounded: some |lse| 2^-24 on top of what plain loops err.
    double largest = 1;
    for (double x : truth) largest = std::isfinite(x) ? std::fmax(largest, std::fabs(x)) : largest;
    const double allowed = sizeof(T) == 8 ? 1e-12 : 2 * distance(theirs, truth) + 1e-6 * largest;
    CAPTURE(std::string(name));
    CHECK(error <= allowed);
  };
  check("out", got.out, naive.out, exact.out);
  check("lse", got.lse, naive.lse, exact.lse);
  check("map", got.map, naive.map, exact.map);
  check("dq", got.dq, naive.dq, exact.dq);
  check("dk", got.dk, naive.dk, exact.dk);
  check("dv", got.dv, naive.dv, exact.dv);
  if (!c.bias.empty()) {
    auto trimmed = got.dbias;  // the spare element is nobody's
    CHECK(std::isnan(trimmed.back()));
    trimmed.back() = T(0);
    check("dbias", trimmed, naive.dbias, exact.dbias);
  }
  // Without a map, and adding to gradients that were 1.
  const Result<T> added = fused<T>(c, false, T(1), true);
  CHECK(added.out == got.out);
  for (auto& pair : {std::pair{&added.dq, &got.dq}, {&added.dk, &got.dk}, {&added.dv, &got.dv}}) {
    double worst = 0;
    for (std::size_t i = 0; i < pair.first->size(); ++i)
      worst = std::fmax(worst, static_cast<double>(std::fabs((*pair.first)[i] - (*pair.second)[i] - T(1))));
    CHECK(worst <= (sizeof(T) == 8 ? 1e-13 : 1e-5));
  }
}

}  // namespace

TEST_CASE_TEMPLATE("attention: values and gradients", T, float, double) {
  RestoreSettings restore;
  struct Shape {
    index_t B, H, Lq, Lk, E, Ev;
  };
  const Shape shapes[] = {{2, 2, 1, 1, 1, 1},     {1, 2, 5, 7, 3, 4},     {2, 1, 62, 33, 32, 32},
                          {1, 1, 62, 62, 64, 64}, {1, 1, 70, 130, 9, 17}, {2, 2, 130, 70, 8, 80},
                          {1, 3, 17, 64, 5, 1}};
  for (Isa isa : kIsas) {
    set_isa(isa);
    for (const Shape& s : shapes)
      for (const char* options : {"", "c", "m", "p", "b", "k", "d", "mbd", "pk", "cmbd", "cpk"}) {
        CAPTURE(static_cast<int>(isa));
        CAPTURE(s.Lq);
        CAPTURE(s.Lk);
        CAPTURE(std::string(options));
        check_case(make_case<T>(s.B, s.H, s.Lq, s.Lk, s.E, s.Ev, options));
      }
  }
}

TEST_CASE_TEMPLATE("attention: empty shapes", T, float, double) {
  for (const char* options : {"", "c", "m", "b", "k"}) {
    CAPTURE(std::string(options));
    check_case(make_case<T>(2, 2, 0, 3, 4, 4, options));
    check_case(make_case<T>(2, 2, 3, 0, 4, 4, options));  // out and dq are 0, lse is -inf
    check_case(make_case<T>(0, 2, 3, 3, 4, 4, options));
    check_case(make_case<T>(1, 1, 3, 5, 0, 4, options));  // all logits 0
    check_case(make_case<T>(1, 1, 3, 5, 4, 0, options));
  }
}

TEST_CASE("attention: a query without keys has output and gradient 0") {
  auto c = make_case<double>(1, 1, 4, 5, 3, 3, "m");
  const auto r = fused<double>(c, true, 1.0, false);
  CHECK(r.lse[0] == -std::numeric_limits<double>::infinity());
  for (std::size_t e = 0; e < 3; ++e) {
    CHECK(r.out[e] == 0);
    CHECK(r.dq[e] == 0);
  }
  for (std::size_t j = 0; j < 5; ++j) CHECK(r.map[j] == 0);
}

TEST_CASE("attention: gradients by finite differences") {
  auto c = make_case<double>(1, 2, 5, 6, 3, 4, "cbd");
  auto r = fused<double>(c, false, 0.0, false);
  auto loss = [&] {
    Result<double> t;
    t.out.resize(c.dout.size());
    t.lse.resize(at(c.o.B * c.o.H * c.o.Lq));
    attention_fwd<double>(c.o, c.heads(c.q, 5, 3), c.heads(c.k, 6, 3), c.heads(c.v, 6, 4),
                          c.heads(t.out, 5, 4), t.lse.data());
    double sum = 0;
    for (std::size_t i = 0; i < t.out.size(); ++i) sum += t.out[i] * c.dout[i];
    return sum;
  };
  auto check = [&](std::vector<double>& x, const std::vector<double>& dx, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      const double old = x[i], h = 1e-5;
      x[i] = old + h;
      const double up = loss();
      x[i] = old - h;
      const double down = loss();
      x[i] = old;
      CHECK(std::fabs((up - down) / (2 * h) - dx[i]) < 1e-8);
    }
  };
  check(c.q, r.dq, c.q.size());
  check(c.k, r.dk, c.k.size());
  check(c.v, r.dv, c.v.size());
  check(c.bias, r.dbias, c.bias.size() - 1);
}

TEST_CASE_TEMPLATE("attention: packed projections need no copy", T, float, double) {
  const index_t B = 2, H = 3, L = 21, E = 8, row = 3 * H * E;
  auto c = make_case<T>(B, H, L, L, E, E, "");
  const auto want = fused<T>(c, false, T(0), false);
  std::vector<T> packed(at(B * L * row)), dpacked(packed.size(), T(7)), out(at(B * L * H * E)),
      dout(out.size());
  std::vector<T> lse(at(B * H * L));
  for (index_t b = 0; b < B; ++b)
    for (index_t h = 0; h < H; ++h)
      for (index_t i = 0; i < L; ++i)
        for (index_t e = 0; e < E; ++e) {
          const index_t from = ((b * H + h) * L + i) * E + e, to = (b * L + i) * row + h * E + e;
          packed[at(to)] = c.q[at(from)];
          packed[at(to + H * E)] = c.k[at(from)];
          packed[at(to + 2 * H * E)] = c.v[at(from)];
          dout[at((b * L + i) * H * E + h * E + e)] = c.dout[at(from)];
        }
  auto part = [&](auto& x, index_t n) { return Heads<T>{x.data() + n * H * E, L * row, E, row}; };
  const Heads<T> merged{out.data(), L * H * E, E, H * E}, dmerged{dout.data(), L * H * E, E, H * E};
  attention_fwd<T>(c.o, part(packed, 0), part(packed, 1), part(packed, 2), merged, lse.data());
  AttentionGradients<T> g;
  g.q = part(packed, 0);
  g.k = part(packed, 1);
  g.v = part(packed, 2);
  g.out = merged;
  g.dout = dmerged;
  g.lse = lse.data();
  g.dq = part(dpacked, 0);
  g.dk = part(dpacked, 1);
  g.dv = part(dpacked, 2);
  attention_bwd<T>(c.o, g);
  bool equal = true;
  for (index_t b = 0; b < B; ++b)
    for (index_t h = 0; h < H; ++h)
      for (index_t i = 0; i < L; ++i)
        for (index_t e = 0; e < E; ++e) {
          const index_t from = ((b * H + h) * L + i) * E + e, to = (b * L + i) * row + h * E + e;
          equal = equal && out[at((b * L + i) * H * E + h * E + e)] == want.out[at(from)] &&
                  dpacked[at(to)] == want.dq[at(from)] && dpacked[at(to + H * E)] == want.dk[at(from)] &&
                  dpacked[at(to + 2 * H * E)] == want.dv[at(from)];
        }
  CHECK(equal);
}

TEST_CASE("attention: bitwise the same with any number of threads, and unwanted gradients") {
  RestoreSettings restore;
  for (const char* options : {"", "cmbd", "k"})
    for (index_t B : {1, 3}) {
      auto c = make_case<float>(B, 1, 150, 140, 16, 16, options);
      set_num_threads(1);
      const auto want = fused<float>(c, true, 0.0f, false);
      for (int threads : {2, 3}) {
        set_num_threads(threads);
        const auto got = fused<float>(c, true, 0.0f, false);
        CHECK(got.out == want.out);
        CHECK(got.lse == want.lse);
        CHECK(got.map == want.map);
        CHECK(got.dq == want.dq);
        CHECK(got.dk == want.dk);
        CHECK(got.dv == want.dv);
        CHECK(got.dbias == want.dbias);
      }
      for (int only = 0; only < 4; ++only) {  // one gradient alone is the same
        auto r = want;
        auto g = gradients(c, r, false);
        auto* kept = only == 0 ? &r.dq : only == 1 ? &r.dk : only == 2 ? &r.dv : &r.dbias;
        std::fill(kept->begin(), kept->end(), 0.0f);
        if (only != 0) g.dq.data = nullptr;
        if (only != 1) g.dk.data = nullptr;
        if (only != 2) g.dv.data = nullptr;
        if (only != 3) g.dbias.data = nullptr;
        attention_bwd<float>(c.o, g);
        CHECK(r.dq == want.dq);
        CHECK(r.dk == want.dk);
        CHECK(r.dv == want.dv);
        CHECK(r.dbias == want.dbias);
      }
    }
}

TEST_CASE("attention: NaN stays in its query, extreme logits do not overflow") {
  auto c = make_case<float>(1, 1, 3, 4, 2, 2, "");
  c.q[2] = std::numeric_limits<float>::quiet_NaN();
  auto r = fused<float>(c, false, 0.0f, false);
  CHECK(std::isfinite(r.out[0]));
  CHECK(std::isnan(r.out[2]));
  CHECK(std::isnan(r.out[3]));
  CHECK(std::isfinite(r.out[4]));
  c = make_case<float>(1, 1, 3, 4, 2, 2, "");
  for (float& x : c.q) x *= 1e15f;
  for (float& x : c.k) x *= 1e15f;
  r = fused<float>(c, false, 0.0f, false);
  for (auto* x : {&r.out, &r.lse, &r.dq, &r.dk, &r.dv})
    for (float e : *x) CHECK(std::isfinite(e));
}
