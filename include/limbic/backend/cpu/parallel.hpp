// A small pool of worker threads and parallel_for.
//
// How [0, n) is cut depends on n and the grain only, never on how many threads there are, so what is
// computed per piece is bitwise the same for any thread count. A parallel_for inside another, or one
// that finds the pool in use by another thread of the program, runs its pieces in the caller.
#pragma once

#include <limbic/core/error.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace limbic {

namespace cpu::detail {

class Pool {
 public:
  using Body = void (*)(void* context, index_t piece);

  static Pool& instance() {
    static Pool pool;
    return pool;
  }

  int threads() const { return threads_.load(std::memory_order_relaxed); }

  void resize(int threads) {
    std::lock_guard busy(busy_);
    stop_workers();
    threads_.store(threads < 1 ? 1 : threads, std::memory_order_relaxed);
  }

  // Calls body(context, i) for i in [0, pieces), on all threads; false when the pool was in use.
  bool run(index_t pieces, Body body, void* context) {
    std::unique_lock busy(busy_, std::try_to_lock);
    if (!busy.owns_lock()) return false;
    start_workers();
    {
      std::lock_guard lock(mutex_);
      body_ = body;
      context_ = context;
      pieces_ = pieces;
      next_.store(0, std::memory_order_relaxed);
      error_ = nullptr;
      open_ = true;
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    work();
    {
      // Whoever has not woken by now is not waited for.
      std::lock_guard lock(mutex_);
      open_ = false;
    }
    for (int spin = 0; active_.load(std::memory_order_acquire) != 0; ++spin) {
      if (spin < 2000) pause();
      else std::this_thread::yield();
    }
    if (error_) std::rethrow_exception(error_);
    return true;
  }

  static bool& inside() {
    thread_local bool value = false;
    return value;
  }

 private:
  Pool() : threads_(std::max(1, static_cast<int>(std::thread::hardware_concurrency()))) {}
  ~Pool() { stop_workers(); }

  void start_workers() {
    const int wanted = threads() - 1;
    while (static_cast<int>(workers_.size()) < wanted)
      workers_.emplace_back([this, seen = generation_.load()]() mutable { loop(seen); });
  }

  void stop_workers() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
    workers_.clear();
    stop_ = false;
  }

  void loop(std::uint64_t seen) {
    for (;;) {
      // Spin for some ten microseconds before sleeping: the next piece of work of a training step is
      // seldom further away, and waking a sleeper costs more than the piece.
      for (int spin = 0; spin < 4000 && generation_.load(std::memory_order_acquire) == seen; ++spin) pause();
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return stop_ || generation_.load(std::memory_order_relaxed) != seen; });
        if (stop_) return;
        seen = generation_.load(std::memory_order_relaxed);
        if (!open_) continue;
        active_.fetch_add(1, std::memory_order_relaxed);
      }
      work();
      active_.fetch_sub(1, std::memory_order_release);
    }
  }

  void work() {
    inside() = true;
    for (;;) {
      const index_t piece = next_.fetch_add(1, std::memory_order_relaxed);
      if (piece >= pieces_) break;
      try {
        body_(context_, piece);
      } catch (...) {
        std::lock_guard lock(mutex_);
        if (!error_) error_ = std::current_exception();
      }
    }
    inside() = false;
  }

  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }

  std::mutex busy_;  // held by the thread whose work is being done
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
  std::atomic<int> threads_;
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<index_t> next_{0};
  std::atomic<int> active_{0};  // workers inside the current job
  index_t pieces_ = 0;
  Body body_ = nullptr;
  void* context_ = nullptr;
  std::exception_ptr error_;
  bool open_ = false;  // workers may still join the current job
  bool stop_ = false;
};

}  // namespace cpu::detail

// Threads that CPU operations may use, the calling one included. Default: all processors.
inline int num_threads() { return cpu::detail::Pool::instance().threads(); }

// Sets num_threads(); less than 1 counts as 1. Results do not depend on it. Throws inside a parallel_for.
inline void set_num_threads(int threads) {
  check(!cpu::detail::Pool::inside(), "set_num_threads", "cannot be called from inside a parallel_for");
  cpu::detail::Pool::instance().resize(threads);
}

// Calls f(begin, end) over [0, n) in pieces of `grain` indices (the last may be shorter), possibly at
// the same time. Rethrows the first exception of a piece. Allocates nothing.
template <class F>
void parallel_for(index_t n, index_t grain, F&& f) {
  if (n <= 0) return;
  if (grain < 1) grain = 1;
  const index_t pieces = (n + grain - 1) / grain;
  auto piece = [&](index_t i) { f(i * grain, std::min(n, (i + 1) * grain)); };
  using Piece = decltype(piece);
  using cpu::detail::Pool;
  if (pieces > 1 && !Pool::inside() && Pool::instance().threads() > 1 &&
      Pool::instance().run(
          pieces, [](void* context, index_t i) { (*static_cast<Piece*>(context))(i); }, &piece))
    return;
  for (index_t i = 0; i < pieces; ++i) piece(i);
}

}  // namespace limbic
