// Everything that kernels share. A kernel's .cuh includes this file and nothing else.
//
//   launch.cuh   the one launch function, raise(), grids
//   memory.cuh   dynamic shared memory, vectors of up to 128 bits, asynchronous copies to shared memory
//   half.cuh     Bf16 and F16
//   math.cuh     exp, log, tanh, ... for float and double by one name
//   warp.cuh     reductions over a warp and a block
//   mma.cuh      tensor cores: mma.sync and ldmatrix
//   philox.cuh   the library's random numbers, bit for bit
//
// It compiles with nvcc, and with a host compiler over tests/emulator, whose cuda_runtime.h defines
// LIMBIC_EMULATED. Only what has no plain C++ meaning (instructions behind asm) differs between the two.
#pragma once

#include <cuda_runtime.h>

#include "prelude/half.cuh"
#include "prelude/launch.cuh"
#include "prelude/math.cuh"
#include "prelude/memory.cuh"
#include "prelude/mma.cuh"
#include "prelude/philox.cuh"
#include "prelude/warp.cuh"
