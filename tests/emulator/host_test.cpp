// The host's side: launches, memory, streams, graphs, cuBLAS, and what each refuses.
#include "emulator/planted/planted.hpp"

#include <cublas_v2.h>

#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

using namespace planted;

namespace {

bool says(const limbic::Error& error, const char* part) {
  return std::string(error.what()).find(part) != std::string::npos;
}

struct Stream {
  cudaStream_t stream = nullptr;
  Stream() { cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking); }
  ~Stream() { cudaStreamDestroy(stream); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
};

}  // namespace

TEST_CASE("launches beyond the limits fail by name") {
  struct Limit {
    int threads;
    std::size_t shared_bytes;
    const char* part;
  };
  for (const Limit& limit : {Limit{1025, 0, "1 to 1024 threads"}, Limit{32, 1 << 20, "232448"}}) {
    try {
      too_large(limit.threads, limit.shared_bytes);
      FAIL("it was launched");
    } catch (const limbic::Error& error) {
      CHECK_MESSAGE(says(error, "[too_large]"), error.what());
      CHECK_MESSAGE(says(error, limit.part), error.what());
    }
  }
  CHECK_NOTHROW(too_large(32, 100 * 1024));  // asked for beyond 48 KB
  CHECK_NOTHROW(too_large(0, 0));            // nothing to do
  CHECK(cudaGetLastError() == cudaSuccess);
}

TEST_CASE("device memory: limits, wrong pointers") {
  const KeepOptions keep;
  emulator::options().memory_bytes = 1 << 20;
  void* p = nullptr;
  CHECK(cudaMalloc(&p, 2 << 20) == cudaErrorMemoryAllocation);
  CHECK(std::string(cudaGetErrorString(cudaErrorMemoryAllocation)).find("2097152 bytes asked for") !=
        std::string::npos);
  CHECK(cudaGetLastError() == cudaErrorMemoryAllocation);
  CHECK(cudaGetLastError() == cudaSuccess);
  REQUIRE(cudaMalloc(&p, 100) == cudaSuccess);
  std::vector<char> host(200);
  CHECK(cudaMemcpy(p, host.data(), 101, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(host.data(), p, 100, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  CHECK(cudaMemset(p, 0, 101) == cudaErrorInvalidValue);
  CHECK(cudaFree(static_cast<char*>(p) + 1) == cudaErrorInvalidValue);
  CHECK(cudaFree(p) == cudaSuccess);
  CHECK(cudaFree(p) == cudaErrorInvalidValue);
  CHECK(cudaFree(nullptr) == cudaSuccess);
  cudaGetLastError();
}

TEST_CASE("no device: errors, no crash") {
  const KeepOptions keep;
  emulator::options().devices = 0;
  int count = 7;
  CHECK(cudaGetDeviceCount(&count) == cudaErrorNoDevice);
  CHECK(count == 0);
  void* p;
  CHECK(cudaMalloc(&p, 4) == cudaErrorNoDevice);
  CHECK_THROWS_AS(scale(1, nullptr, nullptr, 4, nullptr), limbic::Error);
  cublasHandle_t handle;
  CHECK(cublasCreate(&handle) == CUBLAS_STATUS_NOT_INITIALIZED);
  cudaGetLastError();
}

TEST_CASE("a graph replays what was captured, with the arguments it had then") {
  Stream s, other;
  Device<float> x(ramp(100)), y(100), z(100);
  cudaEvent_t fork, join;
  cudaEventCreateWithFlags(&fork, cudaEventDisableTiming);
  cudaEventCreateWithFlags(&join, cudaEventDisableTiming);
  REQUIRE(cudaStreamBeginCapture(s.stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  scale(2, x.get(), y.get(), 100, s.stream);
  cudaEventRecord(fork, s.stream);
  cudaStreamWaitEvent(other.stream, fork);
  float* temporary = nullptr;
  cudaMallocAsync(&temporary, 400, other.stream);
  scale(3, y.get(), temporary, 100, other.stream);
  scale(1, temporary, z.get(), 100, other.stream);
  cudaFreeAsync(temporary, other.stream);
  cudaEventRecord(join, other.stream);
  cudaStreamWaitEvent(s.stream, join);
  cudaGraph_t graph;
  REQUIRE(cudaStreamEndCapture(s.stream, &graph) == cudaSuccess);
  cudaGraphExec_t executable;
  REQUIRE(cudaGraphInstantiate(&executable, graph) == cudaSuccess);
  for (const float scaled : {1.0f, 5.0f}) {
    const std::vector<float> fresh = ramp(100, scaled);
    cudaMemcpy(x.get(), fresh.data(), 400, cudaMemcpyHostToDevice);
    REQUIRE(cudaGraphLaunch(executable, s.stream) == cudaSuccess);
    cudaStreamSynchronize(s.stream);
    CHECK(z.values()[99] == 6 * 99 * scaled);
  }
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
  cudaEventDestroy(fork);
  cudaEventDestroy(join);
}

TEST_CASE("a capture is broken by what hardware refuses in it") {
  Stream s, other;
  Device<float> x(ramp(10)), y(10);
  cudaGraph_t graph;
  const auto broken = [&](cudaError_t refused) {
    CHECK(refused == cudaErrorStreamCaptureUnsupported);
    CHECK(cudaStreamEndCapture(s.stream, &graph) == cudaErrorStreamCaptureInvalidated);
    CHECK(graph == nullptr);
  };
  const auto begin = [&] {
    REQUIRE(cudaStreamBeginCapture(s.stream, cudaStreamCaptureModeGlobal) == cudaSuccess);
  };
  begin();
  broken(cudaStreamSynchronize(s.stream));
  begin();
  broken(cudaDeviceSynchronize());
  begin();
  float v;
  broken(cudaMemcpy(&v, x.get(), 4, cudaMemcpyDeviceToHost));
  begin();
  void* p;
  broken(cudaMalloc(&p, 4));

  begin();
  cudaEvent_t fork;
  cudaEventCreate(&fork);
  cudaEventRecord(fork, s.stream);
  cudaStreamWaitEvent(other.stream, fork);
  scale(1, x.get(), y.get(), 10, other.stream);
  CHECK(cudaStreamEndCapture(s.stream, &graph) == cudaErrorStreamCaptureUnjoined);
  cudaEventDestroy(fork);
  cudaGetLastError();
}

TEST_CASE("streams belong to a device") {
  const KeepOptions keep;
  emulator::options().devices = 2;
  Stream s;
  cudaSetDevice(1);
  Device<float> x(ramp(10)), y(10);
  CHECK_THROWS_AS(scale(1, x.get(), y.get(), 10, s.stream), limbic::Error);
  CHECK_NOTHROW(scale(1, x.get(), y.get(), 10, cudaStreamPerThread));
  cudaSetDevice(0);
}

TEST_CASE("cuBLAS multiplies column by column, any transposition, batched") {
  const int m = 5, n = 4, k = 3, batch = 2;
  const auto value = [](std::size_t i) { return static_cast<double>(i * 7 % 11) - 5; };
  std::vector<double> a(2 * 6 * 6), b(a.size()), c(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = value(i), b[i] = value(i + 3), c[i] = value(i + 5);
  Device<double> da(a), db(b);
  cublasHandle_t handle;
  REQUIRE(cublasCreate(&handle) == CUBLAS_STATUS_SUCCESS);
  const double alpha = 2, beta = 0.5;
  for (const bool ta : {false, true})
    for (const bool tb : {false, true}) {
      Device<double> dc(c);
      REQUIRE(cublasDgemmStridedBatched(
                  handle, ta ? CUBLAS_OP_T : CUBLAS_OP_N, tb ? CUBLAS_OP_T : CUBLAS_OP_N, m, n, k, &alpha,
                  da.get(), 6, 36, db.get(), 6, 36, &beta, dc.get(), 6, 36, batch) == CUBLAS_STATUS_SUCCESS);
      const std::vector<double> got = dc.values();
      for (std::size_t g = 0; g < 2; ++g)
        for (std::size_t j = 0; j < 4; ++j)
          for (std::size_t i = 0; i < 5; ++i) {
            double want = beta * c[36 * g + 6 * j + i];
            for (std::size_t p = 0; p < 3; ++p)
              want +=
                  alpha * a[36 * g + (ta ? 6 * i + p : 6 * p + i)] * b[36 * g + (tb ? 6 * p + j : 6 * j + p)];
            CHECK(got[36 * g + 6 * j + i] == want);
          }
      CHECK(got[5] == c[5]);  // between the columns
    }
  // Captured like any other work; what is multiplied counts as written.
  Stream s;
  cublasSetStream(handle, s.stream);
  Device<float> x(ramp(4)), y(4), z(4);
  const float one = 1, zero = 0;
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  cudaStreamBeginCapture(s.stream, cudaStreamCaptureModeThreadLocal);
  REQUIRE(cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 2, &one, x.get(), 2, x.get(), 2, &zero, y.get(),
                      2) == CUBLAS_STATUS_SUCCESS);
  scale(1, y.get(), z.get(), 4, s.stream);
  REQUIRE(cudaStreamEndCapture(s.stream, &graph) == cudaSuccess);
  cudaGraphInstantiate(&executable, graph);
  REQUIRE(cudaGraphLaunch(executable, s.stream) == cudaSuccess);
  CHECK(z.values() == std::vector<float>{2, 3, 6, 11});
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
  // What lies outside of its memory is found.
  CHECK(cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 3, 2, &one, x.get(), 2, x.get(), 2, &zero, y.get(),
                    2) == CUBLAS_STATUS_EXECUTION_FAILED);
  CHECK(std::string(cublasGetStatusString(CUBLAS_STATUS_EXECUTION_FAILED)).find("has no room for it") !=
        std::string::npos);
  cublasDestroy(handle);
  cudaGetLastError();
}

TEST_CASE("threads that wait for a lock get it") {
  Device<unsigned> lock(std::vector<unsigned>{0});
  Device<float> y(std::vector<float>{0});
  const KeepOptions keep;
  for (const std::uint64_t schedule : {0, 4}) {
    emulator::options().schedule = schedule;
    spinning(lock.get(), y.get());
  }
  CHECK(y.values()[0] == 16);
}

TEST_CASE("host code that touches device memory ends with a message") {
  Device<float> x(ramp(10));
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    dup2(ends[1], 2);
    dup2(ends[1], 1);
    const volatile float* p = x.get();
    _exit(*p > 100 ? 1 : 0);
  }
  close(ends[1]);
  std::string text;
  char part[256];
  for (ssize_t n; (n = read(ends[0], part, sizeof part)) > 0;) text.append(part, static_cast<std::size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(status != 0);
  CHECK_MESSAGE(text.find("host code touched device memory") != std::string::npos, text);
}

TEST_CASE("host threads launch side by side") {
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&right, i] {
      Device<float> x(ramp(300)), y(3), sums(3);
      for (int k = 0; k < 20; ++k) {
        row_sums(x.get(), sums.get(), 3, 100);
        scale(static_cast<float>(i), sums.get(), y.get(), 3, cudaStreamPerThread);
        right += y.values()[1] == static_cast<float>(i) * 14950;
      }
    });
  for (std::thread& t : threads) t.join();
  CHECK(right == 60);
}
