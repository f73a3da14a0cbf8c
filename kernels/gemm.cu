// Matrix products by cuBLAS, whose matrices are column-major: C' = B' A', so that every row-major matrix is
// read as the transpose that it is.
#include <cublas_v2.h>

#include <limbic/backend/cuda/launch/copy.hpp>
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "gemm.cuh"

namespace limbic::cuda {

namespace {

void require(cublasStatus_t status) {
  if (status != CUBLAS_STATUS_SUCCESS) raise("gemm", cublasGetStatusString(status));
}

// A handle a thread and device, made at the first product.
cublasHandle_t handle() {
  struct Handles {
    cublasHandle_t of[16] = {};
    ~Handles() {
      for (cublasHandle_t h : of)
        if (h) cublasDestroy(h);
    }
  };
  thread_local Handles handles;
  const int device = current_device();
  if (device >= 16) raise("gemm", "at most 16 devices are supported");
  cublasHandle_t& h = handles.of[device];
  if (!h) require(cublasCreate(&h));
  require(cublasSetStream(h, current_stream()));
  return h;
}

// How cuBLAS reads a row-major matrix to get its transpose.
struct Operand {
  cublasOperation_t op;
  int ld;
};
Operand operand(std::int64_t rows, std::int64_t cols, std::int64_t row_stride, std::int64_t col_stride) {
  const auto at_least_1 = [](std::int64_t n) { return static_cast<int>(n > 0 ? n : 1); };
  if ((col_stride == 1 || cols <= 1) && (rows <= 1 || row_stride >= at_least_1(cols)))
    return {CUBLAS_OP_N, at_least_1(rows <= 1 ? cols : row_stride)};
  return {CUBLAS_OP_T, at_least_1(cols <= 1 ? rows : col_stride)};
}

cublasStatus_t run(cublasHandle_t h, Operand a, Operand b, const GemmCall<float>& c) {
  const float alpha = 1, beta = c.accumulate ? 1.0f : 0.0f;
  return cublasSgemmStridedBatched(h, b.op, a.op, static_cast<int>(c.n), static_cast<int>(c.m),
                                   static_cast<int>(c.k), &alpha, c.b, b.ld, c.b_step, c.a, a.ld, c.a_step,
                                   &beta, c.c, static_cast<int>(c.c_row), c.c_step,
                                   static_cast<int>(c.batch));
}
cublasStatus_t run(cublasHandle_t h, Operand a, Operand b, const GemmCall<double>& c) {
  const double alpha = 1, beta = c.accumulate ? 1.0 : 0.0;
  return cublasDgemmStridedBatched(h, b.op, a.op, static_cast<int>(c.n), static_cast<int>(c.m),
                                   static_cast<int>(c.k), &alpha, c.b, b.ld, c.b_step, c.a, a.ld, c.a_step,
                                   &beta, c.c, static_cast<int>(c.c_row), c.c_step,
                                   static_cast<int>(c.batch));
}

}  // namespace

template <class T>
void gemm(const GemmCall<T>& call) {
  if (call.m == 0 || call.n == 0 || call.batch == 0) return;
  constexpr std::int64_t kMost = 0x7fffffff;
  if (call.m > kMost || call.n > kMost || call.k > kMost || call.batch > kMost)
    raise("gemm", "sizes must be below 2^31");
  if (call.k == 0) {
    if (call.accumulate) return;
    CopyCall zeros;
    zeros.rank = 3;
    zeros.count = call.batch * call.m * call.n;
    zeros.size[0] = call.batch, zeros.size[1] = call.m, zeros.size[2] = call.n;
    zeros.to_stride[0] = call.c_step, zeros.to_stride[1] = call.c_row, zeros.to_stride[2] = 1;
    return fill_elements(zeros, call.c, 0, sizeof(T));
  }
  require(run(handle(), operand(call.m, call.k, call.a_row, call.a_col),
              operand(call.k, call.n, call.b_row, call.b_col), call));
}

template <class T>
void add_bias(T* y, const T* bias, std::int64_t rows, std::int64_t cols, bool relu) {
  constexpr int kPack = kVectorSize<T>;
  const bool packs = cols % kPack == 0 && is_aligned(y, 16) && is_aligned(bias, 16);
  const auto kernel = packs ? (relu ? device::add_bias<T, true, kPack> : device::add_bias<T, false, kPack>)
                            : (relu ? device::add_bias<T, true, 1> : device::add_bias<T, false, 1>);
  launch("add_bias", kernel, blocks_for(rows * cols / (packs ? kPack : 1), device::kBiasThreads),
         dim3(device::kBiasThreads), 0, current_stream(), y, bias, rows * cols, cols);
}

template void gemm(const GemmCall<float>&);
template void gemm(const GemmCall<double>&);
template void add_bias(float*, const float*, std::int64_t, std::int64_t, bool);
template void add_bias(double*, const double*, std::int64_t, std::int64_t, bool);

}  // namespace limbic::cuda
