// Launcher of the class structure loss (loss/similarity.hpp), T = float or double.
#pragma once

#include <cstdint>

namespace limbic::cuda {

// Everything is dense.
template <class T>
struct ClassStructureCall {
  const T* logits = nullptr;             // (rows, classes)
  const std::int64_t* labels = nullptr;  // (rows)
  std::int64_t rows = 0, classes = 0;
  T eta = T(0);
  T* unit = nullptr;      // (rows, classes), scratch: predictions scaled to length 1
  T* each = nullptr;      // (rows): the rows' parts of the loss
  T* gradient = nullptr;  // (rows, classes): of the loss with respect to the logits; null: not wanted
};
constexpr std::int64_t kMaxStructureClasses = 16;
// Two launches; at most kMaxStructureClasses.
template <class T>
void class_structure(const ClassStructureCall<T>& call);

}  // namespace limbic::cuda
