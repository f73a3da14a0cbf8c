// The example office_caltech on fabricated files: reading, preparation, training without target labels,
// results.
#include <office_caltech/deep.cpp>
#include <office_caltech/nearest.hpp>
#include <office_caltech/results.cpp>

#include <limbic/backend/cpu/parallel.hpp>

#include "io/temporary_folder.hpp"
#include "support/throws.hpp"

#include <doctest/doctest.h>

using namespace office_caltech;

namespace {

// Counts (n, 800): class l of a photograph (n mod 10) has its own 60 frequent words.
Tensor<std::uint8_t> counts(index_t n, std::uint64_t seed) {
  RandomStream random = Random(seed).stream("fabricated");
  const auto noise = random.integers({n, kFeatures}, 0, 3).to_vector();
  std::vector<std::uint8_t> v(noise.begin(), noise.end());
  for (index_t i = 0; i < n; ++i)
    for (index_t c = 0; c < 60; ++c) v[static_cast<std::size_t>(i * kFeatures + i % kClasses * 60 + c)] += 3;
  return Tensor<std::uint8_t>::from({n, kFeatures}, v);
}
Tensor<std::uint8_t> labels(index_t n) {
  std::vector<std::uint8_t> v;
  for (index_t i = 0; i < n; ++i) v.push_back(static_cast<std::uint8_t>(i % kClasses + 1));
  return Tensor<std::uint8_t>::from({n, 1}, v);
}
void fabricate(const std::string& path, index_t n, std::uint64_t seed) {
  mat::save(path, {{"fts", counts(n, seed)}, {"labels", labels(n)}});
}

template <class T>
concept HasLabels = requires(T t) {
  t.labels;
};
static_assert(HasLabels<Source> && !HasLabels<Target> && !HasLabels<HiddenLabels>);
static_assert(!std::is_convertible_v<Domain, Target>);

}  // namespace

TEST_CASE("files are read and prepared as published") {
  TemporaryFolder folder;
  fabricate(folder / "amazon_SURF_L10.mat", 30, 1);
  fabricate(folder / "Caltech10_SURF_L10.mat", 25, 2);
  fabricate(folder / "dslr_SURF_L10.mat", 12, 3);
  fabricate(folder / "webcam_SURF_L10.mat", 20, 4);
  const auto domains = read_domains(folder / ".");
  REQUIRE(domains.size() == 4);
  CHECK(domains[1].name == "Caltech10");
  CHECK(domains[1].source.labels.to_vector() == domains[0].source.labels.slice(0, 0, 25).to_vector());
  CHECK(domains[1].source.labels.at(11) == 1);
  for (const Domain& d : domains) {
    const auto& x = d.source.x;
    CHECK(x.shape() == Shape{d.source.labels.size(0), kFeatures});
    for (index_t c : {0, 411, 799}) {
      double sum = 0, square = 0;
      for (index_t i = 0; i < x.size(0); ++i) sum += x.at(i, c), square += x.at(i, c) * x.at(i, c);
      CHECK(std::fabs(sum) < 1e-9);
      CHECK(square / static_cast<double>(x.size(0)) == doctest::Approx(1));
    }
  }
  // By hand: rows to sum 1, then (v - mean) / population deviation; a constant column is 0.
  const auto p = prepare(Tensor<double>::from({2, 3}, {1, 1, 2, 3, 1, 4}), "x");
  CHECK(p.at(0, 0) == doctest::Approx(-1));
  CHECK(p.at(1, 0) == doctest::Approx(1));
  CHECK(p.at(0, 1) == doctest::Approx(1));
  CHECK(prepare(Tensor<double>::from({2, 2}, {1, 1, 2, 2}), "x").to_vector() == std::vector<double>(4, 0.0));
}

TEST_CASE("files that are not what they should be") {
  TemporaryFolder folder;
  const std::string path = folder / "f.mat";
  auto refused = [&](const mat::Variables& v, std::initializer_list<const char*> parts) {
    mat::save(path, v);
    const std::string text = thrown([&] { read_domain(path, "f", 'F'); });
    for (const char* part : parts)
      CHECK_MESSAGE(text.find(part) != std::string::npos, text, " has no ", part);
  };
  refused({{"fts", counts(5, 1)}}, {"f.mat", "labels"});
  refused({{"fts", Tensor<double>::ones({5, 70})}, {"labels", labels(5)}}, {"fts", "800", "70"});
  refused({{"fts", counts(5, 1)}, {"labels", labels(4)}}, {"labels", "5", "4"});
  auto wrong = labels(5);
  wrong.set({3, 0}, 11);
  refused({{"fts", counts(5, 1)}, {"labels", wrong}}, {"from 1 to 10", "row 4 has 11"});
  auto negative = counts(5, 1).to<double>();
  negative.set({2, 7}, -1);
  refused({{"fts", negative}, {"labels", labels(5)}}, {"not be negative", "row 3", "-1"});
  auto empty = counts(5, 1).to<double>();
  empty.slice(0, 1, 2).fill(0);
  refused({{"fts", empty}, {"labels", labels(5)}}, {"row 2 of fts has none"});
  CHECK(thrown([&] { read_domains(folder / "."); }).find("amazon_SURF_L10.mat") != std::string::npos);
}

TEST_CASE("every method learns what can be learnt, twice the same, with any number of threads") {
  TemporaryFolder folder;
  fabricate(folder / "s.mat", 60, 5);
  fabricate(folder / "t.mat", 40, 6);
  const Domain s = read_domain(folder / "s.mat", "s", 'S'), t = read_domain(folder / "t.mat", "t", 'T');
  DeepOptions o;
  o.steps = 60;
  o.batch = 32;
  for (Method m : kMethods) {
    CAPTURE(describe(m));
    set_num_threads(1);
    index_t ticks = 0;
    const DeepResult a = train_deep(s.source, t.target, m, o, "S-T", [&](index_t) { ++ticks; });
    set_num_threads(2);
    const DeepResult b = train_deep(s.source, t.target, m, o, "S-T");
    CHECK(ticks == 60);
    CHECK(t.judge.accuracy(a.predictions) >= 90);
    CHECK(a.predictions.to_vector() == b.predictions.to_vector());
    CHECK(a.class_loss == b.class_loss);
    CHECK((m == Method::source_only) == (a.alignment_loss == 0));
    set_num_threads(1);
  }
  o.batch = 1;
  CHECK(thrown([&] { train_deep(s.source, t.target, Method::mmd, o, "S-T"); }).find("two samples") !=
        std::string::npos);
  CHECK(describe(Method::deep_coral) == "coral(paper), weight 100 x ramp");
  const auto nearest = nearest_neighbour(s.source.x, s.source.labels, t.target.x);
  CHECK(t.judge.accuracy(nearest) >= 90);
  CHECK(s.judge.accuracy(nearest_neighbour(s.source.x, s.source.labels, s.target.x)) == 100);
  CHECK(thrown([&] { s.judge.accuracy(nearest); }).find("(60)") != std::string::npos);
}

TEST_CASE("tables and files of results") {
  Results r;
  r.seeds = 2;
  r.data = "fabricated";
  Column shallow{.name = "1-NN",
                 .detail = "Euclidean distance",
                 .deep = false,
                 .accuracy = std::vector<std::vector<double>>(12, {30.0})};
  Column deep{.name = "MMD",
              .detail = "a <loss>",
              .deep = true,
              .accuracy = std::vector<std::vector<double>>(12, {50.0, 52.0})};
  r.columns = {shallow, deep};
  CHECK(deep.mean() == doctest::Approx(51));
  CHECK(deep.deviation() == doctest::Approx(std::sqrt(2.0)));
  const std::string text = table_text(r);
  CHECK(text.find("51.0 +- 1.4") != std::string::npos);
  CHECK(text.find("last step") != std::string::npos);
  TemporaryFolder folder;
  write_results(r, folder / "new");
  const auto json = nlohmann::json::parse(file_text(folder / "new/results.json"));
  CHECK(json["methods"][1]["accuracy"]["D-W"][1] == 52.0);
  const std::string csv = file_text(folder / "new/results.csv");
  CHECK(csv.find("network,C-A,\"MMD\",2,52.0000,52.1\n") != std::string::npos);
  const std::string html = file_text(folder / "new/report.html");
  CHECK(html.find("<svg") != std::string::npos);
  CHECK(html.find("a &lt;loss&gt;") != std::string::npos);
}
