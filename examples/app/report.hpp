// The parts of a report that do not depend on the model: summary, comparison, folds, protocol.
#pragma once

#include <app/html.hpp>
#include <app/results.hpp>

namespace limbic::app {

// A method of a run, for people.
struct MethodText {
  std::string name;         // as in FoldResult::method
  std::string title;        // "UF-AMA (limbic)"
  std::string description;  // one sentence
};
// The summary table: a row a method, honest numbers first, best-epoch numbers beside them, each named by its
// rule, mean and deviation over folds; and each method's paired difference to the first (t-test and Wilcoxon
// over folds). `results` in any order; methods without results are left out.
void add_summary(HtmlPage& page, const std::vector<MethodText>& methods,
                 const std::vector<FoldResult>& results);
// Dots of folds, mean and deviation of the honest accuracy, a column a method. Throws as plots do.
std::string comparison_chart(const std::vector<MethodText>& methods, const std::vector<FoldResult>& results);
// A row for each fold of each method.
void add_fold_table(HtmlPage& page, const std::vector<MethodText>& methods,
                    const std::vector<FoldResult>& results);
// The sum of the folds' confusion matrices.
Tensor<index_t> summed_confusion(const std::string& method, const std::vector<FoldResult>& results,
                                 bool honest);
// The protocol card, and what was odd in the data.
void add_protocol(HtmlPage& page, const ProtocolCard& card, const Json& settings);
// "Simulated data ..." for the banner.
std::string simulated_banner(const ProtocolCard& card);
// The summary as text for the terminal, aligned in columns.
std::string summary_text(const std::vector<MethodText>& methods, const std::vector<FoldResult>& results);
// "1, 2, 5-9"
std::string number_list(const std::vector<index_t>& numbers);

}  // namespace limbic::app
