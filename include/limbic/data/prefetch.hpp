// Prefetch: the next item is made on a background thread while the current one is used.
//
// Two items take turns. Which item comes when does not depend on the thread's speed, so results are those of
// making every item on demand. The thread ends with the object.
#pragma once

#include <limbic/core/error.hpp>

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace limbic::data {

// Two items in turn. One thread at a time may call next().
template <class Item>
class Prefetch {
 public:
  // fill(item) makes the next item in place; it runs on the background thread, or inside next() when
  // `background` is false. No call of it overlaps with another.
  Prefetch(Item first, Item second, std::function<void(Item&)> fill, bool background)
      : items_{std::move(first), std::move(second)}, fill_(std::move(fill)) {
    if (background) thread_ = std::thread([this] { work(); });
  }
  Prefetch(const Prefetch&) = delete;
  Prefetch& operator=(const Prefetch&) = delete;
  ~Prefetch() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  // The next item, which holds until the next call. `release(item)` is called for the item that is about to
  // be overwritten, on this thread. Rethrows what fill() threw, again and again: nothing follows a
  // failure.
  template <class Release>
  Item& next(Release&& release) {
    Item& current = items_[turn_];
    Item& previous = items_[1 - turn_];
    if (!thread_.joinable()) {
      if (error_) std::rethrow_exception(error_);
      release(current);
      try {
        fill_(current);
      } catch (...) {
        error_ = std::current_exception();
        throw;
      }
      turn_ = 1 - turn_;
      return current;
    }
    if (!started_) release(current);
    release(previous);
    std::unique_lock lock(mutex_);
    if (!started_) {
      started_ = true;
      wanted_ = &current;
      changed_.notify_all();
    }
    changed_.wait(lock, [this] { return !wanted_; });
    if (error_) std::rethrow_exception(error_);
    wanted_ = &previous;
    changed_.notify_all();
    turn_ = 1 - turn_;
    return current;
  }
  // The same without a release.
  Item& next() {
    return next([](Item&) {});
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stop_ || wanted_; });
      if (stop_) return;
      Item& item = *wanted_;
      lock.unlock();
      std::exception_ptr error;
      try {
        fill_(item);
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      error_ = error;
      wanted_ = nullptr;
      changed_.notify_all();
      if (error_) return;
    }
  }

  Item items_[2];
  std::function<void(Item&)> fill_;
  std::size_t turn_ = 0;
  bool started_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  Item* wanted_ = nullptr;  // to be filled
  std::exception_ptr error_;
  bool stop_ = false;
  std::thread thread_;  // the last member: the others are there when it starts
};

}  // namespace limbic::data
