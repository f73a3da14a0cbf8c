// DLPack both ways: round trips, descriptions built by hand, and what is refused.
#include <limbic/core/compare.hpp>
#include <limbic/interop/dlpack.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <support/throws.hpp>

using namespace limbic;

namespace {

// A description of memory that another library might hand over.
struct Foreign {
  alignas(16) float values[24];
  std::int64_t shape[9] = {2, 3, 1, 1, 1, 1, 1, 1, 1};
  std::int64_t strides[9] = {1, 2, 1, 1, 1, 1, 1, 1, 1};
  int deleted = 0;
  DLManagedTensor managed{};

  Foreign() {
    for (int i = 0; i < 24; ++i) values[i] = static_cast<float>(i);
    managed.dl_tensor.data = values;
    managed.dl_tensor.device = {static_cast<DLDeviceType>(1), 0};
    managed.dl_tensor.ndim = 2;
    managed.dl_tensor.dtype = {2, 32, 1};
    managed.dl_tensor.shape = shape;
    managed.dl_tensor.strides = strides;
    managed.manager_ctx = this;
    managed.deleter = [](DLManagedTensor* self) { ++static_cast<Foreign*>(self->manager_ctx)->deleted; };
  }

  std::string refused() {
    const std::string text = thrown([&] { from_dlpack<float>(&managed); });
    CHECK(deleted == 0);  // it stays the caller's
    return text;
  }
};

}  // namespace

TEST_CASE("dlpack: the structs have the layout of the specification") {
  CHECK(offsetof(DLTensor, data) == 0);
  CHECK(offsetof(DLTensor, device) == 8);
  CHECK(offsetof(DLTensor, ndim) == 16);
  CHECK(offsetof(DLTensor, dtype) == 20);
  CHECK(offsetof(DLTensor, shape) == 24);
  CHECK(offsetof(DLTensor, strides) == 32);
  CHECK(offsetof(DLTensor, byte_offset) == 40);
  CHECK(offsetof(DLManagedTensor, manager_ctx) == 48);
  CHECK(offsetof(DLManagedTensor, deleter) == 56);
  CHECK(sizeof(DLDevice) == 8);
  CHECK(sizeof(DLDataType) == 4);
}

TEST_CASE_TEMPLATE("dlpack: round trip", T, float, double, index_t, std::int32_t, std::uint8_t) {
  const auto before = memory_stats().bytes_in_use;
  {
    auto t = Tensor<T>::arange(24).reshape({2, 3, 4});
    DLManagedTensor* managed = to_dlpack(t.slice(2, 1, 4, 2).transpose(0, 1));
    const auto want = t.slice(2, 1, 4, 2).transpose(0, 1).clone();
    const T* place = t.data() + 1;
    t = {};
    CHECK(managed->dl_tensor.data == place);
    CHECK(managed->dl_tensor.ndim == 3);
    CHECK(managed->dl_tensor.shape[0] == 3);
    CHECK(managed->dl_tensor.strides[0] == 4);
    CHECK(managed->dl_tensor.strides[1] == 12);
    CHECK(managed->dl_tensor.strides[2] == 2);
    CHECK(managed->dl_tensor.dtype.bits == 8 * sizeof(T));
    auto back = from_dlpack<T>(managed);
    CHECK(back.data() == place);
    CHECK(equal(back, want));
    back.fill(7);
    CHECK(back.at(2, 1, 1) == T(7));
  }
  CHECK(memory_stats().bytes_in_use == before);
}

TEST_CASE("dlpack: types by their codes") {
  auto code = [](DLManagedTensor* m) {
    const int c = m->dl_tensor.dtype.code * 100 + m->dl_tensor.dtype.bits;
    CHECK(m->dl_tensor.dtype.lanes == 1);
    CHECK(m->dl_tensor.device.device_type == 1);
    m->deleter(m);
    return c;
  };
  CHECK(code(to_dlpack(Tensor<float>::zeros({1}))) == 232);
  CHECK(code(to_dlpack(Tensor<double>::zeros({1}))) == 264);
  CHECK(code(to_dlpack(Tensor<std::int64_t>::zeros({1}))) == 64);
  CHECK(code(to_dlpack(Tensor<std::int32_t>::zeros({1}))) == 32);
  CHECK(code(to_dlpack(Tensor<std::uint8_t>::zeros({1}))) == 108);
  CHECK(code(to_dlpack(Tensor<bool>::zeros({1}))) == 608);
}

TEST_CASE("dlpack: rank 0, no elements, and bool go round") {
  CHECK(from_dlpack<float>(to_dlpack(Tensor<float>::scalar(3))).item() == 3);
  CHECK(from_dlpack<float>(to_dlpack(Tensor<float>::zeros({2, 0}))).shape() == Shape{2, 0});
  CHECK(from_dlpack<float>(to_dlpack(Tensor<float>())).numel() == 0);
  CHECK(from_dlpack<bool>(to_dlpack(Tensor<bool>::from({2}, {true, false}))).to_vector() ==
        std::vector<bool>{true, false});
}

TEST_CASE("dlpack: another library's memory") {
  Foreign f;
  SUBCASE("strides") {
    {
      auto t = from_dlpack<float>(&f.managed);
      CHECK(t.data() == f.values);
      CHECK(t.to_vector() == std::vector<float>{0, 2, 4, 1, 3, 5});
      const auto view = t.select(0, 1);
      t = {};
      CHECK(f.deleted == 0);
      CHECK(view.at(2) == 5);
    }
    CHECK(f.deleted == 1);
  }
  SUBCASE("no strides: row-major") {
    f.managed.dl_tensor.strides = nullptr;
    CHECK(from_dlpack<float>(&f.managed).to_vector() == std::vector<float>{0, 1, 2, 3, 4, 5});
    CHECK(f.deleted == 1);
  }
  SUBCASE("byte offset") {
    f.managed.dl_tensor.byte_offset = 8;
    CHECK(from_dlpack<float>(&f.managed).data() == f.values + 2);
  }
  SUBCASE("no deleter") {
    f.managed.deleter = nullptr;
    CHECK(from_dlpack<float>(&f.managed).at(1, 2) == 5);
    CHECK(f.deleted == 0);
  }
  SUBCASE("strides that mean nothing may be anything") {
    f.shape[0] = 1;
    f.strides[0] = -99;
    CHECK(from_dlpack<float>(&f.managed).to_vector() == std::vector<float>{0, 2, 4});
    f.shape[1] = 0;
    f.strides[1] = -1;
    CHECK(from_dlpack<float>(&f.managed).numel() == 0);
  }
  SUBCASE("memory pinned for a GPU is the CPU's too") {
    f.managed.dl_tensor.device.device_type = static_cast<DLDeviceType>(3);
    CHECK(from_dlpack<float>(&f.managed).at(0, 1) == 2);
  }
}

TEST_CASE("dlpack: what is refused") {
  CHECK(thrown([] { from_dlpack<float>(nullptr); }) == "[from_dlpack] a description is needed; got null");
  Foreign f;
  DLTensor& t = f.managed.dl_tensor;
  const DLTensor fine = t;
  auto refused = [&] {
    const std::string text = f.refused();
    t = fine;
    return text;
  };
  t.device.device_type = static_cast<DLDeviceType>(2);
  CHECK(refused() == "[from_dlpack] memory of the CPU (device type 1) is needed; got device type 2");
  t.dtype.bits = 64;
  CHECK(refused() == "[from_dlpack] scalars must be float32 (code 2, 32 bits); got code 2, 64 bits");
  t.dtype.code = 0;
  CHECK(refused() == "[from_dlpack] scalars must be float32 (code 2, 32 bits); got code 0, 32 bits");
  t.dtype.lanes = 4;
  CHECK(refused() == "[from_dlpack] one lane is needed; got 4");
  t.ndim = 9;
  CHECK(refused() == "[from_dlpack] a tensor has at most 8 dimensions; got 9");
  t.ndim = -1;
  CHECK(refused() != "");
  t.shape = nullptr;
  CHECK(refused() == "[from_dlpack] a shape is needed; got null");
  t.data = nullptr;
  CHECK(refused() == "[from_dlpack] a pointer to the data is needed; got null for (2, 3)");
  t.byte_offset = 2;
  CHECK(refused() == "[from_dlpack] the data must be aligned for its type; got byte offset 2");
  f.strides[1] = -1;
  CHECK(refused() == "[wrap] strides must not be negative; got (1, -1)");
  f.strides[1] = std::numeric_limits<std::int64_t>::max();
  CHECK(refused().find("[wrap] the memory must end within 2^56 bytes") == 0);
  f.shape[0] = -2;
  CHECK(refused() == "[shape] sizes must not be negative; got (-2, 3)");
  f.shape[0] = std::int64_t{1} << 62;
  CHECK(refused() != "");
}
