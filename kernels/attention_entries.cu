// Launchers of what attention allows and keeps.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "attention_entries.cuh"

namespace limbic::cuda {

template <class T>
void attention_allowed(const AttentionCall<T>& call, T* allowed) {
  const long long n = static_cast<long long>(call.B) * call.H * call.Lq * call.Lk;
  launch("attention_allowed", device::attention_allowed<T>, blocks_for(n, device::kEntryThreads),
         dim3(device::kEntryThreads), 0, current_stream(), call, allowed);
}
template void attention_allowed(const AttentionCall<float>&, float*);
template void attention_allowed(const AttentionCall<double>&, double*);

template <class T>
void attention_kept(const AttentionCall<T>& call, T* kept, std::int64_t n) {
  launch("attention_kept", device::attention_kept<T>, blocks_for((n + 3) / 4, device::kEntryThreads),
         dim3(device::kEntryThreads), 0, current_stream(), call, kept, n);
}
template void attention_kept(const AttentionCall<float>&, float*, std::int64_t);
template void attention_kept(const AttentionCall<double>&, double*, std::int64_t);

}  // namespace limbic::cuda
