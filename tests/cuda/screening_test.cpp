// Screening on the device against the host's, in three launches and without a wait.
#include <limbic/backend/cpu/random.hpp>
#include <limbic/backend/cuda/screening.hpp>

#include "../../examples/uf_ama/screening.hpp"
#include "on_both.hpp"
#include "support/throws.hpp"

using namespace limbic;
using namespace limbic::test;
using uf_ama::Screening;

namespace {

// Few different values, so that many confidences are equal.
template <class T>
Tensor<T> coarse_logits(RandomStream& random, index_t n, index_t k) {
  return random.integers({n, k}, 0, 4).template to<T>();
}

template <class T>
void check_screening(const Tensor<T>& a, const Tensor<T>& b, const Tensor<T>& joint, index_t before,
                     const ScreeningRules& rules) {
  const Screening want = uf_ama::screen(a, b);
  const auto there = [](const Tensor<T>& x) { return x.template on<Cuda>(); };
  const auto got = screen_predictions(Cuda{}, "screening", there(a), there(b), there(joint), before, rules);
  const Screening here = uf_ama::on_host(got);
  const auto same = [](const Tensor<index_t>& x, const Tensor<index_t>& y) {
    CHECK(x.to_vector() == y.to_vector());
  };
  same(here.agree, want.agree);
  same(here.eeg_teaches, want.eeg_teaches);
  same(here.eye_teaches, want.eye_teaches);
  same(here.eeg_label, want.eeg_label);
  same(here.eye_label, want.eye_label);
  CHECK(here.mid_confidence == doctest::Approx(want.mid_confidence));
  CHECK(here.eeg_selected == want.eeg_selected);
  CHECK(here.eye_selected == want.eye_selected);
  CHECK(here.dropped == want.dropped);

  // Labels for the losses.
  std::vector<index_t> fused;
  for (index_t i = 0; i < joint.size(0); ++i) {
    const std::vector<T> row = joint.select(0, i).to_vector();
    fused.push_back(std::max_element(row.begin(), row.end()) - row.begin());
  }
  const auto check_with = Tensor<index_t>::from({joint.size(0)}, fused);
  const auto target = got.target.template on<Cpu>();
  const auto counts = got.counts.to_vector();
  same(target.select(0, 0), uf_ama::screened_labels(want.agree, want.eeg_label, before).label);
  const auto lessons = [&](index_t which, const Tensor<index_t>& samples, const Tensor<index_t>& label) {
    const auto all = uf_ama::screened_labels(samples, label, before, check_with);
    CHECK(counts[static_cast<std::size_t>(5 + which)] == all.count);
    const bool learned = want.mid_confidence > rules.min_confidence && samples.numel() >= rules.min_lessons;
    same(target.select(0, which), learned ? all.label : Tensor<index_t>::full(all.label.shape(), -100));
  };
  lessons(1, want.eeg_teaches, want.eeg_label);
  lessons(2, want.eye_teaches, want.eye_label);
}

}  // namespace

TEST_CASE("batches of every size, with equal confidences") {
  RandomStream random = Random(5).stream("screening");
  for (index_t n : {1, 2, 3, 31, 32, 33, 127, 128, 129, 300, 600}) {
    CAPTURE(n);
    for (index_t k : {1, 3}) {
      const auto a = coarse_logits<double>(random, n, k), b = coarse_logits<double>(random, n, k);
      check_screening(a, b, coarse_logits<double>(random, n, k), n % 5,
                      {.min_confidence = 0, .min_lessons = 1});
    }
    const auto a = random.normal<float>({n, 4}), b = random.normal<float>({n, 4}),
               c = random.normal<float>({n, 4});
    check_screening(a, b, c, 7, {.min_confidence = 0.5, .min_lessons = 3});
    check_screening(a, b, c, 0, {.min_confidence = 0, .min_lessons = n / 4});
  }
}
TEST_CASE("without a joint classifier there are no lessons") {
  RandomStream random = Random(5).stream("screening");
  const auto a = random.normal<float>({20, 3}).on<Cuda>(), b = random.normal<float>({20, 3}).on<Cuda>();
  const auto s = screen_predictions(Cuda{}, "screening", a, b, {}, 2, {});
  CHECK(s.target.slice(0, 1).on<Cpu>().to_vector() == std::vector<index_t>(2 * 22, -100));
  const auto counts = s.counts.to_vector();
  CHECK(counts[0] + counts[1] + counts[2] > 0);
  CHECK(counts[6] + counts[7] == 0);
}
TEST_CASE("bad logits") {
  using Logits = Tensor<float, Cuda>;
  auto good = Tensor<float>::ones({4, 3}), bad = good.clone();
  bad.set({2, 1}, std::numeric_limits<float>::quiet_NaN());
  const auto screened = [](const Logits& a, const Logits& b, const Logits& c = {}) {
    return thrown([&] { screen_predictions(Cuda{}, "screening", a, b, c, 0, {}).counts.to_vector(); });
  };
  const Logits there = good.on<Cuda>();
  CHECK(screened(there, bad.on<Cuda>())
            .find("[screening] the logits that screening goes by must be finite; got nan at position 6") ==
        0);
  bad.set({2, 1}, std::numeric_limits<float>::infinity());
  CHECK(screened(bad.on<Cuda>(), there).find("at position 2") != std::string::npos);
  CHECK(screened(there, there.slice(0, 1)).find("(4, 3) and (3, 3)") != std::string::npos);
  CHECK(screened(there, there, there.slice(0, 1)).find("(B, K) of all classifiers") != std::string::npos);
  CHECK(screened(there.slice(0, 4), there.slice(0, 4)).find("not empty") != std::string::npos);
  CHECK(screened(there, there).empty());
}

#if __has_include(<emulator/emulator.hpp>)
TEST_CASE("three launches; the same in any order of threads") {
  RandomStream random = Random(6).stream("screening");
  const auto a = random.normal<float>({300, 4}).on<Cuda>(), b = random.normal<float>({300, 4}).on<Cuda>();
  emulator::options().count = true;
  emulator::reset_counters();
  std::vector<index_t> want;
  for (unsigned schedule : {0u, 7u, 8u}) {
    emulator::options().schedule = schedule;
    const auto s = screen_predictions(Cuda{}, "screening", a, b, a, 3, {});
    std::uint64_t launches = 0;
    for (const auto& c : emulator::counters()) launches += c.launches;
    if (schedule == 0) CHECK(launches == 3);
    auto all = s.lists.to_vector();
    for (const auto& more : {s.counts.to_vector(), s.target.on<Cpu>().to_vector()})
      all.insert(all.end(), more.begin(), more.end());
    if (schedule == 0) want = all;
    CHECK(all == want);
  }
  emulator::options().schedule = 0;
  emulator::options().count = false;
}
#endif
