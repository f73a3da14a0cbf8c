// What the CPU's convolutions share: the kernels of columns, and sums over parts of a batch.
#pragma once

#include <limbic/backend/cpu/gemm.hpp>
#include <limbic/backend/cpu/scratch.hpp>
#include <limbic/backend/cpu/vec.hpp>
#include <limbic/core/conv_shape.hpp>
#include <limbic/core/tensor.hpp>

#define LIMBIC_ISA_FILE <limbic/backend/cpu/transpose.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>
#define LIMBIC_ISA_FILE <limbic/backend/cpu/im2col.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>

namespace limbic::cpu::detail {

template <class F>
void with_im2col(F&& f) {
  on_isa<portable::Im2Col, avx2::Im2Col, avx512::Im2Col>(f);
}

// out (cols, rows) = in (rows, cols) transposed; rows lie in_ld and out_ld apart.
template <class T>
void transpose(const T* in, index_t rows, index_t cols, index_t in_ld, T* out, index_t out_ld) {
  on_isa<portable::Transpose, avx2::Transpose, avx512::Transpose>(
      [&](auto k) { k.run(in, rows, cols, in_ld, out, out_ld); });
}

// out (size) = the sum of what add(i, part) adds to part (size) for i < count. Runs of i are summed on all
// threads, each to a part of its own, and these in their order: the cut depends on count and size alone.
template <class T, class Add>
void sum_of_parts(index_t count, index_t size, T* out, const Add& add) {
  constexpr index_t kMemory = index_t{8} << 20;  // numbers in all parts
  const index_t wanted = std::clamp<index_t>(kMemory / std::max<index_t>(1, size), 2, 16);
  const index_t run = std::max<index_t>(1, (count + wanted - 1) / wanted);
  const index_t parts = (count + run - 1) / run;
  if (parts <= 1) {
    std::fill_n(out, size, T(0));
    for (index_t i = 0; i < count; ++i) add(i, out);
    return;
  }
  Tensor<T, Cpu> memory = Tensor<T, Cpu>::empty({parts, size});
  T* const sums = memory.mutable_data();
  parallel_for(count, run, [&](index_t begin, index_t end) {
    T* const part = sums + begin / run * size;
    std::fill_n(part, size, T(0));
    for (index_t i = begin; i < end; ++i) add(i, part);
  });
  parallel_for(size, 4096, [&](index_t begin, index_t end) {
    with_im2col([&](auto k) {
      std::copy(sums + begin, sums + end, out + begin);
      for (index_t p = 1; p < parts; ++p) k.add(sums + p * size + begin, out + begin, end - begin);
    });
  });
}

}  // namespace limbic::cpu::detail
