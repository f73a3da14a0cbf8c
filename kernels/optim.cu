// Launchers of optimisers.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "optim.cuh"

namespace limbic::cuda {

namespace {

using device::kUpdateChunk;
using device::kUpdateThreads;

// Calls run(tensors, blocks) with pieces of the list that an argument has room for.
template <class T, class F>
void for_chunks(const TensorUpdate<T>* list, std::int64_t count, const F& run) {
  constexpr std::int64_t kMostBlocks = (std::int64_t{1} << 31) - 1;
  UpdateChunks<T> chunks;
  std::int64_t blocks = 0;
  const auto flush = [&] {
    if (chunks.tensors > 0) run(chunks, blocks);
    chunks.tensors = 0;
    blocks = 0;
  };
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t more = (list[i].size + kUpdateChunk - 1) / kUpdateChunk;
    if (more == 0) continue;
    if (chunks.tensors == UpdateChunks<T>::kMost || blocks + more > kMostBlocks) flush();
    if (more > kMostBlocks) raise("update", "tensors must have fewer than 2^43 elements");
    const int n = chunks.tensors++;
    for (int o = 0; o < TensorUpdate<T>::kOperands; ++o) chunks.operand[o][n] = list[i].operand[o];
    chunks.size[n] = list[i].size;
    chunks.end[n] = static_cast<int>(blocks += more);
  }
  flush();
}

template <class T, class Update>
void update(const char* name, const TensorUpdate<T>* list, std::int64_t count, const Update& what,
            const OnDevice<T>& there) {
  static_assert(sizeof(UpdateChunks<T>) + sizeof(Update) <= 4096, "what arguments have room for");
  for_chunks(list, count, [&](UpdateChunks<T>& chunks, std::int64_t blocks) {
    chunks.there = there;
    launch(name, device::update_tensors<T, Update>, dim3(static_cast<unsigned>(blocks)), dim3(kUpdateThreads),
           0, current_stream(), chunks, what);
  });
}

}  // namespace

template <class T>
void update_sgd(const TensorUpdate<T>* list, std::int64_t count, const SgdNumbers<T>& numbers,
                const OnDevice<T>& there) {
  update("update_sgd", list, count, device::SgdUpdate<T>{numbers}, there);
}
template <class T>
void update_momentum(const TensorUpdate<T>* list, std::int64_t count, const SgdNumbers<T>& numbers,
                     const OnDevice<T>& there) {
  update("update_momentum", list, count, device::MomentumUpdate<T>{numbers}, there);
}
template <class T>
void update_adam(const TensorUpdate<T>* list, std::int64_t count, const AdamNumbers<T>& numbers,
                 const OnDevice<T>& there) {
  update("update_adam", list, count, device::AdamUpdate<T>{numbers}, there);
}
template <class T>
void update_lerp(const TensorUpdate<T>* list, std::int64_t count, T weight) {
  update("update_lerp", list, count, device::LerpUpdate<T>{weight}, {});
}
template <class T>
void update_scale(const TensorUpdate<T>* list, std::int64_t count, T factor) {
  update("update_scale", list, count, device::ScaleUpdate<T>{factor}, {});
}

template <class T>
void gradient_norm(const TensorUpdate<T>* list, std::int64_t count, double max_norm, double* to) {
  std::int64_t all = 0;
  for_chunks(list, count, [&](UpdateChunks<T>&, std::int64_t blocks) { all += blocks; });
  double* const sums = static_cast<double*>(allocate(sizeof(double) * static_cast<std::size_t>(all)));
  std::int64_t at = 0;
  for_chunks(list, count, [&](UpdateChunks<T>& chunks, std::int64_t blocks) {
    launch("sum_squares", device::sum_squares<T>, dim3(static_cast<unsigned>(blocks)), dim3(kUpdateThreads),
           0, current_stream(), chunks, sums + at);
    at += blocks;
  });
  launch("clip_factor", device::clip_factor, dim3(1), dim3(kUpdateThreads), 0, current_stream(),
         static_cast<const double*>(sums), all, max_norm, to);
  deallocate(sums);
}

#define LIMBIC_INSTANCES(T)                                                                                 \
  template void update_sgd(const TensorUpdate<T>*, std::int64_t, const SgdNumbers<T>&, const OnDevice<T>&); \
  template void update_momentum(const TensorUpdate<T>*, std::int64_t, const SgdNumbers<T>&,                 \
                                const OnDevice<T>&);                                                        \
  template void update_adam(const TensorUpdate<T>*, std::int64_t, const AdamNumbers<T>&,                    \
                            const OnDevice<T>&);                                                            \
  template void update_lerp(const TensorUpdate<T>*, std::int64_t, T);                                       \
  template void update_scale(const TensorUpdate<T>*, std::int64_t, T);                                      \
  template void gradient_norm(const TensorUpdate<T>*, std::int64_t, double, double*)
LIMBIC_INSTANCES(float);
LIMBIC_INSTANCES(double);
#undef LIMBIC_INSTANCES

}  // namespace limbic::cuda
