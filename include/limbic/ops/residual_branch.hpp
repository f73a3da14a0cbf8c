// The end of a residual branch: bias, activation, dropout, and the sum with what went past it.
//
//   x (..., C), bias (C), residual (..., C):  y = residual + m f(x + bias) / (1 - p),  m_i = 0 with probability p, else 1
//   dx = m f'(x + bias) dy / (1 - p)      dbias = sum over rows of dx      dresidual = dy
//
// linear_branch() is such an end behind a product of matrices, as transformers have them.
#pragma once

#include <limbic/core/branch_plan.hpp>
#include <limbic/ops/dropout.hpp>
#include <limbic/ops/gelu.hpp>
#include <limbic/ops/linear.hpp>

namespace limbic {

namespace detail {

template <Operand X>
X gated(BranchGate gate, const X& x, Site site) {
  switch (gate) {
    case BranchGate::relu: return relu(x, site);
    case BranchGate::gelu: return gelu(x, site);
    case BranchGate::quick_gelu: return quick_gelu(x, site);
    case BranchGate::identity: break;
  }
  return x;
}

// One pass over the elements, for devices that have it.
template <class T, class D>
struct ResidualBranch {
  static constexpr const char* name = "residual_branch";
  BranchPlan plan;
  bool keep = false;
  Saved<T, D> inputs[3]{};

  Shape infer(const Tensor<T, D>& x, const Tensor<T, D>&, const Tensor<T, D>&) { return x.shape(); }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x, const Tensor<T, D>& bias,
               const Tensor<T, D>& residual) {
    const Tensor<T, D> from = x.contiguous(), b = bias.defined() ? bias.contiguous() : bias;
    residual_branch_fwd(D{}, y, from, b, residual.defined() ? residual.contiguous() : residual, plan);
    if (!keep) return;
    inputs[0] = from;
    inputs[1] = b;
    inputs[2] = residual;  // for reference() alone
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx, Grad<T, D>& dbias, Grad<T, D>& dresidual) {
    if (dx || dbias) {
      Tensor<T, D> dz = Tensor<T, D>::empty(dy.shape());
      residual_branch_bwd(D{}, dz, dy.contiguous(), inputs[0].get(), inputs[1].get(), plan);
      if (dbias) {
        auto [g, accumulate] = dbias.out();
        column_sums(D{}, g, dz, accumulate);
      }
      dx.give(dz);
    }
    dresidual.give(dy);
  }
  Var<T, D> reference(const Var<T, D>& x, const Var<T, D>& bias, const Var<T, D>& residual) {
    Var<T, D> y = gated(plan.gate, bias.defined() ? x + bias : x, Site::here());
    if (plan.dropout > 0) y = limbic::dropout(y, plan.dropout, plan.draw);
    return residual.defined() ? residual + y : y;
  }
  const Saved<T, D>& saved_input(int i) const { return inputs[i]; }
};

}  // namespace detail

// residual + dropout(f(x + bias)), with x (..., C), and dropout as dropout() has it: none, and nothing drawn,
// when not training or p = 0. An undefined bias (C) or residual is left out. Throws as dropout(), for a bias
// of another shape, and unless the residual has x's shape.
template <Operand X>
X residual_branch(const X& x, const std::type_identity_t<X>& bias, BranchGate gate, double p,
                  RandomStream& random, bool training = true, const std::type_identity_t<X>& residual = {},
                  Site site = Site::here()) {
  using D = device_of<X>;
  constexpr const char* kName = "residual_branch";
  detail::check_drop_probability(kName, p);
  if (bias.defined() && (x.rank() < 1 || !(bias.shape() == Shape{x.shape().back()})))
    fail(kName, "x (..., C) and bias (C) are needed; got x ", x.shape(), ", bias ", bias.shape());
  if (residual.defined() && !(residual.shape() == x.shape()))
    fail(kName, "the residual must be of x's shape; got ", residual.shape(), " for ", x.shape());
  if constexpr (!std::is_same_v<D, Cpu>) {
    const bool drops = training && p > 0;
    const BranchPlan plan{gate, drops ? p : 0,
                          drops ? random.draw(dropout_words(numel(x.shape()))) : PhiloxKey{}};
    return apply(site, detail::ResidualBranch<scalar_of<X>, D>{.plan = plan}, x, bias, residual);
  } else {
    const X y = dropout(detail::gated(gate, bias.defined() ? add(x, bias, site) : x, site), p, random,
                        training, site);
    return residual.defined() ? add(residual, y, site) : y;
  }
}

// residual_branch() of the product of x (..., C_in) and weight (C_out, C_in). Throws as linear() and
// residual_branch().
template <class T, class D>
Var<T, D> linear_branch(const Var<T, D>& x, const Var<T, D>& weight, const Var<T, D>& bias, BranchGate gate,
                        double p, RandomStream& random, bool training = true, const Var<T, D>& residual = {},
                        Site site = Site::here()) {
  // linear() has a pass of its own for what it can do.
  const bool more =
      (training && p > 0) || residual.defined() || gate == BranchGate::gelu || gate == BranchGate::quick_gelu;
  if (!std::is_same_v<D, Cpu> && more)
    return residual_branch(linear(x, weight, site), bias, gate, p, random, training, residual, site);
  const bool relu = gate == BranchGate::relu;
  const Var<T, D> y = relu ? linear_relu(x, weight, bias, site) : linear(x, weight, bias, site);
  return residual_branch(y, {}, relu ? BranchGate::identity : gate, p, random, training, residual, site);
}

}  // namespace limbic
