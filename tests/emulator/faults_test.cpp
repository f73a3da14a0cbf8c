// Every planted fault is found, as what it is, in any order of execution; the right kernel beside it is
// clean.
#include "emulator/planted/planted.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>

using namespace planted;
using emulator::Kind;

namespace {

// What a launch is found to do: nothing, or a kind of fault; in three orders of execution, which must agree.
std::string found(const std::function<void()>& work) {
  const KeepOptions keep;
  std::string result;
  for (const std::uint64_t schedule : {0, 1, 7}) {
    emulator::options().schedule = schedule;
    emulator::clear_findings();
    std::string now;
    try {
      work();
      CHECK(emulator::findings().empty());
    } catch (const limbic::Error& error) {
      REQUIRE(emulator::findings().size() == 1);
      const emulator::Finding& f = emulator::findings().front();
      CHECK_MESSAGE(std::string(error.what()).find(f.text) != std::string::npos, error.what());
      CHECK_MESSAGE(std::string(error.what()).find(f.kernel) != std::string::npos, error.what());
      now = to_string(f.kind);
      INFO(f.text);
    }
    if (schedule == 0) result = now;
    CHECK(now == result);
  }
  return result;
}

// Text of the finding in the usual order.
std::string words(const std::function<void()>& work) {
  emulator::clear_findings();
  CHECK_THROWS_AS(work(), limbic::Error);
  REQUIRE(!emulator::findings().empty());
  return emulator::findings().back().text;
}
bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

struct Buffers {
  Device<float> x{ramp(1024)};
  Device<float> y{std::vector<float>(1024, 0.0f)};
};

}  // namespace

TEST_CASE_FIXTURE(Buffers, "races in shared memory") {
  CHECK(found([&] { barrier_between(true, x.get(), y.get()); }) == "race");
  CHECK(found([&] { barrier_between(false, x.get(), y.get()); }) == "");
  CHECK(found([&] { write_after_read(true, x.get(), y.get()); }) == "race");
  CHECK(found([&] { write_after_read(false, x.get(), y.get()); }) == "");
  CHECK(y.values()[255] == 4 * 63 + (1 + 2 + 3) * 256);
}

TEST_CASE_FIXTURE(Buffers, "races with all who have read, not only the last one") {
  CHECK(found([&] { last_reader_writes(0, y.get()); }) == "");
  for (const int fault : {1, 2, 3}) CHECK(found([&] { last_reader_writes(fault, y.get()); }) == "race");
}

TEST_CASE_FIXTURE(Buffers, "races within a warp: __syncwarp orders its lanes, a shuffle does not") {
  CHECK(found([&] { warp_exchange(0, x.get(), y.get()); }) == "");
  CHECK(found([&] { warp_exchange(1, x.get(), y.get()); }) == "race");
  CHECK(found([&] { warp_exchange(2, x.get(), y.get()); }) == "race");
  CHECK(found([&] { half_warps(false, x.get(), y.get()); }) == "");
  CHECK(found([&] { half_warps(true, x.get(), y.get()); }) == "race");
}

TEST_CASE_FIXTURE(Buffers, "races between blocks") {
  CHECK(found([&] { blocks_write(true, y.get()); }) == "race");
  CHECK(found([&] { blocks_write(false, y.get()); }) == "");
  CHECK(found([&] { blocks_read(true, y.get()); }) == "race");
  CHECK(found([&] { blocks_read(false, y.get()); }) == "");
  CHECK(found([&] { blocks_add(true, y.get()); }) == "race");
  CHECK(found([&] { blocks_add(false, y.get()); }) == "");
}

TEST_CASE_FIXTURE(Buffers, "the last block reads what others wrote: with a fence") {
  Device<float> partial(16);
  Device<unsigned> count(std::vector<unsigned>{0});
  CHECK(found([&] { last_block(0, x.get(), partial.get(), count.get(), y.get()); }) == "");
  CHECK(y.values()[0] == 1023 * 512);
  CHECK(found([&] {
          const unsigned zero = 0;
          cudaMemcpy(count.get(), &zero, sizeof zero, cudaMemcpyHostToDevice);
          last_block(1, x.get(), partial.get(), count.get(), y.get());
        }) == "race");
}

TEST_CASE_FIXTURE(Buffers, "bounds") {
  CHECK(found([&] { past_the_end(true, y.get(), 1024); }) == "out of bounds");
  CHECK(found([&] { past_the_end(false, y.get(), 1024); }) == "");
  CHECK(contains(words([&] { past_the_end(true, y.get(), 1024); }), "0 bytes past the end of allocation"));
  CHECK(found([&] { shared_past_the_end(0, y.get()); }) == "");
  CHECK(found([&] { shared_past_the_end(1, y.get()); }) == "out of bounds");
  CHECK(found([&] { shared_past_the_end(2, y.get()); }) == "out of bounds");
  CHECK(found([&] { just_write(nullptr, 5); }) == "out of bounds");
}

TEST_CASE_FIXTURE(Buffers, "memory that is gone, or not the device's") {
  float* gone = nullptr;
  REQUIRE(cudaMalloc(&gone, 64) == cudaSuccess);
  cudaFree(gone);
  CHECK(found([&] { just_write(gone, 16); }) == "use after free");
  std::vector<float> host(16);
  CHECK(found([&] { just_write(host.data(), 16); }) == "memory out of reach");
  CHECK(found([&] { other_threads_local(y.get()); }) == "memory out of reach");

  const KeepOptions keep;
  emulator::options().devices = 2;
  cudaSetDevice(1);
  CHECK(found([&] { just_write(y.get(), 16); }) == "memory out of reach");
  cudaSetDevice(0);
}

TEST_CASE("memory of the host that a device reaches") {
  float* pinned = nullptr;
  REQUIRE(cudaMallocHost(&pinned, 64) == cudaSuccess);
  CHECK(found([&] { just_write(pinned, 16); }) == "");
  CHECK(pinned[15] == 15);
  cudaFreeHost(pinned);
}

TEST_CASE_FIXTURE(Buffers, "alignment of wide accesses") {
  CHECK(found([&] { copy_vectors(true, x.get(), y.get()); }) == "misaligned");
  CHECK(found([&] { copy_vectors(false, x.get(), y.get()); }) == "");
  CHECK(y.values()[127] == 127);
#ifndef __clang__  // which takes structures apart before it marks their accesses; Vec is seen there too
  CHECK(found([&] { copy_float4(true, x.get(), y.get()); }) == "misaligned");
#endif
  CHECK(found([&] { copy_float4(false, x.get(), y.get()); }) == "");
}

TEST_CASE_FIXTURE(Buffers, "reads of what nothing has written") {
  CHECK(found([&] { uninitialised_shared(true, y.get()); }) == "uninitialised");
  CHECK(found([&] { uninitialised_shared(false, y.get()); }) == "");
  Device<float> fresh(100);
  CHECK(found([&] { just_read(fresh.get(), y.get(), 100); }) == "uninitialised");
  cudaMemset(fresh.get(), 0, 40);
  CHECK(found([&] { just_read(fresh.get(), y.get(), 10); }) == "");
  CHECK(found([&] { just_read(fresh.get(), y.get(), 11); }) == "uninitialised");
  just_write(fresh.get(), 100);
  CHECK(found([&] { just_read(fresh.get(), y.get(), 100); }) == "");
  CHECK(y.values()[99] == 99);
}

TEST_CASE_FIXTURE(Buffers, "barriers that not all threads reach") {
  CHECK(found([&] { divergent_barrier(0, y.get()); }) == "");
  CHECK(found([&] { divergent_barrier(1, y.get()); }) == "divergent barrier");
  CHECK(found([&] { divergent_barrier(2, y.get()); }) == "divergent barrier");
  CHECK(found([&] { divergent_barrier(3, y.get()); }) == "divergent barrier");
}

TEST_CASE_FIXTURE(Buffers, "shuffles and votes") {
  CHECK(found([&] { shuffles(0, x.get(), y.get()); }) == "");
  // Lane 3 holds 3 + 2 = 5 after the first; its partner, lane 11, 11 + 10 = 21; 16 odd lanes.
  CHECK(y.values()[3] == 5 + 21 + 16);
  CHECK(found([&] { shuffles(1, x.get(), y.get()); }) == "warp operation");
  CHECK(found([&] { shuffles(2, x.get(), y.get()); }) == "warp operation");
  CHECK(found([&] { shuffles(3, x.get(), y.get()); }) == "warp operation");
  CHECK(contains(words([&] { shuffles(2, x.get(), y.get()); }), "which is at __syncthreads"));
}

TEST_CASE_FIXTURE(Buffers, "asynchronous copies are waited for, and then a barrier") {
  CHECK(found([&] { asynchronous(0, x.get(), y.get()); }) == "");
  CHECK(y.values()[200] == 200);
  CHECK(found([&] { asynchronous(1, x.get(), y.get()); }) == "asynchronous copy");
  CHECK(found([&] { asynchronous(2, x.get(), y.get()); }) == "race");
  CHECK(found([&] { pipelined(false, x.get(), y.get()); }) == "");
  CHECK(y.values()[0] == 31);
  CHECK(found([&] { pipelined(true, x.get(), y.get()); }) == "asynchronous copy");
}

TEST_CASE_FIXTURE(Buffers, "a finding says where") {
  const std::string text = words([&] { barrier_between(true, x.get(), y.get()); });
  CHECK_MESSAGE(contains(text, "kernel barrier_between, block (0,0,0), thread (128,0,0)"), text);
  CHECK_MESSAGE(
      contains(
          text,
          "4 bytes of byte 512 of the shared variable tile of barrier_between_kernel<true> (1024 bytes)"),
      text);
#ifdef __GNUC__
  CHECK_MESSAGE(contains(text, "faults.cu:"), text);
#endif
}

TEST_CASE_FIXTURE(Buffers, "__trap ends a launch, and the next one runs") {
  CHECK(found([&] { trap(x.get()); }) == "trap");
  CHECK(found([&] { trap(y.get()); }) == "");
}
