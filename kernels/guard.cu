// Launchers of checks, and the memory that they report to.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include <atomic>
#include <cstdio>
#include <mutex>
#include <new>

#include "guard.cuh"

namespace limbic::cuda {

namespace {
std::atomic<Report*> box{nullptr};
std::mutex making;

dim3 blocks_of(std::int64_t count) { return blocks_for(count, 16 * device::kGuardThreads, 1024); }
}  // namespace

Report* report_box() {
  if (Report* made = box.load(std::memory_order_acquire)) return made;
  const std::lock_guard<std::mutex> lock(making);
  if (Report* made = box.load(std::memory_order_acquire)) return made;
  void* memory = nullptr;
  const cudaError_t status = cudaMallocHost(&memory, sizeof(Report));
  if (status != cudaSuccess) raise("report_box", cudaGetErrorString(status));
  Report* const made = new (memory) Report;
  box.store(made, std::memory_order_release);
  return made;
}

void throw_report() {
  Report* const at = box.load(std::memory_order_acquire);
  if (!at || at->found != 2) return;
  const Report met = *at;
  at->found = 0;
  char text[256];
  std::snprintf(text, sizeof text, "%s; got %.9g at position %lld (told late: found on the device)",
                met.about.text, met.value, static_cast<long long>(met.position));
  raise(met.about.op, text);
}

template <class T>
void guard_values(const GuardText& about, Must must, const T* values, std::int64_t count) {
  launch("guard_values", device::guard_values<T>, blocks_of(count), dim3(device::kGuardThreads), 0,
         current_stream(), about, report_box(), must, values, count);
}
void guard_labels(const GuardText& about, const std::int64_t* labels, std::int64_t count, std::int64_t low,
                  std::int64_t high, std::int64_t ignored) {
  launch("guard_labels", device::guard_labels, blocks_of(count), dim3(device::kGuardThreads), 0,
         current_stream(), about, report_box(), labels, count, low, high, ignored);
}
template <class T>
void guard_loss(const FiniteLossCall<T>& call) {
  launch("guard_loss", device::guard_loss<T>, dim3(1), dim3(device::kGuardThreads), 0, current_stream(), call,
         report_box());
}

template void guard_values(const GuardText&, Must, const float*, std::int64_t);
template void guard_values(const GuardText&, Must, const double*, std::int64_t);
template void guard_loss(const FiniteLossCall<float>&);
template void guard_loss(const FiniteLossCall<double>&);

}  // namespace limbic::cuda
