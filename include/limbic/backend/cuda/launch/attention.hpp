// Launchers of attention, T = float or double.
#pragma once

#include <cstdint>

namespace limbic::cuda {

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
  int B = 0, H = 0, Lq = 0, Lk = 0, E = 0, Ev = 0;
  T scale = T(1);
  bool causal = false, dropout = false;
  AttentionScores<const std::uint8_t> mask;  // not 0: may attend
  AttentionScores<const T> bias;
  // Dropout: entry n = ((b H + h) Lq + i) Lk + j is kept, and multiplied by `kept`, if word n of the draw is
  // not below the threshold.
  std::uint64_t key = 0, position = 0, threshold = 0;
  T kept = T(1);
  AttentionRows<const T> q, k, v;
};
template <class T>
struct AttentionOutputs {
  AttentionRows<T> y;
  T* lse = nullptr;  // (B, H, Lq), dense
  T* map = nullptr;  // (B, H, Lq, Lk), dense; null: not wanted
};
template <class T>
struct AttentionGradients {
  AttentionRows<const T> y, dy;
  const T* lse = nullptr;
  AttentionRows<T> dq, dk, dv;  // null: not wanted
  AttentionScores<T> dbias;     // broadcast as the bias is; null: not wanted
};

// Widths (E and Ev) that the kernels take.
constexpr int kMaxHeadSize = 256;

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
