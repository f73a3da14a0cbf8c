// Launcher of the class structure loss.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "class_structure.cuh"

namespace limbic::cuda {

template <class T>
void class_structure(const ClassStructureCall<T>& call) {
  using device::kStructureThreads;
  constexpr int kRows = kStructureThreads / kWarpSize;
  if (call.classes > kMaxStructureClasses) raise("class_structure", "at most 16 classes fit into registers");
  launch("class_structure_units", device::class_structure_units<T>, blocks_for(call.rows, kStructureThreads),
         dim3(kStructureThreads), 0, current_stream(), call);
  const auto kernel = call.classes <= 4   ? device::class_structure_pairs<T, 4>
                      : call.classes <= 8 ? device::class_structure_pairs<T, 8>
                                          : device::class_structure_pairs<T, 16>;
  launch("class_structure_pairs", kernel, dim3(static_cast<unsigned>((call.rows + kRows - 1) / kRows)),
         dim3(kStructureThreads), 0, current_stream(), call);
}

template void class_structure(const ClassStructureCall<float>&);
template void class_structure(const ClassStructureCall<double>&);

}  // namespace limbic::cuda
