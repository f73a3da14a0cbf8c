// Optimisers on the device: all parameters of a list in one launch (a launch for each 80 of them).
#pragma once

#include <limbic/backend/cuda/graph.hpp>
#include <limbic/backend/cuda/guard.hpp>
#include <limbic/backend/cuda/launch/optim.hpp>
#include <limbic/core/update_list.hpp>

namespace limbic {

namespace cuda::detail {

// Operands p, g and as many tensors of the state.
template <class T>
std::vector<TensorUpdate<T>> update_operands(UpdateList<T, Cuda>& list, int states) {
  std::vector<TensorUpdate<T>> all;
  all.reserve(list.parameters.size());
  for (auto& u : list.parameters) {
    TensorUpdate<T> t{{u.value->mutable_data(), const_cast<T*>(u.gradient->data())},
                      u.value->numel()};  // g is read only
    for (int i = 0; i < states; ++i) t.operand[2 + i] = u.state[i].mutable_data();
    all.push_back(t);
  }
  return all;
}
template <class T>
OnDevice<T> on_device(const UpdateList<T, Cuda>& list) {
  return {list.clip.defined() ? list.clip.data() : nullptr,
          list.numbers.defined() ? list.numbers.data() : nullptr};
}

// Dense tensors of any strides; `keep` holds the copies.
template <class T>
std::vector<TensorUpdate<T>> dense_operands(const std::vector<Tensor<T, Cuda>>& x,
                                            std::vector<Tensor<T, Cuda>>& keep) {
  std::vector<TensorUpdate<T>> all;
  for (const auto& t : x) {
    keep.push_back(t.contiguous());
    all.push_back({{const_cast<T*>(keep.back().data())}, t.numel()});  // read only
  }
  return all;
}

template <class T>
Tensor<double, Cuda> norm_of(const std::vector<Tensor<T, Cuda>>& x, double max_norm) {
  std::vector<Tensor<T, Cuda>> keep;
  const auto operands = dense_operands(x, keep);
  Tensor<double, Cuda> to = Tensor<double, Cuda>::empty({3});
  gradient_norm(operands.data(), static_cast<std::int64_t>(operands.size()), max_norm, to.mutable_data());
  return to;
}

}  // namespace cuda::detail

// p -= lr d, d = sign g + decay p, for all parameters of the list.
template <class T>
void sgd_step(Cuda, UpdateList<T, Cuda>& list, T lr, T decay, T sign) {
  const auto all = cuda::detail::update_operands(list, 0);
  cuda::update_sgd(all.data(), static_cast<std::int64_t>(all.size()),
                   cuda::SgdNumbers<T>{lr, T(0), decay, sign, false}, cuda::detail::on_device(list));
}

// velocity = momentum velocity + d; p -= lr velocity or, for Nesterov's variant, lr (d + momentum velocity).
template <class T>
void sgd_momentum_step(Cuda, UpdateList<T, Cuda>& list, T lr, T momentum, T decay, T sign, bool nesterov) {
  for (auto& u : list.parameters)
    if (u.first) u.state[0].fill(T(0));
  const auto all = cuda::detail::update_operands(list, 1);
  cuda::update_momentum(all.data(), static_cast<std::int64_t>(all.size()),
                        cuda::SgdNumbers<T>{lr, momentum, decay, sign, nesterov},
                        cuda::detail::on_device(list));
}

// p = shrink p - step m / (sqrt(v) root_correction + eps), after m and v took in d = g + l2 p.
template <class T>
void adam_step(Cuda, UpdateList<T, Cuda>& list, T step, T beta1, T beta2, T eps, T root_correction, T l2,
               T shrink) {
  const auto all = cuda::detail::update_operands(list, 2);
  cuda::update_adam(all.data(), static_cast<std::int64_t>(all.size()),
                    cuda::AdamNumbers<T>{step, beta1, beta2, eps, root_correction, l2, shrink},
                    cuda::detail::on_device(list));
}

// y_i += weight (x_i - y_i) for all of as many tensors; the x_i may have any strides.
template <class T>
void lerp_into(Cuda, std::vector<Tensor<T, Cuda>>& y, const std::vector<Tensor<T, Cuda>>& x, T weight) {
  std::vector<Tensor<T, Cuda>> keep;
  auto all = cuda::detail::dense_operands(x, keep);
  for (std::size_t i = 0; i < y.size(); ++i) {
    all[i].operand[1] = all[i].operand[0];
    all[i].operand[0] = y[i].mutable_data();
  }
  cuda::update_lerp(all.data(), static_cast<std::int64_t>(all.size()), weight);
}

// x_i *= factor; any strides.
template <class T>
void scale(Cuda, std::vector<Tensor<T, Cuda>>& x, T factor) {
  std::vector<cuda::TensorUpdate<T>> dense;
  for (auto& t : x) {
    if (t.is_contiguous()) dense.push_back({{t.mutable_data()}, t.numel()});
    else
      elementwise_update(
          Cuda{}, [factor](auto v) { return v * factor; }, t);
  }
  cuda::update_scale(dense.data(), static_cast<std::int64_t>(dense.size()), factor);
}

// min(1, max_norm / (norm + 1e-6)), NaN where that is not finite, and the joint 2-norm of all x: (3), with
// the norm's square behind. Nothing waits; the next call that does throws if the norm is not finite.
template <class T>
Tensor<double, Cuda> gradient_norm(Cuda, const std::vector<Tensor<T, Cuda>>& x, double max_norm) {
  Tensor<double, Cuda> to = cuda::detail::norm_of(x, max_norm);
  require_finite(Cuda{}, "clip_grad_norm", "the gradients' norm", to.slice(0, 1, 2));
  return to;
}

// Sum of squares of all of them, in double; waits for the device.
template <class T>
double squared_norm(Cuda, const std::vector<Tensor<T, Cuda>>& x) {
  return cuda::detail::norm_of(x, 1).at(2);
}
template <class T>
double squared_norm(Cuda, const Tensor<T, Cuda>& x) {
  return squared_norm(Cuda{}, std::vector<Tensor<T, Cuda>>{x});
}

}  // namespace limbic
