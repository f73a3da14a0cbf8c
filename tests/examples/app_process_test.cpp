// Child processes, interrupts and progress. Jobs are this very program, running one of the skipped cases
// below.
#include <app/interrupt.hpp>
#include <app/process.hpp>

#include <support/throws.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

using namespace limbic;
using namespace limbic::app;

namespace {

Job child(const std::string& name, const std::string& which) {
  return {name, {"--test-case=child: " + which, "--no-skip"}};
}

// What a Progress writes, through a temporary file.
class Written {
 public:
  Written() : file_(std::tmpfile()) {}
  ~Written() { std::fclose(file_); }
  Written(const Written&) = delete;
  Written& operator=(const Written&) = delete;
  int fd() const { return ::fileno(file_); }
  std::string text() const {
    std::string out(static_cast<std::size_t>(::lseek(fd(), 0, SEEK_END)), '\0');
    const ssize_t n = ::pread(fd(), out.data(), out.size(), 0);
    return out.substr(0, static_cast<std::size_t>(n));
  }

 private:
  std::FILE* file_;
};

bool has(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != text.npos;
}

}  // namespace

TEST_CASE("child: works" * doctest::skip()) {
  Progress progress(Progress::Style::pipe, child_progress());
  progress.update("fold\n1", 3, 10, "loss 0.5\tacc 0.7");
  progress.finish("fold 1", "done");
}
TEST_CASE("child: fails" * doctest::skip()) {
  std::fprintf(stderr, "[limbic] the disk is full\n\n");
  std::exit(3);
}
TEST_CASE("child: crashes" * doctest::skip()) {
  std::signal(SIGABRT, SIG_DFL);
  std::abort();
}
TEST_CASE("child: waits to be interrupted" * doctest::skip()) {
  catch_interrupts();
  Progress progress(Progress::Style::pipe, child_progress());
  progress.note("ready");
  for (int i = 0; i < 1000 && !interrupted(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  std::exit(interrupted() ? interrupt_status() : 1);
}

TEST_CASE("jobs run side by side; one that fails is reported and the others go on") {
  for (index_t parallel : {1, 3}) {
    const Written written;
    Progress progress(Progress::Style::lines, written.fd(), 0);
    std::vector<std::string> ended;
    const auto results =
        run_jobs({child("a", "works"), child("b", "fails"), child("c", "crashes"), child("d", "works")},
                 parallel, progress, [&](const JobResult& r) { ended.push_back(r.name); });
    REQUIRE(results.size() == 4);
    CHECK(results[0].status == 0);
    CHECK(results[0].message.empty());
    CHECK(results[1].name == "b");
    CHECK(results[1].status == 3);
    CHECK(results[1].message == "[limbic] the disk is full");
    CHECK(results[2].status == 128 + SIGABRT);
    CHECK(results[3].status == 0);
    CHECK(ended.size() == 4);
    CHECK(has(written.text(), "fold 1 [======"));
    CHECK(has(written.text(), "loss 0.5 acc 0.7"));
    CHECK(has(written.text(), "fold 1  done\n"));
  }
  Progress quiet(Progress::Style::quiet);
  CHECK(thrown([&] { run_jobs({child("a", "works")}, 0, quiet); }).find("at least one job") !=
        std::string::npos);
}

TEST_CASE("an interrupt reaches the children, and no further job is started") {
  catch_interrupts();
  const Written written;
  Progress progress(Progress::Style::lines, written.fd(), 0);
  std::thread later([&] {
    while (written.text().find("ready\nready\n") == std::string::npos)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ::kill(::getpid(), SIGINT);
  });
  const std::string wait = "waits to be interrupted";
  const auto results = run_jobs({child("a", wait), child("b", wait), child("c", wait)}, 2, progress);
  later.join();
  CHECK(interrupted());
  CHECK(interrupt_status() == 130);
  CHECK(results[0].status == 130);
  CHECK(results[1].status == 130);
  CHECK(results[2].status == -1);
  CHECK(results[2].message == "not started");
  catch_interrupts();
  CHECK(!interrupted());
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

TEST_CASE("a program with input and output of any size") {
  std::string big;
  for (int i = 0; i < 200000; ++i) big += std::to_string(i) + "\n";
  const ProcessResult cat = run_process({"cat"}, big);
  CHECK(cat.status == 0);
  CHECK(cat.out == big);
  const ProcessResult deaf =
      run_process({"sh", "-c", "echo odd >&2; exit 4"}, big);  // does not read its input
  CHECK(deaf.status == 4);
  CHECK(deaf.errors == "odd\n");
  CHECK(run_process({"cat"}, "").out.empty());
  CHECK(thrown([] {
          run_process({"no-such-program-here"}, "");
        }).find("cannot start 'no-such-program-here'") != std::string::npos);
}

TEST_CASE("progress lines") {
  CHECK(progress_line("fold", 50, 100, 0, 5, "loss 1", 200) ==
        "fold [==========          ]  50 %  10/s  5 s left  loss 1");
  // A resumed job: 10 steps in 5 seconds, not 50.
  CHECK(progress_line("fold", 50, 100, 40, 5, "", 200) ==
        "fold [==========          ]  50 %  2.0/s  25 s left");
  CHECK(progress_line("fold", 0, 0, 0, 0, "", 200) == "fold [                    ]   0 %");
  CHECK(progress_line("fold", 50, 100, 0, 5, "±±±", 10) == "fold [====");
  CHECK(progress_line("±±", 1, 1, 0, 0, "", 11) == "±± [=======");
  CHECK(duration_text(59.4) == "59 s");
  CHECK(duration_text(185) == "3 min 05 s");
  CHECK(duration_text(7625) == "2 h 07 min");
}

TEST_CASE("progress in its styles") {
  {
    const Written written;
    {
      Progress p(Progress::Style::lines, written.fd(), 100);
      p.update("a", 1, 10, "x");
      p.update("a", 2, 10, "y");  // too soon
      p.note("note");
      p.finish("a", "done");
    }
    CHECK(written.text() == "a [==                  ]  10 %  x\nnote\na  done\n");
  }
  {
    const Written written;
    {
      Progress p(Progress::Style::bars, written.fd());
      p.update("a", 1, 10, "x");
      p.finish("a", "done");
    }
    CHECK(written.text() == "a [==                  ]  10 %  x\n\x1b[1A\x1b[2Ka  done\n");
  }
  {
    const Written written;
    Progress p(Progress::Style::quiet, written.fd());
    p.update("a", 1, 10, "x");
    p.finish("a", "done");
    CHECK(written.text().empty());
  }
  Progress p(Progress::Style::quiet);
  CHECK(!p.relay("hello"));
  CHECK(!p.relay("\tupdate\ta\tx\t3\tt"));
  CHECK(!p.relay("\tupdate\ta\t3"));
  CHECK(!p.relay("\tother\ta\t3\t3\tt"));
  CHECK(p.relay("\tupdate\ta\t3\t4\tt"));
  // A descriptor that cannot be written is no reason to fail.
  Progress closed(Progress::Style::lines, -1);
  closed.note("x");
}
