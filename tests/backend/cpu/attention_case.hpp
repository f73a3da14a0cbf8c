// Random cases of attention and its definition in plain loops, for attention_test.cpp.
#pragma once

#include <limbic/backend/cpu/attention.hpp>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

namespace limbic::cpu::test {

inline std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

// Keeps three entries of four, by a hash of the place.
inline void keep_some(void*, index_t bh, index_t i, index_t j0, index_t n, std::uint8_t* keep) {
  for (index_t j = j0; j < j0 + n; ++j) {
    auto h = static_cast<std::uint64_t>(bh * 1000003 + i * 1009 + j) * 0x9E3779B97F4A7C15u;
    keep[j - j0] = ((h >> 40) & 3u) != 0;
  }
}

template <class T>
struct Case {
  AttentionOptions<T> o;
  std::vector<T> q, k, v, dout, bias;
  std::vector<std::uint8_t> mask;

  Heads<const T> heads(const std::vector<T>& x, index_t L, index_t E) const {
    return {x.data(), o.H * L * E, L * E, E};
  }
  Heads<T> heads(std::vector<T>& x, index_t L, index_t E) const { return {x.data(), o.H * L * E, L * E, E}; }
};

// Options by letter: c causal, m full mask, p mask of keys for each batch, b bias (H, Lq, Lk), k bias of
// keys, d dropout.
template <class T>
Case<T> make_case(index_t B, index_t H, index_t Lq, index_t Lk, index_t E, index_t Ev, const char* options) {
  Case<T> c;
  std::mt19937 generator(static_cast<unsigned>(Lq * 131 + Lk * 7 + E));
  auto random = [&](index_t n) {
    std::vector<T> x(at(n));
    for (T& e : x) e = static_cast<T>(static_cast<int>(generator() % 2001) - 1000) / T(500);
    return x;
  };
  auto& o = c.o;
  o.B = B, o.H = H, o.Lq = Lq, o.Lk = Lk, o.E = E, o.Ev = Ev;
  o.scale = T(0.7) / std::sqrt(static_cast<T>(E + 1));
  c.q = random(B * H * Lq * E);
  c.k = random(B * H * Lk * E);
  c.v = random(B * H * Lk * Ev);
  c.dout = random(B * H * Lq * Ev);
  o.causal = std::strchr(options, 'c') != nullptr;
  if (std::strchr(options, 'm')) {
    c.mask.resize(at(B * H * Lq * Lk) + 1);
    for (auto& m : c.mask) m = generator() % 3 != 0;
    for (index_t j = 0; j < Lk && B * Lq > 0; ++j) c.mask[at(j)] = 0;  // query 0 of head 0 sees nothing
    o.mask = {c.mask.data(), H * Lq * Lk, Lq * Lk, Lk, 1};
  }
  if (std::strchr(options, 'p')) {
    c.mask.resize(at(B * Lk) + 1);
    for (auto& m : c.mask) m = generator() % 3 != 0;
    o.mask = {c.mask.data(), Lk, 0, 0, 1};
  }
  if (std::strchr(options, 'b')) {
    c.bias = random(H * Lq * Lk + 1);
    o.bias = {c.bias.data(), 0, Lq * Lk, Lk, 1};
  }
  if (std::strchr(options, 'k')) {
    c.bias = random(Lk + 1);
    o.bias = {c.bias.data(), 0, 0, 0, 1};
  }
  if (std::strchr(options, 'd')) o.dropout = {keep_some, nullptr, 0.25};
  return c;
}

template <class T>
struct Result {
  std::vector<T> out, lse, map, dq, dk, dv, dbias;
};

// The definition, in R, with the whole matrix.
template <class R, class T>
Result<R> plain(const Case<T>& c) {
  const auto& o = c.o;
  const index_t heads = o.B * o.H;
  Result<R> r;
  r.out.resize(at(heads * o.Lq * o.Ev));
  r.lse.resize(at(heads * o.Lq));
  r.map.resize(at(heads * o.Lq * o.Lk));
  r.dq.resize(c.q.size());
  r.dk.resize(c.k.size());
  r.dv.resize(c.v.size());
  r.dbias.resize(c.bias.size());
  std::vector<R> x(at(o.Lk)), dropped(at(o.Lk)), dp(at(o.Lk));
  std::vector<std::uint8_t> keep(at(o.Lk), 1);
  for (index_t bh = 0; bh < heads; ++bh)
    for (index_t i = 0; i < o.Lq; ++i) {
      const index_t b = bh / o.H, h = bh % o.H, row = bh * o.Lq + i;
      R top = -std::numeric_limits<R>::infinity(), sum = 0;
      for (index_t j = 0; j < o.Lk; ++j) {
        R dot = 0;
        for (index_t e = 0; e < o.E; ++e)
          dot += static_cast<R>(c.q[at(row * o.E + e)]) * static_cast<R>(c.k[at((bh * o.Lk + j) * o.E + e)]);
        x[at(j)] = dot * static_cast<R>(o.scale);
        if (o.bias.data) x[at(j)] += static_cast<R>(*o.bias.at(b, h, i, j));
        if ((o.mask.data && !*o.mask.at(b, h, i, j)) || (o.causal && j > i))
          x[at(j)] = -std::numeric_limits<R>::infinity();
        top = std::max(top, x[at(j)]);
      }
      for (R e : x) sum += top > -std::numeric_limits<R>::infinity() ? std::exp(e - top) : R(0);
      r.lse[at(row)] = top + std::log(sum);
      if (o.dropout.keep) o.dropout.keep(nullptr, bh, i, 0, o.Lk, keep.data());
      const R factor = R(1) / (R(1) - static_cast<R>(o.dropout.probability));
      R delta = 0;
      for (index_t j = 0; j < o.Lk; ++j) {
        const R p = sum > 0 ? std::exp(x[at(j)] - top) / sum : R(0);
        r.map[at(row * o.Lk + j)] = p;
        dropped[at(j)] = keep[at(j)] ? p * factor : R(0);
        dp[at(j)] = 0;
        for (index_t e = 0; e < o.Ev; ++e) {
          const R value = static_cast<R>(c.v[at((bh * o.Lk + j) * o.Ev + e)]);
          const R d = static_cast<R>(c.dout[at(row * o.Ev + e)]);
          r.out[at(row * o.Ev + e)] += dropped[at(j)] * value;
          r.dv[at((bh * o.Lk + j) * o.Ev + e)] += dropped[at(j)] * d;
          dp[at(j)] += d * value;
        }
        dp[at(j)] *= keep[at(j)] ? factor : R(0);
        delta += p * dp[at(j)];
      }
      for (index_t j = 0; j < o.Lk; ++j) {
        const R dx = r.map[at(row * o.Lk + j)] * (dp[at(j)] - delta);
        if (o.bias.data) r.dbias[at(o.bias.at(b, h, i, j) - c.bias.data())] += dx;
        for (index_t e = 0; e < o.E; ++e) {
          const R s = static_cast<R>(o.scale) * dx;
          r.dq[at(row * o.E + e)] += s * static_cast<R>(c.k[at((bh * o.Lk + j) * o.E + e)]);
          r.dk[at((bh * o.Lk + j) * o.E + e)] += s * static_cast<R>(c.q[at(row * o.E + e)]);
        }
      }
    }
  return r;
}

}  // namespace limbic::cpu::test
