#include <app/options.hpp>

#include <limbic/io/file.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>

namespace limbic::app {

namespace {

template <class T>
inline constexpr bool is_list = false;
template <class T>
inline constexpr bool is_list<std::vector<T>> = true;

template <class T>
std::string kind_of() {
  if constexpr (std::same_as<T, bool>) return "true or false";
  else if constexpr (std::same_as<T, index_t>) return "an integer";
  else if constexpr (std::same_as<T, double>) return "a number";
  else if constexpr (std::same_as<T, std::string>) return "a text";
  else return "a list of which each is " + kind_of<typename T::value_type>();
}

[[noreturn]] void fail_value(const std::string& key, const std::string& expected, const std::string& found,
                             const std::string& source) {
  fail("settings", "'", key, "' must be ", expected, "; got ", found.substr(0, 80), " from ", source);
}

template <class T>
T from_json(const Json& json, const std::string& key, const std::string& source) {
  if constexpr (is_list<T>) {
    if (!json.is_array()) fail_value(key, kind_of<T>(), json.dump(), source);
    T list;
    for (const Json& item : json) list.push_back(from_json<typename T::value_type>(item, key, source));
    return list;
  } else {
    bool right = std::same_as<T, bool>          ? json.is_boolean()
                 : std::same_as<T, std::string> ? json.is_string()
                                                : json.is_number();
    if (std::same_as<T, index_t> && json.is_number_unsigned())
      right = json.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<index_t>::max());
    if (std::same_as<T, index_t> && json.is_number_float()) {
      const double v = json.get<double>();
      right = v == std::floor(v) && std::abs(v) <= 9e15;
    }
    if (!right) fail_value(key, kind_of<T>(), json.dump(), source);
    return json.get<T>();
  }
}

template <class T>
void check_allowed(const T& value, const Allowed& allowed, const std::string& key,
                   const std::string& source) {
  if constexpr (is_list<T>) {
    for (const auto& item : value) check_allowed(item, allowed, key, source);
  } else if constexpr (std::same_as<T, std::string>) {
    if (allowed.words.empty() || std::ranges::find(allowed.words, value) != allowed.words.end()) return;
    std::string words;
    for (const auto& word : allowed.words) words += (words.empty() ? "" : ", ") + word;
    const std::string near = nearest(value, allowed.words);
    fail_value(key, "one of " + words, "'" + value + "'", source + " (hint: '" + near + "' is the nearest)");
  } else if constexpr (!std::same_as<T, bool>) {
    const double v = static_cast<double>(value);
    if (v >= allowed.low && v <= allowed.high && std::isfinite(v)) return;
    std::string expected = "finite";
    if (std::isfinite(allowed.low) && std::isfinite(allowed.high))
      expected = "between " + to_text(allowed.low) + " and " + to_text(allowed.high);
    else if (std::isfinite(allowed.low)) expected = "at least " + to_text(allowed.low);
    else if (std::isfinite(allowed.high)) expected = "at most " + to_text(allowed.high);
    fail_value(key, expected, to_text(v), source);
  }
}

std::string option_name(std::string key) {
  std::ranges::replace(key, '_', '-');
  return key;
}

}  // namespace

std::string nearest(const std::string& word, const std::vector<std::string>& words) {
  std::string best;
  std::size_t fewest = std::numeric_limits<std::size_t>::max();
  for (const std::string& other : words) {
    std::vector<std::size_t> row(other.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= word.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j < row.size(); ++j) {
        const std::size_t replace = diagonal + (word[i - 1] != other[j - 1]);
        diagonal = row[j];
        row[j] = std::min({replace, row[j] + 1, row[j - 1] + 1});
      }
    }
    if (row.back() < fewest) {
      fewest = row.back();
      best = other;
    }
  }
  return best;
}

Json read_json(const std::string& path) {
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  const char* text = reinterpret_cast<const char*>(bytes.data());
  try {
    return Json::parse(text, text + bytes.size());
  } catch (const Json::parse_error& e) {
    fail("json", "'", path, "' must be JSON; ", e.what());
  }
}

Allowed one_of(std::vector<std::string> words) {
  Allowed allowed;
  allowed.words = std::move(words);
  return allowed;
}

Settings::Settings(CLI::App& app) : app_(app) {
  app.add_option("--config", config_,
                 "a named configuration, or a JSON file with these options as keys (repeatable)")
      ->take_all()
      ->allow_extra_args(false)
      ->group("Configuration");
}

template <class T>
void Settings::add(const std::string& key, T& value, const std::string& help, const Allowed& allowed,
                   const std::string& group) {
  for (const Entry& entry : entries_)
    if (entry.key == key) fail("settings", "keys must be unique; got '", key, "' twice");
  Entry entry;
  entry.key = key;
  const std::string name = "--" + option_name(key);
  if constexpr (std::same_as<T, bool>) {
    entry.option = app_.add_flag(name + ",!--no-" + option_name(key), value, help);
  } else {
    std::string description = help;
    if (!allowed.words.empty()) {
      description += ": ";
      for (const auto& word : allowed.words) description += (&word == &allowed.words[0] ? "" : ", ") + word;
    }
    entry.option = app_.add_option(name, value, description)->capture_default_str();
    if constexpr (is_list<T>) entry.option->delimiter(',')->expected(0, 1000)->allow_extra_args(false);
  }
  entry.option->group(group);
  entry.get = [&value] { return Json(value); };
  entry.set = [&value, key, allowed](const Json& json, const std::string& source) {
    T next = from_json<T>(json, key, source);
    check_allowed(next, allowed, key, source);
    value = std::move(next);
  };
  entry.initial = value;
  entries_.push_back(std::move(entry));
}

template void Settings::add(const std::string&, index_t&, const std::string&, const Allowed&,
                            const std::string&);
template void Settings::add(const std::string&, double&, const std::string&, const Allowed&,
                            const std::string&);
template void Settings::add(const std::string&, bool&, const std::string&, const Allowed&,
                            const std::string&);
template void Settings::add(const std::string&, std::string&, const std::string&, const Allowed&,
                            const std::string&);
template void Settings::add(const std::string&, std::vector<index_t>&, const std::string&, const Allowed&,
                            const std::string&);
template void Settings::add(const std::string&, std::vector<std::string>&, const std::string&, const Allowed&,
                            const std::string&);

Settings::Entry& Settings::find(const std::string& key, const std::string& source) {
  std::vector<std::string> known;
  for (Entry& entry : entries_) {
    if (entry.key == key) return entry;
    known.push_back(entry.key);
  }
  fail("settings", "every key must be known; got '", key.substr(0, 80), "' from ", source, " (hint: '",
       nearest(key, known), "' is the nearest)");
}

void Settings::set_all(const Json& values, const std::string& source, bool given) {
  if (!values.is_object())
    fail("settings", "an object of keys and values is needed; got ", values.type_name(), " from ", source);
  for (const auto& [key, value] : values.items()) {
    if (key == "config") continue;
    Entry& entry = find(key, source);
    entry.set(value, source);
    entry.given = entry.given || given;
  }
}

void Settings::name_configuration(const std::string& name, const Json& values) {
  for (const auto& [key, value] : values.items()) {
    Entry& entry = find(key, "configuration '" + name + "'");
    const Json before = entry.get();
    entry.set(value, "configuration '" + name + "'");  // checked here, so that a mistake shows at once
    entry.set(before, "the default");
  }
  named_.emplace_back(name, values);
  if (configuration_.empty()) configuration_ = name;
}

const Json& Settings::configuration_values(const std::string& name, const std::string& source) const {
  std::vector<std::string> names;
  std::string list;
  for (const auto& [known, values] : named_) {
    if (known == name) return values;
    names.push_back(known);
    list += (list.empty() ? "" : ", ") + known;
  }
  fail("settings", "a configuration must be a .json file or one of ", list, "; got '", name, "' from ",
       source, " (hint: '", nearest(name, names), "' is the nearest)");
}

void Settings::resolve() {
  for (Entry& entry : entries_) {
    if (entry.option->count() && entry.from_command_line.is_null()) {
      entry.from_command_line = entry.get();
      // CLI11 drops the value of an empty list.
      if (entry.from_command_line.is_array() && entry.option->results() == std::vector<std::string>{""})
        entry.from_command_line = Json::array();
    }
    entry.given = false;
    entry.set(entry.initial, "the default");
  }
  std::string base;
  std::string base_source = "--config";
  std::vector<std::pair<std::string, Json>> files;
  for (const std::string& item : config_) {
    if (item.ends_with(".json")) files.emplace_back(item, read_json(item));
    else base = item;
  }
  for (const auto& [path, values] : files)
    if (base.empty() && values.is_object() && values.contains("config")) {
      if (!values["config"].is_string()) fail_value("config", "a text", values["config"].dump(), path);
      base = values["config"].get<std::string>();
      base_source = "'" + path + "'";
    }
  if (base.empty() && !named_.empty()) base = named_.front().first;
  configuration_ = base;
  if (!base.empty()) set_all(configuration_values(base, base_source), "configuration '" + base + "'", false);
  for (const auto& [path, values] : files) set_all(values, "'" + path + "'", true);
  for (Entry& entry : entries_) {
    if (entry.from_command_line.is_null()) continue;
    entry.set(entry.from_command_line, "the command line");
    entry.given = true;
  }
}

void Settings::assign(const Json& values, const std::string& source) {
  if (!values.is_object())
    fail("settings", "an object of keys and values is needed; got ", values.type_name(), " from ", source);
  for (Entry& entry : entries_) entry.set(entry.initial, "the default");
  if (values.contains("config")) {
    if (!values["config"].is_string()) fail_value("config", "a text", values["config"].dump(), source);
    configuration_ = values["config"].get<std::string>();
    set_all(configuration_values(configuration_, source), "configuration '" + configuration_ + "'", false);
  }
  set_all(values, source, true);
}

Json Settings::values() const {
  Json out = Json::object();
  if (!configuration_.empty()) out["config"] = configuration_;
  for (const Entry& entry : entries_) out[entry.key] = entry.get();
  return out;
}

std::vector<std::string> Settings::differences(const Json& other) const {
  std::vector<std::string> out;
  for (const Entry& entry : entries_) {
    const Json here = entry.get();
    if (!other.contains(entry.key)) out.push_back(entry.key + ": " + here.dump() + " here, nothing there");
    else if (other[entry.key] != here)
      out.push_back(entry.key + ": " + here.dump() + " here, " + other[entry.key].dump() + " there");
  }
  return out;
}

bool Settings::was_given(const std::string& key) const {
  for (const Entry& entry : entries_)
    if (entry.key == key) return entry.given;
  return false;
}

std::optional<int> parse_command_line(CLI::App& app, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
    return {};
  } catch (const CLI::ExtrasError& e) {
    CLI::App* used = &app;
    while (!used->get_subcommands().empty()) used = used->get_subcommands().front();
    std::vector<std::string> known;
    for (const CLI::Option* option : used->get_options())
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    for (const CLI::App* sub : used->get_subcommands({})) known.push_back(sub->get_name());
    auto extras = used->remaining(true);
    if (extras.empty()) extras = app.remaining(true);
    const std::string word = extras.empty() ? "" : extras.front().substr(0, extras.front().find('='));
    fail("command line", "every argument must be known; got '", word.substr(0, 80), "' (hint: '",
         nearest(word, known), "' is the nearest; ", used->get_name().empty() ? "" : used->get_name() + " ",
         "--help lists all)");
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help, --version
    fail("command line", e.what(), " (hint: --help lists all options)");
  }
}

}  // namespace limbic::app
