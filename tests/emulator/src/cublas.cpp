// cuBLAS's matrix products, on the CPU: operands are packed without their transposition and types, and
// multiplied column by column. Checked like a kernel: the matrices must lie in live device memory.
#include "host.hpp"

#include "cublas_v2.h"

#include <bit>
#include <cstring>

using namespace emulator;

struct cublasContext {
  cudaStream_t stream = nullptr;
  cublasMath_t math = CUBLAS_DEFAULT_MATH;
  cublasPointerMode_t pointers = CUBLAS_POINTER_MODE_HOST;
  int device = 0;
};

namespace {

struct Matrix {
  std::uintptr_t data;
  cudaDataType type;
  long long ld, stride;
  long long rows, columns;  // as stored
};

std::size_t size_of(cudaDataType type) { return type == CUDA_R_64F ? 8 : type == CUDA_R_32F ? 4 : 2; }

template <class T>
T element(const Matrix& x, std::uintptr_t at) {
  const void* p = reinterpret_cast<const void*>(at);
  switch (x.type) {
    case CUDA_R_32F: return static_cast<T>(*static_cast<const float*>(p));
    case CUDA_R_64F: return static_cast<T>(*static_cast<const double*>(p));
    case CUDA_R_16F: return static_cast<T>(float_of_half(*static_cast<const unsigned short*>(p)));
    case CUDA_R_16BF:
      return static_cast<T>(
          std::bit_cast<float>(static_cast<unsigned>(*static_cast<const unsigned short*>(p)) << 16));
  }
  return T(0);
}

template <class T>
void set_element(const Matrix& x, std::uintptr_t at, T value) {
  void* p = reinterpret_cast<void*>(at);
  switch (x.type) {
    case CUDA_R_32F: *static_cast<float*>(p) = static_cast<float>(value); break;
    case CUDA_R_64F: *static_cast<double*>(p) = static_cast<double>(value); break;
    case CUDA_R_16F: *static_cast<unsigned short*>(p) = half_of_float(static_cast<float>(value)); break;
    case CUDA_R_16BF: {
      const unsigned bits = std::bit_cast<unsigned>(static_cast<float>(value));
      const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
      *static_cast<unsigned short*>(p) =
          nan ? 0x7fff : static_cast<unsigned short>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
      break;
    }
  }
}

// Column by column, without transposition.
template <class T>
std::vector<T> packed(const Matrix& x, bool transposed, int batch) {
  const long long rows = transposed ? x.columns : x.rows, columns = transposed ? x.rows : x.columns;
  std::vector<T> y(static_cast<std::size_t>(rows * columns));
  const std::size_t size = size_of(x.type);
  const std::uintptr_t base = x.data + static_cast<std::size_t>(batch * x.stride) * size;
  for (long long j = 0; j < x.columns; ++j)
    for (long long i = 0; i < x.rows; ++i)
      y[static_cast<std::size_t>(transposed ? i * rows + j : j * rows + i)] =
          element<T>(x, base + static_cast<std::size_t>(j * x.ld + i) * size);
  return y;
}

template <class T>
T scalar(std::uintptr_t p) {
  T value;
  std::memcpy(&value, reinterpret_cast<const void*>(p), sizeof value);
  return value;
}

template <class T>
void multiply(const Matrix& a, bool transpose_a, const Matrix& b, bool transpose_b, const Matrix& c,
              long long k, T alpha, T beta, int batch) {
  const std::vector<T> left = packed<T>(a, transpose_a, batch), right = packed<T>(b, transpose_b, batch);
  const std::size_t m = static_cast<std::size_t>(c.rows), depth = static_cast<std::size_t>(k),
                    size = size_of(c.type);
  std::vector<T> column(m);
  for (std::size_t j = 0; j < static_cast<std::size_t>(c.columns); ++j) {
    std::fill(column.begin(), column.end(), T(0));
    for (std::size_t p = 0; p < depth; ++p) {
      const T x = right[j * depth + p];
      const T* from = left.data() + p * m;
      for (std::size_t i = 0; i < m; ++i) column[i] += from[i] * x;
    }
    const std::uintptr_t to =
        c.data + (static_cast<std::size_t>(batch * c.stride) + j * static_cast<std::size_t>(c.ld)) * size;
    for (std::size_t i = 0; i < m; ++i) {
      const std::uintptr_t at = to + i * size;
      set_element<T>(c, at, beta == T(0) ? alpha * column[i] : alpha * column[i] + beta * element<T>(c, at));
    }
  }
}

std::string problem(const char* name, const Matrix& x, int batch) {
  if (!x.rows || !x.columns) return {};
  const std::size_t values =
      static_cast<std::size_t>((batch - 1) * x.stride + (x.columns - 1) * x.ld + x.rows);
  const Allocation* a = find_allocation(x.data);
  const auto text = [&](const char* what) {
    return std::string("cuBLAS: matrix ") + name + " (" + std::to_string(x.rows) + " x " +
           std::to_string(x.columns) + "): " + describe_address(x.data, a) + " " + what;
  };
  if (!a || a->space != Allocation::global) return text("is not device memory");
  if (!a->live) return text("has been freed");
  if (x.data + values * size_of(x.type) > a->end) return text("has no room for it");
  if (x.data % size_of(x.type)) return text("is not aligned");
  return {};
}

void mark_columns(const Matrix& c, int batch) {
  const std::size_t size = size_of(c.type);
  if (c.ld == c.rows && (batch == 1 || c.stride == c.rows * c.columns)) {
    mark_written(c.data, static_cast<std::size_t>(c.rows * c.columns * batch) * size);
    return;
  }
  for (int i = 0; i < batch; ++i)
    for (long long j = 0; j < c.columns; ++j)
      mark_written(c.data + static_cast<std::size_t>(i * c.stride + j * c.ld) * size,
                   static_cast<std::size_t>(c.rows) * size);
}

cublasStatus_t gemm(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n,
                    int k, const void* alpha, const void* a, cudaDataType type_a, int lda, long long stride_a,
                    const void* b, cudaDataType type_b, int ldb, long long stride_b, const void* beta,
                    void* c, cudaDataType type_c, int ldc, long long stride_c, int batch, bool in_double) {
  if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
  const bool ta = op_a != CUBLAS_OP_N, tb = op_b != CUBLAS_OP_N;
  const auto address = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p); };
  const Matrix x{address(a), type_a, lda, stride_a, ta ? k : m, ta ? m : k};
  const Matrix y{address(b), type_b, ldb, stride_b, tb ? n : k, tb ? k : n};
  const Matrix z{address(c), type_c, ldc, stride_c, m, n};
  if (m < 0 || n < 0 || k < 0 || batch < 0 || lda < std::max(1LL, x.rows) || ldb < std::max(1LL, y.rows) ||
      ldc < std::max(1, m))
    return CUBLAS_STATUS_INVALID_VALUE;
  if (!m || !n || !batch) return CUBLAS_STATUS_SUCCESS;
  // Scalars of the host are read now, those of the device when the product is done.
  const bool on_device = handle->pointers == CUBLAS_POINTER_MODE_DEVICE;
  double host_alpha = 0, host_beta = 0;
  if (!on_device) {
    host_alpha =
        in_double ? scalar<double>(address(alpha)) : static_cast<double>(scalar<float>(address(alpha)));
    host_beta = in_double ? scalar<double>(address(beta)) : static_cast<double>(scalar<float>(address(beta)));
  }
  const cudaError_t error = submit(handle->stream, [=] {
    const std::lock_guard lock(device_mutex);
    for (const auto& [name, matrix] : {std::pair{"A", x}, std::pair{"B", y}, std::pair{"C", z}})
      if (const std::string text = problem(name, matrix, batch); !text.empty())
        return fail_with(cudaErrorIllegalAddress, text);
    const HostAccess access;
    for (int i = 0; i < batch; ++i) {
      if (in_double) {
        multiply<double>(x, ta, y, tb, z, k, on_device ? scalar<double>(address(alpha)) : host_alpha,
                         on_device ? scalar<double>(address(beta)) : host_beta, i);
      } else {
        multiply<float>(x, ta, y, tb, z, k,
                        on_device ? scalar<float>(address(alpha)) : static_cast<float>(host_alpha),
                        on_device ? scalar<float>(address(beta)) : static_cast<float>(host_beta), i);
      }
    }
    mark_columns(z, batch);
    if (options().count) {
      Counters& counted = counters_of("cuBLAS gemm");
      ++counted.launches;
      counted.flops += 2ull * static_cast<unsigned>(m) * static_cast<unsigned>(n) * static_cast<unsigned>(k) *
                       static_cast<unsigned>(batch);
    }
    return cudaSuccess;
  });
  return error == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

}  // namespace

extern "C" {

const char* cublasGetStatusName(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS: return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED: return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED: return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_EXECUTION_FAILED: return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_INTERNAL_ERROR: return "CUBLAS_STATUS_INTERNAL_ERROR";
    case CUBLAS_STATUS_NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
  }
  return "unknown cuBLAS status";
}
// Of a product that failed: why.
const char* cublasGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_EXECUTION_FAILED ? cudaGetErrorString(cudaPeekAtLastError())
                                                  : cublasGetStatusName(status);
}
cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  if (options().devices <= 0) return CUBLAS_STATUS_NOT_INITIALIZED;
  *handle = new cublasContext;
  (*handle)->device = device_of_thread();
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasDestroy(cublasHandle_t handle) { return delete handle, CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasGetVersion(cublasHandle_t, int* version) {
  return *version = 130000, CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  return handle->stream = stream, CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasGetStream(cublasHandle_t handle, cudaStream_t* stream) {
  return *stream = handle->stream, CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  return handle->math = mode, CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasGetMathMode(cublasHandle_t handle, cublasMath_t* mode) {
  return *mode = handle->math, CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetPointerMode(cublasHandle_t handle, cublasPointerMode_t mode) {
  return handle->pointers = mode, CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetWorkspace(cublasHandle_t, void*, size_t) { return CUBLAS_STATUS_SUCCESS; }

cublasStatus_t cublasSgemm(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m,
                           int n, int k, const float* alpha, const float* a, int lda, const float* b, int ldb,
                           const float* beta, float* c, int ldc) {
  return cublasSgemmStridedBatched(handle, op_a, op_b, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc, 0,
                                   1);
}
cublasStatus_t cublasDgemm(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m,
                           int n, int k, const double* alpha, const double* a, int lda, const double* b,
                           int ldb, const double* beta, double* c, int ldc) {
  return cublasDgemmStridedBatched(handle, op_a, op_b, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc, 0,
                                   1);
}
cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t handle, cublasOperation_t op_a,
                                         cublasOperation_t op_b, int m, int n, int k, const float* alpha,
                                         const float* a, int lda, long long stride_a, const float* b, int ldb,
                                         long long stride_b, const float* beta, float* c, int ldc,
                                         long long stride_c, int batch) {
  return gemm(handle, op_a, op_b, m, n, k, alpha, a, CUDA_R_32F, lda, stride_a, b, CUDA_R_32F, ldb, stride_b,
              beta, c, CUDA_R_32F, ldc, stride_c, batch, false);
}
cublasStatus_t cublasDgemmStridedBatched(cublasHandle_t handle, cublasOperation_t op_a,
                                         cublasOperation_t op_b, int m, int n, int k, const double* alpha,
                                         const double* a, int lda, long long stride_a, const double* b,
                                         int ldb, long long stride_b, const double* beta, double* c, int ldc,
                                         long long stride_c, int batch) {
  return gemm(handle, op_a, op_b, m, n, k, alpha, a, CUDA_R_64F, lda, stride_a, b, CUDA_R_64F, ldb, stride_b,
              beta, c, CUDA_R_64F, ldc, stride_c, batch, true);
}
cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m,
                            int n, int k, const void* alpha, const void* a, cudaDataType type_a, int lda,
                            const void* b, cudaDataType type_b, int ldb, const void* beta, void* c,
                            cudaDataType type_c, int ldc, cublasComputeType_t compute,
                            cublasGemmAlgo_t algorithm) {
  return cublasGemmStridedBatchedEx(handle, op_a, op_b, m, n, k, alpha, a, type_a, lda, 0, b, type_b, ldb, 0,
                                    beta, c, type_c, ldc, 0, 1, compute, algorithm);
}
cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t op_a,
                                          cublasOperation_t op_b, int m, int n, int k, const void* alpha,
                                          const void* a, cudaDataType type_a, int lda, long long stride_a,
                                          const void* b, cudaDataType type_b, int ldb, long long stride_b,
                                          const void* beta, void* c, cudaDataType type_c, int ldc,
                                          long long stride_c, int batch, cublasComputeType_t compute,
                                          cublasGemmAlgo_t) {
  return gemm(handle, op_a, op_b, m, n, k, alpha, a, type_a, lda, stride_a, b, type_b, ldb, stride_b, beta, c,
              type_c, ldc, stride_c, batch, compute == CUBLAS_COMPUTE_64F);
}

}  // extern "C"
