// Batches: what an epoch covers, the same order with and without prefetch and after going on from a position.
#include <limbic/data/batches.hpp>

#include "data/small_dataset.hpp"
#include "support/throws.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

using namespace limbic;
using namespace limbic::data;

namespace {

Fold fold_of(index_t subjects) {
  const Dataset d = small_dataset(subjects, 1);
  return make_fold(d, plan_folds(d, Protocol::cross_subject)[0], normalisation_of("none"));
}

// What identifies a batch: its position and rows.
struct Seen {
  BatchPosition position;
  std::vector<index_t> source, target;
  bool operator==(const Seen&) const = default;
};
Seen seen(const DomainBatch& b) { return {b.position, b.source_rows.to_vector(), b.target_rows.to_vector()}; }

std::vector<Seen> take(DomainBatches& batches, int n) {
  std::vector<Seen> all;
  for (int i = 0; i < n; ++i) all.push_back(seen(batches.next()));
  return all;
}

}  // namespace

TEST_CASE("an epoch has every source row once, and target rows evenly") {
  const Fold f = fold_of(4);  // 45 source rows, 15 target rows
  DomainBatches batches(f.source, f.target, {.size = 8});
  REQUIRE(batches.steps() == 6);
  std::vector<index_t> first_order;
  for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
    std::map<index_t, int> source, target;
    std::vector<index_t> order;
    for (index_t step = 0; step < 6; ++step) {
      const DomainBatch& b = batches.next();
      CHECK(b.position == BatchPosition{epoch, step});
      CHECK(b.last == (step == 5));
      const index_t n = step == 5 ? 5 : 8;
      CHECK(b.source_eeg.shape() == Shape{n, 2, 2});
      CHECK(b.target_eye.shape() == Shape{n, 3});
      CHECK(b.label.shape() == Shape{n});
      for (index_t i = 0; i < n; ++i) {
        const index_t s = b.source_rows.at(i), t = b.target_rows.at(i);
        ++source[s];
        ++target[t];
        order.push_back(s);
        CHECK(b.label.at(i) == f.source.label.at(s));
        CHECK(b.source_eeg.at(i, 1, 1) == f.source.eeg.at(s, 1, 1));
        CHECK(b.source_eye.at(i, 2) == f.source.eye.at(s, 2));
        CHECK(b.target_eeg.at(i, 0, 1) == f.target.eeg.at(t, 0, 1));
        CHECK(b.target_eye.at(i, 0) == f.target.eye.at(t, 0));
      }
    }
    CHECK(source.size() == 45);
    CHECK(target.size() == 15);
    for (const auto& [row, count] : target) CHECK(count == 3);
    if (epoch == 0) first_order = order;
    else CHECK(order != first_order);
  }
}

TEST_CASE("the smaller domain bounds the epoch; rows that fill no batch can be left out") {
  const Fold f = fold_of(4);
  DomainBatches smaller(f.source, f.target, {.size = 8, .cover = Cover::smaller});
  CHECK(smaller.steps() == 2);
  smaller.next();
  CHECK(smaller.next().label.size(0) == 7);
  DomainBatches dropped(f.source, f.target, {.size = 8, .cover = Cover::smaller, .drop_last = true});
  CHECK(dropped.steps() == 1);
  CHECK(dropped.next().last);
  CHECK(DomainBatches(f.source, f.target, {.size = 8, .drop_last = true}).steps() == 5);
  // A batch larger than the data is the data.
  DomainBatches large(f.source, f.target, {.size = 100});
  CHECK(large.steps() == 1);
  CHECK(large.next().target_eeg.size(0) == 45);
}

TEST_CASE("prefetch changes nothing; the seed changes the order") {
  const Fold f = fold_of(4);
  DomainBatches with(f.source, f.target, {.size = 7, .prefetch = true}),
      without(f.source, f.target, {.size = 7, .prefetch = false}),
      other(f.source, f.target, {.size = 7, .seed = 2});
  const auto a = take(with, 40);
  CHECK(a == take(without, 40));
  CHECK(a != take(other, 40));
}

TEST_CASE("any position can be gone on from") {
  const Fold f = fold_of(4);
  for (bool prefetch : {true, false}) {
    const BatchOptions options{.size = 7, .prefetch = prefetch};
    DomainBatches whole(f.source, f.target, options);
    const auto all = take(whole, 30);
    for (int from : {0, 1, 6, 7, 17}) {
      DomainBatches first(f.source, f.target, options);
      take(first, from);
      DomainBatches second(f.source, f.target, options);
      second.next();
      second.seek(first.position());
      CHECK(second.position() == all[static_cast<std::size_t>(from)].position);
      CHECK(take(second, 30 - from) == std::vector<Seen>(all.begin() + from, all.end()));
    }
  }
}

TEST_CASE("a batch stays as it is until the next call, and takes no memory from the system") {
  const Fold f = fold_of(4);
  DomainBatches batches(f.source, f.target, {.size = 7});
  take(batches, 10);
  const auto before = memory_stats();
  for (int i = 0; i < 200; ++i) {
    const DomainBatch& b = batches.next();
    const index_t row = b.source_rows.at(0);
    std::this_thread::yield();
    CHECK(b.source_eeg.at(0, 0, 0) == f.source.eeg.at(row, 0, 0));
  }
  const auto after = memory_stats();
  CHECK(after.system_allocations == before.system_allocations);
  CHECK(after.bytes_in_use == before.bytes_in_use);
}

TEST_CASE("memory that is used again counts as modified") {
  const Fold f = fold_of(4);
  DomainBatches batches(f.source, f.target, {.size = 7});
  const Tensor<float> kept = batches.next().source_eeg;
  const auto version = kept.storage().version();
  batches.next();
  batches.next();
  CHECK(kept.storage().version() > version);
}

TEST_CASE("a failure of the background thread arrives, and ends it") {
  for (bool background : {true, false}) {
    int made = 0;
    Prefetch<int> items(
        0, 0,
        [&](int& item) {
          if (made == 3) fail("fill", "broken");
          item = made++;
        },
        background);
    for (int i = 0; i < 3; ++i) CHECK(items.next() == i);
    CHECK(thrown([&] { items.next(); }) == "[fill] broken");
    CHECK(thrown([&] { items.next(); }) == "[fill] broken");
  }
}

TEST_CASE("loaders that are never used, or left in the middle, end") {
  const Fold f = fold_of(3);
  for (int i = 0; i < 50; ++i) {
    DomainBatches batches(f.source, f.target, {.size = 4});
    take(batches, i % 3);
  }
  CHECK(true);
}

TEST_CASE("errors") {
  const Fold f = fold_of(4);
  auto message = [&](const BatchOptions& o) { return thrown([&] { DomainBatches(f.source, f.target, o); }); };
  CHECK(message({.size = 0}) == "[batches] a batch needs at least one row; got a size of 0");
  CHECK(
      message({.size = 46, .drop_last = true}) ==
      "[batches] at least one whole batch is needed; got 45 rows for a size of 46 (hint: drop_last = false)");
  CHECK(thrown([&] { DomainBatches(f.source, UnlabelledWindows{}); }) ==
        "[batches] both domains need windows; got 45 of the source and 0 of the target");
  UnlabelledWindows no_eye = f.target;
  no_eye.eye = {};
  CHECK(thrown([&] { DomainBatches(f.source, no_eye); }) ==
        "[batches] both domains or none must have eye features; only the source has");
  no_eye.eye = Tensor<float>::zeros({15, 4});
  CHECK(thrown([&] { DomainBatches(f.source, no_eye); }) ==
        "[batches] eye features must have the same shape in both domains but for 45 and 15 rows; got (45, 3) "
        "and (15, 4)");
  DomainBatches batches(f.source, f.target, {.size = 8});
  CHECK(thrown([&] { batches.seek({0, 6}); }) == "[batches] a step in [0, 5] is needed; got 6");
}
