// Attention kernels as functions of tensors, found by the device tag.
#pragma once

#include <limbic/backend/cpu/attention.hpp>
#include <limbic/backend/cpu/dropout.hpp>
#include <limbic/core/attention_plan.hpp>

namespace limbic {

namespace cpu::detail {

template <class U, class T>
Heads<U> heads_of(U* data, const Tensor<T, Cpu>& t) {
  return {data, t.strides()[0], t.strides()[1], t.strides()[2]};
}
template <class U, class T>
Scores<U> scores_of(U* data, const Tensor<T, Cpu>& t, const Shape& to) {
  const Strides s = expanded_strides(t.shape(), t.strides(), to);
  return {data, s[0], s[1], s[2], s[3]};
}

// Writes which of the words [first, first + n) of a draw are kept.
inline void keep_words(PhiloxKey draw, std::uint64_t threshold, std::uint64_t first, index_t n,
                       std::uint8_t* keep) {
  on_isa<portable::DropoutRows, avx2::DropoutRows, avx512::DropoutRows>(
      [&](auto k) { k.keep(draw, first, n, threshold, keep); });
}

// Options of the kernels, and what their dropout callback refers to.
template <class T>
class AttentionCall {
 public:
  AttentionCall(const Tensor<T, Cpu>& q, const Tensor<T, Cpu>& k, const Tensor<T, Cpu>& v,
                const Tensor<T, Cpu>& bias, const AttentionPlan<T, Cpu>& plan)
      : draw_(plan.draw),
        threshold_(philox_threshold(plan.dropout)),
        rows_(q.shape()[2]),
        columns_(k.shape()[2]) {
    o.B = q.shape()[0];
    o.H = q.shape()[1];
    o.Lq = q.shape()[2];
    o.Lk = k.shape()[2];
    o.E = q.shape()[3];
    o.Ev = v.shape()[3];
    o.scale = plan.scale;
    o.causal = plan.causal;
    const Shape scores{o.B, o.H, o.Lq, o.Lk};
    if (plan.mask.defined())
      o.mask = scores_of(reinterpret_cast<const std::uint8_t*>(plan.mask.data()), plan.mask, scores);
    if (bias.defined()) o.bias = scores_of(bias.data(), bias, scores);
    if (plan.dropout > 0) o.dropout = {&AttentionCall::keep, this, plan.dropout};
  }
  AttentionCall(const AttentionCall&) = delete;
  AttentionCall& operator=(const AttentionCall&) = delete;

  AttentionOptions<T> o;

 private:
  static void keep(void* self, index_t bh, index_t i, index_t j0, index_t n, std::uint8_t* out) {
    const auto& c = *static_cast<const AttentionCall*>(self);
    keep_words(c.draw_, c.threshold_, static_cast<std::uint64_t>((bh * c.rows_ + i) * c.columns_ + j0), n,
               out);
  }
  PhiloxKey draw_;
  std::uint64_t threshold_;
  index_t rows_, columns_;
};

}  // namespace cpu::detail

// y (B, H, L_q, E_v) with a dense last dimension; lse (B, H, L_q) dense; map undefined or (B, H, L_q, L_k)
// dense.
template <class T>
void attention_fwd(Cpu, Tensor<T, Cpu>& y, Tensor<T, Cpu>& lse, Tensor<T, Cpu>& map, const Tensor<T, Cpu>& q,
                   const Tensor<T, Cpu>& k, const Tensor<T, Cpu>& v, const Tensor<T, Cpu>& bias,
                   const AttentionPlan<T, Cpu>& plan) {
  using namespace cpu::detail;
  const AttentionCall<T> call(q, k, v, bias, plan);
  cpu::attention_fwd<T>(call.o, heads_of(q.data(), q), heads_of(k.data(), k), heads_of(v.data(), v),
                        heads_of(y.mutable_data(), y), lse.mutable_data(),
                        map.defined() ? map.mutable_data() : nullptr);
}

// Writes the wanted gradients (null: not wanted): dq, dk, dv with a dense last dimension, dbias of bias'
// shape.
template <class T>
void attention_bwd(Cpu, Tensor<T, Cpu>* dq, Tensor<T, Cpu>* dk, Tensor<T, Cpu>* dv, Tensor<T, Cpu>* dbias,
                   const Tensor<T, Cpu>& y, const Tensor<T, Cpu>& lse, const Tensor<T, Cpu>& dy,
                   const Tensor<T, Cpu>& q, const Tensor<T, Cpu>& k, const Tensor<T, Cpu>& v,
                   const Tensor<T, Cpu>& bias, const AttentionPlan<T, Cpu>& plan) {
  using namespace cpu::detail;
  const AttentionCall<T> call(q, k, v, bias, plan);
  cpu::AttentionGradients<T> g;
  g.q = heads_of(q.data(), q);
  g.k = heads_of(k.data(), k);
  g.v = heads_of(v.data(), v);
  g.out = heads_of(y.data(), y);
  g.dout = heads_of(dy.data(), dy);
  g.lse = lse.data();
  if (dq) g.dq = heads_of(dq->mutable_data(), *dq);
  if (dk) g.dk = heads_of(dk->mutable_data(), *dk);
  if (dv) g.dv = heads_of(dv->mutable_data(), *dv);
  if (dbias) g.dbias = scores_of(dbias->mutable_data(), *dbias, {call.o.B, call.o.H, call.o.Lq, call.o.Lk});
  cpu::attention_bwd(call.o, g);
}

// allowed (B, H, L_q, L_k), dense: 1 where query i of head (b, h) may attend to key j, else 0, for the
// composed form.
template <class T>
void attention_allowed(Cpu, Tensor<T, Cpu>& allowed, const AttentionPlan<T, Cpu>& plan) {
  const Shape& s = allowed.shape();
  cpu::Scores<const bool> mask;
  if (plan.mask.defined()) mask = cpu::detail::scores_of(plan.mask.data(), plan.mask, s);
  T* out = allowed.mutable_data();
  for (index_t b = 0; b < s[0]; ++b)
    for (index_t h = 0; h < s[1]; ++h)
      for (index_t i = 0; i < s[2]; ++i)
        for (index_t j = 0; j < s[3]; ++j)
          *out++ = (plan.causal && j > i) || (mask.data && !*mask.at(b, h, i, j)) ? T(0) : T(1);
}

// kept (B, H, L_q, L_k), dense: 1 / (1 - p) where dropout keeps, else 0.
template <class T>
void attention_kept(Cpu, Tensor<T, Cpu>& kept, const AttentionPlan<T, Cpu>& plan) {
  std::vector<std::uint8_t> keep(static_cast<std::size_t>(kept.numel()));
  cpu::detail::keep_words(plan.draw, philox_threshold(plan.dropout), 0, kept.numel(), keep.data());
  T* out = kept.mutable_data();
  for (std::uint8_t k : keep) *out++ = k ? static_cast<T>(1 / (1 - plan.dropout)) : T(0);
}

}  // namespace limbic
