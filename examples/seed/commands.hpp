// The subcommands of limbic-seed. Each adds itself to the program and runs when it is named.
#pragma once

#include <CLI/CLI.hpp>

void add_inspect(CLI::App& app);
void add_simulate(CLI::App& app);
