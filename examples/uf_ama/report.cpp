// uf_ama report: the report of a run folder, written again.
#include <cstdio>
#include <memory>

#include "uf_ama/commands.hpp"
#include "uf_ama/report_page.hpp"

namespace limbic::uf_ama {

Command add_report(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("report", "Write the report of a run folder again");
  struct Values {
    std::string run;
    bool no_figures = false;
  };
  const auto v = std::make_shared<Values>();
  sub->add_option("run", v->run, "the run's folder")->required();
  sub->add_flag("--no-figures", v->no_figures, "without figures: gnuplot is not needed");
  return [v] {
    const app::RunFolder folder = app::RunFolder::attach(v->run);
    const std::string path = write_report(folder, !v->no_figures);
    const RunResults results = read_results(folder);
    std::printf("%s\nReport: %s\n", app::summary_text(results.methods, results.folds).c_str(), path.c_str());
    return 0;
  };
}

}  // namespace limbic::uf_ama
