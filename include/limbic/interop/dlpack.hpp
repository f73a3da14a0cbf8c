// Tensors from and to other libraries in the same process, without a copy: DLPack.
//
// The structs are those of the specification (https://dmlc.github.io/dlpack, version 0.8), which all versions
// before 1.0 share; where <dlpack/dlpack.h> has been included before this header, its own are used.
#pragma once

#include <limbic/core/tensor.hpp>

#include <memory>

namespace limbic {

#if defined(DLPACK_DLPACK_H_)
using ::DLDataType;
using ::DLDevice;
using ::DLDeviceType;
using ::DLManagedTensor;
using ::DLTensor;
#else
// As the specification has them: kinds of memory, kinds of scalars (bits wide, lanes to a vector), an array,
// and an array with what frees it.
enum DLDeviceType : std::int32_t { kDLCPU = 1, kDLCUDA = 2, kDLCUDAHost = 3 };
enum DLDataTypeCode { kDLInt = 0, kDLUInt = 1, kDLFloat = 2, kDLBool = 6 };

struct DLDevice {
  DLDeviceType device_type;
  std::int32_t device_id;
};
struct DLDataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  std::int32_t ndim;
  DLDataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;  // in elements; null for row-major, dense
  std::uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensor* self);  // may be null
};
#endif

static_assert(sizeof(void*) != 8 || (sizeof(DLTensor) == 48 && sizeof(DLManagedTensor) == 64));

namespace detail {

// What DLPack calls the scalar types of limbic.
template <class T>
constexpr DLDataType dlpack_type() {
  constexpr int kCode = std::is_same_v<T, bool>       ? 6
                        : std::is_floating_point_v<T> ? 2
                        : std::is_signed_v<T>         ? 0
                                                      : 1;
  return {static_cast<std::uint8_t>(kCode), static_cast<std::uint8_t>(8 * sizeof(T)), 1};
}

}  // namespace detail

// A new description of the tensor, which keeps its memory alive until its deleter is called. Who gets it may
// write through it unseen by autodiff: a value kept for backward must not be written. Python's
// libraries take it in a capsule named "dltensor".
template <class T>
DLManagedTensor* to_dlpack(const Tensor<T, Cpu>& tensor) {
  struct Context {
    DLManagedTensor managed;
    Tensor<T, Cpu> tensor;
    Shape shape;
    Strides strides;
  };
  auto* c = new Context{{}, tensor, tensor.shape(), tensor.strides()};
  DLTensor& t = c->managed.dl_tensor;
  t.data = const_cast<T*>(tensor.data());
  t.device = {static_cast<DLDeviceType>(1), 0};
  t.ndim = tensor.rank();
  t.dtype = detail::dlpack_type<T>();
  t.shape = c->shape.rank() ? &c->shape[0] : nullptr;
  t.strides = c->strides.rank() ? &c->strides[0] : nullptr;
  t.byte_offset = 0;
  c->managed.manager_ctx = c;
  c->managed.deleter = [](DLManagedTensor* self) { delete static_cast<Context*>(self->manager_ctx); };
  return &c->managed;
}

// A tensor on the memory described (of the CPU, or pinned for CUDA), without a copy. It takes the description
// over: the deleter is called once, when the last tensor on it is gone. Throws (and the description stays the
// caller's) for null, a device other than the CPU, a scalar type other than T, vectors of scalars, more than
// 8 dimensions, negative sizes and strides, and memory that is not aligned for T.
template <class T>
Tensor<T, Cpu> from_dlpack(DLManagedTensor* managed) {
  check(managed != nullptr, "from_dlpack", "a description is needed; got null");
  const DLTensor& t = managed->dl_tensor;
  const int device = static_cast<int>(t.device.device_type);
  check(device == 1 || device == 3, "from_dlpack",
        "memory of the CPU (device type 1) is needed; got device type ", device);
  constexpr DLDataType kWanted = detail::dlpack_type<T>();
  if (t.dtype.code != kWanted.code || t.dtype.bits != kWanted.bits)
    fail("from_dlpack", "scalars must be ", dtype_name<T>, " (code ", int{kWanted.code}, ", ",
         int{kWanted.bits}, " bits); got code ", int{t.dtype.code}, ", ", int{t.dtype.bits}, " bits");
  check(t.dtype.lanes == 1, "from_dlpack", "one lane is needed; got ", int{t.dtype.lanes});
  check(t.ndim >= 0 && t.ndim <= kMaxRank, "from_dlpack", "a tensor has at most 8 dimensions; got ", t.ndim);
  check(t.ndim == 0 || t.shape, "from_dlpack", "a shape is needed; got null");
  const auto rank = static_cast<std::size_t>(t.ndim);
  const Shape shape(std::span<const index_t>(t.shape, rank));
  const index_t n = numel(shape);
  Strides strides = contiguous_strides(shape);
  // The stride of a dimension that has no second element means nothing, and others leave anything there.
  for (int d = 0; t.strides && d < t.ndim; ++d)
    if (n > 0 && shape[d] > 1) strides[d] = t.strides[d];
  check(t.data || n == 0, "from_dlpack", "a pointer to the data is needed; got null for ", shape);
  T* data = n ? reinterpret_cast<T*>(static_cast<std::byte*>(t.data) + t.byte_offset) : nullptr;
  check(reinterpret_cast<std::uintptr_t>(data) % alignof(T) == 0, "from_dlpack",
        "the data must be aligned for its type; got byte offset ", t.byte_offset);
  return Tensor<T, Cpu>::wrap(
      data, shape, strides,
      [](void* context) {
        auto* m = static_cast<DLManagedTensor*>(context);
        if (m->deleter) m->deleter(m);
      },
      managed);
}

}  // namespace limbic
