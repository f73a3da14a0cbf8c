// attention on tensor cores: 16-bit operands by the launchers, tf32 by the operation, against double on the
// CPU.
#include <limbic/backend/cpu/random.hpp>
#include <limbic/backend/cuda/attention.hpp>
#include <limbic/backend/cuda/copy.hpp>
#include <limbic/backend/cuda/index.hpp>
#include <limbic/backend/cuda/matmul.hpp>
#include <limbic/backend/cuda/random.hpp>
#include <limbic/backend/cuda/rows.hpp>
#include <limbic/io/dtype.hpp>
#include <limbic/ops/attention.hpp>

#include "support/op_check.hpp"
#include "support/throws.hpp"

#include <bit>

using namespace limbic;
using namespace limbic::test;

namespace {

// Multiples of 1/64 up to 1: exact in 16 bits of either kind.
std::vector<double> exact_values(index_t n, unsigned seed) {
  auto v = random_values(n, -1, 1, 0, seed);
  for (double& x : v) x = std::round(64 * x) / 64;
  return v;
}

// Bits of a number that is exact in T, and back.
template <class T>
struct Bits;
template <>
struct Bits<cuda::Bf16> {
  static std::uint16_t from(double x) {
    return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(x)) >> 16);
  }
  static double value(std::uint16_t bits) {
    return static_cast<double>(std::bit_cast<float>(std::uint32_t{bits} << 16));
  }
};
template <>
struct Bits<cuda::F16> {
  static std::uint16_t from(double x) {
    if (x == 0) return 0;
    const std::uint32_t b = std::bit_cast<std::uint32_t>(static_cast<float>(x));
    return static_cast<std::uint16_t>(((b >> 16) & 0x8000u) | ((((b >> 23) & 255u) - 112u) << 10) |
                                      ((b >> 13) & 1023u));
  }
  static double value(std::uint16_t bits) { return static_cast<double>(detail::half_value(bits)); }
};

// Dense (B, H, L, width) 16-bit numbers on the device.
template <class T>
class Narrow {
 public:
  Narrow(const Shape& shape, const std::vector<double>& values)
      : shape_(shape), memory_(cuda::allocate(2 * values.size())) {
    std::vector<std::uint16_t> bits;
    for (double v : values) bits.push_back(Bits<T>::from(v));
    cuda::copy_from_host(memory_, bits.data(), 2 * bits.size());
  }
  explicit Narrow(const Shape& shape)
      : Narrow(shape, std::vector<double>(static_cast<std::size_t>(numel(shape)))) {}
  ~Narrow() { cuda::deallocate(memory_); }
  Narrow(const Narrow&) = delete;
  Narrow& operator=(const Narrow&) = delete;

  cuda::AttentionRows<T> rows() const {
    const index_t head = shape_[2] * shape_[3];
    return {static_cast<T*>(memory_), shape_[1] * head, head, shape_[3], shape_[3] % 8 == 0};
  }
  cuda::AttentionRows<const T> const_rows() const {
    const auto r = rows();
    return {r.data, r.batch, r.head, r.row, r.vectors};
  }
  Tensor<double> values() const {
    std::vector<std::uint16_t> bits(static_cast<std::size_t>(numel(shape_)));
    cuda::copy_to_host(bits.data(), memory_, 2 * bits.size());
    std::vector<double> v;
    for (std::uint16_t b : bits) v.push_back(Bits<T>::value(b));
    return Tensor<double>::from(shape_, v);
  }

 private:
  Shape shape_;
  void* memory_;
};

struct Case {
  index_t Lq, Lk, E, Ev;
  bool causal = false;
  double dropout = 0;
  bool biased = false;
};
const std::vector<Case> kCases = {
    {1, 1, 8, 8},    {17, 33, 32, 40, true}, {33, 17, 64, 16, true}, {77, 77, 64, 64, true, 0.2},
    {20, 50, 10, 7}, {40, 9, 128, 100},      {140, 70, 24, 72},      {30, 131, 100, 128, true, 0.3, true}};

// y and the gradients of q, k, v and the bias.
template <class D, class T>
std::vector<Tensor<double>> by_operation(const Case& c) {
  const auto t = [](const Shape& s, unsigned seed) {
    const auto values = exact_values(numel(s), seed);
    return Tensor<T>::from(s, std::vector<T>(values.begin(), values.end())).template on<D>();
  };
  RandomStream random = Random(3).stream("dropout");
  std::vector<Var<T, D>> x;
  x.push_back(Var<T, D>::leaf(t({2, 2, c.Lq, c.E}, 1)));
  x.push_back(Var<T, D>::leaf(t({2, 2, c.Lk, c.E}, 2)));
  x.push_back(Var<T, D>::leaf(t({2, 2, c.Lk, c.Ev}, 3)));
  if (c.biased) x.push_back(Var<T, D>::leaf(t({2, c.Lq, c.Lk}, 4)));
  const auto y = attention(x[0], x[1], x[2], {.causal = c.causal, .dropout = c.dropout, .random = &random},
                           c.biased ? x[3] : Var<T, D>{});
  std::vector<Tensor<double>> all = {y.value().template on<Cpu>().template to<double>()};
  for (const auto& d : grad(y, x, Var<T, D>(t({2, 2, c.Lq, c.Ev}, 5))))
    all.push_back(d.value().template on<Cpu>().template to<double>());
  return all;
}

template <class T>
std::vector<Tensor<double>> by_launcher(const Case& c) {
  const Shape sq{2, 2, c.Lq, c.E}, sk{2, 2, c.Lk, c.E}, sv{2, 2, c.Lk, c.Ev}, sy{2, 2, c.Lq, c.Ev},
      sb{2, c.Lq, c.Lk};
  const Narrow<T> q(sq, exact_values(numel(sq), 1)), k(sk, exact_values(numel(sk), 2)),
      v(sv, exact_values(numel(sv), 3)), dy(sy, exact_values(numel(sy), 5)), y(sy), dq(sq), dk(sk), dv(sv);
  const auto bias_values = exact_values(numel(sb), 4);
  const auto bias =
      Tensor<float>::from(sb, std::vector<float>(bias_values.begin(), bias_values.end())).on<Cuda>();
  auto lse = Tensor<float, Cuda>::empty({2, 2, c.Lq}), dbias = Tensor<float, Cuda>::empty(sb);
  cuda::AttentionCall<T> call;
  call.B = call.H = 2;
  call.Lq = static_cast<int>(c.Lq);
  call.Lk = static_cast<int>(c.Lk);
  call.E = static_cast<int>(c.E);
  call.Ev = static_cast<int>(c.Ev);
  call.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(c.E)));
  call.causal = c.causal;
  call.dropout = c.dropout > 0;
  RandomStream random = Random(3).stream("dropout");
  const PhiloxKey draw = random.draw(4 * c.Lq * c.Lk);
  call.key = draw.key;
  call.position = draw.position;
  call.threshold = philox_threshold(c.dropout);
  call.kept = static_cast<float>(1 / (1 - c.dropout));
  call.q = q.const_rows();
  call.k = k.const_rows();
  call.v = v.const_rows();
  if (c.biased) call.bias = {bias.data(), 0, c.Lq * c.Lk, c.Lk, 1};
  cuda::attention_fwd(call, {.y = y.rows(), .lse = lse.mutable_data(), .map = nullptr});
  cuda::AttentionGradients<T> g;
  g.y = y.const_rows();
  g.dy = dy.const_rows();
  g.lse = lse.data();
  g.dq = dq.rows();
  g.dk = dk.rows();
  g.dv = dv.rows();
  if (c.biased) g.dbias = {dbias.mutable_data(), 0, c.Lq * c.Lk, c.Lk, 1};
  cuda::attention_bwd(call, g);
  std::vector<Tensor<double>> all = {y.values(), dq.values(), dk.values(), dv.values()};
  if (c.biased) all.push_back(dbias.on<Cpu>().to<double>());
  return all;
}

void compare(const Case& c, const std::vector<Tensor<double>>& there, const std::vector<Tensor<double>>& here,
             double tolerance) {
  INFO("Lq ", c.Lq, ", Lk ", c.Lk, ", E ", c.E, ", Ev ", c.Ev, ", causal ", c.causal);
  REQUIRE(there.size() == here.size());
  for (std::size_t i = 0; i < here.size(); ++i) {
    CAPTURE(i);
    CHECK(error_of(there[i], here[i]) < tolerance);
  }
}

}  // namespace

TEST_CASE("bf16, f16 and tf32 on tensor cores") {
  for (const Case& c : kCases) {
    const auto here = by_operation<Cpu, double>(c);
    compare(c, by_launcher<cuda::Bf16>(c), here, 1e-2);
    compare(c, by_launcher<cuda::F16>(c), here, 1.5e-3);
    const Tf32Attention tf32;
    compare(c, by_operation<Cuda, float>(c), here, 1e-3);
  }
  CHECK(!Tf32Attention::on());
}
TEST_CASE("heads that tensor cores do not take") {
  const Tf32Attention tf32;
  const auto x = Tensor<float, Cuda>::zeros({1, 1, 2, 130});
  CHECK(thrown([&] { attention(x, x, x); }).find("at most 128") != std::string::npos);
}
