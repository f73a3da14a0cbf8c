// The checks that every operation goes through on the device; see op_check.hpp.
#include "support/op_check.hpp"

#if __has_include(<emulator/emulator.hpp>)
#include <emulator/emulator.hpp>
#define LIMBIC_TEST_EMULATED
#endif

namespace limbic::test {

namespace {

// Cases up to this size also run under other schedules, which takes about five times as long.
[[maybe_unused]] constexpr index_t kMaxScheduled = 400;

// What is compared, on the host: f's value, the gradients, then the gradients of the gradients' graph with
// respect to inputs and cotangent, added over the gradients.
template <class D>
std::vector<Tensor<double>> all_of(const OpOn<D>& f, const std::vector<Tensor<double, D>>& at,
                                   const OpOptions& options) {
  std::vector<Var<double, D>> x;
  for (const auto& t : at) x.push_back(Var<double, D>::leaf(t));
  const Var<double, D> y = f(x);
  std::vector<Tensor<double>> all = {y.value().template on<Cpu>()};
  if (!options.gradient) return all;
  const auto dy = Var<double, D>::leaf(detail::cotangent<D>(y.shape(), 7));
  for (const auto& g : grad(y, x, dy)) all.push_back(g.value().template on<Cpu>());
  if (!options.second) return all;

  const auto first = grad(f(x), x, dy, true);
  x.push_back(dy);
  std::vector<Tensor<double>> sums;
  for (const auto& v : x) sums.push_back(Tensor<double>::zeros(v.shape()));
  for (std::size_t k = 0; k < first.size(); ++k) {
    all.push_back(first[k].value().template on<Cpu>());
    if (!first[k].requires_grad()) continue;
    const Var<double, D> weights(detail::cotangent<D>(first[k].shape(), 1000 * static_cast<index_t>(k)));
    const auto second = grad(first[k], x, weights);
    for (std::size_t i = 0; i < x.size(); ++i) add_into(Cpu{}, sums[i], second[i].value().template on<Cpu>());
  }
  all.insert(all.end(), sums.begin(), sums.end());
  return all;
}

std::vector<Tensor<double, Cuda>> on_device(const std::vector<Tensor<double>>& x, bool strided) {
  std::vector<Tensor<double, Cuda>> there;
  for (const auto& t : x) {
    const Tensor<double, Cuda> dense = t.on<Cuda>();
    there.push_back(strided ? strided_copy(dense) : dense);
  }
  return there;
}

#ifdef LIMBIC_TEST_EMULATED
// While alive, blocks and threads run in an order drawn from the seed.
struct Scheduled {
  explicit Scheduled(std::uint64_t seed) { emulator::options().schedule = seed; }
  ~Scheduled() { emulator::options().schedule = 0; }
};
#endif

}  // namespace

void run_device_checks(const std::string& name, const OpOn<Cpu>& host, const OpOn<Cuda>& device,
                       const std::vector<OpCase>& cases, const OpOptions& options) {
  unsigned seed = 1;
  int left_out = 0;
  for (const OpCase& c : cases) {
    std::string title = name;
    std::vector<Tensor<double>> x;
    [[maybe_unused]] index_t total = 0;  // of numbers: what the emulator has time for
    for (const Shape& s : c.shapes) {
      title += " " + to_text(s);
      x.push_back(Tensor<double>::from(s, random_values(numel(s), c.low, c.high, c.gap, seed++)));
      total += numel(s);
    }
    CAPTURE(title);
    const auto want = all_of<Cpu>(host, x, options);
#ifdef LIMBIC_TEST_EMULATED
    if (total + want[0].numel() > options.max_numel_emulated) {
      ++left_out;
      continue;
    }
#endif
    const auto there = on_device(x, false);
    const auto got = all_of<Cuda>(device, there, options);
    const auto compare = [&](const std::vector<Tensor<double>>& a) {
      REQUIRE(a.size() == want.size());
      for (std::size_t i = 0; i < want.size(); ++i) {
        CAPTURE(i);
        CHECK(error_of(a[i], want[i]) <= options.tolerance);
      }
    };
    const auto repeat = [&] {
      const auto again = all_of<Cuda>(device, there, options);
      for (std::size_t i = 0; i < got.size(); ++i) {
        CAPTURE(i);
        CHECK(identical(again[i], got[i]));
      }
    };
    compare(got);
    if (options.strided) compare(all_of<Cuda>(device, on_device(x, true), options));
#ifdef LIMBIC_TEST_EMULATED
    if (total + want[0].numel() <= kMaxScheduled) {
      for (std::uint64_t schedule : {7, 8}) {
        CAPTURE(schedule);
        const Scheduled order(schedule);
        repeat();
      }
      continue;
    }
#endif
    repeat();
  }
  if (left_out)
    MESSAGE(name, ": ", left_out, " of ", cases.size(), " cases are too large for the emulated device");
  if (left_out < static_cast<int>(cases.size()))
    record_support(name, "cuda", options.gradient, options.gradient && options.second);
}

}  // namespace limbic::test
