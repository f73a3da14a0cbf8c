// Hyper-parameters: each is an option of the command line (--learning-rate) and a key of a JSON file
// (learning_rate).
//
//   Settings settings(app);                        // adds --config
//   settings.add("epochs", options.epochs, "passes over the source data", between(1, 100000));
//   settings.name_configuration("published", {{"epochs", 400}});
//   app.parse(...);
//   settings.resolve();
//
// What counts, the first wins: the command line, the file(s) of --config, the named configuration of --config
// (or that which a file names under "config"), the value the variable had when it was added.
#pragma once

#include <limbic/config.hpp>
#include <limbic/core/error.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace limbic::app {

using Json = nlohmann::ordered_json;

// What a setting may be: a number within bounds, or one of some words. Default: anything of its type.
struct Allowed {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  std::vector<std::string> words;
};
inline Allowed between(double low, double high) { return {low, high, {}}; }
inline Allowed at_least(double low) { return {low, std::numeric_limits<double>::infinity(), {}}; }
Allowed one_of(std::vector<std::string> words);

class Settings {
 public:
  // Adds the option --config NAME or FILE.json (several times: files over the name) to `app`.
  explicit Settings(CLI::App& app);
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

  // T: index_t, double, bool, std::string, or std::vector of index_t or std::string (comma-separated).
  // `key` in lower case with underscores; the option has dashes. Throws when the key is taken. `group` is the
  // heading in --help. The variable must outlive this object.
  template <class T>
  void add(const std::string& key, T& value, const std::string& help, const Allowed& allowed = {},
           const std::string& group = "Hyper-parameters");

  // A configuration that --config can name. The first one named is the default. Throws for keys not added.
  void name_configuration(const std::string& name, const Json& values);

  // After the parser ran: reads files, brings all values in order and checks them. Throws limbic::Error for
  // an unknown key (naming the nearest known one), a value of the wrong type or out of its bounds, a file
  // that cannot be read. Called again, it starts again.
  void resolve();
  // The same from a JSON object alone, as resolve() wrote it: a child process or a resumed run takes its
  // values so.
  void assign(const Json& values, const std::string& source);

  // All keys and values, "config" first. resolve() and assign() accept it back.
  Json values() const;
  // Name of the named configuration that the values stand on.
  const std::string& configuration() const { return configuration_; }
  // One line for each key whose value differs: "epochs: 10 here, 20 there". For a resumed run.
  std::vector<std::string> differences(const Json& other) const;
  // Whether the command line or a file set this key.
  bool was_given(const std::string& key) const;

 private:
  struct Entry {
    std::string key;
    CLI::Option* option = nullptr;
    std::function<Json()> get;
    std::function<void(const Json&, const std::string&)> set;
    Json initial;
    Json from_command_line;
    bool given = false;
  };

  template <class T>
  void add_entry(const std::string& key, T& value, const std::string& help, const Allowed& allowed,
                 const std::string& group);
  Entry& find(const std::string& key, const std::string& source);
  void set_all(const Json& values, const std::string& source, bool given);
  const Json& configuration_values(const std::string& name, const std::string& source) const;

  CLI::App& app_;
  std::vector<std::string> config_;
  std::vector<Entry> entries_;
  std::vector<std::pair<std::string, Json>> named_;
  std::string configuration_;
};

// Reads the command line. An exit status when there is nothing left to do (--help was asked and answered).
// Throws limbic::Error for what cannot be understood, naming the nearest option.
std::optional<int> parse_command_line(CLI::App& app, int argc, const char* const* argv);

// The word of `words` with the fewest insertions, deletions and replacements to `word` (Levenshtein); "" of
// none.
std::string nearest(const std::string& word, const std::vector<std::string>& words);

// The JSON of a file. Throws with the file and the place of the mistake.
Json read_json(const std::string& path);

}  // namespace limbic::app
