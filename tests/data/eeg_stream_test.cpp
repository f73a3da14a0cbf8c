// The stream gives the bits of the batch, whatever it is fed in; its flaws and its memory.
#include <limbic/core/compare.hpp>
#include <limbic/core/random.hpp>
#include <limbic/data/eeg_stream.hpp>
#include <limbic/data/topography.hpp>

#include "support/throws.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>

// Counts what the whole program takes. The thread sanitizer brings operators of its own, which cannot be replaced.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LIMBIC_TEST_KEEP_NEW
#endif
#endif
static std::atomic<long> allocations{0};
#ifndef LIMBIC_TEST_KEEP_NEW
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* p = std::malloc(size ? size : 1)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }
#endif

using namespace limbic;
using namespace limbic::data;

namespace {

constexpr index_t kSamples = 1000 + 5 * 400 + 123;

Tensor<float> recording(std::uint64_t seed) {
  RandomStream random = Random(seed).stream("noise");
  const PhiloxKey key = random.draw(62 * kSamples, 1);
  Tensor<float> x = Tensor<float>::empty({62, kSamples});
  std::uint64_t i = 0;
  for (float& v : x.mutable_span()) v = 60 * philox_uniform(key, i++) - 30;
  return x;
}

// Windows one after the other as (W, 4, 12, 62), and where they began.
struct Collected {
  std::vector<double> values;
  std::vector<index_t> begins;

  void operator()(const EegWindow& w) {
    CHECK(w.number == static_cast<index_t>(begins.size()));
    begins.push_back(w.begin);
    values.insert(values.end(), w.features.begin(), w.features.end());
  }
  Tensor<float> features() const {
    return Tensor<double>::from({static_cast<index_t>(begins.size()), 4, 12, 62}, values).to<float>();
  }
};

}  // namespace

TEST_CASE("blocks of any size give the batch's bits") {
  const Tensor<float> raw = recording(1), batch = eeg_features(raw);
  REQUIRE(batch.shape() == Shape{5, 4, 12, 62});
  const Tensor<float> interleaved = raw.transpose(0, 1).clone();
  EegStream stream({});
  RandomStream sizes = Random(2).stream("sizes");
  for (index_t largest : {1, 7, 99, 100, 101, 400, 3000}) {
    Collected by_channel, by_sample;
    stream.reset();
    for (index_t at = 0, n; at < kSamples; at += n) {
      const PhiloxKey key = sizes.draw(1, 2);
      n = std::min<index_t>(
          kSamples - at,
          1 + static_cast<index_t>(philox_below(philox_bits64(key, 0), static_cast<std::uint64_t>(largest))));
      stream.push(raw.slice(1, at, at + n), by_channel);
    }
    CHECK(stream.samples() == kSamples);
    CHECK(by_channel.begins == std::vector<index_t>{1000, 1400, 1800, 2200, 2600});
    CHECK(equal(by_channel.features(), batch));
    stream.reset();
    for (index_t at = 0; at < kSamples; at += largest)
      stream.push(interleaved.span().subspan(static_cast<std::size_t>(at * 62),
                                             static_cast<std::size_t>(std::min(largest, kSamples - at) * 62)),
                  by_sample);
    CHECK(equal(by_sample.features(), batch));
  }
}

TEST_CASE("a window appears with its last sample") {
  const Tensor<float> raw = recording(3);
  EegStream stream({});
  Collected all;
  stream.push(raw.slice(1, 0, 1399), all);
  CHECK(all.begins.empty());
  stream.push(raw.slice(1, 1399, 1400), all);
  CHECK(all.begins.size() == 1);
  stream.push(raw.slice(1, 1400, 1400), all);
  stream.push(std::span<const float>(), all);
  CHECK(stream.samples() == 1400);
}

TEST_CASE("steady state takes no memory, drawing included") {
  const Tensor<float> raw = recording(4).transpose(0, 1).clone();
  EegStream stream({});
  Topography<float> topography;
  std::vector<float> images(48 * 64 * 64);
  index_t windows = 0;
  const auto draw = [&](const EegWindow& w) {
    ++windows;
    topography.draw(w.features, std::span(images));
  };
  const long before = allocations;
  for (std::size_t at = 0; at < raw.span().size(); at += 62 * 31)
    stream.push(raw.span().subspan(at, std::min<std::size_t>(62 * 31, raw.span().size() - at)), draw);
  CHECK(windows == 5);
  CHECK(allocations == before);
}

TEST_CASE("a flat window is reported after the others are handed over, and the stream goes on") {
  const Tensor<float> raw = recording(5);
  Tensor<float> flat = raw.clone();
  for (index_t i = 1800; i < 2200; ++i) flat.set({61, i}, 2.f);
  EegStream stream({});
  std::vector<index_t> numbers;
  const auto note = [&](const EegWindow& w) { numbers.push_back(w.number); };
  CHECK(thrown([&] { stream.push(flat.slice(1, 0, 2700), note); }) ==
        "[eeg] every channel must change within a window; channel 62 (CB2) is flat from 9 to 11 s (hint: an "
        "electrode "
        "without contact)");
  CHECK(numbers == std::vector<index_t>{0, 1, 3});
  CHECK(stream.samples() == 2700);
  CHECK(thrown([&] { stream.push(flat.slice(1, 2700, kSamples), note); }) == "");
  CHECK(numbers == std::vector<index_t>{0, 1, 3, 4});
}

TEST_CASE("a block that cannot be used leaves the stream as it was") {
  const Tensor<float> raw = recording(6), batch = eeg_features(raw);
  EegStream stream({});
  Collected all;
  stream.push(raw.slice(1, 0, 1700), all);
  Tensor<float> bad = raw.slice(1, 1700, 1800).clone();
  bad.set({3, 99}, std::nanf(""));
  CHECK(thrown([&] { stream.push(bad, all); }) ==
        "[eeg] finite samples are needed; got nan in channel 4 (AF3), sample 1799");
  CHECK(thrown([&] { stream.push(raw.slice(0, 0, 61), all); }) ==
        "[eeg] samples of 62 channels are needed, as (channels, samples); got (61, 3123)");
  CHECK(thrown([&] { stream.push(raw.select(0, 0), all); }) != "");
  CHECK(thrown([&] { stream.push(raw.span().first(63), all); }) ==
        "[eeg] whole samples of 62 channels are needed; got 63 numbers");
  CHECK(stream.samples() == 1700);
  stream.push(raw.slice(1, 1700, kSamples), all);
  CHECK(equal(all.features(), batch));
}
