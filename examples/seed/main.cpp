// limbic-seed: looks into the folders of SEED and SEED-IV, and makes simulated ones.
#include <limbic/core/error.hpp>

#include <cstdio>

#include "commands.hpp"

int main(int argc, char** argv) {
  CLI::App app("Looks into folders of the SEED and SEED-IV data sets, and makes simulated ones.",
               "limbic-seed");
  app.require_subcommand(1);
  add_inspect(app);
  add_simulate(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "limbic-seed: %s\n", e.what());
    return 1;
  }
  return 0;
}
