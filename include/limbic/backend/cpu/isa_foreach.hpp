// No include guard: includes LIMBIC_ISA_FILE once for each instruction set (see isa.hpp).
//
//   #define LIMBIC_ISA_FILE <limbic/backend/cpu/rows.inl>
//   #include <limbic/backend/cpu/isa_foreach.hpp>
//
// The file must include nothing itself. It sees `kVectorBytes` and `kIsa` of its namespace.
// All vector-typed helpers must be defined inside such files: a compiler lowers vector operations
// in the function that they are written in, before it inlines.
#include <limbic/backend/cpu/isa.hpp>

namespace limbic::cpu::portable {
#include LIMBIC_ISA_FILE
}

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,bmi2")
#endif
namespace limbic::cpu::avx2 {
#include LIMBIC_ISA_FILE
}
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi2"))), \
                             apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi2,prefer-vector-width=512")
#endif
namespace limbic::cpu::avx512 {
#include LIMBIC_ISA_FILE
}
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#else
namespace limbic::cpu::avx2 {
using namespace limbic::cpu::portable;
}
namespace limbic::cpu::avx512 {
using namespace limbic::cpu::portable;
}
#endif

#undef LIMBIC_ISA_FILE
