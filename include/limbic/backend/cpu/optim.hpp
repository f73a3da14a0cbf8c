// One pass over a parameter and its state for each optimiser.
#pragma once

#include <limbic/backend/cpu/elementwise.hpp>
#include <limbic/core/math.hpp>

#define LIMBIC_ISA_FILE <limbic/backend/cpu/optim.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>

namespace limbic {

namespace cpu::detail {
template <class F>
void with_optim(index_t n, F&& f) {
  parallel_for(n, kElementGrain, [&](index_t b, index_t e) {
    on_isa<portable::Optim, avx2::Optim, avx512::Optim>([&](auto k) { f(k, b, e - b); });
  });
}
}  // namespace cpu::detail

// All tensors dense and of one shape. `velocity` may be undefined when momentum is 0.
template <class T>
void sgd_step(Cpu, Tensor<T, Cpu>& p, Tensor<T, Cpu>& velocity, const Tensor<T, Cpu>& g, T lr, T momentum, T decay,
              bool first, bool nesterov, bool maximize) {
  T* const pp = p.mutable_data();
  T* const vp = velocity.defined() ? velocity.mutable_data() : nullptr;
  const T sign = maximize ? T(-1) : T(1);
  cpu::detail::with_optim(p.numel(), [&](auto k, index_t b, index_t n) {
    using K = decltype(k);
    if (vp) K::template sgd<T>(pp + b, vp + b, g.data() + b, n, lr, momentum, decay, first, nesterov, sign);
    else K::template sgd_plain<T>(pp + b, g.data() + b, n, lr, decay, sign);
  });
}

template <class T>
void adam_step(Cpu, Tensor<T, Cpu>& p, Tensor<T, Cpu>& m, Tensor<T, Cpu>& v, const Tensor<T, Cpu>& g, T step, T beta1,
               T beta2, T eps, T root_correction, T l2, T shrink) {
  T *const pp = p.mutable_data(), *const mp = m.mutable_data(), *const vp = v.mutable_data();
  cpu::detail::with_optim(p.numel(), [&](auto k, index_t b, index_t n) {
    decltype(k)::template adam<T>(pp + b, mp + b, vp + b, g.data() + b, n, step, beta1, beta2, eps, root_correction, l2,
                                  shrink);
  });
}

// y += weight (x - y).
template <class T>
void lerp_into(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x, T weight) {
  T* const yp = y.mutable_data();
  cpu::detail::with_optim(y.numel(), [&](auto k, index_t b, index_t n) {
    decltype(k)::template lerp<T>(yp + b, x.data() + b, n, weight);
  });
}

// Sum of squares, in double, over fixed pieces.
template <class T>
double squared_norm(Cpu, const Tensor<T, Cpu>& x) {
  double total = 0;
  const T* p = x.data();
  constexpr index_t kLanes = 16;
  double lane[kLanes] = {};
  index_t i = 0;
  for (; i + kLanes <= x.numel(); i += kLanes)
    for (index_t j = 0; j < kLanes; ++j) lane[j] += static_cast<double>(p[i + j]) * static_cast<double>(p[i + j]);
  for (; i < x.numel(); ++i) total += static_cast<double>(p[i]) * static_cast<double>(p[i]);
  for (double l : lane) total += l;
  return total;
}

}  // namespace limbic
