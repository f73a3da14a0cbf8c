// Launchers of attention. T = float or double, or Bf16 or F16 with scores, sums and the bias in float.
#pragma once

#include <cstdint>

namespace limbic::cuda {

// 16-bit numbers as kernels see them (kernels/prelude/half.cuh): here only pointers to them.
struct Bf16;
struct F16;

// What is computed with.
template <class T>
struct AttentionNumberOf {
  using type = T;
};
template <>
struct AttentionNumberOf<Bf16> {
  using type = float;
};
template <>
struct AttentionNumberOf<F16> {
  using type = float;
};
template <class T>
using AttentionNumber = typename AttentionNumberOf<T>::type;

// A (B, H, L, width) operand with strides in elements; its last axis is dense. `vectors`: every row begins at
// a multiple of 16 bytes and is as long as some of these.
template <class T>
struct AttentionRows {
  T* data = nullptr;
  std::int64_t batch = 0, head = 0, row = 0;
  bool vectors = false;
};

// Something (B, H, Lq, Lk), each axis of which may be broadcast (stride 0). Null: absent.
template <class T>
struct AttentionScores {
  T* data = nullptr;
  std::int64_t batch = 0, head = 0, query = 0, key = 0;
};

// What all of them need to know.
template <class T>
struct AttentionCall {
  using Number = AttentionNumber<T>;

  int B = 0, H = 0, Lq = 0, Lk = 0, E = 0, Ev = 0;
  Number scale = Number(1);
  bool causal = false, dropout = false;
  bool tf32 =
      false;  // T = float, E and Ev up to 128: factors are rounded to 10 bits of fraction, for tensor cores
  AttentionScores<const std::uint8_t> mask;  // not 0: may attend
  AttentionScores<const Number> bias;
  // Dropout: entry n = ((b H + h) Lq + i) Lk + j is kept, and multiplied by `kept`, if word n of the draw is
  // not below the threshold.
  std::uint64_t key = 0, position = 0, threshold = 0;
  const std::uint32_t* replay = nullptr;  // as a Draw's
  Number kept = Number(1);
  AttentionRows<const T> q, k, v;
};
template <class T>
struct AttentionOutputs {
  AttentionRows<T> y;
  AttentionNumber<T>* lse = nullptr;  // (B, H, Lq), dense
  AttentionNumber<T>* map = nullptr;  // (B, H, Lq, Lk), dense; null: not wanted
};
template <class T>
struct AttentionGradients {
  AttentionRows<const T> y, dy;
  const AttentionNumber<T>* lse = nullptr;
  AttentionRows<T> dq, dk, dv;                // null: not wanted
  AttentionScores<AttentionNumber<T>> dbias;  // broadcast as the bias is; null: not wanted
};

// Widths (E and Ev) that the kernels take; and those for 16-bit numbers and tf32, which need sm_80.
constexpr int kMaxHeadSize = 256, kMaxTensorCoreHeadSize = 128;

template <class T>
void attention_fwd(const AttentionCall<T>& call, const AttentionOutputs<T>& out);
template <class T>
void attention_bwd(const AttentionCall<T>& call, const AttentionGradients<T>& grads);

// 1 where an entry (B, H, Lq, Lk; dense) may be attended to, else 0.
template <class T>
void attention_allowed(const AttentionCall<T>& call, T* allowed);
// `kept` where dropout keeps one of n entries, else 0.
template <class T>
void attention_kept(const AttentionCall<T>& call, T* kept, std::int64_t n);

}  // namespace limbic::cuda
