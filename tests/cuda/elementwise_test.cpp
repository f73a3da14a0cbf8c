// Functions that are recorded and run by the device: every function of limbic::math at ordinary and extreme
// numbers, what the record looks like, how much it holds, and a user's own functions with their gradients.
#include "on_both.hpp"

#include <limbic/ops/map.hpp>

#include "support/naive.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

const std::vector<double> kPoints = {-kInf, -1000, -30.5, -2.5, -1,  -0.5, -1e-3, -0.0, 0.0,  1e-3,
                                     0.25,  0.5,   1,     1.5,  2.5, 7,    30.5,  1000, kInf, kNan};

// Equal up to a few units in the last place; of zeros the sign, too.
template <class T>
bool close(T got, double want) {
  const T rounded = static_cast<T>(want);
  if (std::isnan(rounded)) return std::isnan(got);
  if (rounded == 0 || std::isinf(rounded))
    return got == rounded && std::signbit(got) == std::signbit(rounded);
  return std::fabs(got - rounded) <= 8 * std::numeric_limits<T>::epsilon() * std::fabs(rounded);
}

// f on the device in T against f on the host in double, at every combination of the points.
template <class T, class F, class... Points>
void check_function(const char* name, const F& f, const Points&... points) {
  CAPTURE(name);
  std::vector<std::array<double, sizeof...(Points)>> at = {{}};
  std::size_t operand = 0;
  for (const std::vector<double>& p : {points...}) {
    auto before = std::exchange(at, {});
    for (auto& tuple : before)
      for (double v : p) {
        tuple[operand] = v;
        at.push_back(tuple);
      }
    ++operand;
  }
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto column = [&](std::size_t k) {
      std::vector<T> v;
      for (const auto& tuple : at) v.push_back(static_cast<T>(tuple[k]));
      return Tensor<T, Cuda>::from({static_cast<index_t>(at.size())}, v);
    };
    auto y = Tensor<T, Cuda>::empty({static_cast<index_t>(at.size())});
    elementwise(Cuda{}, f, y, column(I)...);
    const std::vector<T> got = y.to_vector();
    for (std::size_t i = 0; i < at.size(); ++i) {
      CAPTURE(at[i][0]);
      CAPTURE(at[i].back());
      CAPTURE(got[i]);
      CHECK(close(got[i], static_cast<double>(f(static_cast<double>(static_cast<T>(at[i][I]))...))));
    }
  }
  (std::make_index_sequence<sizeof...(Points)>{});
}

template <class T>
void check_functions() {
#define LIMBIC_CHECK(name) \
  check_function<T>(       \
      #name, [](auto x) { return math::name(x); }, kPoints)
  LIMBIC_CHECK(exp);
  LIMBIC_CHECK(expm1);
  LIMBIC_CHECK(exp2);
  LIMBIC_CHECK(log);
  LIMBIC_CHECK(log1p);
  LIMBIC_CHECK(log2);
  LIMBIC_CHECK(log10);
  LIMBIC_CHECK(tanh);
  LIMBIC_CHECK(sigmoid);
  LIMBIC_CHECK(softplus);
  LIMBIC_CHECK(erf);
  LIMBIC_CHECK(sin);
  LIMBIC_CHECK(cos);
  LIMBIC_CHECK(tan);
  LIMBIC_CHECK(asin);
  LIMBIC_CHECK(acos);
  LIMBIC_CHECK(atan);
  LIMBIC_CHECK(sinh);
  LIMBIC_CHECK(cosh);
  LIMBIC_CHECK(sqrt);
  LIMBIC_CHECK(rsqrt);
  LIMBIC_CHECK(floor);
  LIMBIC_CHECK(ceil);
  LIMBIC_CHECK(trunc);
  LIMBIC_CHECK(round);
  LIMBIC_CHECK(abs);
  LIMBIC_CHECK(sign);
  LIMBIC_CHECK(step);
#undef LIMBIC_CHECK
  // (Its float form has less than eight units left far out, on the CPU as well.)
  check_function<T>(
      "erfc", [](auto x) { return math::erfc(x); },
      std::vector<double>{-kInf, -2.5, -0.5, 0.0, 0.25, 1.5, kInf, kNan});
  check_function<T>(
      "pow", [](auto a, auto b) { return math::pow(a, b); }, kPoints, kPoints);
  check_function<T>(
      "atan2", [](auto a, auto b) { return math::atan2(a, b); }, kPoints, kPoints);
  check_function<T>(
      "max", [](auto a, auto b) { return math::max(a, b); }, kPoints, kPoints);
  check_function<T>(
      "min", [](auto a, auto b) { return math::min(a, b); }, kPoints, kPoints);
  check_function<T>(
      "arithmetic", [](auto a, auto b) { return (a + b) * a - b / a + -b; }, kPoints, kPoints);
}

}  // namespace

TEST_CASE("operands that repeat, begin anywhere, or end within a pack of elements") {
  const auto check = [&]<class T>(T) {
    const auto numbers = [](const Shape& shape, T first) {
      std::vector<T> v(static_cast<std::size_t>(numel(shape)));
      for (std::size_t i = 0; i < v.size(); ++i) v[i] = first + static_cast<T>(i);
      return Tensor<T>::from(shape, v);
    };
    const auto same = [&](const auto& f) { CHECK(identical(f(Cuda{}).template on<Cpu>(), f(Cpu{}))); };
    const Tensor<T> x = numbers({3, 2, 8}, T(1)), odd = numbers({3, 2, 7}, T(5));
    for (const Shape& shape :
         {Shape{3, 2, 8}, Shape{3, 2, 1}, Shape{3, 1, 8}, Shape{2, 1}, Shape{8}, Shape{1}})
      same([&]<class D>(D) { return x.template on<D>() * numbers(shape, T(2)).template on<D>() + T(1); });
    for (const Shape& shape : {Shape{3, 2, 7}, Shape{3, 2, 1}, Shape{7}})
      same([&]<class D>(D) { return odd.template on<D>() - numbers(shape, T(2)).template on<D>(); });
    for (const index_t count : {1, 3, 4, 5, 513})
      for (const index_t from : {0, 1, 2})
        same([&]<class D>(D) {
          const auto t = numbers({count + 3}, T(1)).template on<D>().slice(0, from, from + count);
          return t * t + t;
        });
    // Rows that begin at places of no pack.
    for (const index_t width : {9, 10})
      for (const index_t from : {0, 1})
        same([&]<class D>(D) {
          const auto t = numbers({4, width}, T(1)).template on<D>();
          return t.slice(1, 0, 8) + t.slice(1, from, from + 8);
        });
    // Rows that end within a pack, in memory where the next one begins at a whole one.
    same([&]<class D>(D) {
      auto y = numbers({4, 8}, T(1)).template on<D>(), x = numbers({4, 8}, T(7)).template on<D>();
      auto rows = y.slice(1, 0, 5);
      elementwise_update(
          D{}, [](auto a, auto b) { return a * b; }, rows, x.slice(1, 0, 5));
      return y;
    });
  };
  check(float{});
  check(double{});
}
TEST_CASE("every function in float and double") {
  check_functions<float>();
  check_functions<double>();
}
TEST_CASE("comparisons and conditions") {
  const auto number = [](auto condition) {
    if constexpr (std::is_same_v<decltype(condition), bool>) return condition ? 1.0 : 0.0;
    else return math::as<double>(condition);
  };
  const auto check = [&](const char* name, auto f) {
    check_function<double>(
        name, [=](auto a, auto b) { return number(f(a, b)); }, kPoints, kPoints);
  };
  check("<", [](auto a, auto b) { return a < b; });
  check("<=", [](auto a, auto b) { return a <= b; });
  check(">", [](auto a, auto b) { return a > b; });
  check(">=", [](auto a, auto b) { return a >= b; });
  check("==", [](auto a, auto b) { return a == b; });
  check("!=", [](auto a, auto b) { return a != b; });
  check("and", [](auto a, auto b) { return a > 0 && b > 0; });
  check("or", [](auto a, auto b) { return a > 0 || !(b > 0); });
  check("isnan", [](auto a, auto b) { return math::isnan(a) || math::isfinite(b); });
  check_function<double>(
      "choose", [](auto a, auto b) { return math::choose(a < b, a, b * 2.0); }, kPoints, kPoints);
}

// ---- the record ----------------------------------------------------------------------------------

TEST_CASE("constants are folded, and products with 1 left out") {
  using cuda::detail::record;
  CHECK(record<double, double>([](auto x) { return x * (2.0 * decltype(x)(3.0) + 1.0); }).steps == 1);
  CHECK(record<double, double>([](auto x) { return 1.0 * (x * 1.0) + 0.5; }).steps == 1);
  CHECK(record<double, double>([](auto x) { return (x + 2.0) * 2.0 / 2.0; }).steps == 3);
  const auto copied = record<double, double>([](auto x) { return x; });
  CHECK(copied.steps == 1);
  CHECK(copied.step[0].code == cuda::Code::copy);
}
TEST_CASE("a function that gives a number") {
  auto y = Tensor<float, Cuda>::zeros({3});
  elementwise(
      Cuda{}, [](auto) { return 2.5; }, y, y.clone());
  CHECK(y.to_vector() == std::vector<float>(3, 2.5f));
  elementwise_update(
      Cuda{}, [](auto v) { return decltype(v)(7.0); }, y);
  CHECK(y.to_vector() == std::vector<float>(3, 7.0f));
}
TEST_CASE("a result that is not the last step, and an operand that is the result") {
  auto y = Tensor<double, Cuda>::zeros({2});
  const auto x = Tensor<double, Cuda>::from({2}, {3, 5});
  elementwise(
      Cuda{},
      [](auto v) {
        const auto kept = v + 1.0;
        (void)(kept * kept);
        return kept;
      },
      y, x);
  CHECK(y.to_vector() == std::vector<double>{4, 6});
  elementwise_update(
      Cuda{}, [](auto, auto v) { return v; }, y, x);
  CHECK(y.to_vector() == std::vector<double>{3, 5});
}
TEST_CASE("functions that are too long are refused, those that just fit run") {
  const auto x = Tensor<double, Cuda>::ones({2});
  auto y = x.clone();
  const auto steps = [&](int n) {
    elementwise(
        Cuda{},
        [n](auto v) {
          auto r = v;
          for (int i = 0; i < n; ++i) r += v;
          return r;
        },
        y, x);
    return y.to_vector()[1];
  };
  CHECK(steps(cuda::ElementProgram::kMaxSteps - 1) == cuda::ElementProgram::kMaxSteps);
  check_error([&] { steps(cuda::ElementProgram::kMaxSteps); },
              {"[elementwise]", "at most 95 steps", "split it"});

  const auto constants = [&](int n) {
    elementwise(
        Cuda{},
        [n](auto v) {
          auto r = v;
          for (int i = 0; i < n; ++i) r = r + decltype(v)(i + 1);
          for (int i = 0; i < n; ++i) r = r - decltype(v)(i + 1);  // those it has already
          return r;
        },
        y, x);
    return y.to_vector()[1];
  };
  CHECK(constants(cuda::ElementProgram::kMaxConstants) == 1);
  check_error([&] { constants(cuda::ElementProgram::kMaxConstants + 1); },
              {"[elementwise]", "at most 16 constants"});

  const auto held = [&](int n) {
    elementwise(
        Cuda{},
        [n](auto v) {
          std::vector<decltype(v)> all = {v};
          while (static_cast<int>(all.size()) < n) all.push_back(all.back() + all.back());
          auto r = all.back();
          for (std::size_t i = all.size() - 1; i-- > 0;) r = r + all[i];
          return r;
        },
        y, x);
    return y.to_vector()[1];
  };
  CHECK(held(cuda::ElementProgram::kSlots) == 65535);
  check_error([&] { held(cuda::ElementProgram::kSlots + 1); },
              {"[elementwise]", "at most 16 values at a time", "split it"});
}

// ---- map() ---------------------------------------------------------------------------------------

TEST_CASE("a user's function and its gradients, float and double") {
  const auto f = [](const auto& x) {
    return map(
        [](auto a, auto b, auto c) {
          using math::choose, math::exp, math::log1p, math::tanh;
          return choose(a < b, exp(a) * tanh(c), log1p(b * b) / (2.0 + c * c));
        },
        x[0], x[1], x[2]);
  };
  check_on_both({{3, 5}, {5}, {3, 1}}, f);
  check_on_both({{0}, {0}, {1}}, f);
  check_repeats({{3, 67}, {67}, {1}}, f);
}
TEST_CASE("a user's function that is constant has no slope") {
  const auto x = Var<double, Cuda>::leaf(Tensor<double, Cuda>::ones({3}));
  const auto y = map([](auto a) { return decltype(a)(4.0); }, x);
  CHECK(y.value().to_vector() == std::vector<double>(3, 4.0));
  backward(y, Var<double, Cuda>(Tensor<double, Cuda>::ones({3})));
  CHECK(x.grad().to_vector() == std::vector<double>(3, 0.0));
}
