// Elementwise operations and reductions.
#include <limbic/ops/ops.hpp>

#include "golden/case.hpp"

namespace limbic::golden {

namespace {

template <class D, class F>
void unary(DeviceRegistry<D>& r, const char* op, F f) {
  r.add(op, [f](auto& c) { c.y(f(c.x("x"))); });
}
template <class D, class F>
void binary(DeviceRegistry<D>& r, const char* op, F f) {
  r.add(op, [f](auto& c) { c.y(f(c.x("a"), c.x("b"))); });
}
template <class D, class F>
void reduction(DeviceRegistry<D>& r, const char* op, F f) {
  r.add(op, [f](auto& c) { c.y(f(c.x("x"), c.dims("dims"), c.flag("keepdim"))); });
}

}  // namespace

template <class D>
void add_elementwise(DeviceRegistry<D>& r) {
  unary(r, "abs", [](const auto& x) { return abs(x); });
  unary(r, "cos", [](const auto& x) { return cos(x); });
  unary(r, "erf", [](const auto& x) { return erf(x); });
  unary(r, "exp", [](const auto& x) { return exp(x); });
  unary(r, "log", [](const auto& x) { return log(x); });
  unary(r, "neg", [](const auto& x) { return neg(x); });
  unary(r, "quick_gelu", [](const auto& x) { return quick_gelu(x); });
  unary(r, "reciprocal", [](const auto& x) { return reciprocal(x); });
  unary(r, "relu", [](const auto& x) { return relu(x); });
  unary(r, "rsqrt", [](const auto& x) { return rsqrt(x); });
  unary(r, "sigmoid", [](const auto& x) { return sigmoid(x); });
  unary(r, "silu", [](const auto& x) { return silu(x); });
  unary(r, "sin", [](const auto& x) { return sin(x); });
  unary(r, "softplus", [](const auto& x) { return softplus(x); });
  unary(r, "sqrt", [](const auto& x) { return sqrt(x); });
  unary(r, "square", [](const auto& x) { return square(x); });
  unary(r, "tanh", [](const auto& x) { return tanh(x); });
  r.add("gelu", [](auto& c) { c.y(c.has_attr("approximate") ? gelu_tanh(c.x("x")) : gelu(c.x("x"))); });
  r.add("pow", [](auto& c) {
    using T = typename std::decay_t<decltype(c)>::value_type;
    c.y(pow(c.x("x"), static_cast<T>(c.number("exponent"))));
  });
  r.add("clamp", [](auto& c) {
    using T = typename std::decay_t<decltype(c)>::value_type;
    c.y(clamp(c.x("x"), static_cast<T>(c.number("min")), static_cast<T>(c.number("max"))));
  });

  binary(r, "add", [](const auto& a, const auto& b) { return a + b; });
  binary(r, "sub", [](const auto& a, const auto& b) { return a - b; });
  binary(r, "mul", [](const auto& a, const auto& b) { return a * b; });
  binary(r, "div", [](const auto& a, const auto& b) { return a / b; });
  binary(r, "maximum", [](const auto& a, const auto& b) { return maximum(a, b); });
  binary(r, "minimum", [](const auto& a, const auto& b) { return minimum(a, b); });
  r.add("where", [](auto& c) { c.y(where(c.mask("c"), c.x("a"), c.x("b"))); });

  reduction(r, "sum", [](const auto& x, const Dims& d, bool keep) { return sum(x, d, keep); });
  reduction(r, "mean", [](const auto& x, const Dims& d, bool keep) { return mean(x, d, keep); });
  reduction(r, "amax", [](const auto& x, const Dims& d, bool keep) { return amax(x, d, keep); });
  reduction(r, "amin", [](const auto& x, const Dims& d, bool keep) { return amin(x, d, keep); });
  reduction(r, "norm", [](const auto& x, const Dims& d, bool keep) { return norm(x, d, keep); });
  reduction(r, "logsumexp", [](const auto& x, const Dims& d, bool keep) { return logsumexp(x, d, keep); });
  r.add("var",
        [](auto& c) { c.y(var(c.x("x"), c.dims("dims"), c.flag("keepdim"), c.flag("unbiased") ? 1 : 0)); });
  r.add("argmax", [](auto& c) { c.y(argmax(c.x("x"), c.integer("dim"))); });
  r.add("cumsum", [](auto& c) { c.y(cumsum(c.x("x"), c.integer("dim"))); });
  r.add("topk", [](auto& c) {
    const auto top = topk(c.x("x"), c.integer("k"), c.integer("dim"), c.flag("largest"));
    c.y(top.values);
    c.out("indices", top.indices);
  });
}

template void add_elementwise(DeviceRegistry<LIMBIC_GOLDEN_DEVICE>&);

}  // namespace limbic::golden
