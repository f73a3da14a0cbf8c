// Launches of attention's backward: which kernels, in which order.
#pragma once

#include "attention_bias.cuh"
#include "attention_bwd_long.cuh"
#include "attention_bwd_short.cuh"

namespace limbic::cuda::device {

// delta, for the kernels that do not compute it themselves.
template <class T>
class Deltas {
 public:
  using Number = AttentionNumber<T>;

  Deltas(const AttentionCall<T>& call, const AttentionGradients<T>& grads) {
    const std::int64_t rows = static_cast<std::int64_t>(call.B) * call.H * call.Lq;
    if (rows == 0) return;
    data_ = static_cast<Number*>(allocate(sizeof(Number) * static_cast<std::size_t>(rows)));
    try {
      launch("attention_delta", attention_delta<T>, blocks_for(rows * 8, kAttentionThreads, 2147483647),
             dim3(kAttentionThreads), 0, current_stream(), call, grads, data_);
    } catch (...) {
      deallocate(data_);
      throw;
    }
  }
  ~Deltas() { deallocate(data_); }
  Deltas(const Deltas&) = delete;
  Deltas& operator=(const Deltas&) = delete;

  const Number* get() const { return data_; }

 private:
  Number* data_ = nullptr;
};

struct BackwardNames {
  const char *short_heads, *queries, *keys, *bias;
};

// BiasCore: for dbias, where nothing is kept of a row's sums.
template <class Core, class BiasCore>
void run_backward(const BackwardNames& names, const AttentionCall<typename Core::In>& call,
                  const AttentionGradients<typename Core::In>& grads) {
  const bool queries = grads.dq.data, keys = grads.dk.data || grads.dv.data;
  const bool done = (!queries && !keys) || run_backward_short<Core>(names.short_heads, call, grads);
  if (done && !grads.dbias.data) return;
  const Deltas<typename Core::In> delta(call, grads);
  if (!done && queries) run_backward_long<false, Core>(names.queries, call, grads, delta.get());
  if (!done && keys) run_backward_long<true, Core>(names.keys, call, grads, delta.get());
  if (grads.dbias.data) run_bias<BiasCore>(names.bias, call, grads, delta.get());
}

}  // namespace limbic::cuda::device
