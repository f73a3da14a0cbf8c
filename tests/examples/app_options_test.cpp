// Settings from the command line, files, named configurations and defaults; run folders and their files.
#include <app/options.hpp>
#include <app/run_folder.hpp>

#include <support/throws.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include <sys/resource.h>
#include <csignal>

using namespace limbic;
using namespace limbic::app;
namespace fs = std::filesystem;

namespace {

// An empty folder of its own, removed at the end.
struct Folder {
  fs::path path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "limbic-app-XXXXXX").string();
    if (!::mkdtemp(name.data())) fail("test", "no temporary folder");
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  std::string file(const std::string& name) const { return (path / name).string(); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name)) << text;
    return file(name);
  }
};

struct Values {
  index_t epochs = 10;
  double learning_rate = 1e-3;
  bool screening = true;
  std::string dataset = "seed-iv";
  std::vector<index_t> sessions;
  std::vector<std::string> methods{"limbic"};
};

// The program `demo` with these settings, given `arguments`.
Values resolved(std::vector<std::string> arguments, Json* json = nullptr,
                std::string* configuration = nullptr) {
  Values v;
  CLI::App app("demo");
  Settings s(app);
  s.add("epochs", v.epochs, "passes", between(1, 1000));
  s.add("learning_rate", v.learning_rate, "step size", at_least(0));
  s.add("screening", v.screening, "screening");
  s.add("dataset", v.dataset, "data set", one_of({"seed", "seed-iv"}));
  s.add("sessions", v.sessions, "sessions", between(1, 3));
  s.add("methods", v.methods, "methods");
  s.name_configuration("limbic", {{"epochs", 20}});
  s.name_configuration("published", {{"epochs", 400}, {"learning_rate", 5e-4}, {"screening", false}});
  arguments.insert(arguments.begin(), "demo");
  std::vector<const char*> argv;
  for (const auto& a : arguments) argv.push_back(a.c_str());
  if (parse_command_line(app, static_cast<int>(argv.size()), argv.data())) fail("test", "nothing to do");
  s.resolve();
  if (json) *json = s.values();
  if (configuration) *configuration = s.configuration();
  return v;
}
std::string error(std::vector<std::string> arguments) {
  return thrown([&] { resolved(std::move(arguments)); });
}
bool has(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != text.npos;
}

}  // namespace

TEST_CASE("the command line beats files, files beat named configurations, those beat defaults") {
  const Folder folder;
  const std::string file = folder.write(
      "a.json", R"({"config": "published", "epochs": 50, "sessions": [1, 3], "screening": true})");
  const std::string second = folder.write("b.json", R"({"epochs": 60})");
  CHECK(resolved({}).epochs == 20);
  CHECK(resolved({}).learning_rate == 1e-3);
  std::string configuration;
  CHECK(resolved({"--config", "published"}, nullptr, &configuration).epochs == 400);
  CHECK(configuration == "published");
  const Values v = resolved({"--config", file, "--sessions", "2"}, nullptr, &configuration);
  CHECK(configuration == "published");
  CHECK(v.epochs == 50);
  CHECK(v.learning_rate == 5e-4);
  CHECK(v.screening);
  CHECK(v.sessions == std::vector<index_t>{2});
  CHECK(resolved({"--config", file}).sessions == std::vector<index_t>{1, 3});
  CHECK(resolved({"--config", file, "--config", second}).epochs == 60);
  CHECK(resolved({"--config", file, "--config", "limbic"}).learning_rate ==
        1e-3);  // named on the command line
  CHECK(!resolved({"--config", file, "--no-screening"}).screening);
  CHECK(resolved({"--epochs", "7", "--config", file}).epochs == 7);
  CHECK(resolved({"--methods", "a,b"}).methods == std::vector<std::string>{"a", "b"});
}

TEST_CASE("resolved settings are accepted back, whole") {
  const Folder folder;
  Json json, again;
  resolved({"--config", "published", "--epochs", "7", "--sessions", "1,2", "--learning-rate", "0.1"}, &json);
  CHECK(json["config"] == "published");
  CHECK(json["epochs"] == 7);
  const std::string file = folder.write("config.json", json.dump());
  resolved({"--config", file}, &again);
  CHECK(again == json);

  Values v;
  CLI::App app("demo");
  Settings s(app);
  s.add("epochs", v.epochs, "passes", between(1, 1000));
  s.name_configuration("limbic", {{"epochs", 20}});
  s.assign({{"config", "limbic"}, {"epochs", 33}}, "x");
  CHECK(v.epochs == 33);
  CHECK(s.differences({{"epochs", 33}}).empty());
  CHECK(s.differences({{"epochs", 34}}) == std::vector<std::string>{"epochs: 33 here, 34 there"});
  CHECK(thrown([&] { s.add("epochs", v.epochs, ""); }).find("unique") != std::string::npos);
  CHECK(thrown([&] {
          s.name_configuration("x", {{"epoch", 1}});
        }).find("'epochs' is the nearest") != std::string::npos);
}

TEST_CASE("mistakes in settings are named") {
  const Folder folder;
  CHECK(has(error({"--epochz", "3"}), "'--epochz' (hint: '--epochs' is the nearest"));
  CHECK(has(error({"--epochs", "three"}), "epochs"));
  CHECK(has(error({"--epochs", "0"}), "'epochs' must be between 1 and 1000; got 0 from the command line"));
  CHECK(has(error({"--learning-rate", "nan"}), "'learning_rate' must be at least 0"));
  CHECK(has(error({"--dataset", "seed5"}), "'seed' is the nearest"));
  CHECK(has(error({"--sessions", "1,4"}), "'sessions' must be between 1 and 3; got 4"));
  CHECK(has(error({"--config", "publish"}), "'published' is the nearest"));
  CHECK(has(error({"--config", folder.file("none.json")}), "none.json"));
  const auto file = [&](const std::string& text) {
    return error({"--config", folder.write("x.json", text)});
  };
  CHECK(has(file(R"({"epoch": 3})"), "got 'epoch' from '" + folder.file("x.json") + "' (hint: 'epochs'"));
  CHECK(has(file(R"({"epochs": "3"})"), "'epochs' must be an integer; got \"3\""));
  CHECK(has(file(R"({"epochs": 3.5})"), "an integer"));
  CHECK(has(file(R"({"epochs": 18446744073709551615})"), "an integer"));
  CHECK(has(file(R"({"sessions": 1})"), "a list of which each is an integer"));
  CHECK(has(file(R"({"screening": 1})"), "true or false"));
  CHECK(has(file(R"({"config": 1})"), "'config' must be a text"));
  CHECK(has(file("[1]"), "an object"));
  CHECK(has(file("{\"epochs\": 3"), "must be JSON"));
  CHECK(nearest("", {}) == "");
}

TEST_CASE("a run folder is taken once, kept from others, and never overwritten unasked") {
  const Folder folder;
  const std::string path = folder.file("deep/er/run");
  {
    const RunFolder run(path + "/", IfExists::refuse);
    CHECK(run.path() == path);
    run.write_json("config.json", {{"a", 1}});
    run.write_text("method/fold/log.txt", "x");
    CHECK(run.has("method/fold/log.txt"));
    CHECK(run.json("config.json")["a"] == 1);
    CHECK(has(thrown([&] { RunFolder(path, IfExists::resume); }),
              "must not be in use; process " + std::to_string(::getpid())));
    CHECK(RunFolder::attach(path).json("config.json")["a"] == 1);
  }
  CHECK(has(thrown([&] { RunFolder(path, IfExists::refuse); }), "holds a run already (hint: --resume"));
  { const RunFolder again(path, IfExists::resume); }
  {
    const RunFolder fresh(path, IfExists::force);
    CHECK(fresh.moved_to() == path + ".1");
    CHECK(!fresh.has("config.json"));
    CHECK(fs::exists(path + ".1/method/fold/log.txt"));
    fresh.write_json("config.json", {});
  }
  CHECK(RunFolder(path, IfExists::force).moved_to() == path + ".2");
  CHECK(has(thrown([&] { RunFolder(folder.file("none"), IfExists::resume); }), "must hold a run to resume"));
  CHECK(has(thrown([&] { RunFolder::attach(folder.file("none")); }), "must hold a run"));
  fs::create_directory(folder.file("other"));
  folder.write("other/thesis.txt", "x");
  for (IfExists mode : {IfExists::refuse, IfExists::force})
    CHECK(has(thrown([&] { RunFolder(folder.file("other"), mode); }), "must be empty or hold a run"));
  folder.write("plain", "x");
  CHECK(!thrown([&] { RunFolder(folder.file("plain"), IfExists::refuse); }).empty());
  CHECK(!thrown([&] { RunFolder(folder.file("plain/run"), IfExists::refuse); }).empty());
}

TEST_CASE("metrics are appended, cut back when a run resumes, and whole after a crash") {
  const Folder folder;
  const std::string path = folder.file("metrics.csv");
  const std::vector<std::string> columns{"epoch", "loss"};
  {
    MetricsFile m(path, columns, 0);
    m.append(std::vector<double>{1, 0.1});
    m.append(std::vector<double>{2, 1.0 / 3});
    m.append(std::vector<double>{3, 1e-300});
    CHECK(thrown([&] { m.append(std::vector<double>{3}); }).find("2 columns") != std::string::npos);
  }
  std::ofstream(path, std::ios::app) << "4,0.12";  // a crash in the middle of a row
  CHECK(read_number_table(path).rows.size() == 3);
  {
    MetricsFile m(path, columns, 2);
    CHECK(m.rows() == std::vector<std::vector<double>>{{1, 0.1}, {2, 1.0 / 3}});
    m.append(std::vector<double>{3, 7});
  }
  const NumberTable table = read_number_table(path);
  CHECK(table.columns == columns);
  CHECK(table.column("loss") == std::vector<double>{0.1, 1.0 / 3, 7});
  CHECK(table.has("epoch"));
  CHECK(thrown([&] { table.column("x"); }).find("column named 'x'") != std::string::npos);
  CHECK(has(thrown([&] { MetricsFile(path, {"epoch"}, 2); }), "must have the columns"));
  folder.write("bad.csv", "a,b\n1,2\n1,x\n");
  CHECK(has(thrown([&] { read_number_table(folder.file("bad.csv")); }), "line 3 has 'x'"));
  folder.write("bad.csv", "a,b\n1\n");
  CHECK(has(thrown([&] { read_number_table(folder.file("bad.csv")); }), "line 2 has 1"));
}

TEST_CASE("a full disk is an error, and what was there stays") {
  // A limit on the size of files stands for the disk.
  const Folder folder;
  const std::string path = folder.file("metrics.csv");
  const RunFolder run(folder.file("run"), IfExists::refuse);
  run.write_text("report.html", "before");
  MetricsFile m(path, {"epoch", "loss"}, 0);
  m.append(std::vector<double>{1, 2});
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 24;
  ::setrlimit(RLIMIT_FSIZE, &small);
  const std::string append = thrown([&] {
    for (int i = 2; i < 20; ++i) m.append(std::vector<double>{static_cast<double>(i), 0.125});
  });
  const std::string replace = thrown([&] { run.write_text("report.html", std::string(1000, 'x')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(has(append, "cannot write '" + path + "'"));
  CHECK(has(replace, "cannot write"));
  const auto rows = read_number_table(path).rows;
  CHECK(rows == m.rows());
  CHECK(rows.size() >= 1);
  std::ifstream report(run.path() + "/report.html");
  CHECK(std::string(std::istreambuf_iterator<char>(report), {}) == "before");
  for (const auto& entry : fs::directory_iterator(run.path())) CHECK(!has(entry.path().string(), ".tmp"));
}
