// Kernels that use what kernels/prelude.cuh offers, for prelude_test.cpp and host_test.cpp.
#include "prelude.cuh"

#include "planted.hpp"

namespace planted {

using namespace limbic::cuda;

namespace {

__global__ void row_sums_kernel(const float* x, float* y, int columns) {
  float sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < columns; i += 128)
    sum += x[static_cast<long long>(blockIdx.x) * columns + i];
  sum = block_sum<128>(sum);
  if (threadIdx.x == 0) y[blockIdx.x] = sum;
}

__global__ void random_numbers_kernel(PhiloxKey draw, float* uniform, double* uniform2, float* normal,
                                      double* normal2, unsigned* bits, int n) {
  for (long long i = grid_index(); i < n; i += grid_stride()) {
    const auto k = static_cast<unsigned long long>(i);
    uniform[i] = philox_uniform<float>(draw, k);
    uniform2[i] = philox_uniform<double>(draw, k);
    normal[i] = static_cast<float>(philox_normal<float>(draw, k));
    normal2[i] = philox_normal<double>(draw, k);
    bits[i] = philox_bits(draw, k);
  }
}

// The fragments that the instruction's documentation gives, filled element by element.
template <class T>
__global__ void matrix_product_kernel(const float* a, const float* b, float* d) {
  const int g = lane_index() / 4, t = lane_index() % 4;
  const auto left = [&](int row, int column) {
    return pack_floats<T>(a[16 * row + column], a[16 * row + column + 1]);
  };
  const auto right = [&](int row, int column) {
    return pack_floats<T>(b[8 * row + column], b[8 * row + 8 + column]);
  };
  const unsigned fa[4] = {left(g, 2 * t), left(g + 8, 2 * t), left(g, 2 * t + 8), left(g + 8, 2 * t + 8)};
  const unsigned fb[2] = {right(2 * t, g), right(2 * t + 8, g)};
  float fd[4] = {1, 1, 1, 1};
  mma_16x8x16<T>(fd, fa, fb);
  for (int i = 0; i < 4; ++i) d[8 * (g + i / 2 * 8) + 2 * t + i % 2] = fd[i];
}

__global__ void matrix_product_tf32_kernel(const float* a, const float* b, float* d) {
  const int g = lane_index() / 4, t = lane_index() % 4;
  const auto left = [&](int row, int column) { return to_tf32(a[8 * row + column]); };
  const unsigned fa[4] = {left(g, t), left(g + 8, t), left(g, t + 4), left(g + 8, t + 4)};
  const unsigned fb[2] = {to_tf32(b[8 * t + g]), to_tf32(b[8 * (t + 4) + g])};
  float fd[4] = {1, 1, 1, 1};
  mma_16x8x8_tf32(fd, fa, fb);
  for (int i = 0; i < 4; ++i) d[8 * (g + i / 2 * 8) + 2 * t + i % 2] = fd[i];
}

__global__ void matrix_product_loaded_kernel(const float* a, const float* b, float* d) {
  __shared__ __align__(16) Bf16 left[16][16];
  __shared__ __align__(16) Bf16 right[16][8];
  const int lane = lane_index();
  for (int i = lane; i < 256; i += 32) left[i / 16][i % 16] = from_float<Bf16>(a[i]);
  for (int i = lane; i < 128; i += 32) right[i / 8][i % 8] = from_float<Bf16>(b[i]);
  __syncwarp();
  unsigned fa[4], fb[2];
  // Matrices of A: rows 0-7 and 8-15 of columns 0-7, then of columns 8-15.
  load_matrices(fa, &left[lane % 16][lane / 16 * 8]);
  load_matrices<true>(fb, &right[lane % 16][0]);
  float fd[4] = {1, 1, 1, 1};
  mma_16x8x16<Bf16>(fd, fa, fb);
  for (int i = 0; i < 4; ++i) d[8 * (lane / 4 + i / 2 * 8) + 2 * (lane % 4) + i % 2] = fd[i];
}

__global__ void half_round_trip_kernel(const float* x, float* bf16, float* f16, float* tf32, int n) {
  const long long i = grid_index();
  if (i >= n) return;
  bf16[i] = to_float(from_float<Bf16>(x[i]));
  f16[i] = to_float(from_float<F16>(x[i]));
  tf32[i] = __uint_as_float(to_tf32(x[i]));
}

__global__ void reductions_kernel(const float* x, float* y) {
  const int t = static_cast<int>(threadIdx.x);
  const float v = x[t];
  const float results[] = {block_sum<128>(v), block_max<128>(v), block_min<128>(v),    warp_sum(v),
                           warp_sum<8>(v),    warp_max(v),       warp_inclusive_sum(v)};
  for (int i = 0; i < 7; ++i) y[128 * i + t] = results[i];
}

__global__ void scale_kernel(float factor, const float* x, float* y, int n) {
  for (long long i = grid_index(); i < n; i += grid_stride()) y[i] = factor * x[i];
}

}  // namespace

void row_sums(const float* x, float* y, int rows, int columns) {
  launch("row_sums", row_sums_kernel, static_cast<unsigned>(rows), 128, 0, nullptr, x, y, columns);
}
void random_numbers(unsigned long long key, unsigned long long position, float* uniform, double* uniform2,
                    float* normal, double* normal2, unsigned* bits, int n) {
  launch("random_numbers", random_numbers_kernel, 2, 64, 0, nullptr, PhiloxKey{key, position}, uniform,
         uniform2, normal, normal2, bits, n);
}
void matrix_product(int type, const float* a, const float* b, float* d) {
  if (type == 0) launch("matrix_product", matrix_product_kernel<Bf16>, 1, 32, 0, nullptr, a, b, d);
  if (type == 1) launch("matrix_product", matrix_product_kernel<F16>, 1, 32, 0, nullptr, a, b, d);
  if (type == 2) launch("matrix_product", matrix_product_tf32_kernel, 1, 32, 0, nullptr, a, b, d);
}
void matrix_product_loaded(const float* a, const float* b, float* d) {
  launch("matrix_product_loaded", matrix_product_loaded_kernel, 1, 32, 0, nullptr, a, b, d);
}
void half_round_trip(const float* x, float* bf16, float* f16, float* tf32, int n) {
  launch("half_round_trip", half_round_trip_kernel, blocks_for(n, 64), 64, 0, nullptr, x, bf16, f16, tf32, n);
}
void reductions(const float* x, float* y) {
  launch("reductions", reductions_kernel, 1, 128, 0, nullptr, x, y);
}
void scale(float factor, const float* x, float* y, int n, cudaStream_t stream) {
  launch("scale", scale_kernel, blocks_for(n, 64), 64, 0, stream, factor, x, y, n);
}
void too_large(int threads, size_t shared_bytes) {
  launch("too_large", scale_kernel, 1, static_cast<unsigned>(threads), shared_bytes, nullptr, 1.0f, nullptr,
         nullptr, 0);
}

}  // namespace planted
