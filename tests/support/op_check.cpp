// The checks that every operation goes through; see op_check.hpp.
#include "support/op_check.hpp"

namespace limbic::test {

namespace {

// Gradients by backward(), with a second pass adding up, and by parts of the inputs.
void check_modes(const OpForms<double>& f, const std::vector<Tensor<double>>& inputs) {
  const auto all = gradients_of<double>(f.var, inputs);
  std::vector<Var<double>> x;
  for (const auto& t : inputs) x.push_back(Var<double>::leaf(t));
  const Var<double> y = f.var(x);
  const Var<double> dy(detail::cotangent<Cpu>(y.shape(), 7));
  backward(y, dy);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i].grad().defined()) CHECK(identical(x[i].grad(), all[i]));
    else CHECK(max_abs(all[i]) == 0);
  }
  backward(y, dy);
  for (std::size_t i = 0; i < x.size(); ++i)
    if (x[i].grad().defined()) CHECK(error_of(x[i].grad(), all[i] * 2.0) < 1e-12);
  if (inputs.size() < 2) return;
  for (std::size_t i = 0; i < x.size(); ++i) {
    CHECK(error_of(grad(y, {x[i]}, dy)[0].value(), all[i]) < 1e-12);
    std::vector<Var<double>> constants(inputs.begin(), inputs.end());
    constants[i] = Var<double>::leaf(inputs[i]);
    CHECK(error_of(grad(f.var(constants), {constants[i]}, dy)[0].value(), all[i]) < 1e-12);
  }
}

}  // namespace

void run_op_checks(const std::string& name, const OpForms<double>& f64, const OpForms<float>& f32,
                   const std::vector<OpCase>& cases, const OpOptions& options) {
  REQUIRE(!cases.empty());
  unsigned seed = 1;
  for (const OpCase& c : cases) {
    std::string title = name;
    for (const Shape& s : c.shapes) title += " " + to_text(s);
    CAPTURE(title);
    std::vector<Guarded<double>> guarded;
    std::vector<Guarded<float>> guarded_float;
    std::vector<Tensor<double>> x, x_strided;
    std::vector<Tensor<float>> xf;
    index_t total = 0;
    for (const Shape& s : c.shapes) {
      const auto values = random_values(numel(s), c.low, c.high, c.gap, seed++);
      guarded.emplace_back(s, values);
      guarded_float.emplace_back(s, values);
      total += numel(s);
    }
    for (std::size_t i = 0; i < guarded.size(); ++i) {
      x.push_back(guarded[i].tensor());
      xf.push_back(guarded_float[i].tensor());
      x_strided.push_back(strided_copy(guarded[i].tensor()));
    }

    const Tensor<double> want = f64.reference(x);
    const Tensor<float> naive = f32.reference(xf);
    const double float_limit = 2 * error_of(naive, want) + options.float_slack * 0x1p-23;
    for (cpu::Isa isa : {cpu::Isa::portable, cpu::Isa::avx2, cpu::Isa::avx512}) {
      cpu::set_isa(isa);
      CHECK(error_of(f64.tensor(x), want) <= options.tolerance);
      CHECK(error_of(f32.tensor(xf), want) <= float_limit);
      if (options.gradient) {
        const auto g = gradients_of<double>(f64.var, x);
        const auto gf = gradients_of<float>(f32.var, xf);
        for (std::size_t i = 0; i < g.size(); ++i)
          CHECK(error_of(gf[i], g[i]) <= options.float_grad_tolerance);
      }
    }
    if (options.strided) {
      CHECK(error_of(f64.tensor(x_strided), want) <= options.tolerance);
      if (options.gradient) {
        const auto g = gradients_of<double>(f64.var, x), gs = gradients_of<double>(f64.var, x_strided);
        for (std::size_t i = 0; i < g.size(); ++i) CHECK(error_of(gs[i], g[i]) <= options.tolerance);
      }
    }

    const int threads = num_threads();
    set_num_threads(1);
    const Tensor<float> y1 = f32.tensor(xf);
    const auto g1 = options.gradient ? gradients_of<float>(f32.var, xf) : std::vector<Tensor<float>>{};
    set_num_threads(3);
    CHECK(identical(f32.tensor(xf), y1));
    if (options.gradient) {
      const auto g3 = gradients_of<float>(f32.var, xf);
      for (std::size_t i = 0; i < g1.size(); ++i) CHECK(identical(g3[i], g1[i]));
    }
    set_num_threads(threads);

    if (options.gradient) {
      check_modes(f64, x);
      if (total <= options.max_numel_for_differences) {
        GradcheckOptions o;
        o.tolerance = options.grad_tolerance;
        CHECK_NOTHROW(gradcheck(f64.var, x, o));
        if (options.second) CHECK_NOTHROW(gradgradcheck(f64.var, x, o));
      }
    }
    for (std::size_t i = 0; i < guarded.size(); ++i) {
      CHECK(guarded[i].untouched());
      CHECK(guarded_float[i].untouched());
    }
  }
  record_support(name, "cpu", options.gradient, options.gradient && options.second);
}

}  // namespace limbic::test
