// Screening of target batches against a plain rendering of its table, and at its edges.
#include "uf_ama/screening.hpp"

#include <doctest/doctest.h>

#include <limbic/backend/cpu/random.hpp>

#include "support/throws.hpp"

using namespace limbic;
using namespace limbic::uf_ama;

namespace {

using List = std::vector<index_t>;

// Logits whose softmax has probability p of class `label`, of three.
Tensor<double> logits(const std::vector<std::pair<index_t, double>>& rows) {
  std::vector<double> v;
  for (const auto& [label, p] : rows)
    for (index_t k = 0; k < 3; ++k) v.push_back(k == label ? std::log(p) : std::log((1 - p) / 2));
  return Tensor<double>::from({static_cast<index_t>(rows.size()), 3}, v);
}

struct Plain {
  List agree, eeg, eye;
  index_t dropped = 0;
};
Plain plain(const Tensor<double>& a, const Tensor<double>& b) {
  const index_t n = a.size(0);
  std::vector<std::pair<double, index_t>> all;
  List label;
  for (const auto* x : {&a, &b})
    for (index_t i = 0; i < n; ++i) {
      const std::vector<double> row = x->select(0, i).to_vector();
      const auto best = std::max_element(row.begin(), row.end());
      double sum = 0;
      for (double v : row) sum += std::exp(v - *best);
      label.push_back(best - row.begin());
      all.emplace_back(-1 / sum, static_cast<index_t>(all.size()));
    }
  std::sort(all.begin(), all.end());
  all.resize(static_cast<std::size_t>(n));
  Plain out;
  List seen;
  auto selected = [&](index_t i) {
    return std::any_of(all.begin(), all.end(), [&](auto& e) { return e.second == i; });
  };
  for (const auto& entry : all) {
    const index_t i = entry.second % n;
    if (std::find(seen.begin(), seen.end(), i) != seen.end()) continue;
    seen.push_back(i);
    if (!selected(i)) out.eye.push_back(i);
    else if (!selected(i + n)) out.eeg.push_back(i);
    else if (label[static_cast<std::size_t>(i)] == label[static_cast<std::size_t>(i + n)])
      out.agree.push_back(i);
    else ++out.dropped;
  }
  return out;
}

}  // namespace

TEST_CASE("every row of the table, in the order of first appearance") {
  // Selected, most confident first: eye 3, EEG 0, eye 0, EEG 2, eye 2.
  const Screening s = screen(logits({{0, 0.96}, {1, 0.4}, {2, 0.9}, {0, 0.5}, {1, 0.45}}),
                             logits({{0, 0.95}, {1, 0.6}, {1, 0.8}, {2, 0.99}, {1, 0.5}}));
  CHECK(s.agree.to_vector() == List{0});
  CHECK(s.eeg_teaches.to_vector() == List{});
  CHECK(s.eye_teaches.to_vector() == List{3});
  CHECK(s.dropped == 1);
  CHECK(s.eeg_selected == 2);
  CHECK(s.eye_selected == 3);
  CHECK(s.mid_confidence == doctest::Approx(0.8));
  CHECK(s.eeg_label.to_vector() == List{0, 1, 2, 0, 1});
  CHECK(s.eye_label.to_vector() == List{0, 1, 1, 2, 1});
}

TEST_CASE("equal confidences: the lower index first, EEG before eye") {
  const Tensor<double> same = logits({{0, 0.5}, {1, 0.5}, {2, 0.5}});
  const Screening s = screen(same, same);
  CHECK(s.eeg_teaches.to_vector() == List{0, 1, 2});
  CHECK(s.eye_selected == 0);
  CHECK(s.agree.numel() == 0);
  CHECK(s.eye_teaches.numel() == 0);
}

TEST_CASE("a batch of one selects one prediction") {
  const Screening s = screen(logits({{0, 0.5}}), logits({{0, 0.6}}));
  CHECK(s.eye_teaches.to_vector() == List{0});
  CHECK(s.mid_confidence == doctest::Approx(0.6));
}

TEST_CASE("nothing agrees: all that is selected twice is dropped") {
  const Screening s = screen(logits({{0, 0.9}, {0, 0.4}}), logits({{1, 0.9}, {1, 0.4}}));
  CHECK(s.dropped == 1);
  CHECK(s.agree.numel() + s.eeg_teaches.numel() + s.eye_teaches.numel() == 0);
}

TEST_CASE("random batches, coarse logits so that many are equal") {
  RandomStream random = Random(5).stream("screening");
  for (int round = 0; round < 200; ++round) {
    const index_t n = 1 + round % 40;
    auto draw = [&] {
      const auto levels = random.integers({n, 3}, 0, 5).to_vector();
      return Tensor<double>::from({n, 3}, std::vector<double>(levels.begin(), levels.end()));
    };
    const Tensor<double> a = draw(), b = draw();
    const Screening s = screen(a, b);
    const Plain p = plain(a, b);
    REQUIRE(s.agree.to_vector() == p.agree);
    REQUIRE(s.eeg_teaches.to_vector() == p.eeg);
    REQUIRE(s.eye_teaches.to_vector() == p.eye);
    REQUIRE(s.dropped == p.dropped);
    REQUIRE(s.eeg_selected + s.eye_selected == n);
  }
}

TEST_CASE("labels of the samples chosen; a second opinion takes some out") {
  const auto samples = Tensor<index_t>::from({2}, {2, 0}), label = Tensor<index_t>::from({3}, {1, 2, 0});
  const ScreenedLabels all = screened_labels(samples, label, 2);
  CHECK(all.label.to_vector() == List{-100, -100, 1, -100, 0});
  CHECK(all.count == 2);
  const ScreenedLabels some = screened_labels(samples, label, 2, Tensor<index_t>::from({3}, {1, 2, 2}));
  CHECK(some.label.to_vector() == List{-100, -100, 1, -100, -100});
  CHECK(some.count == 1);
}

TEST_CASE("no memory from the system once warm") {
  RandomStream random = Random(6).stream("screening");
  const auto a = random.normal<float>({32, 4}), b = random.normal<float>({32, 4});
  for (int i = 0; i < 3; ++i) screen(a, b);
  const auto before = memory_stats().system_allocations;
  for (int i = 0; i < 20; ++i) screen(a, b);
  CHECK(memory_stats().system_allocations == before);
}

TEST_CASE("bad logits are refused by name") {
  const Tensor<double> good = logits({{0, 0.5}, {1, 0.6}});
  CHECK(thrown([&] { screen(good, good.slice(0, 0, 1)); }).find("eeg (2, 3), eye (1, 3)") !=
        std::string::npos);
  CHECK(thrown([&] {
          screen(Tensor<double>::empty({0, 3}), Tensor<double>::empty({0, 3}));
        }).find("not empty") != std::string::npos);
  Tensor<double> bad = good.clone();
  bad.select(0, 1).fill(std::nan(""));
  CHECK(thrown([&] { screen(good, bad); }).find("eye logits must be finite") != std::string::npos);
}
