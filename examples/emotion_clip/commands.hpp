// The subcommands of emotion_clip. Each adds itself to the parser and returns what to do once its arguments
// are read; that returns the program's exit status and throws limbic::Error.
#pragma once

#include <app/train.hpp>

namespace limbic::emotion_clip {

using app::Command;

// For app::add_train() and app::add_report().
std::shared_ptr<app::Trainer> trainer();
Command add_evaluate(CLI::App& app);
Command add_predict(CLI::App& app);
Command add_export(CLI::App& app);

}  // namespace limbic::emotion_clip
