// Scaled dot-product attention, self and cross, fused: nothing of size L_q x L_k is kept.
//
//   q (B, H, L_q, E), k (B, H, L_k, E), v (B, H, L_k, E_v) -> y (B, H, L_q, E_v)
//   x = scale q k' + bias, -inf where not allowed;  P = softmax(x);  y = (P keep / (1 - p)) v
//
// Backward recomputes P from its rows' log-sum-exp (Dao, arXiv 2307.08691); see backend/cpu/attention.hpp. A
// query that may attend to no key has y = 0 and no gradient.
#pragma once

#include <limbic/backend/cpu/attention_ops.hpp>
#include <limbic/core/random.hpp>
#include <limbic/ops/matmul.hpp>
#include <limbic/ops/softmax.hpp>

#include <cmath>

namespace limbic {

// Options of attention(). There is no training mode here: dropout is on wherever it is not 0.
template <class D = Cpu>
struct AttentionOptions {
  std::optional<double> scale{};   // default 1 / sqrt(E)
  bool causal = false;             // query i sees the keys j <= i
  Tensor<bool, D> mask{};          // true: may attend (not: is masked); broadcasts to (B, H, L_q, L_k)
  double dropout = 0;              // probability that an entry of P is dropped, in [0, 1)
  RandomStream* random = nullptr;  // where dropout draws from
};

namespace detail {

// (B, H, L, E) whose memory is that of a dense (B, L, H, E): what projections before and after want.
template <class T, class D>
Tensor<T, D> empty_heads(const Shape& s) {
  return Tensor<T, D>::empty({s[0], s[2], s[1], s[3]}).transpose(1, 2);
}
template <class T, class D>
Tensor<T, D> dense_last(const Tensor<T, D>& t) {
  return t.strides()[3] == 1 || t.shape()[3] == 1 ? t : t.contiguous();
}

template <class T, class D>
struct Attention {
  static constexpr const char* name = "attention";
  AttentionPlan<T, D> plan{};
  bool want_map = false;
  bool keep = false;
  Tensor<T, D> map{};
  Saved<T, D> q_{}, k_{}, v_{}, bias_{}, y_{}, lse_{};

  void require(const Tensor<T, D>& q, const Tensor<T, D>& k, const Tensor<T, D>& v,
               const Tensor<T, D>& bias) const {
    const Shape &a = q.shape(), &b = k.shape(), &c = v.shape();
    const bool fits = a.rank() == 4 && b.rank() == 4 && c.rank() == 4 && a[0] == b[0] && a[0] == c[0] &&
                      a[1] == b[1] && a[1] == c[1] && b[2] == c[2] && a[3] == b[3];
    if (!fits)
      fail(name, "q (B, H, L_q, E), k (B, H, L_k, E), v (B, H, L_k, E_v) are needed; got q ", a, ", k ", b,
           ", v ", c);
    const Shape scores{a[0], a[1], a[2], b[2]};
    if (plan.mask.defined() && !expandable(plan.mask.shape(), scores))
      fail(name, "mask must broadcast to (B, H, L_q, L_k) = ", scores, "; got mask ", plan.mask.shape());
    if (bias.defined() && !expandable(bias.shape(), scores))
      fail(name, "bias must broadcast to (B, H, L_q, L_k) = ", scores, "; got bias ", bias.shape());
  }

  Tensor<T, D> evaluate(const Tensor<T, D>& q0, const Tensor<T, D>& k0, const Tensor<T, D>& v0,
                        const Tensor<T, D>& bias) {
    require(q0, k0, v0, bias);
    const Tensor<T, D> q = dense_last(q0), k = dense_last(k0), v = dense_last(v0);
    const Shape& s = q.shape();
    Tensor<T, D> y = empty_heads<T, D>({s[0], s[1], s[2], v.shape()[3]});
    Tensor<T, D> lse = Tensor<T, D>::empty({s[0], s[1], s[2]});
    if (want_map) map = Tensor<T, D>::empty({s[0], s[1], s[2], k.shape()[2]});
    attention_fwd(D{}, y, lse, map, q, k, v, bias, plan);
    if (keep) {
      q_ = q;
      k_ = k;
      v_ = v;
      bias_ = bias;
      y_ = y;
      lse_ = lse;
    }
    return y;
  }

  void backward(const Tensor<T, D>& dy0, Grad<T, D>& dq, Grad<T, D>& dk, Grad<T, D>& dv, Grad<T, D>& dbias) {
    const Tensor<T, D> dy = dense_last(dy0);
    Tensor<T, D> gq, gk, gv, gb;
    auto wanted = [](Grad<T, D>& d, Tensor<T, D>& g) {
      if (d) g = empty_heads<T, D>(d.shape());
      return d ? &g : nullptr;
    };
    if (dbias) gb = Tensor<T, D>::empty(dbias.shape());
    attention_bwd(D{}, wanted(dq, gq), wanted(dk, gk), wanted(dv, gv), dbias ? &gb : nullptr, y_.get(),
                  lse_.get(), dy, q_.get(), k_.get(), v_.get(), bias_.get(), plan);
    if (dq) dq.give(gq);
    if (dk) dk.give(gk);
    if (dv) dv.give(gv);
    if (dbias) dbias.give(gb);
  }

  const Saved<T, D>& saved_input(int i) const { return i == 0 ? q_ : i == 1 ? k_ : i == 2 ? v_ : bias_; }

  template <class X>
  X reference(const X& q, const X& k, const X& v, const X& bias) const {
    X x = matmul(q, transpose(k, -2, -1)) * plan.scale;
    if (bias.defined()) x = x + bias;
    const bool limited = plan.causal || plan.mask.defined();
    Tensor<T, D> allowed;
    if (limited) {
      allowed = Tensor<T, D>::empty(x.shape());
      attention_allowed(D{}, allowed, plan);
      // Far below anything, but finite: a row without an allowed key must not become NaN.
      x = x * allowed + (allowed - T(1)) * T(1e30);
    }
    X p = softmax(x);
    if (limited) p = p * allowed;
    if (plan.dropout > 0) {
      Tensor<T, D> kept = Tensor<T, D>::empty(x.shape());
      attention_kept(D{}, kept, plan);
      p = p * kept;
    }
    return matmul(p, v);
  }
};

template <class X>
Attention<scalar_of<X>, device_of<X>> attention_op(const X& q, const X& k,
                                                   const AttentionOptions<device_of<X>>& o) {
  using T = scalar_of<X>;
  Attention<T, device_of<X>> op;
  check(o.dropout >= 0 && o.dropout < 1, "attention", "dropout must be in [0, 1); got ", o.dropout);
  check(o.dropout == 0 || o.random, "attention", "dropout needs a random stream");
  const index_t width = q.rank() ? q.shape().back() : 0;
  op.plan.scale = static_cast<T>(o.scale.value_or(width ? 1 / std::sqrt(static_cast<double>(width)) : 1.0));
  op.plan.causal = o.causal;
  op.plan.mask = o.mask;
  op.plan.dropout = o.dropout;
  if (o.dropout > 0 && q.rank() == 4 && k.rank() == 4)
    op.plan.draw = o.random->draw(q.shape()[0] * q.shape()[1] * q.shape()[2] * k.shape()[2]);
  return op;
}

}  // namespace detail

// softmax(scale q k' + bias) v, with q (B, H, L_q, E), k (B, H, L_k, E), v (B, H, L_k, E_v)
// -> (B, H, L_q, E_v). The bias broadcasts to (B, H, L_q, L_k); an undefined one is left out. A query that
// may attend to no key has 0 and no gradient. Throws if shapes do not fit, for a dropout not in [0, 1), and
// for dropout without a stream. (torch.nn.functional.scaled_dot_product_attention)
template <Operand X>
X attention(const X& q, const X& k, const X& v, const AttentionOptions<device_of<X>>& options = {},
            const X& bias = X{}, Site site = Site::here()) {
  return apply(site, detail::attention_op(q, k, options), q, k, v, bias);
}

// The result, and the map P (B, H, L_q, L_k) before dropout, which carries no gradient.
template <class X>
struct AttentionWithMap {
  X y;
  Tensor<scalar_of<X>, device_of<X>> map;
};
// attention() with its map; that costs a second forward for a Var, and with dropout. Throws as attention().
template <Operand X>
AttentionWithMap<X> attention_with_map(const X& q, const X& k, const X& v,
                                       const AttentionOptions<device_of<X>>& options = {},
                                       const X& bias = X{}, Site site = Site::here()) {
  using T = scalar_of<X>;
  using D = device_of<X>;
  AttentionOptions<D> plain = options;
  plain.dropout = 0;
  auto op = detail::attention_op(value_of(q), value_of(k), plain);
  op.want_map = true;
  const Tensor<T, D> y = op.evaluate(value_of(q), value_of(k), value_of(v), value_of(bias));
  if constexpr (!OperandTraits<X>::kVar) {
    if (options.dropout == 0) return {y, op.map};
  }
  return {attention(q, k, v, options, bias, site), op.map};
}

}  // namespace limbic
