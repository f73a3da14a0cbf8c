// Fused scaled dot-product attention, forward and backward; T = float or double.
//
//   q (B, H, Lq, E), k (B, H, Lk, E), v (B, H, Lk, Ev), out (B, H, Lq, Ev), lse (B, H, Lq)
//   x_ij = scale q_i . k_j + bias_ij, -inf where masked;  P = softmax over j;  lse_i = log sum_j e^x_ij
//   out_i = sum_j P_ij keep_ij / (1 - p) v_j
//   delta_i = dout_i . out_i;  dP_ij = dout_i . v_j keep_ij / (1 - p);  dx = P (dP - delta)
//   dq = scale dx k, dk = scale dx' q, dv = (P keep / (1 - p))' dout, dbias = dx summed as bias was broadcast
//
// Works on tiles of at most 64 queries and 64 keys, so no (Lq, Lk) matrix is stored; the backward computes
// P again from lse. A query that may attend to no key has output and gradient 0 and lse = -inf. Source:
// Dao, "FlashAttention-2", 2023, arXiv:2307.08691. Results do not depend on the number of threads.
#pragma once

#include <limbic/backend/cpu/isa.hpp>
#include <limbic/backend/cpu/parallel.hpp>
#include <limbic/backend/cpu/scratch.hpp>
#include <limbic/backend/cpu/vec.hpp>
#include <limbic/core/math.hpp>

#include <algorithm>
#include <limits>
#include <type_traits>

namespace limbic::cpu {

// A (B, H, L, E) operand with strides in elements; its last axis is dense. So the three parts of a packed
// projection (B, L, 3 H E) are operands as they stand: batch = L 3 H E, head = E, row = 3 H E.
template <class T>
struct Heads {
  T* data = nullptr;
  index_t batch = 0, head = 0, row = 0;

  T* at(index_t b, index_t h, index_t i) const { return data + b * batch + h * head + i * row; }
  template <class U>
  requires(!std::is_const_v<T> && std::is_same_v<U, const T>) operator Heads<U>() const {
    return {data, batch, head, row};
  }
};

// Something (B, H, Lq, Lk), each axis of which may be broadcast (stride 0). Null: absent.
template <class T>
struct Scores {
  T* data = nullptr;
  index_t batch = 0, head = 0, query = 0, key = 0;

  T* at(index_t b, index_t h, index_t i, index_t j) const {
    return data + b * batch + h * head + i * query + j * key;
  }
};

// Which entries dropout keeps: writes 1 or 0 to keep[0 .. n) for query i and keys j0 .. j0 + n of head
// bh = b H + h. Called from several threads, in any order, once in the forward and again in the backward: it
// must be a function of its arguments.
struct AttentionDropout {
  void (*keep)(void* context, index_t bh, index_t i, index_t j0, index_t n, std::uint8_t* keep) = nullptr;
  void* context = nullptr;
  double probability = 0;  // of being dropped, in [0, 1)
};

// Sizes and what does not carry a gradient.
template <class T>
struct AttentionOptions {
  index_t B = 0, H = 0, Lq = 0, Lk = 0, E = 0, Ev = 0;
  T scale = T(1);
  bool causal = false;                // query i sees the keys j <= i
  Scores<const std::uint8_t> mask{};  // nonzero: may attend
  Scores<const T> bias{};
  AttentionDropout dropout{};
};

// What the backward reads, and where gradients go: written, or added to what is there.
template <class T>
struct AttentionGradients {
  Heads<const T> q{}, k{}, v{}, out{}, dout{};
  const T* lse = nullptr;     // (B, H, Lq), dense
  Heads<T> dq{}, dk{}, dv{};  // null: not wanted
  bool accumulate_dq = false, accumulate_dk = false, accumulate_dv = false;
  Scores<T> dbias{};  // broadcast as the bias; null: not wanted
  bool accumulate_dbias = false;
};

}  // namespace limbic::cpu

#define LIMBIC_ISA_FILE <limbic/backend/cpu/tile_product.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>
#define LIMBIC_ISA_FILE <limbic/backend/cpu/attention.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>

namespace limbic::cpu {

namespace detail {

// Equal tiles of at most 64, in steps of the widest vector.
inline index_t attention_tile(index_t length) {
  const index_t tiles = std::max(index_t{1}, (length + 63) / 64);
  return std::max(index_t{16}, ((length + tiles - 1) / tiles + 15) / 16 * 16);
}

template <class F>
void on_attention(F&& f) {
  on_isa<portable::Attention, avx2::Attention, avx512::Attention>(f);
}

// dbias: one piece of work for each tile of it, which goes through all heads and tiles that share it, in
// order.
template <class T>
void attention_bias_gradient(const AttentionOptions<T>& o, const AttentionGradients<T>& g) {
  const index_t tile_q = attention_tile(o.Lq), tile_k = attention_tile(o.Lk);
  const index_t tiles_q = (o.Lq + tile_q - 1) / tile_q, tiles_k = (o.Lk + tile_k - 1) / tile_k;
  const Scores<T>& to = g.dbias;
  const bool sum_q = to.query == 0, sum_k = to.key == 0;
  const index_t nb = to.batch == 0 ? 1 : o.B, nh = to.head == 0 ? 1 : o.H;
  const index_t nq = sum_q ? 1 : tiles_q, nk = sum_k ? 1 : tiles_k;
  on_attention([&](auto kernels) {
    parallel_for(nb * nh * nq * nk, 1, [&](index_t piece, index_t) {
      struct Purpose;
      T* tile = scratch<Purpose, T>(tile_q * tile_k);
      std::fill(tile, tile + tile_q * tile_k, T(0));
      const index_t k0 = piece % nk, q0 = piece / nk % nq, h0 = piece / nk / nq % nh,
                    b0 = piece / nk / nq / nh;
      const index_t k1 = sum_k ? tiles_k : k0 + 1, q1 = sum_q ? tiles_q : q0 + 1;
      for (index_t b = b0; b < (to.batch == 0 ? o.B : b0 + 1); ++b)
        for (index_t h = h0; h < (to.head == 0 ? o.H : h0 + 1); ++h)
          kernels.backward(o, g, false, false, tile, b * o.H + h, q0, q1, k0, k1, tile_q, tile_k);
      const index_t rows = std::min(tile_q, o.Lq - q0 * tile_q), cols = std::min(tile_k, o.Lk - k0 * tile_k);
      for (index_t j = 0; sum_q && j < cols; ++j)
        for (index_t i = 1; i < rows; ++i) tile[j * tile_q] += tile[j * tile_q + i];
      for (index_t i = 0; sum_k && i < rows; ++i)
        for (index_t j = 1; j < cols; ++j) tile[i] += tile[j * tile_q + i];
      for (index_t i = 0; i < (sum_q ? 1 : rows); ++i)
        for (index_t j = 0; j < (sum_k ? 1 : cols); ++j) {
          T& target = *to.at(b0, h0, q0 * tile_q + i, k0 * tile_k + j);
          target = g.accumulate_dbias ? target + tile[j * tile_q + i] : tile[j * tile_q + i];
        }
    });
  });
}

}  // namespace detail

// out and lse (B, H, Lq; dense) of q, k and v. `map`, if not null, receives P (B, H, Lq, Lk; dense) before
// dropout.
template <class T>
void attention_fwd(const AttentionOptions<T>& o, std::type_identity_t<Heads<const T>> q,
                   std::type_identity_t<Heads<const T>> k, std::type_identity_t<Heads<const T>> v,
                   Heads<T> out, T* lse, T* map = nullptr) {
  const index_t tile_q = detail::attention_tile(o.Lq), tile_k = detail::attention_tile(o.Lk);
  const index_t tiles = (o.Lq + tile_q - 1) / tile_q;
  const index_t work = std::max(index_t{1}, std::min(o.Lq, tile_q) * (o.Lk + 1) * (o.E + o.Ev));
  detail::on_attention([&](auto kernels) {
    parallel_for(o.B * o.H * tiles, std::max(index_t{1}, 65536 / work), [&](index_t piece, index_t end) {
      for (; piece < end; ++piece) {
        const index_t q0 = piece % tiles * tile_q;
        kernels.forward(o, q, k, v, out, lse, map, piece / tiles, q0, std::min(tile_q, o.Lq - q0), tile_q,
                        tile_k);
      }
    });
  });
}

// The wanted gradients. With one or two heads in all and several tiles, dk and dv on the one hand and dq on
// the other are computed apart, each tile for itself, so that there is work for more threads.
template <class T>
void attention_bwd(const AttentionOptions<T>& o, const AttentionGradients<T>& g) {
  const index_t tile_q = detail::attention_tile(o.Lq), tile_k = detail::attention_tile(o.Lk);
  const index_t tiles_q = (o.Lq + tile_q - 1) / tile_q, tiles_k = (o.Lk + tile_k - 1) / tile_k;
  const index_t heads = o.B * o.H;
  const index_t work = std::max(index_t{1}, o.Lq * o.Lk * (o.E + o.Ev) * 2);
  detail::on_attention([&](auto kernels) {
    if (tiles_k == 0) {
      for (index_t row = 0; g.dq.data && !g.accumulate_dq && row < heads * o.Lq; ++row)
        std::fill_n(g.dq.at(row / o.Lq / o.H, row / o.Lq % o.H, row % o.Lq), o.E, T(0));
    } else if (heads <= 2 && tiles_k > 1) {
      parallel_for(heads * tiles_k, 1, [&](index_t i, index_t) {
        const index_t kt = i % tiles_k;
        kernels.backward(o, g, false, true, nullptr, i / tiles_k, 0, tiles_q, kt, kt + 1, tile_q, tile_k);
      });
      parallel_for(g.dq.data ? heads * tiles_q : 0, 1, [&](index_t i, index_t) {
        const index_t qt = i % tiles_q;
        kernels.backward(o, g, true, false, nullptr, i / tiles_q, qt, qt + 1, 0, tiles_k, tile_q, tile_k);
      });
    } else {
      parallel_for(heads, std::max(index_t{1}, 65536 / work), [&](index_t bh, index_t end) {
        for (; bh < end; ++bh)
          kernels.backward(o, g, true, true, nullptr, bh, 0, tiles_q, 0, tiles_k, tile_q, tile_k);
      });
    }
  });
  if (g.dbias.data) detail::attention_bias_gradient(o, g);
}

}  // namespace limbic::cpu
