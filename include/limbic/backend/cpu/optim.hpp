// One pass over a parameter and its state for each optimiser.
#pragma once

#include <limbic/backend/cpu/elementwise.hpp>
#include <limbic/backend/cpu/scratch.hpp>
#include <limbic/backend/cpu/vec.hpp>
#include <limbic/core/update_list.hpp>

#define LIMBIC_ISA_FILE <limbic/backend/cpu/optim.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>

namespace limbic {

namespace cpu::detail {
// Calls f(kernels, begin, count) for pieces of n elements.
template <class F>
void with_optim(index_t n, F&& f) {
  parallel_for(n, kElementGrain, [&](index_t b, index_t e) {
    on_isa<portable::Optim, avx2::Optim, avx512::Optim>([&](auto k) { f(k, b, e - b); });
  });
}
}  // namespace cpu::detail

// In all of them tensors are dense, of one shape, and do not overlap.

// p -= lr d, d = sign g + decay p.
template <class T>
void sgd_step(Cpu, Tensor<T, Cpu>& p, const Tensor<T, Cpu>& g, T lr, T decay, T sign) {
  T* const pp = p.mutable_data();
  cpu::detail::with_optim(p.numel(), [&](auto k, index_t b, index_t n) {
    decltype(k)::template sgd<T>(pp + b, g.data() + b, n, lr, decay, sign);
  });
}

// velocity = momentum velocity + d (d if `first`; it may be uninitialised then); p -= lr velocity or, for
// Nesterov's variant, lr (d + momentum velocity).
template <class T>
void sgd_momentum_step(Cpu, Tensor<T, Cpu>& p, Tensor<T, Cpu>& velocity, const Tensor<T, Cpu>& g, T lr,
                       T momentum, T decay, T sign, bool first, bool nesterov) {
  T *const pp = p.mutable_data(), *const vp = velocity.mutable_data();
  auto run = [&](auto is_first, auto is_nesterov) {
    cpu::detail::with_optim(p.numel(), [&](auto k, index_t b, index_t n) {
      decltype(k)::template sgd_momentum<is_first.value, is_nesterov.value, T>(pp + b, vp + b, g.data() + b,
                                                                               n, lr, momentum, decay, sign);
    });
  };
  if (first) nesterov ? run(std::true_type{}, std::true_type{}) : run(std::true_type{}, std::false_type{});
  else nesterov ? run(std::false_type{}, std::true_type{}) : run(std::false_type{}, std::false_type{});
}

// p = shrink p - step m / (sqrt(v) root_correction + eps), after m and v took in d = g + l2 p.
template <class T>
void adam_step(Cpu, Tensor<T, Cpu>& p, Tensor<T, Cpu>& m, Tensor<T, Cpu>& v, const Tensor<T, Cpu>& g, T step,
               T beta1, T beta2, T eps, T root_correction, T l2, T shrink) {
  T *const pp = p.mutable_data(), *const mp = m.mutable_data(), *const vp = v.mutable_data();
  cpu::detail::with_optim(p.numel(), [&](auto k, index_t b, index_t n) {
    decltype(k)::template adam<T>(pp + b, mp + b, vp + b, g.data() + b, n, step, beta1, beta2, eps,
                                  root_correction, l2, shrink);
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

// Sum of squares, in double, in an order that depends on the size alone.
template <class T>
double squared_norm(Cpu, const Tensor<T, Cpu>& x) {
  constexpr index_t kGrain = cpu::detail::kElementGrain;
  const index_t pieces = (x.numel() + kGrain - 1) / kGrain;
  double* const part = cpu::scratch<cpu::portable::Optim, double>(pieces);
  cpu::detail::with_optim(x.numel(), [&](auto k, index_t b, index_t n) {
    part[b / kGrain] = decltype(k)::template square_sum<T>(x.data() + b, n);
  });
  double total = 0;
  for (index_t i = 0; i < pieces; ++i) total += part[i];
  return total;
}

// The same for all parameters of a list, one after the other.
template <class T>
void sgd_step(Cpu, UpdateList<T, Cpu>& list, T lr, T decay, T sign) {
  for (auto& u : list.parameters) sgd_step(Cpu{}, *u.value, *u.gradient, lr, decay, sign);
}
template <class T>
void sgd_momentum_step(Cpu, UpdateList<T, Cpu>& list, T lr, T momentum, T decay, T sign, bool nesterov) {
  for (auto& u : list.parameters)
    sgd_momentum_step(Cpu{}, *u.value, u.state[0], *u.gradient, lr, momentum, decay, sign, u.first, nesterov);
}
template <class T>
void adam_step(Cpu, UpdateList<T, Cpu>& list, T step, T beta1, T beta2, T eps, T root_correction, T l2,
               T shrink) {
  for (auto& u : list.parameters)
    adam_step(Cpu{}, *u.value, u.state[0], u.state[1], *u.gradient, step, beta1, beta2, eps, root_correction,
              l2, shrink);
}

// y_i += weight (x_i - y_i) for all of as many tensors; the x_i may have any strides.
template <class T>
void lerp_into(Cpu, std::vector<Tensor<T, Cpu>>& y, const std::vector<Tensor<T, Cpu>>& x, T weight) {
  for (std::size_t i = 0; i < y.size(); ++i) lerp_into(Cpu{}, y[i], x[i].contiguous(), weight);
}
// Sum of squares of all of them, and x_i *= factor; any strides.
template <class T>
double squared_norm(Cpu, const std::vector<Tensor<T, Cpu>>& x) {
  double squares = 0;
  for (const auto& t : x) squares += squared_norm(Cpu{}, t.contiguous());
  return squares;
}
template <class T>
void scale(Cpu, std::vector<Tensor<T, Cpu>>& x, T factor) {
  for (auto& t : x)
    elementwise_update(
        Cpu{}, [factor](auto v) { return v * factor; }, t);
}

}  // namespace limbic
