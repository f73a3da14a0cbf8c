// emotion_clip: emotion recognition from EEG by matching it with text (arXiv 2511.05293).
//
//   emotion_clip train                          simulated raw SEED-IV, a few folds; ends with a table and a
//   report emotion_clip train --data DIR --config full --folds all emotion_clip predict --model FILE --data
//   DIR --classes "calm,stressed" --text DIR emotion_clip evaluate | report | export     --help of each says
//   more
#include "emotion_clip/commands.hpp"

#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
  using namespace limbic;
  try {
    CLI::App app("EmotionCLIP: emotion recognition as matching of EEG and text");
    app.set_version_flag("--version", app::version_text());
    app.require_subcommand(1);
    const auto trainer = emotion_clip::trainer();
    const std::pair<const char*, app::Command> commands[] = {{"train", app::add_train(app, trainer)},
                                                             {"evaluate", emotion_clip::add_evaluate(app)},
                                                             {"predict", emotion_clip::add_predict(app)},
                                                             {"report", app::add_report(app, trainer)},
                                                             {"export", emotion_clip::add_export(app)}};
    if (const auto status = app::parse_command_line(app, argc, argv)) return *status;
    for (const auto& [name, run] : commands)
      if (app.got_subcommand(name)) return run();
  } catch (const Error& e) {
    std::fprintf(stderr, "emotion_clip: %s\n", e.what());
  } catch (const std::exception& e) {
    std::fprintf(stderr, "emotion_clip: unexpected: %s\n", e.what());
  }
  return 1;
}
