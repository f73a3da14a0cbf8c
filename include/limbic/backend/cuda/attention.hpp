// Attention kernels as functions of tensors of the device, found by the device tag.
#pragma once

#include <limbic/backend/cuda/launch/attention.hpp>
#include <limbic/backend/cuda/launch/graph.hpp>
#include <limbic/backend/cuda/memory.hpp>
#include <limbic/core/attention_plan.hpp>

#include <limits>
#include <type_traits>

namespace limbic {

// While alive, attention of floats that the calling thread starts, forward or backward, rounds the factors of
// its products to 10 bits of fraction (tf32) and runs on tensor cores. Heads of up to 128 numbers; sm_80 or
// newer.
class [[nodiscard]] Tf32Attention {
 public:
  Tf32Attention() : before_(on()) { on() = true; }
  ~Tf32Attention() { on() = before_; }
  Tf32Attention(const Tf32Attention&) = delete;
  Tf32Attention& operator=(const Tf32Attention&) = delete;

  // Whether the calling thread has one.
  static bool& on() {
    static thread_local bool on = false;
    return on;
  }

 private:
  bool before_;
};

namespace cuda::detail {

template <class U, class T>
AttentionRows<U> rows_of(U* data, const Tensor<T, Cuda>& t) {
  const Strides& s = t.strides();
  constexpr std::uintptr_t kBytes = 16;
  const auto aligned = [](std::uintptr_t bytes) { return bytes % kBytes == 0; };
  bool vectors = aligned(reinterpret_cast<std::uintptr_t>(data));
  for (index_t n : {s[0], s[1], s[2], t.shape()[3]})
    vectors = vectors && aligned(static_cast<std::uintptr_t>(n) * sizeof(T));
  return {data, s[0], s[1], s[2], vectors};
}
template <class U, class T>
AttentionScores<U> scores_of(U* data, const Tensor<T, Cuda>& t, const Shape& to) {
  const Strides s = expanded_strides(t.shape(), t.strides(), to);
  return {data, s[0], s[1], s[2], s[3]};
}

inline int length_of(const Shape& shape, int dim) {
  const index_t n = shape[dim];
  if (n > std::numeric_limits<int>::max() / 2)
    fail("attention", "sizes on the device must be below 2^30; got dimension ", dim, " of ", shape);
  return static_cast<int>(n);
}

// The plan for scores of a shape (B, H, L_q, L_k).
template <class T>
AttentionCall<T> call_of(const Shape& scores, const AttentionPlan<T, Cuda>& plan) {
  AttentionCall<T> c;
  c.B = length_of(scores, 0);
  c.H = length_of(scores, 1);
  c.Lq = length_of(scores, 2);
  c.Lk = length_of(scores, 3);
  c.scale = plan.scale;
  c.causal = plan.causal;
  if (plan.mask.defined())
    c.mask = scores_of(reinterpret_cast<const std::uint8_t*>(plan.mask.data()), plan.mask, scores);
  c.dropout = plan.dropout > 0;
  c.key = plan.draw.key;
  c.position = plan.draw.position;
  c.replay = replay_number();
  c.threshold = philox_threshold(plan.dropout);
  c.kept = static_cast<T>(1 / (1 - plan.dropout));
  return c;
}

template <class T>
AttentionCall<T> call_of(const Tensor<T, Cuda>& q, const Tensor<T, Cuda>& k, const Tensor<T, Cuda>& v,
                         const Tensor<T, Cuda>& bias, const AttentionPlan<T, Cuda>& plan) {
  const Shape scores{q.shape()[0], q.shape()[1], q.shape()[2], k.shape()[2]};
  AttentionCall<T> c = call_of(scores, plan);
  if (std::max(q.shape()[3], v.shape()[3]) > kMaxHeadSize)
    fail("attention", "heads of at most ", kMaxHeadSize, " numbers run on the device; got q ", q.shape(),
         ", v ", v.shape(), " (hint: more heads, or Cpu tensors)");
  c.tf32 = std::is_same_v<T, float> && Tf32Attention::on();
  c.E = length_of(q.shape(), 3);
  c.Ev = length_of(v.shape(), 3);
  c.q = rows_of(q.data(), q);
  c.k = rows_of(k.data(), k);
  c.v = rows_of(v.data(), v);
  if (bias.defined()) c.bias = scores_of(bias.data(), bias, scores);
  return c;
}

}  // namespace cuda::detail

// y (B, H, L_q, E_v) with a dense last dimension; lse (B, H, L_q) dense; map undefined or (B, H, L_q, L_k)
// dense. Throws for E or E_v above 256.
template <class T>
void attention_fwd(Cuda, Tensor<T, Cuda>& y, Tensor<T, Cuda>& lse, Tensor<T, Cuda>& map,
                   const Tensor<T, Cuda>& q, const Tensor<T, Cuda>& k, const Tensor<T, Cuda>& v,
                   const Tensor<T, Cuda>& bias, const AttentionPlan<T, Cuda>& plan) {
  using namespace cuda::detail;
  cuda::AttentionOutputs<T> out;
  out.y = rows_of(y.mutable_data(), y);
  out.lse = lse.mutable_data();
  if (map.defined()) out.map = map.mutable_data();
  cuda::attention_fwd(call_of(q, k, v, bias, plan), out);
}

// Writes the wanted gradients (null: not wanted): dq, dk, dv with a dense last dimension, dbias of bias'
// shape.
template <class T>
void attention_bwd(Cuda, Tensor<T, Cuda>* dq, Tensor<T, Cuda>* dk, Tensor<T, Cuda>* dv,
                   Tensor<T, Cuda>* dbias, const Tensor<T, Cuda>& y, const Tensor<T, Cuda>& lse,
                   const Tensor<T, Cuda>& dy, const Tensor<T, Cuda>& q, const Tensor<T, Cuda>& k,
                   const Tensor<T, Cuda>& v, const Tensor<T, Cuda>& bias,
                   const AttentionPlan<T, Cuda>& plan) {
  using namespace cuda::detail;
  const auto call = call_of(q, k, v, bias, plan);
  cuda::AttentionGradients<T> g;
  g.y = rows_of(y.data(), y);
  g.dy = rows_of(dy.data(), dy);
  g.lse = lse.data();
  if (dq) g.dq = rows_of(dq->mutable_data(), *dq);
  if (dk) g.dk = rows_of(dk->mutable_data(), *dk);
  if (dv) g.dv = rows_of(dv->mutable_data(), *dv);
  if (dbias) g.dbias = scores_of(dbias->mutable_data(), *dbias, {call.B, call.H, call.Lq, call.Lk});
  cuda::attention_bwd(call, g);
}

// allowed (B, H, L_q, L_k), dense: 1 where query i of head (b, h) may attend to key j, else 0, for the
// composed form.
template <class T>
void attention_allowed(Cuda, Tensor<T, Cuda>& allowed, const AttentionPlan<T, Cuda>& plan) {
  cuda::attention_allowed(cuda::detail::call_of(allowed.shape(), plan), allowed.mutable_data());
}

// kept (B, H, L_q, L_k), dense: 1 / (1 - p) where dropout keeps, else 0.
template <class T>
void attention_kept(Cuda, Tensor<T, Cuda>& kept, const AttentionPlan<T, Cuda>& plan) {
  cuda::attention_kept(cuda::detail::call_of(kept.shape(), plan), kept.mutable_data(), kept.numel());
}

}  // namespace limbic
