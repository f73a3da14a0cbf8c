#include <app/interrupt.hpp>

#include <csignal>

#include <unistd.h>

namespace limbic::app {

namespace {

volatile std::sig_atomic_t signal_count = 0, last_signal = 0;

void on_signal(int number) {
  last_signal = number;
  signal_count = signal_count + 1;
  if (signal_count > 1) ::_exit(128 + number);
}

}  // namespace

void catch_interrupts() {
  signal_count = 0;
  last_signal = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigemptyset(&action.sa_mask);
  action.sa_flags = 0;  // calls that wait return with EINTR, so that waiting parents notice
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return signal_count > 0; }
int interrupt_count() { return signal_count; }
int interrupt_signal() { return last_signal; }
int interrupt_status() { return 128 + last_signal; }

}  // namespace limbic::app
