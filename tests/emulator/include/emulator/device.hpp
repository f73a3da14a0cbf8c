// What device code calls and the runtime (src/) answers.
#pragma once

#include "vector_types.hpp"

namespace emulator {

// The place in the source that a call stands at: barriers are told apart by it.
struct Place {
  const char* file;
  int line;
  static constexpr Place here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
};

// Each thread has its own stack, so within a function these never change.
[[gnu::const]] uint3 thread_index();
[[gnu::const]] uint3 block_index();
[[gnu::const]] uint3 block_size();
[[gnu::const]] uint3 grid_size();
[[gnu::const]] void* dynamic_shared();

// Barrier of the block; gives the number of threads with a predicate that is not zero.
int block_barrier(int predicate, const char* kind, Place place);

enum class Shuffle { index, up, down, exclusive_or };
enum class Vote { all, any, ballot, match, synchronise, sum, min, max, bit_and, bit_or, bit_xor };
// `source` is a lane, an offset or a mask; `width` a power of two up to 32.
unsigned long long shuffle(Shuffle kind, unsigned mask, unsigned long long bits, int source, int width,
                           Place place);
// Of 64 bits a lane; sums and extremes are of 32-bit unsigned or (with is_signed) signed numbers.
unsigned long long vote(Vote kind, unsigned mask, unsigned long long bits, bool is_signed, Place place);
unsigned active_mask();

void fence();
[[noreturn]] void trap();
void count_flops(unsigned long long n);

// Atomic operations on 4 or 8 bytes: the old value.
enum class Atomic {
  add,
  add_float,
  min,
  max,
  min_signed,
  max_signed,
  exchange,
  compare,
  bit_and,
  bit_or,
  bit_xor,
  inc,
  dec
};
unsigned long long atomic(Atomic kind, void* address, int bytes, unsigned long long value,
                          unsigned long long expected = 0);

// Loads and stores of 4, 8 or 16 bytes by one instruction.
using Bits128 = float __attribute__((vector_size(16)));
unsigned load_32(const void* from);
unsigned long long load_64(const void* from);
Bits128 load_128(const void* from);
void store_32(void* to, unsigned bits);
void store_64(void* to, unsigned long long bits);
void store_128(void* to, Bits128 bits);

// Vectors of other sizes are what the compiler makes of them.
template <class V>
inline __attribute__((always_inline)) V load(const void* from) {
  if constexpr (sizeof(V) == 4) return __builtin_bit_cast(V, load_32(from));
  else if constexpr (sizeof(V) == 8) return __builtin_bit_cast(V, load_64(from));
  else if constexpr (sizeof(V) == 16) return __builtin_bit_cast(V, load_128(from));
  else if constexpr (sizeof(V) == 32) {
    struct Halves {
      Bits128 half[2];
    };
    return __builtin_bit_cast(V, (Halves{{load_128(from), load_128(static_cast<const char*>(from) + 16)}}));
  } else return *static_cast<const V*>(from);
}
template <class V>
inline __attribute__((always_inline)) void store(void* to, const V& value) {
  if constexpr (sizeof(V) == 4) store_32(to, __builtin_bit_cast(unsigned, value));
  else if constexpr (sizeof(V) == 8) store_64(to, __builtin_bit_cast(unsigned long long, value));
  else if constexpr (sizeof(V) == 16) store_128(to, __builtin_bit_cast(Bits128, value));
  else if constexpr (sizeof(V) == 32) {
    struct Halves {
      Bits128 half[2];
    };
    const Halves halves = __builtin_bit_cast(Halves, value);
    store_128(to, halves.half[0]);
    store_128(static_cast<char*>(to) + 16, halves.half[1]);
  } else *static_cast<V*>(to) = value;
}

// cp.async: the data arrives when wait_copies() says so, not before.
void copy_async(void* shared, const void* global, int bytes, bool valid);
void commit_copies();
void wait_copies(int pending);

struct Mma {
  float d[4];
  unsigned a[4], b[2];
};
enum class MmaType { bf16, f16, tf32 };
struct MmaResult {
  float d[4];
};
MmaResult mma_warp(MmaType type, Mma operands);
inline __attribute__((always_inline)) void mma(MmaType type, float (&d)[4], const unsigned (&a)[4],
                                               const unsigned (&b)[2]) {
  const MmaResult r = mma_warp(type, {{d[0], d[1], d[2], d[3]}, {a[0], a[1], a[2], a[3]}, {b[0], b[1]}});
  for (int i = 0; i < 4; ++i) d[i] = r.d[i];
}
uint4 load_matrices(int n, const void* row, bool transposed);

float float_of_half(unsigned short bits);
unsigned short half_of_float(float x);

}  // namespace emulator

#define threadIdx (::emulator::thread_index())
#define blockIdx (::emulator::block_index())
#define blockDim (::emulator::block_size())
#define gridDim (::emulator::grid_size())
