// Reference-counted memory: who owns it, when it is released, and how modifications are counted.
#include <limbic/core/storage.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <thread>
#include <vector>

using namespace limbic;
using CpuStorage = Storage<Cpu>;

TEST_CASE("storage: allocated memory") {
  for (std::size_t bytes : {0u, 1u, 64u, 1000u, 100000u}) {
    CpuStorage s = CpuStorage::allocate(bytes);
    CHECK(static_cast<bool>(s));
    CHECK(s.bytes() == bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(s.data()) % 64 == 0);
    std::memset(s.data(), 1, bytes);
  }
  CpuStorage none;
  CHECK_FALSE(static_cast<bool>(none));
  CHECK(none.data() == nullptr);
  CHECK(none.bytes() == 0);
  CHECK(none.version() == 0);
  CHECK_FALSE(none.unique());
  none.touch(Site::here());  // nothing to count
  CHECK(none.version() == 0);
}

TEST_CASE("storage: sharing") {
  const auto before = memory_stats().bytes_in_use;
  {
    CpuStorage a = CpuStorage::allocate(100);
    CHECK(a.unique());
    CpuStorage b = a;
    CHECK(a.same(b));
    CHECK_FALSE(a.unique());
    CHECK_FALSE(a.same(CpuStorage::allocate(100)));
    CpuStorage c = std::move(b);
    CHECK(c.same(a));
    const CpuStorage& self = c;
    c = self;
    CHECK(c.same(a));
    c = CpuStorage();
    CHECK(a.unique());
    CHECK(memory_stats().bytes_in_use > before);
  }
  CHECK(memory_stats().bytes_in_use == before);
}

TEST_CASE("storage: wrapped memory is released once, by the last owner") {
  float values[4] = {1, 2, 3, 4};
  int released = 0;
  auto release = [](void* context) { ++*static_cast<int*>(context); };
  {
    CpuStorage a = CpuStorage::wrap(values, sizeof values, release, &released);
    CHECK(a.data() == reinterpret_cast<std::byte*>(values));
    CHECK(a.bytes() == sizeof values);
    CHECK_FALSE(a.unique());  // the caller has it too
    CpuStorage b = a;
    a = CpuStorage();
    CHECK(released == 0);
  }
  CHECK(released == 1);
  { CpuStorage quiet = CpuStorage::wrap(values, sizeof values); }
  CHECK(released == 1);
}

TEST_CASE("storage: modifications are counted, with the place of the last") {
  CpuStorage a = CpuStorage::allocate(8), b = a;
  CHECK(a.version() == 0);
  a.touch({"dir/file.cpp", 12});
  CHECK(b.version() == 1);
  CHECK(to_text(b.modified_at()) == "file.cpp:12");
  const int line = __LINE__ + 1;
  b.touch(Site::here());
  CHECK(a.version() == 2);
  CHECK(a.modified_at().line == line);
}

TEST_CASE("storage: owners in many threads") {
  int released = 0;
  int value = 0;
  {
    CpuStorage s = CpuStorage::wrap(
        &value, sizeof value, [](void* c) { ++*static_cast<int*>(c); }, &released);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([s] {
        for (int i = 0; i < 1000; ++i) {
          CpuStorage copy = s;
          copy.touch(Site::here());
        }
      });
    }
    for (auto& t : threads) t.join();
    CHECK(s.version() == 4000);
    CHECK(released == 0);
  }
  CHECK(released == 1);
}
