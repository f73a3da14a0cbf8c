// Checks of values on the device, thrown late: by the next call that waits for the device (launch/guard.hpp).
// The Cpu's functions of the same names (backend/cpu/guard.hpp) throw at once.
#pragma once

#include <limbic/backend/cuda/copy.hpp>
#include <limbic/backend/cuda/launch/guard.hpp>
#include <limbic/backend/cuda/launch/pair_weights.hpp>

#include <cstdio>
#include <string_view>

namespace limbic {

namespace cuda {

// What is said of a value: the parts one after the other; cut to 127 characters, and `op` to 31.
template <class... Parts>
GuardText guard_text(std::string_view op, const Parts&... parts) {
  GuardText about;
  std::string text;
  ((text += to_text(parts)), ...);
  std::snprintf(about.op, sizeof about.op, "%.*s", static_cast<int>(op.size()), op.data());
  std::snprintf(about.text, sizeof about.text, "%s", text.c_str());
  return about;
}

namespace detail {
template <class T>
void guard_all(const GuardText& about, Must must, const Tensor<T, Cuda>& x) {
  const Tensor<T, Cuda> dense = x.contiguous();
  if (dense.numel() > 0) guard_values(about, must, dense.data(), dense.numel());
}
}  // namespace detail

}  // namespace cuda

// Labels in [0, classes), or `ignored`.
inline void require_labels(Cuda, std::string_view op, const char* what, const Tensor<index_t, Cuda>& labels,
                           index_t classes, index_t ignored) {
  const Tensor<index_t, Cuda> dense = labels.contiguous();
  cuda::guard_labels(cuda::guard_text(op, what, " must lie in [0, ", classes, ")"), dense.data(),
                     dense.numel(), 0, classes, ignored);
}

// No NaN and no infinity in x.
template <class T>
void require_finite(Cuda, std::string_view op, const char* what, const Tensor<T, Cuda>& x) {
  cuda::detail::guard_all(cuda::guard_text(op, what, " must be finite"), cuda::Must::be_finite, x);
}

// A loss () that is finite; else the first of the inputs (a name and a tensor each) that is not is named.
template <class T, class... Inputs>
void require_finite_loss(Cuda, std::string_view op, const Tensor<T, Cuda>& loss, const Inputs&... named) {
  cuda::FiniteLossCall<T> call;
  static_assert(sizeof...(Inputs) <= cuda::FiniteLossCall<T>::kMaxInputs, "too many inputs");
  call.about = cuda::guard_text(op, "the value must be finite, and its inputs are (hint: scale them down)");
  call.loss = loss.data();
  const std::array<Tensor<T, Cuda>, sizeof...(Inputs)> inputs{named.second.contiguous()...};
  const std::array<const char*, sizeof...(Inputs)> names{named.first...};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    call.about_input[i] = cuda::guard_text(op, names[i], " must be finite");
    call.input[i] = inputs[i].data();
    call.count[i] = inputs[i].numel();
  }
  call.inputs = static_cast<int>(inputs.size());
  cuda::guard_loss(call);
}

// The sum of the squares of centred features; which of the inputs is to blame is not looked for.
template <class T>
void require_finite_features(Cuda, std::string_view op, const Tensor<double, Cuda>& sum, const char*,
                             const Tensor<T, Cuda>&, const char*, const Tensor<T, Cuda>&) {
  cuda::detail::guard_all(cuda::guard_text(op, "the features must be finite, and so must their squares"),
                          cuda::Must::be_finite, sum);
}

// Lengths of the rows of a matrix of this shape, positive and finite.
template <class T>
void require_lengths(Cuda, std::string_view op, const char* what, const Tensor<T, Cuda>& lengths,
                     const Shape& shape) {
  cuda::detail::guard_all(
      cuda::guard_text(op, "rows of ", what, " ", shape, " must have a positive, finite length"),
      cuda::Must::be_positive, lengths);
}

// Values that are finite and not negative.
template <class T>
void require_not_negative(Cuda, std::string_view op, const char* what, const Tensor<T, Cuda>& x,
                          const char* hint = "") {
  cuda::detail::guard_all(cuda::guard_text(op, what, " must be finite and not negative", hint),
                          cuda::Must::not_be_negative, x);
}

// Values in [0, 1]; NaN passes: what follows from it is not finite.
template <class T>
void require_unit_interval(Cuda, std::string_view op, const char* what, const Tensor<T, Cuda>& x,
                           const char* hint = "") {
  cuda::detail::guard_all(cuda::guard_text(op, what, " must be in [0, 1]", hint),
                          cuda::Must::be_in_unit_interval, x);
}

// Eigenvalues, ascending, of a matrix that must be positive definite.
inline void require_positive_definite(Cuda, std::string_view op, const Tensor<double, Cuda>& values) {
  cuda::detail::guard_all(cuda::guard_text(op, "the eigenvalues must be positive (hint: add a larger eps I)"),
                          cuda::Must::be_positive, values);
}

// Whether some element is below `bound`: that is not waited for.
template <class T>
bool may_be_below(Cuda, const Tensor<T, Cuda>&, T) {
  return true;
}

// 1 / sum of x, or 0 if that is not positive: ().
template <class T>
Tensor<T, Cuda> inverse_total(Cuda, const Tensor<T, Cuda>& x) {
  const Tensor<T, Cuda> dense = x.contiguous();
  Tensor<T, Cuda> inverse = Tensor<T, Cuda>::empty({});
  cuda::inverse_total(dense.data(), dense.numel(), inverse.mutable_data());
  return inverse;
}

}  // namespace limbic
