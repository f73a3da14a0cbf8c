// Launchers of random numbers and dropout.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "random.cuh"

namespace limbic::cuda {

namespace {

using device::kRandomThreads;

template <class T, class Make>
void run(const char* name, T* out, std::int64_t n, Draw draw, Make make) {
  const std::int64_t blocks = (n + Make::kValues - 1) / Make::kValues;
  launch(name, device::random_values<T, Make>, blocks_for(blocks, kRandomThreads), dim3(kRandomThreads), 0,
         current_stream(), out, n, draw, make);
}

}  // namespace

template <class T>
void uniform_values(T* out, std::int64_t n, Draw draw, T low, T width, T last) {
  run("uniform_values", out, n, draw, device::MakeUniform<T>{low, width, last});
}
template <class T>
void normal_values(T* out, std::int64_t n, Draw draw, double mean, double std) {
  run("normal_values", out, n, draw, device::MakeNormal<T>{mean, std});
}
template <class T>
void event_values(T* out, std::int64_t n, Draw draw, std::uint32_t last) {
  run("event_values", out, n, draw, device::MakeEvents<T>{last});
}
void integer_values(std::int64_t* out, std::int64_t n, Draw draw, std::uint64_t low, std::uint64_t range) {
  run("integer_values", out, n, draw, device::MakeIntegers{low, range});
}

template <class T>
void dropout(T* y, const T* x, std::int64_t n, Draw draw, std::uint32_t threshold, T scale) {
  launch("dropout", device::dropout<T>, blocks_for((n + kVectorSize<T> - 1) / kVectorSize<T>, kRandomThreads),
         dim3(kRandomThreads), 0, current_stream(), y, x, n, draw, threshold, scale);
}
template <class T>
void dropout_rows(T* y, const T* x, std::int64_t rows, std::int64_t length, Draw draw,
                  std::uint64_t threshold, T scale) {
  launch("dropout_rows", device::dropout_rows<T>, blocks_for(rows * length, kRandomThreads),
         dim3(kRandomThreads), 0, current_stream(), y, x, rows * length, length, draw, threshold, scale);
}

template void uniform_values(float*, std::int64_t, Draw, float, float, float);
template void uniform_values(double*, std::int64_t, Draw, double, double, double);
template void normal_values(float*, std::int64_t, Draw, double, double);
template void normal_values(double*, std::int64_t, Draw, double, double);
template void event_values(float*, std::int64_t, Draw, std::uint32_t);
template void event_values(double*, std::int64_t, Draw, std::uint32_t);
template void event_values(std::int64_t*, std::int64_t, Draw, std::uint32_t);
template void event_values(bool*, std::int64_t, Draw, std::uint32_t);
template void dropout(float*, const float*, std::int64_t, Draw, std::uint32_t, float);
template void dropout(double*, const double*, std::int64_t, Draw, std::uint32_t, double);
template void dropout_rows(float*, const float*, std::int64_t, std::int64_t, Draw, std::uint64_t, float);
template void dropout_rows(double*, const double*, std::int64_t, std::int64_t, Draw, std::uint64_t, double);

}  // namespace limbic::cuda
