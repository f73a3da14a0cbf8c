// Schedules at their key points; the numbers are those of torch.optim.lr_scheduler (2.8).
#include <limbic/optim/schedule.hpp>

#include <doctest/doctest.h>

#include "support/throws.hpp"

#include <vector>

using namespace limbic;

namespace {
auto near(double x) { return doctest::Approx(x).epsilon(1e-12); }
}  // namespace

TEST_CASE("steps, as StepLR") {
  const std::vector<double> want = {1, 1, 1, 0.5, 0.5, 0.5, 0.25};
  for (std::size_t s = 0; s < want.size(); ++s) CHECK(step_decay(s, 3, 0.5) == near(want[s]));
}

TEST_CASE("cosine, as CosineAnnealingLR, and flat after its end") {
  const std::vector<double> want = {0.1,
                                    0.09779754323328192,
                                    0.09140576474687263,
                                    0.08145033635316129,
                                    0.06890576474687264,
                                    0.05500000000000001,
                                    0.04109423525312737,
                                    0.028549663646838717,
                                    0.01859423525312737,
                                    0.012202456766718092,
                                    0.01};
  for (std::size_t s = 0; s < want.size(); ++s) CHECK(0.1 * cosine_decay(s, 10, 0.1) == near(want[s]));
  CHECK(cosine_decay(25, 10, 0.1) == near(0.1));
}

TEST_CASE("warm-up, as LinearLR") {
  const std::vector<double> want = {0.025, 0.04375, 0.0625, 0.08125, 0.1, 0.1, 0.1};
  for (std::size_t s = 0; s < want.size(); ++s) CHECK(0.1 * linear_warmup(s, 4, 0.25) == near(want[s]));
  CHECK(linear_warmup(0, 0) == 1);
}

TEST_CASE("warm-up, then cosine") {
  CHECK(warmup_cosine(0, 20, 4) == near(0.2));
  CHECK(warmup_cosine(3, 20, 4) == near(0.8));
  CHECK(warmup_cosine(4, 20, 4) == near(1));
  CHECK(warmup_cosine(12, 20, 4) == near(0.5));
  CHECK(warmup_cosine(20, 20, 4, 0.01) == near(0.01));
  CHECK(warmup_cosine(0, 20, 0) == near(1));
}

TEST_CASE("one cycle, as OneCycleLR") {
  const std::vector<double> first = {0.0040000000000000036,
                                     0.013167184270002533,
                                     0.037167184270002526,
                                     0.06683281572999747,
                                     0.09083281572999748,
                                     0.1,
                                     0.09874640062350874,
                                     0.09504846320134738,
                                     0.089091617757105,
                                     0.0811745653949763,
                                     0.07169430017913009,
                                     0.06112620219362893,
                                     0.0500002,
                                     0.03887419780637107,
                                     0.028306099820869922,
                                     0.0188258346050237,
                                     0.010908782242895003,
                                     0.004951936798652629,
                                     0.0012539993764912555,
                                     4e-07};
  for (std::size_t s = 0; s < first.size(); ++s)
    CHECK(one_cycle(s, 20) == doctest::Approx(first[s]).epsilon(1e-9));
  const std::vector<double> second = {0.04999999999999999,
                                      0.3250672101401707,
                                      0.4988691126626279,
                                      0.4722366533015671,
                                      0.413801468302835,
                                      0.3319352238385261,
                                      0.23836641652302037,
                                      0.1465001005027789,
                                      0.06949742398325871,
                                      0.018390108729235875,
                                      0.0005};
  const OneCycle o{.max_lr = 0.5, .start_divisor = 10, .final_divisor = 100, .rise = 0.25};
  for (std::size_t s = 0; s < second.size(); ++s)
    CHECK(one_cycle(s, 11, o) == doctest::Approx(second[s]).epsilon(1e-9));
  CHECK(one_cycle(500, 11, o) == near(0.0005));
  CHECK(one_cycle(0, 2, {.rise = 0.5}) == near(0.1));
}

TEST_CASE("lengths are checked") {
  CHECK(thrown([] { step_decay(1, 0); }) == "[step_decay] the interval must be positive");
  CHECK(thrown([] { cosine_decay(1, 0); }) == "[cosine_decay] the number of steps must be positive");
  CHECK(thrown([] { warmup_cosine(1, 5, 5); }) ==
        "[warmup_cosine] the warm-up must be shorter than the run; got 5 of 5");
  CHECK(thrown([] { one_cycle(0, 1); }) ==
        "[one_cycle] at least 2 steps and a rise in (0, 1) are needed; got 1 and 0.3");
}
