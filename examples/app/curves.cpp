#include <app/curves.hpp>
#include <app/statistics.hpp>
#include <app/train.hpp>

#include <algorithm>
#include <cmath>

namespace limbic::app {

std::vector<NumberTable> fold_metrics(const RunFolder& folder, const std::string& method,
                                      const std::vector<std::string>& folds) {
  std::vector<NumberTable> out;
  for (const auto& fold : folds)
    out.push_back(read_number_table(folder.file(fold_folder(method, fold) + "/metrics.csv")));
  return out;
}

Series over_folds(const std::string& name, const std::vector<NumberTable>& tables, const std::string& column,
                  bool band, double scale) {
  Series s;
  s.name = name;
  std::size_t longest = 0;
  for (const auto& t : tables) longest = std::max(longest, t.rows.size());
  for (std::size_t e = 0; e < longest; ++e) {
    std::vector<double> values;
    for (const auto& t : tables)
      if (e < t.rows.size()) values.push_back(scale * t.column(column)[e]);
    s.x.push_back(static_cast<double>(e + 1));
    s.y.push_back(mean_of(values));
    if (!band) continue;
    s.low.push_back(*std::ranges::min_element(values));
    s.high.push_back(*std::ranges::max_element(values));
  }
  return s;
}

bool any_value(const Series& s) {
  return std::ranges::any_of(s.y, [](double v) { return v != 0 && std::isfinite(v); });
}

}  // namespace limbic::app
