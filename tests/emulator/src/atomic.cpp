// Atomic operations, fences, asynchronous copies, and accesses by one wide instruction.
#include "runtime.hpp"

#include <bit>
#include <cstring>

namespace emulator {

unsigned long long atomic(Atomic kind, void* address, int bytes, unsigned long long value,
                          unsigned long long expected) {
  touch(Touch::atomic, address, static_cast<unsigned>(bytes), __builtin_return_address(0));
  if (state.count) {
    ++state.counters->atomics;
    if (kind == Atomic::add_float) ++state.counters->float_atomics;
  }
  acquire_from_blocks(address);
  release_to_blocks(address);
  std::uint64_t old = 0;
  std::memcpy(&old, address, static_cast<std::size_t>(bytes));
  const bool wide = bytes == 8;
  const auto as_signed = [wide](std::uint64_t x) {
    return wide ? static_cast<std::int64_t>(x) : static_cast<std::int64_t>(static_cast<std::int32_t>(x));
  };
  std::uint64_t fresh = value;
  switch (kind) {
    case Atomic::add: fresh = old + value; break;
    case Atomic::add_float:
      if (wide)
        fresh = std::bit_cast<std::uint64_t>(std::bit_cast<double>(old) +
                                             std::bit_cast<double>(std::uint64_t{value}));
      else
        fresh = std::bit_cast<std::uint32_t>(std::bit_cast<float>(static_cast<std::uint32_t>(old)) +
                                             std::bit_cast<float>(static_cast<std::uint32_t>(value)));
      break;
    case Atomic::min: fresh = value < old ? value : old; break;
    case Atomic::max: fresh = value > old ? value : old; break;
    case Atomic::min_signed: fresh = as_signed(value) < as_signed(old) ? value : old; break;
    case Atomic::max_signed: fresh = as_signed(value) > as_signed(old) ? value : old; break;
    case Atomic::exchange: break;
    case Atomic::compare: fresh = old == expected ? value : old; break;
    case Atomic::bit_and: fresh = old & value; break;
    case Atomic::bit_or: fresh = old | value; break;
    case Atomic::bit_xor: fresh = old ^ value; break;
    case Atomic::inc: fresh = old >= value ? 0 : old + 1; break;
    case Atomic::dec: fresh = old == 0 || old > value ? value : old - 1; break;
  }
  std::memcpy(address, &fresh, static_cast<std::size_t>(bytes));
  return old;
}

void trap() {
  report(Kind::trap, [&] { return std::string("__trap()"); });
}

void count_flops(unsigned long long n) {
  if (state.count && state.current) state.counters->flops += n;
}

template <class T>
static T load_bits(const void* from, const void* pc) {
  touch(Touch::read, from, sizeof(T), pc);
  T bits;
  std::memcpy(&bits, from, sizeof bits);
  return bits;
}
template <class T>
static void store_bits(void* to, T bits, const void* pc) {
  touch(Touch::write, to, sizeof(T), pc);
  std::memcpy(to, &bits, sizeof bits);
}
unsigned load_32(const void* from) { return load_bits<unsigned>(from, __builtin_return_address(0)); }
unsigned long long load_64(const void* from) {
  return load_bits<unsigned long long>(from, __builtin_return_address(0));
}
Bits128 load_128(const void* from) { return load_bits<Bits128>(from, __builtin_return_address(0)); }
void store_32(void* to, unsigned bits) { store_bits(to, bits, __builtin_return_address(0)); }
void store_64(void* to, unsigned long long bits) { store_bits(to, bits, __builtin_return_address(0)); }
void store_128(void* to, Bits128 bits) { store_bits(to, bits, __builtin_return_address(0)); }

void copy_async(void* shared, const void* global, int bytes, bool valid) {
  const void* pc = __builtin_return_address(0);
  const unsigned n = static_cast<unsigned>(bytes);
  Fibre& fibre = *state.current;
  if (valid) touch(Touch::read, global, n, pc);
  touch(Touch::copy_begin, shared, n, pc);
  fibre.copies.emplace_back();
  Fibre::Copy& copy = fibre.copies.back();
  copy.to = shared;
  copy.bytes = static_cast<unsigned char>(n);
  copy.group = fibre.group;
  copy.pc = pc;
  std::memset(copy.data, 0, sizeof copy.data);
  if (valid) std::memcpy(copy.data, global, n);
}

void commit_copies() { ++state.current->group; }

void wait_copies(int pending) {
  Fibre& fibre = *state.current;
  while (!fibre.copies.empty() && fibre.copies.front().group + static_cast<unsigned>(pending) < fibre.group) {
    const Fibre::Copy copy = fibre.copies.front();
    fibre.copies.pop_front();
    touch(Touch::copy_end, copy.to, copy.bytes, copy.pc);
    std::memcpy(copy.to, copy.data, copy.bytes);
  }
}

}  // namespace emulator
