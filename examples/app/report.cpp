#include <app/report.hpp>

#include <app/plots.hpp>
#include <app/statistics.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace limbic::app {

namespace {

std::vector<const FoldResult*> of_method(const std::vector<FoldResult>& results, const std::string& method) {
  std::vector<const FoldResult*> out;
  for (const FoldResult& r : results)
    if (r.method == method) out.push_back(&r);
  return out;
}

std::vector<double> scores(const std::vector<const FoldResult*>& folds, bool honest, double Scores::*field) {
  std::vector<double> out;
  for (const FoldResult* f : folds) out.push_back((honest ? f->honest() : f->best()).scores.*field);
  return out;
}

std::string formatted(const char* format, double a, double b = 0) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, a, b);
  return buffer;
}
std::string percent(const std::vector<double>& x) {
  return formatted("%.1f ± %.1f %%", 100 * mean_of(x), 100 * deviation_of(x));
}
std::string plain(const std::vector<double>& x) {
  return formatted("%.3f ± %.3f", mean_of(x), deviation_of(x));
}

// Accuracies of the folds that both methods have, in the same order.
std::pair<std::vector<double>, std::vector<double>> paired(const std::vector<const FoldResult*>& a,
                                                           const std::vector<const FoldResult*>& b) {
  std::pair<std::vector<double>, std::vector<double>> out;
  for (const FoldResult* p : a)
    for (const FoldResult* q : b)
      if (p->fold == q->fold) {
        out.first.push_back(p->honest().scores.accuracy);
        out.second.push_back(q->honest().scores.accuracy);
      }
  return out;
}

std::string common_rule(const std::vector<FoldResult>& results, bool honest) {
  std::string rule;
  for (const FoldResult& r : results) {
    const std::string& other = (honest ? r.honest() : r.best()).rule;
    if (rule.empty()) rule = other;
    else if (rule != other) return "by the rule of each method";
  }
  return rule;
}

}  // namespace

void add_summary(HtmlPage& page, const std::vector<MethodText>& methods,
                 const std::vector<FoldResult>& results) {
  check(!results.empty(), "report", "results of at least one fold are needed; got none");
  HtmlTable table;
  table.columns = {"method",
                   "folds",
                   "accuracy (honest)",
                   "macro-F1 (honest)",
                   "kappa (honest)",
                   "accuracy (best epoch)",
                   "macro-F1 (best epoch)",
                   "against the first"};
  std::vector<const FoldResult*> first;
  for (const MethodText& m : methods) {
    const auto folds = of_method(results, m.name);
    if (folds.empty()) continue;
    Cell against{"", "", true, false};
    if (first.empty()) {
      first = folds;
    } else if (const auto [a, b] = paired(folds, first); a.size() >= 2) {
      const PairedTest t = paired_t_test(a, b), w = wilcoxon_test(a, b);
      against.text = formatted("%+.1f points", 100 * t.difference);
      against.detail = "t-test " + p_text(t.p) + ", Wilcoxon " + p_text(w.p);
    }
    const bool strong = first == folds;
    table.rows.push_back({{m.title, m.description, false, strong},
                          {std::to_string(folds.size()), "", true, false},
                          {percent(scores(folds, true, &Scores::accuracy)), "", true, strong},
                          {plain(scores(folds, true, &Scores::macro_f1)), "", true, false},
                          {plain(scores(folds, true, &Scores::kappa)), "", true, false},
                          {percent(scores(folds, false, &Scores::accuracy)), "", true, false},
                          {plain(scores(folds, false, &Scores::macro_f1)), "", true, false},
                          against});
  }
  table.caption = "Mean ± standard deviation over folds. Honest: " + common_rule(results, true) +
                  ". Best epoch: " + common_rule(results, false) +
                  "; it is what a paper's number often is, and more than a user of the method can expect. "
                  "Differences to the first "
                  "row: honest accuracy, paired by fold, two-sided tests.";
  page.table(table);
}

std::string summary_text(const std::vector<MethodText>& methods, const std::vector<FoldResult>& results) {
  std::vector<std::vector<std::string>> rows{
      {"method", "folds", "accuracy", "macro-F1", "kappa", "best-epoch accuracy"}};
  for (const MethodText& m : methods) {
    const auto folds = of_method(results, m.name);
    if (folds.empty()) continue;
    rows.push_back({m.title, std::to_string(folds.size()), percent(scores(folds, true, &Scores::accuracy)),
                    plain(scores(folds, true, &Scores::macro_f1)), plain(scores(folds, true, &Scores::kappa)),
                    percent(scores(folds, false, &Scores::accuracy))});
  }
  const auto length = [](const std::string& text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  };
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      std::size_t width = 0;
      for (const auto& other : rows) width = std::max(width, length(other[c]));
      const std::string space(width - length(row[c]), ' ');
      out += (c ? "  " + space + row[c] : row[c] + space);
    }
    out += "\n";
  }
  out += "accuracy, macro-F1, kappa: " + common_rule(results, true) +
         "\nbest-epoch accuracy: " + common_rule(results, false) + "\n";
  return out;
}

std::string comparison_chart(const std::vector<MethodText>& methods, const std::vector<FoldResult>& results) {
  std::vector<Strip> strips;
  for (const MethodText& m : methods) {
    auto values = scores(of_method(results, m.name), true, &Scores::accuracy);
    for (double& v : values) v *= 100;
    if (!values.empty()) strips.push_back({m.title, values});
  }
  Frame frame{"Honest accuracy by method and fold", {}, {"accuracy (%)", {}, {}}};
  frame.width = std::clamp(160 + 110 * static_cast<int>(strips.size()), 380, 1080);
  frame.height = 360;
  return strip_chart(frame, strips);
}

void add_fold_table(HtmlPage& page, const std::vector<MethodText>& methods,
                    const std::vector<FoldResult>& results) {
  HtmlTable table;
  table.columns = {"fold",     "method", "source windows", "target windows",        "accuracy (honest)",
                   "macro-F1", "kappa",  "epoch",          "accuracy (best epoch)", "best epoch",
                   "epochs",   "seconds"};
  std::vector<std::string> names;
  for (const FoldResult& r : results)
    if (std::ranges::find(names, r.fold) == names.end()) names.push_back(r.fold);
  const auto number = [](std::string text) { return Cell{std::move(text), "", true, false}; };
  for (const auto& name : names)
    for (const MethodText& m : methods)
      for (const FoldResult& r : results) {
        if (r.fold != name || r.method != m.name) continue;
        const Chosen &h = r.honest(), &b = r.best();
        table.rows.push_back({{r.fold, "", false, false},
                              {m.title, "", false, false},
                              number(std::to_string(r.source_windows)),
                              number(std::to_string(r.target_windows)),
                              number(formatted("%.1f %%", 100 * h.scores.accuracy)),
                              number(formatted("%.3f", h.scores.macro_f1)),
                              number(formatted("%.3f", h.scores.kappa)),
                              number(std::to_string(h.epoch)),
                              number(formatted("%.1f %%", 100 * b.scores.accuracy)),
                              number(std::to_string(b.epoch)),
                              number(std::to_string(r.epochs)),
                              number(formatted("%.0f", r.seconds))});
      }
  page.table(table);
}

Tensor<index_t> summed_confusion(const std::string& method, const std::vector<FoldResult>& results,
                                 bool honest) {
  Tensor<index_t> sum;
  for (const FoldResult* r : of_method(results, method)) {
    const Tensor<index_t>& m = (honest ? r->honest() : r->best()).confusion;
    if (!sum.defined()) {
      sum = m.clone();
      continue;
    }
    if (!(m.shape() == sum.shape()))
      fail("report", "confusion matrices of one size are needed; got ", sum.shape(), " and ", m.shape());
    for (index_t i = 0; i < m.size(0); ++i)
      for (index_t j = 0; j < m.size(1); ++j) sum.set({i, j}, sum.at(i, j) + m.at(i, j));
  }
  return sum;
}

std::string number_list(const std::vector<index_t>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    text += (text.empty() ? "" : ", ") + std::to_string(numbers[i]);
    if (end - i == 2) text += ", " + std::to_string(numbers[i + 1]);
    if (end - i > 2) text += "-" + std::to_string(numbers[end - 1]);
    i = end;
  }
  return text;
}

void add_protocol(HtmlPage& page, const ProtocolCard& c, const Json& settings) {
  page.section("Protocol", "What the numbers rest on. The same card lies beside them as protocol.json.");
  const auto list = [](const std::vector<std::string>& items) {
    std::string text;
    for (const auto& item : items) text += (text.empty() ? "" : ", ") + item;
    return text;
  };
  std::vector<std::pair<std::string, std::string>> facts{
      {"System", c.system + ", limbic " + c.version},
      {"Data", (c.simulated ? "simulated " : "") + c.data_set + " from " + c.data_source},
      {"Simulation", c.simulation},
      {"Protocol", c.protocol},
      {"Subjects", number_list(c.subjects)},
      {"Sessions", number_list(c.sessions)},
      {"Trials, windows", std::to_string(c.trials) + ", " + std::to_string(c.windows)},
      {"Classes", list(c.classes)},
      {"EEG feature", c.eeg_feature},
      {"Normalisation", c.normalisation},
      {"Configuration", c.configuration},
      {"Selection rule", c.selection_rule},
      {"Seed", std::to_string(c.seed)},
      {"Folds", list(c.folds)}};
  std::erase_if(facts, [](const auto& f) { return f.second.empty(); });
  page.facts(facts);
  if (!c.remarks.empty()) {
    page.heading("Remarks on the data");
    page.list(c.remarks);
  }
  page.open_details("All settings");
  std::vector<std::pair<std::string, std::string>> values;
  for (const auto& [key, value] : settings.items())
    values.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
  page.facts(values);
  page.close_details();
}

std::string simulated_banner(const ProtocolCard& card) {
  return "Simulated data: every number on this page was made from generated " + card.data_set +
         " files, not from recordings of people.";
}

}  // namespace limbic::app
