// What the device's runtime promises: errors that say what is wrong, streams, memory that is given back.
#include "on_both.hpp"

#include <limbic/ops/activation.hpp>
#include <limbic/ops/concat.hpp>
#include <limbic/ops/matmul.hpp>

#include <thread>

using namespace limbic;
using namespace limbic::test;

namespace {

Tensor<float, Cuda> ones(index_t n) { return Tensor<float, Cuda>::ones({n}); }

struct OwnStream {
  cuda::Stream stream = cuda::make_stream();
  ~OwnStream() { cuda::free_stream(stream); }
};

}  // namespace

TEST_CASE("a thread's stream, for a time") {
  const OwnStream own;
  const cuda::Stream before = cuda::current_stream();
  CHECK(own.stream != before);
  const auto x = ones(5);
  cuda::synchronize();
  {
    const StreamGuard guard(own.stream);
    CHECK(cuda::current_stream() == own.stream);
    cuda::Stream elsewhere = own.stream;
    std::thread([&] { elsewhere = cuda::current_stream(); }).join();
    CHECK(elsewhere != own.stream);
    auto y = x * 2.0f;
    CHECK(y.to_vector() == std::vector<float>(5, 2.0f));
    try {
      const StreamGuard inner(before);
      throw 1;
    } catch (int) {
    }
    CHECK(cuda::current_stream() == own.stream);
  }
  CHECK(cuda::current_stream() == before);
}
TEST_CASE("a stream waits for another one") {
  const OwnStream own;
  const cuda::Stream before = cuda::current_stream();
  auto x = ones(1000);
  Tensor<float, Cuda> y;
  {
    const StreamGuard guard(own.stream);
    cuda::wait_for(before);
    y = x * 3.0f;
  }
  cuda::wait_for(own.stream);
  CHECK((y + x).to_vector() == std::vector<float>(1000, 4.0f));
  cuda::synchronize();
}
TEST_CASE("devices are chosen by number") {
  REQUIRE(cuda::device_count() >= 1);
  CHECK(cuda::current_device() == 0);
  cuda::use_device(0);
  check_error([] { cuda::use_device(cuda::device_count()); }, {"[use_device]", "invalid device"});
  check_error([] { cuda::use_device(-1); }, {"[use_device]", "invalid device"});
  CHECK(ones(2).to_vector() == std::vector<float>{1, 1});  // the error has left nothing behind
}
TEST_CASE("memory that there is not") {
  check_error([] { (void)Tensor<double, Cuda>::empty({index_t{1} << 40}); }, {"[allocate]", "out of memory"});
  CHECK(ones(2).to_vector() == std::vector<float>{1, 1});
}

#if __has_include(<emulator/emulator.hpp>)

TEST_CASE("memory is counted, and given back") {
  const std::uint64_t all = emulator::options().memory_bytes;
  struct Restore {
    std::uint64_t bytes;
    ~Restore() { emulator::options().memory_bytes = bytes; }
  } restore{all};
  emulator::options().memory_bytes = 64 << 20;
  for (int i = 0; i < 20; ++i) (void)Tensor<float, Cuda>::empty({10 << 20});  // 40 MB each, one at a time
  const auto half = Tensor<float, Cuda>::empty({10 << 20});
  check_error([] { (void)Tensor<float, Cuda>::empty({10 << 20}); }, {"[allocate]", "out of memory"});
  CHECK(ones(2).to_vector() == std::vector<float>{1, 1});
}
TEST_CASE("no device") {
  struct Restore {
    ~Restore() { emulator::options().devices = 1; }
  } restore;
  const auto x = ones(3);
  emulator::options().devices = 0;
  CHECK(cuda::device_count() == 0);
  check_error([] { (void)ones(3); },
              {"[allocate]", "a CUDA device is needed", "none is there", "use Cpu tensors"});
  check_error([] { (void)Tensor<float>::ones({3}).on<Cuda>(); }, {"[allocate]", "a CUDA device is needed"});
  check_error([] { cuda::use_device(0); }, {"[use_device]"});
}
TEST_CASE("tensors of two devices") {
  struct Restore {
    ~Restore() {
      cuda::use_device(0);
      emulator::options().devices = 1;
    }
  } restore;
  emulator::options().devices = 2;
  const auto x = ones(3), other = [] {
    cuda::use_device(1);
    return ones(3);
  }();
  CHECK(cuda::device_of(x.data()) == 0);
  CHECK(cuda::device_of(other.data() + 1) == 1);
  CHECK((other + other).to_vector() == std::vector<float>{2, 2, 2});
  check_error([&] { (void)(other + x); },
              {"[add]", "the thread's device, 1", "got one on device 0", "use_device"});
  check_error([&] { (void)concat({x, x}, 0); }, {"[concat]", "got one on device 0"});
  cuda::use_device(0);
  check_error([&] { (void)relu(Var<float, Cuda>(other)); }, {"[relu]", "got one on device 1"});
  CHECK((x + x).to_vector() == std::vector<float>{2, 2, 2});
}
TEST_CASE("a kernel's fault is an error that names the kernel") {
  // The emulator finds what hardware lets pass: reading what nothing has written.
  auto x = Tensor<float, Cuda>::empty({4});
  check_error([&] { (void)(x + 1.0f).to_vector(); }, {"elementwise"});
  REQUIRE(emulator::findings().size() == 1);
  CHECK(emulator::findings()[0].kind == emulator::Kind::uninitialised);
  emulator::clear_findings();
  CHECK(ones(2).to_vector() == std::vector<float>{1, 1});
}

#endif
