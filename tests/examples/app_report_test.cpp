// A whole report of fabricated numbers: it is one file, its ids are unique, its texts are escaped.
// LIMBIC_REPORT_DEMO=FILE.html keeps the page, to be looked at.
#include <app/embedding.hpp>
#include <app/plots.hpp>
#include <app/report.hpp>

#include <limbic/backend/cpu/random.hpp>
#include <limbic/core/random.hpp>
#include <support/throws.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <numbers>
#include <set>

using namespace limbic;
using namespace limbic::app;

namespace {

constexpr const char* kClasses[] = {"neutral", "sad", "fear", "happy"};
const std::vector<std::string> kNames(std::begin(kClasses), std::end(kClasses));

std::size_t count(const std::string& text, std::string_view what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
  return n;
}

FoldResult fabricated(const std::string& method, int fold, double level) {
  FoldResult r{"s1-subject" + std::to_string(fold), method, 11914, 851, 40, 12.5, {}};
  const double accuracy = level + 0.04 * std::sin(3.0 * fold);
  Tensor<index_t> m = Tensor<index_t>::zeros({4, 4});
  for (index_t i = 0; i < 4; ++i)
    for (index_t j = 0; j < 4; ++j)
      m.set({i, j}, static_cast<index_t>(i == j ? 213 * accuracy : 71 * (1 - accuracy)));
  r.chosen = {{"last epoch", true, 40, {accuracy, accuracy - 0.01, 1.3 * accuracy - 0.3}, m},
              {"best epoch on the target's test labels",
               false,
               31,
               {accuracy + 0.02, accuracy + 0.01, 1.3 * accuracy - 0.28},
               m}};
  return r;
}

std::string demo() {
  const std::vector<MethodText> methods{{"uf_ama", "UF-AMA (limbic)", "Fabricated <demo> & numbers."},
                                        {"source_only", "source only", "No adaptation."},
                                        {"mmd", "MMD only", "Marginal alignment."},
                                        {"eeg_only", "EEG only", "One modality."}};
  std::vector<FoldResult> results;
  for (int fold = 1; fold <= 5; ++fold)
    for (const auto& [name, level] :
         {std::pair("uf_ama", 0.82), {"source_only", 0.66}, {"mmd", 0.74}, {"eeg_only", 0.61}})
      results.push_back(fabricated(name, fold, level));
  ProtocolCard card;
  card.system = "a demonstration with fabricated numbers";
  card.version = version_text();
  card.data_set = "SEED-IV";
  card.data_source = "nowhere";
  card.simulated = true;
  card.protocol = "cross-subject";
  card.subjects = {1, 2, 3, 4, 5};
  card.sessions = {1};
  card.classes = kNames;
  card.selection_rule = "last epoch";
  card.remarks = {"Trial 3 of '2_20150915.mat' was skipped: <NaN> in window 4."};

  HtmlPage page("Demonstration of a report", "Every number is fabricated.");
  page.banner(simulated_banner(card));
  page.section("Summary", "What a reader wants first.");
  add_summary(page, methods, results);
  page.figures({{comparison_chart(methods, results), "A dot is a fold; the bar is mean and deviation."}});

  page.section("Training", "How the losses went.");
  RandomStream random = Random(7).stream("report demo");
  Series total{"total", {}, {}, {}, {}, false}, clf{"classification", {}, {}, {}, {}, false},
      mmd{"MMD", {}, {}, {}, {}, true};
  Series selected{"agreeing", {}, {}, {}, {}}, teach{"EEG teaches eye", {}, {}, {}, {}},
      dropped{"dropped", {}, {}, {}, {}};
  for (int e = 1; e <= 40; ++e) {
    for (Series* s : {&total, &clf, &mmd, &selected, &teach, &dropped}) s->x.push_back(e);
    const double v = std::exp(-e / 12.0);
    clf.y.push_back(1.3 * v + 0.05);
    clf.low.push_back(1.1 * v);
    clf.high.push_back(1.5 * v + 0.1);
    mmd.y.push_back(0.4 * v + 0.1);
    total.y.push_back(clf.y.back() + mmd.y.back());
    selected.y.push_back(12 + 10 * (1 - v));
    teach.y.push_back(6 + 4 * v);
    dropped.y.push_back(8 * v);
  }
  page.figures({{line_chart({"Losses", {"epoch", {}, {}}, {"loss", 0.0, {}}}, {total, clf, mmd}),
                 "Mean over folds; band: folds."},
                {area_chart({"Screening of a batch", {"epoch", {}, {}}, {"samples", 0.0, {}}},
                            {selected, teach, dropped}),
                 "What became of a target batch."}});
  page.section("Errors");
  Frame square{"UF-AMA, all folds", {}, {}};
  square.width = 400;
  square.height = 380;
  page.figures(
      {{confusion_map(square, kNames, summed_confusion("uf_ama", results, true)), "Honest predictions."},
       {confusion_map(square, kNames, summed_confusion("source_only", results, true)), ""}});

  page.section("Features");
  const index_t n = 240;
  Tensor<float> x = random.normal<float>({n, 20});
  std::vector<index_t> group, domain;
  for (index_t i = 0; i < n; ++i) {
    group.push_back(i % 4);
    domain.push_back(i < n / 2 ? 0 : 1);
    x.set({i, i % 4}, x.at(i, i % 4) + 6.0f);
  }
  const Tensor<float> y = tsne(x, {.iterations = 200, .early = 80});
  Frame cloud{"By class", {}, {}}, cloud2{"By domain", {}, {}};
  page.figures({{scatter_plot(cloud, y, group, kNames), "t-SNE."},
                {scatter_plot(cloud2, y, domain, {"source", "target"}), "t-SNE."}});

  page.section("Attention");
  Tensor<double> attention = Tensor<double>::zeros({62, 31}), positions = Tensor<double>::zeros({62, 2});
  std::vector<std::string> electrodes, eyes;
  std::vector<double> values;
  for (index_t i = 0; i < 62; ++i) {
    const double a = 2.399963 * static_cast<double>(i),
                 r = 0.95 * std::sqrt((static_cast<double>(i) + 0.5) / 62);
    positions.set({i, 0}, r * std::cos(a));
    positions.set({i, 1}, r * std::sin(a));
    electrodes.push_back("E" + std::to_string(i));
    values.push_back(
        std::exp(-4 * (std::pow(r * std::cos(a) - 0.6, 2) + std::pow(r * std::sin(a), 2))) +
        0.7 * std::exp(-5 * (std::pow(r * std::cos(a) + 0.6, 2) + std::pow(r * std::sin(a) - 0.2, 2))));
    for (index_t j = 0; j < 31; ++j)
      attention.set({i, j}, values.back() * (0.5 + 0.5 * std::cos(static_cast<double>(j) / 3)) +
                                0.02 * static_cast<double>(i % 3));
  }
  for (int j = 0; j < 31; ++j) eyes.push_back("pupil feature " + std::to_string(j + 1));
  Frame head{"Attention to electrodes", {}, {}, 400, 350},
      wide{"Electrodes and eye features", {}, {}, 620, 600};
  page.figures({{topography(head, positions, values, electrodes, "share"), "Seen from above."},
                {matrix_map(wide, attention, electrodes, eyes, "weight"), "Mean over windows."}});
  page.section("Folds");
  add_fold_table(page, methods, results);
  add_protocol(page, card, Json{{"config", "limbic"}, {"epochs", 40}, {"learning_rate", 5e-4}});
  page.footer("limbic " + version_text());
  return page.text();
}

}  // namespace

TEST_CASE("a report is one self-contained page") {
  const std::string page = demo();
  if (const char* path = std::getenv("LIMBIC_REPORT_DEMO")) write_file(path, page);
  CHECK(page == demo());  // the same every time
  CHECK(count(page, "<svg") == 9);
  CHECK(count(page, "</svg>") == 9);
  for (const char* outside :
       {"<script", "<link", "src=", "@import", "url(http", "xlink:href='http", "xlink:href=\"http"})
    CHECK_MESSAGE(count(page, outside) == 0, outside);
  CHECK(count(page, "http") == count(page, "http://www.w3.org/"));
  CHECK(count(page, "<section") == count(page, "</section>"));
  CHECK(count(page, "Simulated data") == 1);
  CHECK(page.find("Fabricated &lt;demo&gt; &amp; numbers.") != page.npos);
  CHECK(page.find("&lt;NaN&gt; in window 4") != page.npos);

  std::set<std::string> ids;
  for (const std::string quote : {"'", "\""})
    for (auto at = page.find(" id=" + quote); at != page.npos; at = page.find(" id=" + quote, at + 1)) {
      const auto begin = at + 5;
      const std::string id = page.substr(begin, page.find(quote, begin) - begin);
      CHECK_MESSAGE(ids.insert(id).second, id);
    }
  CHECK(ids.size() > 10);
}

TEST_CASE("the summary's numbers") {
  std::vector<FoldResult> results{fabricated("a", 1, 0.5), fabricated("a", 2, 0.5), fabricated("b", 1, 0.7),
                                  fabricated("b", 2, 0.7)};
  const std::string text = summary_text({{"a", "A", ""}, {"b", "B", ""}, {"c", "C", ""}}, results);
  CHECK(text.find("A           2   49.7 ±  1.2 %") == text.npos);  // no padding within
  CHECK(text.find("49.7 ± 1.2 %") != text.npos);                   // 0.5 + 0.04 sin 3, 0.5 + 0.04 sin 6
  CHECK(text.find("69.7 ± 1.2 %") != text.npos);
  CHECK(text.find("last epoch") != text.npos);
  CHECK(text.find("best-epoch accuracy: best epoch on the target's test labels") != text.npos);
  CHECK(text.find("C") == text.npos);
  results[0].chosen[0].rule = "validation";
  CHECK(summary_text({{"a", "A", ""}}, results).find("by the rule of each method") != text.npos);
  results[0].chosen.erase(results[0].chosen.begin());
  CHECK(thrown([&] {
          summary_text({{"a", "A", ""}}, results);
        }).find("chosen without target labels") != std::string::npos);
  CHECK(number_list({1, 2, 3, 5, 7, 8, 10}) == "1-3, 5, 7, 8, 10");
  const Tensor<index_t> sum = summed_confusion("b", results, true);
  CHECK(sum.at(0, 0) == results[2].honest().confusion.at(0, 0) + results[3].honest().confusion.at(0, 0));
}

TEST_CASE("results and protocol cards come back from JSON; damaged ones are named") {
  const FoldResult r = fabricated("a", 3, 0.6);
  const Json json = Json::parse(to_json(r).dump());
  CHECK(to_json(fold_result_from(json, "x")) == to_json(r));
  Json damaged = json;
  damaged["chosen"][0]["confusion"][2].erase(1);
  CHECK(thrown([&] {
          fold_result_from(damaged, "f.json");
        }).find("'f.json' must have a square confusion matrix") != std::string::npos);
  damaged = json;
  damaged.erase("epochs");
  CHECK(thrown([&] { fold_result_from(damaged, "f.json"); }).find("'epochs'") != std::string::npos);
  ProtocolCard card;
  card.seed = 18446744073709551615u;
  card.folds = {"a", "b"};
  CHECK(to_json(protocol_card_from(Json::parse(to_json(card).dump()), "x")) == to_json(card));
}

TEST_CASE("predictions as CSV and JSON") {
  Predictions p;
  p.classes = {"calm, quiet", "sad"};
  p.simulated = true;
  p.rows = {{1, 2, 3, 0, -1, {0.25, 0.75}}, {1, 2, 3, 1, 0, {0.5, 0.5}}};
  CHECK(predictions_csv(p) ==
        "data,subject,session,trial,window,label,predicted,\"p_calm, quiet\",p_sad\n"
        "simulated,1,2,3,0,,sad,0.25,0.75\nsimulated,1,2,3,1,\"calm, quiet\",\"calm, quiet\",0.5,0.5\n");
  const Json json = to_json(p);
  CHECK(json["simulated"] == true);
  CHECK(json["windows"][0]["label"].is_null());
  CHECK(json["windows"][1]["predicted"] == "calm, quiet");
  p.rows[0].probabilities.pop_back();
  CHECK(thrown([&] { predictions_csv(p); }).find("a probability for each of the 2 classes") !=
        std::string::npos);
}

TEST_CASE("figures refuse what they cannot draw") {
  CHECK(thrown([] { line_chart({}, {}); }).find("at least one series") != std::string::npos);
  CHECK(thrown([] { line_chart({}, {{"a", {1, 2}, {1}}}); }).find("as many x as y") != std::string::npos);
  CHECK(thrown([] { line_chart({}, {{"a", {1}, {std::nan("")}}}); }).find("finite") != std::string::npos);
  CHECK(thrown([] {
          area_chart({}, {{"a", {1}, {1}}, {"b", {2}, {1}}});
        }).find("x of the first") != std::string::npos);
  CHECK(thrown([] {
          scatter_plot({}, Tensor<float>::zeros({2, 2}), {0, 5}, {"a"});
        }).find("groups") != std::string::npos);
  CHECK(thrown([] {
          confusion_map({}, {"a"}, Tensor<index_t>::zeros({2, 2}));
        }).find("counts (K, K)") != std::string::npos);
  CHECK(thrown([] { strip_chart({}, {{"a", {}}}); }).find("must have values") != std::string::npos);
  CHECK(thrown([] {
          topography({}, Tensor<double>::zeros({2, 2}), {1, 2}, {}, "");
        }).find("at least 3") != std::string::npos);
}

TEST_CASE("figures of little data, of odd texts and numbers") {
  Frame odd{"it's <b>&amp; `ls` $x \"q\"\n%s", {"x'; set output", {}, {}}, {}};
  const double inf = HUGE_VAL;
  const std::string svg =
      line_chart(odd, {{"a'b", {1}, {2}, {}, {}, false}, {"c", {1, 2, 3}, {1, inf, -inf}, {}, {}, true}});
  CHECK(svg.find("it's &lt;b>&amp;amp; `ls` $x \"q\" %s") != svg.npos);
  CHECK(svg.starts_with("<svg "));
  CHECK_NOTHROW(area_chart({}, {{"a", {1}, {1}}}));
  CHECK_NOTHROW(strip_chart({}, {{"only", {0.5}}}));
  CHECK_NOTHROW(scatter_plot({}, Tensor<float>::zeros({1, 2}), {0}, {"a", "b"}));
  CHECK_NOTHROW(scatter_plot({}, Tensor<float>::zeros({2, 2}), {0, 1}, {"a", "text: a"}, 1));
  CHECK_NOTHROW(scatter_plot({}, Tensor<float>::zeros({1, 2}), {0}, {"a"}, 9));
  CHECK_NOTHROW(matrix_map({}, Tensor<double>::full({1, 1}, 3.0), {"r"}, {"c"}, ""));
  CHECK_NOTHROW(confusion_map({}, {"a"}, Tensor<index_t>::zeros({1, 1})));
  // Two electrodes in one place, all values equal.
  CHECK_NOTHROW(
      topography({}, Tensor<double>::from({4, 2}, {0., 0., 0., 0., 0.5, 0., 0., 0.5}), {1, 1, 1, 1}, {}, ""));
}

TEST_CASE("figures say when gnuplot is missing") {
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", "/nowhere", 1);
  const std::string text = thrown([] { line_chart({}, {{"a", {1, 2}, {1, 2}}}); });
  ::setenv("PATH", path.c_str(), 1);
  CHECK(text.find("hint: apt-get install gnuplot-nox") != std::string::npos);
}

TEST_CASE("escaped text") {
  CHECK(escape_html("a<b>&\"'") == "a&lt;b&gt;&amp;&quot;&#39;");
  CHECK(escape_html("±ü€😀") == "±ü€😀");
  CHECK(escape_html("\xff\xc3(\xed\xa0\x80") ==
        "\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}
