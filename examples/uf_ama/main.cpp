// uf_ama: emotion recognition from EEG and eye features, adapted to a new person or session (arXiv
// 2606.00170).
//
//   uf_ama train                          simulated SEED-IV, a few folds; ends with a table and a report
//   uf_ama train --data DIR --dataset seed-iv --folds all
//   uf_ama evaluate | predict | report | export     --help of each says more
#include "uf_ama/commands.hpp"

#include <app/results.hpp>

#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
  using namespace limbic;
  try {
    CLI::App app("UF-AMA: multimodal emotion recognition with unsupervised domain adaptation");
    app.set_version_flag("--version", app::version_text());
    app.require_subcommand(1);
    const auto trainer = uf_ama::trainer();
    const std::pair<const char*, uf_ama::Command> commands[] = {{"train", app::add_train(app, trainer)},
                                                                {"evaluate", uf_ama::add_evaluate(app)},
                                                                {"predict", uf_ama::add_predict(app)},
                                                                {"report", app::add_report(app, trainer)},
                                                                {"export", uf_ama::add_export(app)}};
    if (const auto status = app::parse_command_line(app, argc, argv)) return *status;
    for (const auto& [name, run] : commands)
      if (app.got_subcommand(name)) return run();
  } catch (const Error& e) {
    std::fprintf(stderr, "uf_ama: %s\n", e.what());
  } catch (const std::exception& e) {
    std::fprintf(stderr, "uf_ama: unexpected: %s\n", e.what());
  }
  return 1;
}
