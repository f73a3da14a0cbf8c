// Tensor cores: D = A B + D for small matrices spread over the 32 lanes of a warp (PTX ISA, "mma",
// "ldmatrix").
//
// With g = lane / 4 and t = lane % 4 the registers of a lane hold
//
//   m16n8k16, 16-bit   A (16x16): a[0] row g,   columns 2t, 2t+1       a[1] row g+8, columns 2t, 2t+1
//                                 a[2] row g,   columns 2t+8, 2t+9     a[3] row g+8, columns 2t+8, 2t+9
//                      B (16x8):  b[0] column g, rows 2t, 2t+1         b[1] column g, rows 2t+8, 2t+9
//   m16n8k8, tf32      A (16x8):  a[0] (g, t)   a[1] (g+8, t)   a[2] (g, t+4)   a[3] (g+8, t+4)
//                      B (8x8):   b[0] (t, g)   b[1] (t+4, g)
//   both               D (16x8):  d[0] (g, 2t)  d[1] (g, 2t+1)  d[2] (g+8, 2t)  d[3] (g+8, 2t+1)
//
// Every lane of the warp calls them. They need sm_80; kHasMma says whether that is compiled for, and kernels
// branch on it with if constexpr.
#pragma once

#include "half.cuh"

namespace limbic::cuda {

#if defined(LIMBIC_EMULATED) || (defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800)
constexpr bool kHasMma = true;
#else
constexpr bool kHasMma = false;
#endif

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
#define LIMBIC_MMA(shape_and_types, type)                                                          \
  asm("mma.sync.aligned." shape_and_types " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};" \
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                             \
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]))
#elif defined(LIMBIC_EMULATED)
#define LIMBIC_MMA(shape_and_types, type) emulator::mma(emulator::MmaType::type, d, a, b)
#else
#define LIMBIC_MMA(shape_and_types, type) static_cast<void>(d), static_cast<void>(a), static_cast<void>(b)
#endif

// d += a b for T = Bf16 or F16 (m16n8k16).
template <class T>
__device__ __forceinline__ void mma_16x8x16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]);
template <>
__device__ __forceinline__ void mma_16x8x16<Bf16>(float (&d)[4], const unsigned (&a)[4],
                                                  const unsigned (&b)[2]) {
  LIMBIC_MMA("m16n8k16.row.col.f32.bf16.bf16.f32", bf16);
}
template <>
__device__ __forceinline__ void mma_16x8x16<F16>(float (&d)[4], const unsigned (&a)[4],
                                                 const unsigned (&b)[2]) {
  LIMBIC_MMA("m16n8k16.row.col.f32.f16.f16.f32", f16);
}
// d += a b for tf32 (m16n8k8); operands are floats as to_tf32() leaves them.
__device__ __forceinline__ void mma_16x8x8_tf32(float (&d)[4], const unsigned (&a)[4],
                                                const unsigned (&b)[2]) {
  LIMBIC_MMA("m16n8k8.row.col.f32.tf32.tf32.f32", tf32);
}
#undef LIMBIC_MMA

// A float rounded to 10 bits of fraction, ties away from zero, as bits.
__device__ __forceinline__ unsigned to_tf32(float x) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  unsigned y;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(y) : "f"(x));
  return y;
#else
  const unsigned bits = __float_as_uint(x);
  if ((bits & 0x7f800000u) == 0x7f800000u) return bits;
  return (bits + 0x1000u) & 0xffffe000u;
#endif
}

// Loads four 8x8 matrices of 16-bit elements from shared memory. Lane 8i + r gives the address of row r of
// matrix i (16 bytes, aligned to 16); register i of a lane then holds elements (g, 2t), (g, 2t+1) of matrix
// i, or (2t, g), (2t+1, g) with kTransposed.
template <bool kTransposed = false>
__device__ __forceinline__ void load_matrices(unsigned (&r)[4], const void* row) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  const unsigned from = static_cast<unsigned>(__cvta_generic_to_shared(row));
  if constexpr (kTransposed)
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(from)
                 : "memory");
  else
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(from)
                 : "memory");
#elif defined(LIMBIC_EMULATED)
  const uint4 q = emulator::load_matrices(4, row, kTransposed);
  r[0] = q.x, r[1] = q.y, r[2] = q.z, r[3] = q.w;
#else
  static_cast<void>(r), static_cast<void>(row);
#endif
}
// The same for two matrices: lanes 0 to 15 give addresses, those of the others are not used.
template <bool kTransposed = false>
__device__ __forceinline__ void load_matrices(unsigned (&r)[2], const void* row) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  const unsigned from = static_cast<unsigned>(__cvta_generic_to_shared(row));
  if constexpr (kTransposed)
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(from)
                 : "memory");
  else
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(from)
                 : "memory");
#elif defined(LIMBIC_EMULATED)
  const uint4 q = emulator::load_matrices(2, row, kTransposed);
  r[0] = q.x, r[1] = q.y;
#else
  static_cast<void>(r), static_cast<void>(row);
#endif
}

}  // namespace limbic::cuda
