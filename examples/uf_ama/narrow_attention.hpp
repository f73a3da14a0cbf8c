// Multi-head attention on tokens that an affine map has widened, computed on the narrow tokens themselves.
//
// Queries come from x A' + a and keys and values from z B' + b, with x (.., d_q) and z (.., d_k) narrower
// than the attention's heads or as wide (E = C / H). For head i, up to a term that is the same for all keys
// (softmax ignores it),
//   q_i . k_i = (x U_i' + u_i) . z,        U_i = (W_k,i B)' (W_q,i A),  u_i = (W_k,i B)' (W_q,i a + b_q,i)
// and with the map P_i, whose rows sum to 1,
//   sum_i W_o,i (P_i v_i) + b_o = sum_i V_i (P_i z) + c,   V_i = W_o,i W_v,i B,  c = b_o + W_o (W_v b + b_v)
// So keys and values need no projection, and the heads are nothing but H queries for every token. Where P is
// dropped out its rows do not sum to 1: z then has a last column of ones, and V_i a last column W_o,i (W_v b
// + b_v)_i.
//
// The maps are folded once a training step, with gradients to all parameters, or once for good for inference.
// Rounding apart, results are those of MultiheadAttention on the widened tokens; the gradient of the keys'
// bias is exactly 0.
#pragma once

#include <limbic/nn/attention.hpp>
#include <limbic/ops/concat.hpp>

#include <cmath>

namespace limbic::uf_ama {

// x W' + b, as parts of larger maps.
template <class T, class D>
struct Affine {
  Var<T, D> weight, bias;

  Var<T, D> operator()(const Var<T, D>& x, Site site = Site::here()) const {
    return linear(x, weight, bias, site);
  }
};

template <class T, class D = Cpu>
struct NarrowAttention {
  Affine<T, D> ask;     // (H d_k, d_q): every token's query of every head
  Affine<T, D> answer;  // (C, H d_v): from what the heads have read
  index_t heads = 1;
  double scale = 1;

  // `widen` maps the keys' tokens (and `widen_query` the queries') to the attention's width; `ones`: values
  // have a column of ones.
  NarrowAttention() = default;
  NarrowAttention(const MultiheadAttention<T, D>& attn, const Linear<T, D>& widen_query,
                  const Linear<T, D>& widen, bool ones)
      : heads(attn.heads) {
    const index_t c = widen.weight.size(0), e = c / heads, d_q = widen_query.weight.size(1),
                  d_k = widen.weight.size(1);
    scale = 1 / std::sqrt(static_cast<double>(e));
    auto part = [&](const Var<T, D>& packed, index_t i) { return slice(packed, 0, i * c, (i + 1) * c); };
    auto row = [&](const Var<T, D>& bias) { return reshape(bias, {1, c}); };

    const Var<T, D> w_q = part(attn.in_proj_weight, 0), w_k = part(attn.in_proj_weight, 1),
                    w_v = part(attn.in_proj_weight, 2);
    const Var<T, D> queries = reshape(matmul(w_q, widen_query.weight), {heads, e, d_q});
    const Var<T, D> query_bias =
        reshape(linear(row(widen_query.bias), w_q, part(attn.in_proj_bias, 0)), {heads, e, 1});
    const Var<T, D> keys = transpose(reshape(matmul(w_k, widen.weight), {heads, e, d_k}), 1, 2);
    ask = {reshape(matmul(keys, queries), {heads * d_k, d_q}),
           reshape(matmul(keys, query_bias), {heads * d_k})};

    Var<T, D> values = matmul(w_v, widen.weight);
    const Var<T, D> value_bias = linear(row(widen.bias), w_v, part(attn.in_proj_bias, 2));
    if (ones) values = concat({values, reshape(value_bias, {c, 1})}, 1);
    const index_t d_v = values.size(1);
    const Var<T, D> out = transpose(reshape(attn.out_proj.weight, {c, heads, e}), 0, 1);
    answer = {reshape(transpose(matmul(out, reshape(values, {heads, e, d_v})), 0, 1), {c, heads * d_v}),
              ones ? attn.out_proj.bias
                   : reshape(linear(value_bias, attn.out_proj.weight, attn.out_proj.bias), {c})};
  }

  // What the heads read: x (B, L_q, d_q), z (B, L_k, d_k), v (B, L_k, d_v) -> (B, L_q, H d_v).
  Var<T, D> read(const Var<T, D>& x, const Var<T, D>& z, const Var<T, D>& v, AttentionOptions<D> options = {},
                 Site site = Site::here()) const {
    options.scale = scale;
    const Var<T, D> read =
        attention(queries(x, site), unsqueeze(z, 1), unsqueeze(v, 1), options, Var<T, D>{}, site);
    return reshape(read, {x.size(0), x.size(1), heads * v.size(2)});
  }
  // The result of the attention, (B, L_q, C).
  Var<T, D> operator()(const Var<T, D>& x, const Var<T, D>& z, const Var<T, D>& v,
                       const AttentionOptions<D>& options = {}, Site site = Site::here()) const {
    return answer(read(x, z, v, options, site), site);
  }
  // The map of every head (B, H, L_q, L_k).
  Tensor<T, D> map(const Var<T, D>& x, const Var<T, D>& z) const {
    AttentionOptions<D> options;
    options.scale = scale;
    const Tensor<T, D> keys = z.value().unsqueeze(1);
    const Tensor<T, D> map = attention_with_map(queries(x, Site::here()).value(), keys, keys, options).map;
    return map.reshape({x.size(0), x.size(1), heads, z.size(1)}).transpose(1, 2).contiguous();
  }

 private:
  // Queries (B, 1, L_q H, d_k): those of a token's heads follow each other.
  Var<T, D> queries(const Var<T, D>& x, Site site) const {
    const Var<T, D> q = ask(x, site);
    return reshape(q, {x.size(0), 1, x.size(1) * heads, q.size(2) / heads});
  }
};

}  // namespace limbic::uf_ama
