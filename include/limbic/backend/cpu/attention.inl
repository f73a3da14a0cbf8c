// Kernels of attention.hpp for one instruction set: what happens between one tile of queries and one of
// keys, in scratch memory of the thread. Tiles of scores are kept transposed, (keys, queries) with rows of
// `ld` numbers: the softmax is then lane by lane, and a short tile of keys wastes no lanes.
struct Attention {
  // Where a tile lies: head bh = b H + h, queries q0 .. q0 + nq, keys k0 .. k0 + nk.
  struct Place {
    index_t bh, b, h, q0, nq, k0, nk;
  };

  template <class T>
  struct Workspace {
    index_t ld, ldk, lde, ldv;  // rows of score tiles; of tiles (queries, keys); of E; of Ev numbers
    T *s, *d, *add, *drop, *rows, *qt, *dot, *k, *v, *q, *dout, *out, *dk, *top, *sum, *shift, *alpha, *delta;
    std::uint8_t* keep;

    Workspace(const AttentionOptions<T>& o, index_t tile_q, index_t tile_k, bool backward) {
      struct Purpose;
      ld = Tile::padded<T>(tile_q);
      ldk = Tile::padded<T>(tile_k);
      lde = Tile::padded<T>(o.E);
      ldv = Tile::padded<T>(o.Ev);
      T* memory = nullptr;
      for (int pass = 0; pass < 2; ++pass) {  // counts, then hands out
        index_t total = 0;
        auto take = [&](bool wanted, index_t n) {
          T* p = pass == 1 ? memory + total : nullptr;
          total += wanted ? (n + 15) / 16 * 16 : 0;
          return p;
        };
        const bool tables = o.mask.data || o.bias.data || o.dropout.keep;
        s = take(true, tile_k * ld);
        d = take(backward, tile_k * ld);
        add = take(tables, tile_k * ld);
        drop = take(tables, tile_k * ld);
        rows = take(true, tile_q * ldk);
        qt = take(true, o.E * ld);
        dot = take(backward, o.Ev * ld);
        k = take(backward, tile_k * lde);
        v = take(!backward, tile_k * ldv);
        q = take(backward, tile_q * lde);
        dout = take(backward, tile_q * ldv);
        out = take(true, tile_q * std::max(lde, ldv));
        dk = take(backward, tile_k * std::max(lde, ldv));
        top = take(true, ld);
        sum = take(true, ld);
        shift = take(true, ld);
        alpha = take(true, ld);
        delta = take(true, ld);
        keep = reinterpret_cast<std::uint8_t*>(take(true, ldk));
        if (pass == 0) memory = scratch<Purpose, T>(total);
      }
    }
  };

  // to (keys, queries) = the transpose of what fill(i, row) writes for query i of the tile.
  template <class T, class Fill>
  static LIMBIC_INLINE void fill_transposed(const Place& p, Workspace<T>& w, T* to, Fill&& fill) {
    for (index_t i = 0; i < p.nq; ++i) fill(i, w.rows + i * w.ldk);
    Tile::pack_transposed(w.rows, w.ldk, p.nq, p.nk, T(1), to, w.ld);
  }

  // row_j = bias where the mask allows, else -inf, for query i of the tile.
  template <class T>
  static void fill_add(const AttentionOptions<T>& o, const Place& p, index_t i, T* row) {
    const T* bias = o.bias.data ? o.bias.at(p.b, p.h, p.q0 + i, p.k0) : nullptr;
    for (index_t j = 0; j < p.nk; ++j) row[j] = bias ? bias[j * o.bias.key] : T(0);
    if (!o.mask.data) return;
    const std::uint8_t* mask = o.mask.at(p.b, p.h, p.q0 + i, p.k0);
    for (index_t j = 0; j < p.nk; ++j)
      row[j] = mask[j * o.mask.key] ? row[j] : -std::numeric_limits<T>::infinity();
  }

  // w.drop = 1 / (1 - probability) where the entry is kept, else 0.
  template <class T>
  static void fill_drop(const AttentionOptions<T>& o, const Place& p, Workspace<T>& w) {
    const T factor = T(1) / (T(1) - static_cast<T>(o.dropout.probability));
    fill_transposed(p, w, w.drop, [&](index_t i, T* row) {
      o.dropout.keep(o.dropout.context, p.bh, p.q0 + i, p.k0, p.nk, w.keep);
      for (index_t j = 0; j < p.nk; ++j) row[j] = w.keep[j] ? factor : T(0);
    });
  }

  // w.s = logits of the tile, w.qt holding scale q; -inf where masked. Nothing may be multiplied with them
  // after this: e^(x - max) and e^(x - lse) need x as it was rounded, and the compiler fuses products into
  // sums.
  template <class T>
  static void logits(const AttentionOptions<T>& o, const Place& p, const T* keys, index_t key_row,
                     Workspace<T>& w) {
    constexpr T kInf = std::numeric_limits<T>::infinity();
    Tile::multiply<false>(p.nk, p.nq, o.E, keys, key_row, w.qt, w.ld, w.s, w.ld, false);
    const bool adds = o.bias.data || o.mask.data;
    if (!adds && !o.causal) return;
    // A bias and a mask that are the same for all queries are one number a key.
    const bool by_key = (!o.bias.data || o.bias.query == 0) && (!o.mask.data || o.mask.query == 0);
    if (adds && by_key) fill_add(o, p, 0, w.add);
    if (adds && !by_key) fill_transposed(p, w, w.add, [&](index_t i, T* row) { fill_add(o, p, i, row); });
    for (index_t j = 0; j < p.nk; ++j) {
      T* s = w.s + j * w.ld;
      for (index_t i = 0; adds && i < p.nq; i += kLanes<T>) {
        const Vec<T> a = by_key ? splat(w.add[j]) : load(w.add + j * w.ld + i), masked = splat(-kInf);
        store<T>(s + i, a == -kInf ? masked : load(s + i) + a);
      }
      const index_t first = o.causal ? std::min(p.nq, p.k0 + j - p.q0) : 0;  // query that sees key j
      for (index_t i = 0; i < first; ++i) s[i] = -kInf;
    }
  }

  // One tile of the forward: out = alpha out + (e^(s - top))' v with the running maximum and sum of each
  // query (Milakov and Gimelshein 2018, arXiv:1805.02867).
  template <class T>
  static void forward_tile(const AttentionOptions<T>& o, const Place& p, const T* v, index_t ldv,
                           Workspace<T>& w, bool first) {
    constexpr T kInf = std::numeric_limits<T>::infinity();
    for (index_t i = 0; i < p.nq; i += kLanes<T>) {
      const Vec<T> old = load(w.top + i);
      Vec<T> top = old, other = old;
      index_t j = 0;
      for (; j + 2 <= p.nk; j += 2) {
        top = vmax<T>(top, load(w.s + j * w.ld + i));
        other = vmax<T>(other, load(w.s + (j + 1) * w.ld + i));
      }
      if (j < p.nk) top = vmax<T>(top, load(w.s + j * w.ld + i));
      top = vmax<T>(top, other);
      // Queries without any key so far are shifted by 0, not by -inf.
      const Vec<T> shift = top == -kInf ? Vec<T>{} : top;
      const Vec<T> alpha = vexp_negative<T>(old - shift);
      Vec<T> sum = load(w.sum + i) * alpha;
      for (j = 0; j < p.nk; ++j) {
        T* s = w.s + j * w.ld + i;
        const Vec<T> e = vexp_negative<T>(load(s) - shift);
        sum += e;
        store<T>(s, e);
      }
      store<T>(w.top + i, top);
      store<T>(w.sum + i, sum);
      store<T>(w.alpha + i, alpha);
    }
    if (o.dropout.keep) {
      fill_drop(o, p, w);
      for (index_t j = 0; j < p.nk * w.ld; j += kLanes<T>)
        store<T>(w.s + j, load(w.s + j) * load(w.drop + j));
    }
    for (index_t i = 0; !first && i < p.nq; ++i)
      for (index_t e = i * w.ldv; e < (i + 1) * w.ldv; e += kLanes<T>)
        store<T>(w.out + e, load(w.out + e) * w.alpha[i]);
    Tile::multiply<true>(p.nq, o.Ev, p.nk, w.s, w.ld, v, ldv, w.out, w.ldv, !first);
  }

  // The forward of the queries q0 .. q0 + nq of one head.
  template <class T>
  static void forward(const AttentionOptions<T>& o, Heads<const T> q, Heads<const T> k, Heads<const T> v,
                      Heads<T> out, T* lse, T* map, index_t bh, index_t q0, index_t nq, index_t tile_q,
                      index_t tile_k) {
    constexpr T kInf = std::numeric_limits<T>::infinity();
    Place p{bh, bh / o.H, bh % o.H, q0, nq, 0, 0};
    Workspace<T> w(o, tile_q, tile_k, false);
    std::fill(w.top, w.top + w.ld, -kInf);
    std::fill(w.sum, w.sum + w.ld, T(0));
    Tile::pack_transposed(q.at(p.b, p.h, q0), q.row, nq, o.E, o.scale, w.qt, w.ld);
    T* map_rows = map ? map + (bh * o.Lq + q0) * o.Lk : nullptr;
    bool first = true;
    for (p.k0 = 0; p.k0 < o.Lk; p.k0 += tile_k) {
      p.nk = std::min(tile_k, o.Lk - p.k0);
      if (o.causal && p.k0 >= q0 + nq) {
        for (index_t i = 0; map && i < nq; ++i)
          std::fill(map_rows + i * o.Lk + p.k0, map_rows + i * o.Lk + p.k0 + p.nk, -kInf);
        continue;
      }
      logits(o, p, k.at(p.b, p.h, p.k0), k.row, w);
      if (map) {  // the logits for now
        Tile::pack_transposed(w.s, w.ld, p.nk, nq, T(1), w.rows, w.ldk);
        Tile::write(w.rows, w.ldk, nq, p.nk, T(1), map_rows + p.k0, o.Lk, false);
      }
      index_t ldv = 0;
      const T* values = Tile::as_right(v.at(p.b, p.h, p.k0), v.row, p.nk, o.Ev, w.v, ldv);
      forward_tile(o, p, values, ldv, w, first);
      first = false;
    }
    for_vectors<T>(nq, [&](index_t i, auto at) LIMBIC_LAMBDA {
      const Vec<T> sum = load(w.sum + i), none = splat(-kInf);
      const Vec<T> all = load(w.top + i) + vlog<T>(sum);
      at.store(lse + bh * o.Lq + q0 + i, sum == T(0) ? none : all);
      store<T>(w.alpha + i, sum == T(0) ? Vec<T>{} : T(1) / sum);
    });
    T* to = out.at(p.b, p.h, q0);
    for (index_t i = 0; i < nq; ++i) {
      const T inverse = w.alpha[i];
      const bool empty = w.sum[i] == T(0);
      for_vectors<T>(o.Ev, [&](index_t e, auto at) LIMBIC_LAMBDA {
        at.store(to + i * out.row + e, empty ? Vec<T>{} : load(w.out + i * w.ldv + e) * inverse);
      });
      if (!map) continue;
      T* row = map_rows + i * o.Lk;
      const T shift = empty ? T(0) : w.top[i];
      for_vectors<T>(o.Lk, [&](index_t j, auto at) LIMBIC_LAMBDA {
        at.store(row + j, vexp_negative<T>(at.load(row + j) - shift) * inverse);
      });
    }
  }

  // One tile of the backward: s = P keep / (1 - p), d = dx.
  template <class T>
  static void backward_tile(const AttentionOptions<T>& o, const AttentionGradients<T>& g, const Place& p,
                            Workspace<T>& w) {
    logits(o, p, g.k.at(p.b, p.h, p.k0), g.k.row, w);
    Tile::multiply<false>(p.nk, p.nq, o.Ev, g.v.at(p.b, p.h, p.k0), g.v.row, w.dot, w.ld, w.d, w.ld, false);
    if (o.dropout.keep) fill_drop(o, p, w);
    for (index_t i = 0; i < p.nq; i += kLanes<T>) {
      const Vec<T> shift = load(w.shift + i), delta = load(w.delta + i);
      for (index_t j = 0; j < p.nk; ++j) {
        T *s = w.s + j * w.ld + i, *d = w.d + j * w.ld + i;
        const Vec<T> e = vexp_negative<T>(load(s) - shift);
        if (o.dropout.keep) {
          const Vec<T> drop = load(w.drop + j * w.ld + i);
          store<T>(s, e * drop);
          store<T>(d, e * (load(d) * drop - delta));
        } else {
          store<T>(s, e);
          store<T>(d, e * (load(d) - delta));
        }
      }
    }
  }

  // What the backward needs of a tile of queries: q and dout transposed, delta_i = dout_i . out_i = sum_j
  // P_ij dP_ij, and the shift that makes e^(logit - shift) = P: inf for queries without a key.
  template <class T>
  static void prepare_queries(const AttentionOptions<T>& o, const AttentionGradients<T>& g, const Place& p,
                              Workspace<T>& w) {
    constexpr T kInf = std::numeric_limits<T>::infinity();
    const T *out = g.out.at(p.b, p.h, p.q0), *dout = g.dout.at(p.b, p.h, p.q0);
    Tile::pack_transposed(g.q.at(p.b, p.h, p.q0), g.q.row, p.nq, o.E, o.scale, w.qt, w.ld);
    Tile::pack_transposed(dout, g.dout.row, p.nq, o.Ev, T(1), w.dot, w.ld);
    reduce_rows<false>(p.nq, w.delta, [&](index_t i) LIMBIC_LAMBDA {
      Vec<T> sum{};
      for_vectors<T>(o.Ev, [&](index_t e, auto at) LIMBIC_LAMBDA {
        sum += at.load(out + i * g.out.row + e) * at.load(dout + i * g.dout.row + e);
      });
      return sum;
    });
    for_vectors<T>(p.nq, [&](index_t i, auto at) LIMBIC_LAMBDA {
      const Vec<T> lse = at.load(g.lse + p.bh * o.Lq + p.q0 + i), none = splat(kInf);
      store<T>(w.shift + i, lse == -kInf ? none : lse);
    });
  }

  // The tiles [qt0, qt1) x [kt0, kt1) of one head: writes what is wanted of dq (these must be all tiles of
  // keys), dk and dv (all of queries), and adds dx to `dbias` (tile of keys, queries with rows of tile_q).
  template <class T>
  static void backward(const AttentionOptions<T>& o, const AttentionGradients<T>& g, bool want_q,
                       bool want_kv, std::type_identity_t<T>* dbias, index_t bh, index_t qt0, index_t qt1,
                       index_t kt0, index_t kt1, index_t tile_q, index_t tile_k) {
    Place p{bh, bh / o.H, bh % o.H, 0, 0, 0, 0};
    Workspace<T> w(o, tile_q, tile_k, true);
    const bool want_k = want_kv && g.dk.data, want_v = want_kv && g.dv.data;
    want_q = want_q && g.dq.data;
    index_t ld = 0;
    for (index_t qt = qt0; qt < qt1; ++qt) {
      p.q0 = qt * tile_q;
      p.nq = std::min(tile_q, o.Lq - p.q0);
      prepare_queries(o, g, p, w);
      const T *right_q = nullptr, *right_dout = nullptr;
      if (want_k) right_q = Tile::as_right(g.q.at(p.b, p.h, p.q0), g.q.row, p.nq, o.E, w.q, ld);
      if (want_v) right_dout = Tile::as_right(g.dout.at(p.b, p.h, p.q0), g.dout.row, p.nq, o.Ev, w.dout, ld);
      for (index_t kt = kt0; kt < kt1; ++kt) {
        p.k0 = kt * tile_k;
        p.nk = std::min(tile_k, o.Lk - p.k0);
        if (o.causal && p.k0 >= p.q0 + p.nq) break;
        backward_tile(o, g, p, w);
        const bool met = qt > (o.causal ? p.k0 / tile_q : 0);  // an earlier tile of queries saw these keys
        if (want_v) {
          Tile::multiply<false>(p.nk, o.Ev, p.nq, w.s, w.ld, right_dout, w.ldv, w.dk, w.ldv, false);
          Tile::write(w.dk, w.ldv, p.nk, o.Ev, T(1), g.dv.at(p.b, p.h, p.k0), g.dv.row,
                      g.accumulate_dv || met);
        }
        if (want_k) {
          Tile::multiply<false>(p.nk, o.E, p.nq, w.d, w.ld, right_q, w.lde, w.dk, w.lde, false);
          Tile::write(w.dk, w.lde, p.nk, o.E, o.scale, g.dk.at(p.b, p.h, p.k0), g.dk.row,
                      g.accumulate_dk || met);
        }
        if (want_q) {
          const T* right = Tile::as_right(g.k.at(p.b, p.h, p.k0), g.k.row, p.nk, o.E, w.k, ld);
          Tile::multiply<true>(p.nq, o.E, p.nk, w.d, w.ld, right, w.lde, w.out, w.lde, kt > 0);
        }
        for (index_t j = 0; dbias && j < p.nk; ++j)
          for_vectors<T>(p.nq, [&](index_t i, auto at) LIMBIC_LAMBDA {
            at.store(dbias + j * tile_q + i, at.load(dbias + j * tile_q + i) + at.load(w.d + j * w.ld + i));
          });
      }
      if (want_q)
        Tile::write(w.out, w.lde, p.nq, o.E, o.scale, g.dq.at(p.b, p.h, p.q0), g.dq.row, g.accumulate_dq);
    }
    // Keys that no query sees.
    const index_t seen =
        o.causal ? std::min(o.Lk, (o.Lq + tile_k - 1) / tile_k * tile_k) : (o.Lq > 0 ? o.Lk : 0);
    for (index_t j = std::max(seen, kt0 * tile_k); want_kv && j < std::min(o.Lk, kt1 * tile_k); ++j) {
      if (want_k && !g.accumulate_dk) std::fill_n(g.dk.at(p.b, p.h, j), o.E, T(0));
      if (want_v && !g.accumulate_dv) std::fill_n(g.dv.at(p.b, p.h, j), o.Ev, T(0));
    }
  }
};
