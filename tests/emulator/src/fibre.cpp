// Switching stacks. A switch saves what a function must preserve, and nothing else: about a nanosecond.
#include "runtime.hpp"

#include <sys/mman.h>
#include <ucontext.h>

#include <new>

namespace emulator {

#if defined(__x86_64__) && !defined(LIMBIC_EMULATOR_UCONTEXT)
asm(R"(
.text
.globl emulator_switch
.type emulator_switch, @function
emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emulator_switch, .-emulator_switch
.section .note.GNU-stack,"",@progbits
.text
)");

void fresh_stack(void*& stack_pointer, char* stack, void (*entry)()) {
  void** top = reinterpret_cast<void**>(stack + kStackBytes) - 1;
  *top = nullptr;  // where entry() would return to: it does not
  *--top = reinterpret_cast<void*>(entry);
  for (int i = 0; i < 6; ++i) *--top = nullptr;  // the six registers
  stack_pointer = top;
}
#else
// Elsewhere by the C library, which is slower. A "stack pointer" is then a context.
extern "C" void emulator_switch(void** save, void* to) {
  if (!*save) *save = new ucontext_t{};
  swapcontext(static_cast<ucontext_t*>(*save), static_cast<ucontext_t*>(to));
}

void fresh_stack(void*& stack_pointer, char* stack, void (*entry)()) {
  if (!stack_pointer) stack_pointer = new ucontext_t{};
  ucontext_t& context = *static_cast<ucontext_t*>(stack_pointer);
  getcontext(&context);
  context.uc_stack.ss_sp = stack;
  context.uc_stack.ss_size = kStackBytes;
  makecontext(&context, entry, 0);
}
#endif

char* make_stack() {
  constexpr std::size_t kGuard = 4096;
  void* p = mmap(nullptr, kStackBytes + kGuard, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  mprotect(p, kGuard, PROT_NONE);
  return static_cast<char*>(p) + kGuard;
}

}  // namespace emulator
