// The pool that all host memory of limbic comes from: tensor storage, tape nodes, scratch.
//
// Freed memory is kept for reuse in size classes (four a power of two), a few pieces in the freeing
// thread's own cache and the rest in lists shared by all threads. After its first step a training loop
// takes nothing from the system: memory_stats().system_allocations stands still.
// Under AddressSanitizer free memory is poisoned, so that stale views are still found.
#pragma once

#include <limbic/core/error.hpp>

#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>

#if defined(LIMBIC_ASAN)
#include <sanitizer/asan_interface.h>
#endif

namespace limbic {

// What memory_stats() counts.
struct MemoryStats {
  std::uint64_t system_allocations = 0;  // calls of the system allocator since the start
  std::uint64_t system_bytes = 0;        // bytes held from the system now, in use or cached
  std::uint64_t bytes_in_use = 0;        // handed out now, in sizes rounded up to their class
  std::uint64_t peak_bytes = 0;          // highest bytes_in_use since the start or reset_peak_memory()
};

namespace detail {

class MemoryPool {
 public:
  static constexpr std::size_t kAlignment = 64;

  static MemoryPool& instance() {
    // Never destroyed: tensors of static storage duration may outlive everything else.
    static MemoryPool* pool = new MemoryPool;
    return *pool;
  }

  // At least `bytes` bytes aligned to 64. Throws Error when there is no memory.
  void* allocate(std::size_t bytes) {
    const int c = size_class(bytes);
    const std::size_t size = class_bytes(c);
    void* p = nullptr;
    if (Cache* cache = thread_cache(); cache && c < kCachedClasses && cache->head[c]) {
      p = cache->head[c];
      unpoison(p, size);
      cache->head[c] = next(p);
      --cache->count[c];
    } else {
      p = take_shared(c);
      if (!p) p = system_allocate(size);
    }
    unpoison(p, bytes);
    const std::uint64_t in_use = in_use_.fetch_add(size, std::memory_order_relaxed) + size;
    std::uint64_t peak = peak_.load(std::memory_order_relaxed);
    while (in_use > peak && !peak_.compare_exchange_weak(peak, in_use, std::memory_order_relaxed)) {
    }
    return p;
  }

  // `bytes` as given to allocate().
  void deallocate(void* p, std::size_t bytes) noexcept {
    const int c = size_class(bytes);
    const std::size_t size = class_bytes(c);
    in_use_.fetch_sub(size, std::memory_order_relaxed);
    if (Cache* cache = thread_cache(); cache && c < kCachedClasses && cache->count[c] < kCachedPieces) {
      unpoison(p, size);
      next(p) = cache->head[c];
      poison(p, size);
      cache->head[c] = p;
      ++cache->count[c];
      return;
    }
    give_shared(c, p);
  }

  MemoryStats stats() const {
    MemoryStats s;
    s.system_allocations = system_allocations_.load(std::memory_order_relaxed);
    s.system_bytes = system_bytes_.load(std::memory_order_relaxed);
    s.bytes_in_use = in_use_.load(std::memory_order_relaxed);
    s.peak_bytes = peak_.load(std::memory_order_relaxed);
    return s;
  }

  void reset_peak() { peak_.store(in_use_.load(std::memory_order_relaxed), std::memory_order_relaxed); }

  // Gives the shared lists and the calling thread's cache back to the system.
  void release() {
    if (Cache* cache = thread_cache()) drain(*cache);
    std::lock_guard lock(mutex_);
    for (int c = 0; c < kClasses; ++c) {
      while (void* p = shared_[c]) {
        unpoison(p, class_bytes(c));
        shared_[c] = next(p);
        system_bytes_.fetch_sub(class_bytes(c), std::memory_order_relaxed);
        std::free(p);
      }
    }
  }

 private:
  static constexpr int kClasses = 4 * 42;        // up to 2^48 bytes
  static constexpr int kCachedClasses = 4 * 11;  // up to 128 KiB go through the thread's own cache
  static constexpr int kCachedPieces = 64;

  struct Cache {
    void* head[kCachedClasses] = {};
    int count[kCachedClasses] = {};
  };

  // Class c holds pieces of 64 * 2^(c / 4) * (1 + (c % 4) / 4) bytes.
  static std::size_t class_bytes(int c) {
    const std::size_t base = std::size_t{64} << (c / 4);
    return (base + base / 4 * static_cast<std::size_t>(c % 4) + kAlignment - 1) / kAlignment * kAlignment;
  }
  static int size_class(std::size_t bytes) {
    if (bytes <= 64) return 0;
    if (bytes > std::size_t{1} << 47)
      fail("memory", "one allocation is at most 128 TiB; got ", bytes, " bytes");
    const std::size_t units = (bytes - 1) >> 4;  // >= 4
    const int power = static_cast<int>(std::bit_width(units)) - 3;
    const int c = power * 4 + static_cast<int>((units >> power) & 3) + 1;
    return c;
  }

  static void*& next(void* p) { return *static_cast<void**>(p); }

  void* take_shared(int c) {
    std::lock_guard lock(mutex_);
    void* p = shared_[c];
    if (p) {
      unpoison(p, class_bytes(c));
      shared_[c] = next(p);
    }
    return p;
  }
  void give_shared(int c, void* p) noexcept {
    std::lock_guard lock(mutex_);
    unpoison(p, class_bytes(c));
    next(p) = shared_[c];
    poison(p, class_bytes(c));
    shared_[c] = p;
  }

  void* system_allocate(std::size_t size) {
    void* p = std::aligned_alloc(kAlignment, size);
    if (!p) {
      release();
      p = std::aligned_alloc(kAlignment, size);
    }
    if (!p)
      fail("memory", "out of memory; asked the system for ", size, " bytes, in use ", in_use_.load(),
           " bytes");
    system_allocations_.fetch_add(1, std::memory_order_relaxed);
    system_bytes_.fetch_add(size, std::memory_order_relaxed);
    poison(p, size);
    return p;
  }

  void drain(Cache& cache) noexcept {
    for (int c = 0; c < kCachedClasses; ++c) {
      while (void* p = cache.head[c]) {
        unpoison(p, class_bytes(c));
        cache.head[c] = next(p);
        give_shared(c, p);
      }
      cache.count[c] = 0;
    }
  }

  // Null once the thread's cache has been destroyed (objects of static storage duration go later).
  static Cache* thread_cache() {
    struct Owner {
      Cache cache;
      Cache** slot;
      explicit Owner(Cache** s) : slot(s) { *slot = &cache; }
      ~Owner() {
        *slot = nullptr;
        MemoryPool::instance().drain(cache);
      }
    };
    thread_local Cache* current = nullptr;
    thread_local bool started = false;
    if (!started) [[unlikely]] {
      started = true;
      thread_local Owner owner(&current);
    }
    return current;
  }

#if defined(LIMBIC_ASAN)
  // The link to the next free piece stays readable: the leak checker follows it.
  static void poison(void* p, std::size_t n) {
    __asan_poison_memory_region(static_cast<std::byte*>(p) + sizeof(void*), n - sizeof(void*));
  }
  static void unpoison(void* p, std::size_t n) { __asan_unpoison_memory_region(p, n); }
#else
  static void poison(void*, std::size_t) {}
  static void unpoison(void*, std::size_t) {}
#endif

  std::mutex mutex_;
  void* shared_[kClasses] = {};
  std::atomic<std::uint64_t> system_allocations_{0}, system_bytes_{0}, in_use_{0}, peak_{0};
};

}  // namespace detail

// Counters of the host memory pool, all threads together.
inline MemoryStats memory_stats() { return detail::MemoryPool::instance().stats(); }
// Lets memory_stats().peak_bytes start anew from what is in use.
inline void reset_peak_memory() { detail::MemoryPool::instance().reset_peak(); }
// Gives memory that is cached but not in use back to the system, all but what other threads keep in their own
// caches.
inline void release_cached_memory() { detail::MemoryPool::instance().release(); }

}  // namespace limbic
