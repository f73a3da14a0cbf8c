// Curves of training, read from the metrics of a run's folds.
#pragma once

#include <app/plots.hpp>
#include <app/run_folder.hpp>

namespace limbic::app {

// Metrics of a method's folds. Throws as read_number_table() does.
std::vector<NumberTable> fold_metrics(const RunFolder& folder, const std::string& method,
                                      const std::vector<std::string>& folds);
// A column's mean over folds at each epoch, times `scale`, with the lowest and highest fold as a band where
// asked for; folds that stopped earlier drop out.
Series over_folds(const std::string& name, const std::vector<NumberTable>& tables, const std::string& column,
                  bool band, double scale = 1);
// Whether it holds a finite value other than 0.
bool any_value(const Series& series);

}  // namespace limbic::app
