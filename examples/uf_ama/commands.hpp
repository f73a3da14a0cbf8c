// The subcommands of uf_ama. Each adds itself to the parser and returns what to do once its arguments are
// read; that returns the program's exit status and throws limbic::Error.
#pragma once

#include <app/options.hpp>

#include <functional>

namespace limbic::uf_ama {

using Command = std::function<int()>;

Command add_train(CLI::App& app);
Command add_evaluate(CLI::App& app);
Command add_predict(CLI::App& app);
Command add_report(CLI::App& app);
Command add_export(CLI::App& app);

}  // namespace limbic::uf_ama
