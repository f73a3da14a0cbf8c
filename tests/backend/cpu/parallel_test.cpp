#include <doctest/doctest.h>

#include <limbic/backend/cpu/parallel.hpp>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using limbic::index_t;

namespace {

// Puts back the number of threads that a test changes.
struct Threads {
  explicit Threads(int n) { limbic::set_num_threads(n); }
  ~Threads() { limbic::set_num_threads(before); }
  int before = limbic::num_threads();
};

// How often each index of [0, n) is visited.
std::vector<int> visits(index_t n, index_t grain) {
  std::vector<int> count(static_cast<std::size_t>(n < 0 ? 0 : n), 0);
  limbic::parallel_for(n, grain, [&](index_t begin, index_t end) {
    for (index_t i = begin; i < end; ++i) ++count[static_cast<std::size_t>(i)];
  });
  return count;
}

// The pieces in order of their beginnings.
std::vector<std::pair<index_t, index_t>> pieces(index_t n, index_t grain) {
  const index_t step = grain < 1 ? 1 : grain;
  std::vector<std::pair<index_t, index_t>> all(static_cast<std::size_t>((n + step - 1) / step));
  limbic::parallel_for(n, grain, [&](index_t begin, index_t end) {
    all[static_cast<std::size_t>(begin / step)] = {begin, end};
  });
  return all;
}

}  // namespace

TEST_CASE("parallel_for visits every index once") {
  for (int threads : {1, 2, 3, 8}) {
    Threads set(threads);
    CHECK(limbic::num_threads() == threads);
    for (index_t n : {0, 1, 2, 63, 64, 65, 1000})
      for (index_t grain : {-1, 0, 1, 7, 64, 5000}) {
        CAPTURE(threads);
        CAPTURE(n);
        CAPTURE(grain);
        CHECK(visits(n, grain) == std::vector<int>(static_cast<std::size_t>(n), 1));
      }
  }
  CHECK(visits(-5, 1).empty());
}

TEST_CASE("the pieces do not depend on the number of threads") {
  std::vector<std::pair<index_t, index_t>> one, many;
  {
    Threads set(1);
    one = pieces(1003, 17);
  }
  {
    Threads set(4);
    many = pieces(1003, 17);
  }
  CHECK(one == many);
  CHECK(one.size() == 59);
  CHECK(one.front() == std::pair<index_t, index_t>{0, 17});
  CHECK(one.back() == std::pair<index_t, index_t>{986, 1003});
}

TEST_CASE("more than one thread takes part") {
  Threads set(2);
  // The two pieces wait for each other, so one thread alone would never finish them.
  std::atomic<int> arrived{0};
  limbic::parallel_for(2, 1, [&](index_t, index_t) {
    arrived.fetch_add(1);
    while (arrived.load() < 2) std::this_thread::yield();
  });
  CHECK(arrived == 2);
}

TEST_CASE("a parallel_for inside another runs in its caller") {
  Threads set(4);
  std::atomic<int> total{0}, elsewhere{0};
  limbic::parallel_for(8, 1, [&](index_t, index_t) {
    const auto outer = std::this_thread::get_id();
    limbic::parallel_for(100, 3, [&](index_t begin, index_t end) {
      if (std::this_thread::get_id() != outer) ++elsewhere;
      total += static_cast<int>(end - begin);
    });
  });
  CHECK(total == 800);
  CHECK(elsewhere == 0);
}

TEST_CASE("an exception of a piece reaches the caller and leaves the pool usable") {
  for (int threads : {1, 4}) {
    Threads set(threads);
    for (int round = 0; round < 20; ++round) {
      std::string text;
      try {
        limbic::parallel_for(64, 1, [](index_t begin, index_t) {
          if (begin == 13) throw std::runtime_error("piece 13");
        });
      } catch (const std::runtime_error& e) {
        text = e.what();
      }
      CHECK(text == "piece 13");
      CHECK(visits(100, 1) == std::vector<int>(100, 1));
    }
    // Every piece throws: one exception arrives.
    CHECK_THROWS_AS(limbic::parallel_for(64, 1, [](index_t, index_t) { throw 7; }), int);
  }
}

TEST_CASE("threads of the program share the pool") {
  Threads set(3);
  std::atomic<int> wrong{0};
  auto user = [&] {
    for (int round = 0; round < 200; ++round)
      if (visits(257, 16) != std::vector<int>(257, 1)) ++wrong;
  };
  std::thread a(user), b(user), c(user);
  a.join(), b.join(), c.join();
  CHECK(wrong == 0);
}

TEST_CASE("the pool is resized between and during uses") {
  Threads keep(2);
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::thread user([&] {
    while (!stop)
      if (visits(100, 3) != std::vector<int>(100, 1)) ++wrong;
  });
  for (int threads : {4, 1, 3, 2, 0, -7, 5}) {
    limbic::set_num_threads(threads);
    CHECK(limbic::num_threads() == (threads < 1 ? 1 : threads));
    CHECK(visits(1000, 10) == std::vector<int>(1000, 1));
  }
  stop = true;
  user.join();
  CHECK(wrong == 0);
}
