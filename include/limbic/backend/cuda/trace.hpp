// Recording elementwise functions: a generic function of scalars is called once with Traced numbers, which
// note what is done to them; a device then runs the record for every element (launch/elementwise.hpp).
//
// It must not branch on values (a Traced condition is no bool: use math::choose) and may call limbic::math
// alone. Constants are folded, products with 1, repetitions and what the result does not need left out; the
// rest runs as it was written.
#pragma once

#include <limbic/backend/cuda/launch/elementwise.hpp>
#include <limbic/core/error.hpp>
#include <limbic/core/math.hpp>

#include <algorithm>

namespace limbic {

namespace cuda {

// The record of one function: inputs, constants and steps, in order.
class Trace {
 public:
  // The first `inputs` values are the function's arguments.
  explicit Trace(int inputs) : inputs_(inputs) {}

  // Notes a step, unless it is there already; its operands and its value are numbers of values. Throws when
  // there are too many.
  int step(Code code, int a, int b, int c) {
    for (int i = 0; i < count_; ++i)
      if (step_[i].code == code && step_[i].a == a && step_[i].b == b && step_[i].c == c) return inputs_ + i;
    check_length(count_ < kMaxRecorded);
    step_[count_] = {code, a, b, c};
    return inputs_ + count_++;
  }
  // The number of a constant. Throws when there are too many.
  int constant(double value) {
    for (int i = 0; i < constants_; ++i)
      if (std::bit_cast<std::uint64_t>(constant_[i]) == std::bit_cast<std::uint64_t>(value))
        return kConstant + i;
    check(constants_ < ElementProgram::kMaxConstants, "elementwise", "a function of at most ",
          ElementProgram::kMaxConstants, " constants is needed on this device");
    constant_[constants_] = value;
    return kConstant + constants_++;
  }

  // The record as a program of few slots whose last step makes `result`. Throws when it needs too many.
  ElementProgram program(int result) const {
    ElementProgram p;
    std::copy_n(constant_, constants_, p.constant);
    // A value keeps its slot until the last step that reads it, which may write there.
    int last_use[kMaxValues], slot[kMaxValues];
    std::fill_n(last_use, inputs_ + count_, -1);
    if (result < kConstant) last_use[result] = count_;
    for (int i = count_; i-- > 0;) {
      if (last_use[inputs_ + i] < 0) continue;  // nothing needs it
      for (int v : {step_[i].a, step_[i].b, step_[i].c})
        if (v >= 0 && v < kConstant) last_use[v] = std::max(last_use[v], i);
    }
    for (int v = 0; v < inputs_; ++v) slot[v] = v;
    const auto place = [&](int v) {
      return static_cast<std::uint8_t>(v < 0           ? 0
                                       : v < kConstant ? slot[v]
                                                       : ElementProgram::kConstants + v - kConstant);
    };
    for (int i = 0; i < count_; ++i) {
      if (last_use[inputs_ + i] < 0) continue;
      check_length(p.steps < kMaxNeeded);
      bool taken[ElementProgram::kSlots] = {};
      for (int v = 0; v < inputs_ + i; ++v)
        if (last_use[v] > i) taken[slot[v]] = true;
      const auto free = std::find(taken, taken + ElementProgram::kSlots, false);
      check(free != taken + ElementProgram::kSlots, "elementwise", "a function that holds at most ",
            ElementProgram::kSlots, " values at a time is needed on this device (hint: split it)");
      const auto& s = step_[i];
      const std::uint8_t a = place(s.a), b = place(s.b), c = place(s.c);
      slot[inputs_ + i] = static_cast<int>(free - taken);
      p.step[p.steps++] = {s.code, place(inputs_ + i), a, b, c};
    }
    if (result < inputs_ || result >= kConstant) p.step[p.steps++] = {Code::copy, 0, place(result), 0, 0};
    return p;
  }

 private:
  static constexpr int kConstant = 1024;
  static constexpr int kMaxNeeded = ElementProgram::kMaxSteps - 1;  // a copy of the result may follow
  static constexpr int kMaxRecorded = 8 * ElementProgram::kMaxSteps;
  static constexpr int kMaxValues = kMaxRecorded + ElementwiseCall::kMaxOperands;
  struct Recorded {
    Code code;
    int a, b, c;
  };

  static void check_length(bool fits) {
    check(fits, "elementwise", "a function of at most ", kMaxNeeded,
          " steps is needed on this device (hint: split it)");
  }

  int inputs_, count_ = 0, constants_ = 0;
  Recorded step_[kMaxRecorded];  // count_ of them
  double constant_[ElementProgram::kMaxConstants] = {};
};

}  // namespace cuda

// A number of type T that is recorded: an input, a constant, or what a step makes of others.
template <class T>
class Traced {
 public:
  using Code = cuda::Code;

  // A constant.
  template <class N>
  requires std::is_arithmetic_v<N> Traced(N value) : constant_(static_cast<double>(value)) {}
  // Value number `id` of a record.
  Traced(cuda::Trace& trace, int id) : trace_(&trace), id_(id) {}
  // The same number as another type: truth is 1.
  template <class U>
  requires(!std::is_same_v<U, T>) explicit Traced(const Traced<U>& other)
      : trace_(other.trace_), id_(other.id_), constant_(other.constant_) {}

  friend Traced operator+(const Traced& a, const Traced& b) {
    return a.known() && b.known() ? Traced(a.constant_ + b.constant_) : note(Code::add, a, b);
  }
  friend Traced operator-(const Traced& a, const Traced& b) {
    return a.known() && b.known() ? Traced(a.constant_ - b.constant_) : note(Code::sub, a, b);
  }
  friend Traced operator*(const Traced& a, const Traced& b) {
    if (a.known() && b.known()) return a.constant_ * b.constant_;
    if (a.known() && a.constant_ == 1) return b;
    if (b.known() && b.constant_ == 1) return a;
    return note(Code::mul, a, b);
  }
  friend Traced operator/(const Traced& a, const Traced& b) {
    return a.known() && b.known() ? Traced(a.constant_ / b.constant_) : note(Code::div, a, b);
  }
  friend Traced operator-(const Traced& a) {
    return a.known() ? Traced(-a.constant_) : note(Code::neg, a, a);
  }
  Traced& operator+=(const Traced& b) { return *this = *this + b; }
  Traced& operator-=(const Traced& b) { return *this = *this - b; }
  Traced& operator*=(const Traced& b) { return *this = *this * b; }
  Traced& operator/=(const Traced& b) { return *this = *this / b; }

  friend Traced<bool> operator<(const Traced& a, const Traced& b) {
    return Traced<bool>::note(Code::lt, a, b);
  }
  friend Traced<bool> operator<=(const Traced& a, const Traced& b) {
    return Traced<bool>::note(Code::le, a, b);
  }
  friend Traced<bool> operator>(const Traced& a, const Traced& b) {
    return Traced<bool>::note(Code::gt, a, b);
  }
  friend Traced<bool> operator>=(const Traced& a, const Traced& b) {
    return Traced<bool>::note(Code::ge, a, b);
  }
  friend Traced<bool> operator==(const Traced& a, const Traced& b) {
    return Traced<bool>::note(Code::eq, a, b);
  }
  friend Traced<bool> operator!=(const Traced& a, const Traced& b) {
    return Traced<bool>::note(Code::ne, a, b);
  }
  // Of conditions: both sides are evaluated.
  friend Traced operator&&(const Traced& a, const Traced& b) requires std::is_same_v<T, bool> {
    return note(Code::both, a, b);
  }
  friend Traced operator||(const Traced& a, const Traced& b) requires std::is_same_v<T, bool> {
    return note(Code::either, a, b);
  }
  friend Traced operator!(const Traced& a) requires std::is_same_v<T, bool> {
    return note(Code::invert, a, a);
  }

  // Step `code` of a, b and c, at least one of which is no constant.
  template <class A, class B, class C = A>
  static Traced note(Code code, const A& a, const B& b, const C& c = A(0)) {
    cuda::Trace* trace = a.trace_ ? a.trace_ : b.trace_ ? b.trace_ : c.trace_;
    check(trace, "elementwise", "a function of numbers alone is no function of the elements");
    const auto id = [&](const auto& x) { return x.trace_ ? x.id_ : trace->constant(x.constant_); };
    return Traced(*trace, trace->step(code, id(a), id(b), code == Code::choose ? id(c) : -1));
  }

  // Its number in the record, and whether it is a constant.
  int id(cuda::Trace& trace) const { return trace_ ? id_ : trace.constant(constant_); }
  bool known() const { return !trace_; }

 private:
  template <class U>
  friend class Traced;

  cuda::Trace* trace_ = nullptr;
  int id_ = 0;
  double constant_ = 0;
};

// Each notes a step; declared in core/math.hpp.
namespace math {

template <class T>
Traced<T> exp(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::exp, x, x);
}
template <class T>
Traced<T> expm1(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::expm1, x, x);
}
template <class T>
Traced<T> log(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::log, x, x);
}
template <class T>
Traced<T> log1p(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::log1p, x, x);
}
template <class T>
Traced<T> tanh(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::tanh, x, x);
}
template <class T>
Traced<T> erf(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::erf, x, x);
}
template <class T>
Traced<T> sin(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::sin, x, x);
}
template <class T>
Traced<T> cos(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::cos, x, x);
}
template <class T>
Traced<T> sigmoid(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::sigmoid, x, x);
}
template <class T>
Traced<T> softplus(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::softplus, x, x);
}
template <class T>
Traced<T> sqrt(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::sqrt, x, x);
}
template <class T>
Traced<T> rsqrt(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::rsqrt, x, x);
}
template <class T>
Traced<T> exp2(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::exp2, x, x);
}
template <class T>
Traced<T> log2(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::log2, x, x);
}
template <class T>
Traced<T> log10(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::log10, x, x);
}
template <class T>
Traced<T> erfc(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::erfc, x, x);
}
template <class T>
Traced<T> tan(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::tan, x, x);
}
template <class T>
Traced<T> asin(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::asin, x, x);
}
template <class T>
Traced<T> acos(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::acos, x, x);
}
template <class T>
Traced<T> atan(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::atan, x, x);
}
template <class T>
Traced<T> sinh(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::sinh, x, x);
}
template <class T>
Traced<T> cosh(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::cosh, x, x);
}
template <class T>
Traced<T> floor(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::floor, x, x);
}
template <class T>
Traced<T> ceil(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::ceil, x, x);
}
template <class T>
Traced<T> trunc(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::trunc, x, x);
}
template <class T>
Traced<T> round(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::round, x, x);
}
template <class T>
Traced<T> abs(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::abs, x, x);
}
template <class T>
Traced<T> sign(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::sign, x, x);
}
template <class T>
Traced<T> step(const Traced<T>& x) {
  return Traced<T>::note(cuda::Code::step, x, x);
}
template <class T>
Traced<bool> isnan(const Traced<T>& x) {
  return Traced<bool>::note(cuda::Code::isnan, x, x);
}
template <class T>
Traced<bool> isfinite(const Traced<T>& x) {
  return Traced<bool>::note(cuda::Code::isfinite, x, x);
}
template <class T, class U>
Traced<T> as(const Traced<U>& x) {
  if constexpr (std::is_same_v<T, U>) return x;
  else return Traced<T>(x);
}
template <class T>
Traced<T> pow(const Traced<T>& a, const Traced<T>& b) {
  return Traced<T>::note(cuda::Code::pow, a, b);
}
template <class T>
Traced<T> pow(const Traced<T>& a, T b) {
  return pow(a, Traced<T>(b));
}
template <class T>
Traced<T> pow(T a, const Traced<T>& b) {
  return pow(Traced<T>(a), b);
}
template <class T>
Traced<T> atan2(const Traced<T>& a, const Traced<T>& b) {
  return Traced<T>::note(cuda::Code::atan2, a, b);
}
template <class T>
Traced<T> atan2(const Traced<T>& a, T b) {
  return atan2(a, Traced<T>(b));
}
template <class T>
Traced<T> atan2(T a, const Traced<T>& b) {
  return atan2(Traced<T>(a), b);
}
template <class T>
Traced<T> max(const Traced<T>& a, const Traced<T>& b) {
  return Traced<T>::note(cuda::Code::max, a, b);
}
template <class T>
Traced<T> max(const Traced<T>& a, T b) {
  return max(a, Traced<T>(b));
}
template <class T>
Traced<T> max(T a, const Traced<T>& b) {
  return max(Traced<T>(a), b);
}
template <class T>
Traced<T> min(const Traced<T>& a, const Traced<T>& b) {
  return Traced<T>::note(cuda::Code::min, a, b);
}
template <class T>
Traced<T> min(const Traced<T>& a, T b) {
  return min(a, Traced<T>(b));
}
template <class T>
Traced<T> min(T a, const Traced<T>& b) {
  return min(Traced<T>(a), b);
}
template <class T>
Traced<T> choose(const Traced<bool>& mask, const Traced<T>& a, const Traced<T>& b) {
  return Traced<T>::note(cuda::Code::choose, mask, a, b);
}
template <class T>
Traced<T> choose(const Traced<bool>& mask, const Traced<T>& a, T b) {
  return choose(mask, a, Traced<T>(b));
}
template <class T>
Traced<T> choose(const Traced<bool>& mask, T a, const Traced<T>& b) {
  return choose(mask, Traced<T>(a), b);
}
template <std::floating_point T>
Traced<T> choose(const Traced<bool>& mask, T a, T b) {
  return choose(mask, Traced<T>(a), Traced<T>(b));
}

}  // namespace math
}  // namespace limbic
