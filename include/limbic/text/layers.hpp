// What the text towers share: self-attention with projections of their own, and layers that compute with or
// without a tape. X is Var<T, D>, or Tensor<T, D> where no gradient is wanted: that is faster, to compile
// too.
#pragma once

#include <limbic/io/json.hpp>
#include <limbic/nn/transformer.hpp>
#include <limbic/text/weights.hpp>

namespace limbic::text {

namespace detail {

// A parameter as the type that is computed with.
template <class X, class T, class D>
X as(const Var<T, D>& parameter) {
  if constexpr (OperandTraits<X>::kVar) return parameter;
  else return parameter.value();
}
template <class X, class T, class D>
X run(const Linear<T, D>& layer, const X& x, Site site) {
  return linear(x, as<X>(layer.weight), as<X>(layer.bias), site);
}
template <class X, class T, class D>
X run(const LayerNorm<T, D>& norm, const X& x, Site site) {
  return layer_norm(x, as<X>(norm.weight), as<X>(norm.bias), norm.eps, site);
}

}  // namespace detail

// Multi-head self-attention (Vaswani et al., arXiv 1706.03762) of width C: x (B, L, C) -> (B, L, C).
template <class T, class D = Cpu>
struct SelfAttention {
  Linear<T, D> query, key, value, out;

  // `causal`: token i sees those up to itself. Throws unless x is (B, L, C) and C a multiple of `heads`.
  template <class X>
  X operator()(const X& x, index_t heads, bool causal, Site site) const {
    AttentionOptions<D> options;
    options.causal = causal;
    auto split = [&](const Linear<T, D>& project) {
      return limbic::detail::heads_of_part(detail::run(project, x, site), 0, heads, x.size(2), site);
    };
    const X y = attention(split(query), split(key), split(value), options, X{}, site);
    return detail::run(out, X(reshape(transpose(y, 1, 2, site), {x.size(0), x.size(1), x.size(2)}, site)),
                       site);
  }
};

// The two that text models use, "gelu" and "quick_gelu"; others throw.
inline Activation activation_named(const std::string& name) {
  if (name == "gelu") return Activation::gelu;
  if (name == "quick_gelu") return Activation::quick_gelu;
  fail("text_config", "hidden_act must be gelu or quick_gelu; got '", name, "'");
}

// x through f, one of these two; throws for another.
template <class X>
X activate(const X& x, Activation f, Site site) {
  if (f == Activation::gelu) return gelu(x, site);
  check(f == Activation::quick_gelu, "text_config", "the activation must be gelu or quick_gelu; got relu");
  return quick_gelu(x, site);
}

namespace detail {

// Throws unless the sizes can be those of a transformer.
inline void check_sizes(std::string_view op, index_t vocabulary, index_t width, index_t heads, index_t hidden,
                        index_t context) {
  check(vocabulary > 0 && width > 0 && heads > 0 && hidden > 0 && context > 0 && width % heads == 0, op,
        "vocabulary, width, heads, hidden and context must be positive, the width a multiple of the heads; "
        "got ",
        vocabulary, ", ", width, ", ", heads, ", ", hidden, ", ", context);
}

// Rows ids (B, L) of a table, as (B, L, C).
template <class X, class T, class D>
X rows_of(const Embedding<T, D>& table, const Tensor<index_t, D>& ids, Site site) {
  return embedding(as<X>(table.weight), ids, -1, site);
}
// Positions 0 ... L - 1 of a table, as (L, C). Throws when ids (B, L) are not of rank 2 or longer than it.
template <class X, class T, class D>
X positions(std::string_view op, const Embedding<T, D>& table, const Tensor<index_t, D>& ids, Site site) {
  const index_t context = table.weight.size(0);
  if (ids.rank() != 2 || ids.size(1) < 1 || ids.size(1) > context)
    fail(op, "ids (B, L) with L from 1 to ", context, " are needed; got ids ", ids.shape());
  return slice(as<X>(table.weight), 0, 0, ids.size(1), 1, site);
}

}  // namespace detail

}  // namespace limbic::text
