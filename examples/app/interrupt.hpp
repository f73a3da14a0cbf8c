// Ctrl-C and SIGTERM: the first asks the program to finish its step and save, the second ends it at once.
#pragma once

namespace limbic::app {

// Takes over SIGINT and SIGTERM for the process; again: clears what was asked.
void catch_interrupts();
// Whether the first has come.
bool interrupted();
// How often one has come, and the last signal's number (0: none).
int interrupt_count();
int interrupt_signal();
// What a program that was interrupted and saved its state returns: 128 + signal, as shells expect.
int interrupt_status();

}  // namespace limbic::app
