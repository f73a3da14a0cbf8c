// The memory pool: reuse, counters, threads.
#include <limbic/core/tensor.hpp>

#include <doctest/doctest.h>

#include <condition_variable>
#include <cstring>
#include <deque>
#include <set>
#include <support/throws.hpp>
#include <thread>

using namespace limbic;

#if defined(LIMBIC_ASAN) || defined(__SANITIZE_THREAD__)
#define LIMBIC_OWN_ALLOCATOR 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LIMBIC_OWN_ALLOCATOR 1
#endif
#endif

namespace {

detail::MemoryPool& pool() { return detail::MemoryPool::instance(); }

}  // namespace

TEST_CASE("pool: pieces are aligned, distinct and as long as asked for") {
  std::vector<std::pair<unsigned char*, std::size_t>> pieces;
  for (std::size_t bytes = 0; bytes < 5000; bytes = bytes * 5 / 4 + 1)
    for (int twice = 0; twice < 2; ++twice)
      pieces.emplace_back(static_cast<unsigned char*>(pool().allocate(bytes)), bytes);
  for (int power = 6; power <= 22; ++power)
    for (int off : {-1, 0, 1}) {
      const std::size_t bytes = (std::size_t{1} << power) + static_cast<std::size_t>(off);
      pieces.emplace_back(static_cast<unsigned char*>(pool().allocate(bytes)), bytes);
    }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    CHECK(reinterpret_cast<std::uintptr_t>(pieces[i].first) % 64 == 0);
    std::memset(pieces[i].first, static_cast<int>(i), pieces[i].second);
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    bool own = true;
    for (std::size_t j = 0; j < pieces[i].second; ++j)
      own = own && pieces[i].first[j] == static_cast<unsigned char>(i);
    CHECK(own);
  }
  for (auto [p, bytes] : pieces) pool().deallocate(p, bytes);
}

TEST_CASE("pool: waste is at most a quarter, beyond rounding to 64 bytes") {
  for (std::size_t bytes : {1u, 64u, 65u, 100u, 129u, 1000u, 1025u, 5000u, 100000u, 1048577u}) {
    const auto before = memory_stats().bytes_in_use;
    void* p = pool().allocate(bytes);
    const auto taken = memory_stats().bytes_in_use - before;
    CHECK(taken >= bytes);
    CHECK(taken <= bytes + bytes / 4 + 64);
    pool().deallocate(p, bytes);
    CHECK(memory_stats().bytes_in_use == before);
  }
}

TEST_CASE("pool: a repeated step takes nothing from the system") {
  auto step = [](index_t batch) {
    std::vector<Tensor<float>> kept;
    kept.reserve(100);
    for (index_t i = 0; i < 100; ++i) {
      Tensor<float> t = Tensor<float>::zeros({batch, 1 + i * i});
      kept.push_back(t.transpose(0, 1).clone());
      kept.back().copy_from(t.transpose(0, 1));
    }
    Tensor<double> big = Tensor<double>::ones({1 << 18});
    CHECK(big.at(5) == 1);
  };
  step(7);
  const auto before = memory_stats();
  for (int i = 0; i < 20; ++i) step(7);
  CHECK(memory_stats().system_allocations == before.system_allocations);
  CHECK(memory_stats().system_bytes == before.system_bytes);
  step(700);
  CHECK(memory_stats().system_allocations > before.system_allocations);  // the counter counts
}

TEST_CASE("pool: peak") {
  reset_peak_memory();
  const auto base = memory_stats().bytes_in_use;
  CHECK(memory_stats().peak_bytes == base);
  {
    Tensor<float> a = Tensor<float>::empty({1 << 20});
    { Tensor<float> b = Tensor<float>::empty({1 << 20}); }
    Tensor<float> c = Tensor<float>::empty({1 << 19});
  }
  CHECK(memory_stats().bytes_in_use == base);
  CHECK(memory_stats().peak_bytes >= base + (8u << 20));
  CHECK(memory_stats().peak_bytes < base + (11u << 20));
  reset_peak_memory();
  CHECK(memory_stats().peak_bytes == base);
}

TEST_CASE("pool: cached memory can be given back") {
  { Tensor<float> t = Tensor<float>::empty({1 << 20}); }
  const auto before = memory_stats();
  release_cached_memory();
  CHECK(memory_stats().system_bytes + (4u << 20) <= before.system_bytes);
  CHECK(memory_stats().system_bytes >= memory_stats().bytes_in_use);
  Tensor<float> again = Tensor<float>::full({1 << 20}, 3);
  CHECK(again.at(-1) == 3);
  CHECK(memory_stats().system_allocations > before.system_allocations);
}

TEST_CASE("pool: memory of a thread that has ended is there for others") {
  constexpr std::size_t kBytes = 30000;
  std::set<void*> seen;
  auto use = [&](int n) {
    std::vector<void*> pieces;
    for (int i = 0; i < n; ++i) pieces.push_back(pool().allocate(kBytes));
    seen.insert(pieces.begin(), pieces.end());
    for (void* p : pieces) pool().deallocate(p, kBytes);
  };
  release_cached_memory();
  std::thread(use, 20).join();
  CHECK(seen.size() == 20);
  const auto before = memory_stats().system_allocations;
  use(20);
  CHECK(seen.size() == 20);
  CHECK(memory_stats().system_allocations == before);
}

TEST_CASE("pool: freed by another thread than the one that allocated") {
  const auto before = memory_stats().bytes_in_use;
  std::vector<Tensor<float>> tensors;
  for (index_t i = 1; i < 200; ++i) tensors.push_back(Tensor<float>::full({i * 10}, 1));
  std::thread([moved = std::move(tensors)]() mutable { moved.clear(); }).join();
  CHECK(memory_stats().bytes_in_use == before);
  std::thread([&] {
    for (index_t i = 1; i < 200; ++i) tensors.push_back(Tensor<float>::full({i * 10}, 2));
  }).join();
  CHECK(tensors.back().at(0) == 2);
  tensors.clear();
  CHECK(memory_stats().bytes_in_use == before);
}

TEST_CASE("pool: threads that hand tensors to each other") {
  const auto before = memory_stats().bytes_in_use;
  {
    std::mutex mutex;
    std::deque<Tensor<float>> queue;
    std::atomic<int> wrong{0};
    auto work = [&](int seed) {
      for (int i = 0; i < 400; ++i) {
        const float value = static_cast<float>(seed * 1000 + i);
        Tensor<float> mine = Tensor<float>::full({1 + (i * 37 + seed) % 3000}, value), other;
        {
          std::lock_guard lock(mutex);
          queue.push_back(mine);
          if (queue.size() > 8) {
            other = queue.front();
            queue.pop_front();
          }
        }
        if (other.defined() && other.at(0) != other.at(-1)) ++wrong;
        if (mine.at(0) != value || mine.at(-1) != value) ++wrong;
        if (i % 100 == 0) release_cached_memory();
      }
    };
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) threads.emplace_back(work, t);
    for (auto& t : threads) t.join();
    CHECK(wrong == 0);
  }
  CHECK(memory_stats().bytes_in_use == before);
}

TEST_CASE("pool: what cannot be had") {
  CHECK(thrown([] { pool().allocate((std::size_t{1} << 47) + 1); }) ==
        "[memory] one allocation is at most 128 TiB; got 140737488355329 bytes");
  CHECK(thrown([] { Tensor<double>::empty({index_t{1} << 50}); }) ==
        "[tensor] too large; got (1125899906842624)");
#if !defined(LIMBIC_OWN_ALLOCATOR)
  const auto before = memory_stats();
  CHECK(thrown([] {
          pool().allocate(std::size_t{1} << 47);
        }).find("[memory] out of memory; asked the system for ") == 0);
  CHECK(memory_stats().bytes_in_use == before.bytes_in_use);
  CHECK(memory_stats().system_bytes <= before.system_bytes);
#endif
}
