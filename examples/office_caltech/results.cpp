#include <office_caltech/results.hpp>

#include <app/html.hpp>
#include <app/plots.hpp>
#include <limbic/io/file.hpp>

#include <nlohmann/json.hpp>

#include <cstdio>
#include <filesystem>

namespace office_caltech {

namespace {

std::string fixed(double v, int digits = 1) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, v);
  return text;
}
std::string padded(const std::string& s, std::size_t width) {
  return s.size() < width ? std::string(width - s.size(), ' ') + s : s;
}

// Rows of cells, the first of names; the first column left-aligned.
std::string aligned(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> width(rows[0].size(), 0);
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  std::string out;
  for (const auto& row : rows) {
    out += row[0] + std::string(width[0] - row[0].size(), ' ');
    for (std::size_t c = 1; c < row.size(); ++c) out += "  " + padded(row[c], width[c]);
    out += "\n";
  }
  return out;
}

std::vector<std::vector<std::string>> cells(const Results& r, bool deep) {
  std::vector<std::vector<std::string>> rows{{"pair", "published"}};
  for (const Column& c : r.columns)
    if (c.deep == deep) rows[0].push_back(c.name);
  for (std::size_t p = 0; p < kPairs.size(); ++p) {
    rows.push_back({kPairs[p].name(), fixed(kPairs[p].published)});
    for (const Column& c : r.columns)
      if (c.deep == deep) rows.back().push_back(fixed(c.of_pair(p)));
  }
  rows.push_back({"mean", fixed(kPublishedCoral)});
  for (const Column& c : r.columns)
    if (c.deep == deep)
      rows.back().push_back(fixed(c.mean()) + (deep && r.seeds > 1 ? " +- " + fixed(c.deviation()) : ""));
  return rows;
}

bool any(const Results& r, bool deep) {
  for (const Column& c : r.columns)
    if (c.deep == deep) return true;
  return false;
}
const Column* find(const Results& r, Classifier c) {
  for (const Column& column : r.columns)
    if (column.name == kClassifierNames[static_cast<std::size_t>(c)]) return &column;
  return nullptr;
}

}  // namespace

double Column::of_pair(std::size_t pair) const {
  double sum = 0;
  for (double v : accuracy[pair]) sum += v;
  return sum / static_cast<double>(accuracy[pair].size());
}
double Column::mean() const {
  double sum = 0;
  for (std::size_t p = 0; p < accuracy.size(); ++p) sum += of_pair(p);
  return sum / static_cast<double>(accuracy.size());
}
double Column::deviation() const {
  const std::size_t seeds = accuracy[0].size();
  if (seeds < 2) return 0;
  double square = 0;
  for (std::size_t s = 0; s < seeds; ++s) {
    double m = 0;
    for (const auto& pair : accuracy) m += pair[s] / static_cast<double>(accuracy.size());
    square += (m - mean()) * (m - mean());
  }
  return std::sqrt(square / static_cast<double>(seeds - 1));
}

std::vector<std::string> remarks(const Results& r) {
  std::vector<std::string> out = {
      "Office-Caltech10, SURF features (Gong et al., CVPR 2012), 12 source-target pairs; per cent of the "
      "target's "
      "photographs named right.",
      "Protocol: every source photograph is labelled training data; the whole target is the test set, its "
      "features are "
      "seen without labels. Rows scaled to sum 1, then every column z-scored within its domain.",
      "Published: Sun, Feng and Saenko, AAAI 2016, closed-form CORAL; mean 48.8; plain 1-NN " +
          fixed(kPublishedPlain) + ", SVM " + fixed(kPublishedSvm) + "."};
  if (any(r, false))
    out.push_back("Costs of the support-vector machines: 3-fold cross-validation on the source alone.");
  const Column *plain = find(r, Classifier::nearest), *nearest = find(r, Classifier::nearest_coral),
               *kernel = find(r, Classifier::coral_kernel);
  if (plain && nearest && kernel) {
    double worst = 0;
    for (std::size_t p = 0; p < kPairs.size(); ++p)
      worst = std::max(worst, std::fabs(kernel->of_pair(p) - kPairs[p].published));
    out.push_back("1-NN reaches " + fixed(plain->mean()) + " before CORAL and " + fixed(nearest->mean()) +
                  " after it; the support-vector machine with the kernel x A y, A = (C_s + I)^(-1/2) (C_t + "
                  "I)^(1/2), " +
                  fixed(kernel->mean(), 2) + ", at most " + fixed(worst) +
                  " from the published number of a pair.");
    if (std::fabs(nearest->mean() - kPublishedCoral) > 1 && worst <= 1)
      out.push_back(
          "So the published column, which is often quoted as 1-NN's, is that support-vector machine's: it "
          "comes out pair by "
          "pair, and 1-NN on the transformed source does not reach it.");
  }
  if (any(r, true))
    out.push_back(
        "Networks: " + std::to_string(r.seeds) + " seed(s) from " + std::to_string(r.deep.seed) + ", " +
        std::to_string(r.deep.steps) + " steps of " + std::to_string(r.deep.batch) +
        " photographs of each domain, AdamW with learning rate " + to_text(r.deep.learning_rate) +
        " and weight decay " + to_text(r.deep.weight_decay) +
        "; selection rule: the last step. Each loss has one weight for all pairs and seeds, listed below "
        "with "
        "its options; ramp: 2 / (1 + exp(-10 p)) - 1, p the share of the steps done, which DANN and CDAN "
        "have "
        "in the reversal of the gradient instead. The published column is that of the shallow method and "
        "stands there for orientation.");
  return out;
}

std::string table_text(const Results& r) {
  std::string out;
  for (bool deep : {false, true})
    if (any(r, deep)) out += (deep ? "\nNetworks\n" : "Classifiers\n") + aligned(cells(r, deep));
  out += "\n";
  for (const std::string& s : remarks(r)) out += "- " + s + "\n";
  return out;
}

void write_results(const Results& r, const std::string& folder) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem) fail("office_caltech", "the folder ", folder, " cannot be made: ", problem.message());

  std::string csv = "part,pair,method,seed,accuracy,published\n";
  nlohmann::ordered_json json;
  json["data"] = r.data;
  json["remarks"] = remarks(r);
  json["published"] = {
      {"coral", kPublishedCoral}, {"nearest_neighbour", kPublishedPlain}, {"svm", kPublishedSvm}};
  for (const Column& c : r.columns) {
    nlohmann::ordered_json column = {{"part", c.deep ? "network" : "classifier"},
                                     {"method", c.name},
                                     {"detail", c.detail},
                                     {"mean", c.mean()}};
    for (std::size_t p = 0; p < kPairs.size(); ++p) {
      column["accuracy"][kPairs[p].name()] = c.accuracy[p];
      for (std::size_t s = 0; s < c.accuracy[p].size(); ++s)
        csv += std::string(c.deep ? "network" : "classifier") + "," + kPairs[p].name() + ",\"" + c.name +
               "\"," + (c.deep ? std::to_string(r.deep.seed + s) : "") + "," + fixed(c.accuracy[p][s], 4) +
               "," + fixed(kPairs[p].published) + "\n";
    }
    json["methods"].push_back(column);
  }
  write_file(folder + "/results.csv", csv);
  write_file(folder + "/results.json", json.dump(1) + "\n");

  app::HtmlPage page("Office-Caltech10",
                     "Domain adaptation on SURF features: limbic beside the published table");
  page.section("What was measured");
  page.list(remarks(r));
  for (bool deep : {false, true}) {
    if (!any(r, deep)) continue;
    page.section(deep ? "Networks" : "Classifiers");
    const auto rows = cells(r, deep);
    app::HtmlTable table{.columns = rows[0], .rows = {}, .caption = "Per cent right on the target"};
    for (std::size_t i = 1; i < rows.size(); ++i) {
      table.rows.emplace_back();
      for (std::size_t c = 0; c < rows[i].size(); ++c)
        table.rows.back().push_back(
            {.text = rows[i][c], .detail = "", .number = c > 0, .strong = i + 1 == rows.size()});
    }
    page.table(table);
    std::vector<app::Strip> strips;
    std::vector<std::pair<std::string, std::string>> details;
    for (const Column& c : r.columns) {
      if (c.deep != deep) continue;
      strips.push_back({c.name, {}});
      for (std::size_t p = 0; p < kPairs.size(); ++p) strips.back().values.push_back(c.of_pair(p));
      details.emplace_back(c.name, c.detail);
    }
    page.figures(
        {{app::strip_chart({.title = "Accuracy on the 12 pairs", .y = {.label = "per cent"}, .width = 900},
                           strips),
          "Each dot is a pair; the bar is mean and deviation over pairs."}});
    page.facts(details);
  }
  page.footer("Written by limbic's example office_caltech.");
  write_file(folder + "/report.html", page.text());
}

}  // namespace office_caltech
