// Multi-head attention with packed projections, named and packed as torch.nn.MultiheadAttention.
//
//   query (B, L_q, C), key and value (B, L_k, C) -> (B, L_q, C);  in_proj_weight (3C, C), in_proj_bias (3C),
//   out_proj_weight (C, C), out_proj_bias (C);  heads of size E = C / H
//   q, k, v = query W_q' + b_q, ...;  y = concat over heads of attention(q_h, k_h, v_h);  out = y W_o' + b_o
//
// Source: Vaswani et al., arXiv 1706.03762.
#pragma once

#include <limbic/ops/attention.hpp>
#include <limbic/ops/linear.hpp>

namespace limbic {

// Parameters of the projections, shapes as above; undefined biases are left out.
template <class X>
struct MultiheadWeights {
  X in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias;
};

namespace detail {

// Part `index` of `parts` of a packed weight or bias; undefined stays undefined.
template <class X>
X packed_part(const X& packed, index_t index, index_t count, index_t width, Site site) {
  return packed.defined() ? slice(packed, 0, index * width, (index + count) * width, 1, site) : X{};
}
// Projections laid side by side, (B, L, parts H E), seen as part's heads (B, H, L, E): a view.
template <class X>
X heads_of_part(const X& projected, index_t part, index_t heads, index_t width, Site site) {
  const X one =
      projected.size(2) == width ? projected : slice(projected, 2, part * width, (part + 1) * width, 1, site);
  return transpose(reshape(one, {one.size(0), one.size(1), heads, width / heads}, site), 1, 2, site);
}

}  // namespace detail

// Attention of `heads` heads, query (B, L_q, C), key and value (B, L_k, C) -> (B, L_q, C). options.mask
// broadcasts to (B, H, L_q, L_k) and is true where a query may attend (torch.nn.MultiheadAttention's masks:
// the opposite). Where query, key and value are one and the same object, or key and value are, their
// projections are one product. Throws if shapes do not fit or C is no multiple of `heads`.
template <Operand X, Operand W>
auto multihead_attention(const X& query, const X& key, const X& value, const MultiheadWeights<W>& weights,
                         index_t heads, const AttentionOptions<device_of<X>>& options = {},
                         Site site = Site::here()) {
  using R = result_of<X, W>;
  constexpr const char* kName = "multihead_attention";
  if (query.rank() != 3 || key.rank() != 3 || value.rank() != 3)
    fail(kName, "query, key and value (B, L, C) are needed; got ", query.shape(), ", ", key.shape(), ", ",
         value.shape());
  const index_t width = query.size(2);
  if (heads < 1 || width % heads != 0)
    fail(kName, "the width must be a multiple of the number of heads; got query ", query.shape(), " and ",
         heads, " heads");
  if (!(weights.in_proj_weight.shape() == Shape{3 * width, width}))
    fail(kName, "in_proj_weight must be (3C, C); got ", weights.in_proj_weight.shape(), " for query ",
         query.shape());
  auto project = [&](const X& x, index_t part, index_t count) {
    return R(linear(x, detail::packed_part(weights.in_proj_weight, part, count, width, site),
                    detail::packed_part(weights.in_proj_bias, part, count, width, site), site));
  };
  auto heads_of = [&](const R& projected, index_t part) {
    return detail::heads_of_part(projected, part, heads, width, site);
  };
  R q, k, v;
  if (&key == &value && &query == &key) {
    const R all = R(linear(query, weights.in_proj_weight, weights.in_proj_bias, site));
    q = heads_of(all, 0);
    k = heads_of(all, 1);
    v = heads_of(all, 2);
  } else if (&key == &value) {
    const R both = project(key, 1, 2);
    q = heads_of(project(query, 0, 1), 0);
    k = heads_of(both, 0);
    v = heads_of(both, 1);
  } else {
    q = heads_of(project(query, 0, 1), 0);
    k = heads_of(project(key, 1, 1), 0);
    v = heads_of(project(value, 2, 1), 0);
  }
  const R y = attention(q, k, v, options, R{}, site);
  const R joined = reshape(transpose(y, 1, 2, site), {query.size(0), query.size(1), width}, site);
  return R(linear(joined, weights.out_proj_weight, weights.out_proj_bias, site));
}

}  // namespace limbic
