// Rows as tiles of pairs read them: of multiples of 16 bytes, a copy with zeros at the ends of rows where
// they are not. Host code of launchers.
#pragma once

#include <limbic/backend/cuda/launch/runtime.hpp>

#include "pair_tile.cuh"

namespace limbic::cuda {

template <class T>
struct PaddedRows {
  const T* data;
  std::int64_t width;

  PaddedRows(const T* from, std::int64_t rows, std::int64_t columns) : data(from), width(columns) {
    constexpr int kWidth = kVectorSize<T>;
    if (columns % kWidth == 0 && is_aligned(from, 16)) return;
    width = (columns + kWidth - 1) / kWidth * kWidth;
    copy_ = static_cast<T*>(allocate(sizeof(T) * static_cast<std::size_t>(rows * width)));
    launch("pad_rows", device::pad_rows<T>, blocks_for(rows * width, 256), dim3(256), 0, current_stream(),
           copy_, width, from, rows, columns);
    data = copy_;
  }
  ~PaddedRows() { deallocate(copy_); }
  PaddedRows(const PaddedRows&) = delete;
  PaddedRows& operator=(const PaddedRows&) = delete;

 private:
  T* copy_ = nullptr;
};

}  // namespace limbic::cuda
