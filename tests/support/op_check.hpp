// check_op(): what is tested of every operation, from one table of cases.
//
//   f          generic: std::vector<X> of operands (Tensor or Var, float or double) -> X
//   reference  generic: std::vector<Tensor<T>> -> Tensor<T>, the definition written with plain loops or
//              simpler operations
//
// For each case: double against the reference (1e-10), float against the double reference (at most twice
// the naive float error, and a few units in the last place), strided and broadcast (expanded) inputs, every
// instruction set, thread counts bit for bit, gradients against differences, float gradients against
// double ones, gradients of gradients, gradients of a part of the inputs, accumulation, guard words
// behind the inputs. The operation's row of the support table is written to the file that the environment
// variable LIMBIC_SUPPORT_TABLE names.
//
// With LIMBIC_TEST_CUDA (the program links limbic::cuda or limbic::cuda_emulated) f is also run on the
// device, in double; see run_device_checks().
#pragma once

#include <doctest/doctest.h>

#ifdef LIMBIC_TEST_CUDA
// Not limbic/cuda.hpp, which has every operation too: these tests take long enough to compile.
#include <limbic/backend/cuda/backend.hpp>
#endif

#include <limbic/autograd/gradcheck.hpp>
#include <limbic/backend/cpu/isa.hpp>
#include <limbic/core/compare.hpp>
#include <limbic/ops/arithmetic.hpp>
#include <limbic/ops/sum.hpp>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace limbic::test {

struct OpCase {
  std::vector<Shape> shapes;
  double low = -2, high = 2;  // inputs are uniform in [low, high), and kept `gap` away from 0
  double gap = 0;
};

struct OpOptions {
  bool gradient = true;
  bool second = true;
  double tolerance = 1e-10;            // double against the reference
  double float_slack = 16;             // float: allowed units in the last place beyond twice the naive error
  double grad_tolerance = 1e-6;        // against differences
  double float_grad_tolerance = 2e-4;  // float gradients against double ones
  index_t max_numel_for_differences = 400;
  bool strided = true;  // also with transposed inputs
  // On the emulated device: cases with more elements in inputs and result are left out, and counted in the
  // output; the emulator checks some million accesses a second. A GPU runs all.
  index_t max_numel_emulated = 30000;
};

inline void record_support(const std::string& op, const char* device, bool gradient, bool second) {
  if (const char* path = std::getenv("LIMBIC_SUPPORT_TABLE")) {
    std::ofstream out(path, std::ios::app);
    out << op << " | " << device << " | " << (gradient ? "yes" : "no") << " | " << (second ? "yes" : "no")
        << "\n";
  }
}

inline std::vector<double> random_values(index_t n, double low, double high, double gap, unsigned seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<double> uniform(low, high);
  std::vector<double> v(static_cast<std::size_t>(n));
  for (double& x : v) {
    do {
      x = static_cast<double>(static_cast<float>(uniform(engine)));
    } while (std::fabs(x) < gap);
  }
  return v;
}

// A tensor in memory of its own with guard words before and behind.
template <class T>
class Guarded {
 public:
  static constexpr std::size_t kGuard = 16;
  Guarded(const Shape& shape, const std::vector<double>& values)
      : memory_(values.size() + 2 * kGuard, T(-1234.5)) {
    for (std::size_t i = 0; i < values.size(); ++i) memory_[i + kGuard] = static_cast<T>(values[i]);
    copy_ = memory_;
    tensor_ = Tensor<T>::wrap(memory_.data() + kGuard, shape);
  }
  const Tensor<T>& tensor() const { return tensor_; }
  bool untouched() const { return memory_ == copy_; }

 private:
  std::vector<T> memory_, copy_;
  Tensor<T> tensor_;
};

template <class T>
double max_abs(const Tensor<T>& t) {
  double m = 0;
  for (T v : t.to_vector())
    if (std::isfinite(static_cast<double>(v))) m = std::max(m, std::fabs(static_cast<double>(v)));
  return m;
}

// Largest |a - b| over max(1, |b|_max); infinite when shapes or non-finite elements differ.
template <class T, class U>
double error_of(const Tensor<T>& a, const Tensor<U>& b) {
  if (!(a.shape() == b.shape())) return std::numeric_limits<double>::infinity();
  const auto x = a.to_vector();
  const auto y = b.to_vector();
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double p = static_cast<double>(x[i]), q = static_cast<double>(y[i]);
    if (p == q || (std::isnan(p) && std::isnan(q))) continue;
    const double e = std::fabs(p - q);
    if (!(e < std::numeric_limits<double>::infinity())) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, e);
  }
  return worst / std::max(1.0, max_abs(b));
}

// Bit for bit, NaN included.
template <class T>
bool identical(const Tensor<T>& a, const Tensor<T>& b) {
  const auto x = a.contiguous(), y = b.contiguous();
  return a.shape() == b.shape() &&
         (a.numel() == 0 ||
          std::memcmp(x.data(), y.data(), static_cast<std::size_t>(a.numel()) * sizeof(T)) == 0);
}

// What an operation takes beside its operands (indices, masks, statistics), on the device of the operand x.
template <class X, class U>
auto beside(const X&, const Tensor<U>& host) {
  return host.template on<typename X::device_type>();
}

// The same values, but with the memory of a transposed, doubled array.
template <class T, class D>
Tensor<T, D> strided_copy(const Tensor<T, D>& t) {
  if (t.rank() == 0) return t;
  Shape big = t.shape();
  big[0] *= 2;
  Tensor<T, D> wide = Tensor<T, D>::zeros(big).transpose(0, -1).clone().transpose(0, -1);
  Tensor<T, D> view = wide.slice(0, 0, std::numeric_limits<index_t>::max(), 2);
  view.copy_from(t);
  return view;
}

// An operation in the forms that it is checked in. The checks themselves are compiled once, in op_check.cpp.
template <class T>
struct OpForms {
  std::function<Var<T>(const std::vector<Var<T>>&)> var;
  std::function<Tensor<T>(const std::vector<Tensor<T>>&)> tensor, reference;
};

// Gradients of sum(f(inputs) * c) for a fixed cotangent c.
template <class T>
std::vector<Tensor<T>> gradients_of(const std::function<Var<T>(const std::vector<Var<T>>&)>& f,
                                    const std::vector<Tensor<T>>& inputs) {
  std::vector<Var<T>> x;
  for (const auto& t : inputs) x.push_back(Var<T>::leaf(t));
  const Var<T> y = f(x);
  const Tensor<T> dy = detail::cotangent<Cpu>(y.shape(), 7).template to<T>();
  std::vector<Tensor<T>> out;
  for (const auto& g : grad(y, x, Var<T>(dy))) out.push_back(g.value());
  return out;
}

void run_op_checks(const std::string& name, const OpForms<double>& f64, const OpForms<float>& f32,
                   const std::vector<OpCase>& cases, const OpOptions& options);

#ifdef LIMBIC_TEST_CUDA
template <class D>
using OpOn = std::function<Var<double, D>(const std::vector<Var<double, D>>&)>;

// The device against the CPU for each case: value, gradients, and gradients of gradients for fixed cotangents
// (options.tolerance); with strided inputs; the same bits again, under other orders of blocks and threads
// too where the device is emulated and the case small.
void run_device_checks(const std::string& name, const OpOn<Cpu>& host, const OpOn<Cuda>& device,
                       const std::vector<OpCase>& cases, const OpOptions& options);
#endif

// The device's part of check_op(), for what has no reference. Does nothing where no device is linked.
template <class F>
void check_device([[maybe_unused]] const std::string& name, [[maybe_unused]] const F& f,
                  [[maybe_unused]] const std::vector<OpCase>& cases,
                  [[maybe_unused]] const OpOptions& options = {}) {
#ifdef LIMBIC_TEST_CUDA
  run_device_checks(
      name, [f](const std::vector<Var<double>>& x) -> Var<double> { return f(x); },
      [f](const std::vector<Var<double, Cuda>>& x) -> Var<double, Cuda> { return f(x); }, cases, options);
#endif
}

template <class F, class R>
void check_op(const std::string& name, const F& f, const R& reference, const std::vector<OpCase>& cases,
              const OpOptions& options = {}) {
  auto forms = [&]<class T>(T) {
    return OpForms<T>{[f](const std::vector<Var<T>>& x) -> Var<T> { return f(x); },
                      [f](const std::vector<Tensor<T>>& x) -> Tensor<T> { return f(x); },
                      [reference](const std::vector<Tensor<T>>& x) -> Tensor<T> { return reference(x); }};
  };
  run_op_checks(name, forms(double{}), forms(float{}), cases, options);
  check_device(name, f, cases, options);
}

// Checks that `f()` throws limbic::Error whose text contains every one of `parts`.
template <class F>
void check_error(F&& f, std::initializer_list<const char*> parts) {
  std::string text;
  try {
    f();
  } catch (const Error& e) {
    text = e.what();
  }
  REQUIRE_MESSAGE(!text.empty(), "an Error was expected");
  for (const char* part : parts) CHECK_MESSAGE(text.find(part) != std::string::npos, text, " has no ", part);
}

}  // namespace limbic::test
