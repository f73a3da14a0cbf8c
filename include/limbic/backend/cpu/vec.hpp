// Vector types and their helpers (vec.inl) for the kernels of each instruction set.
#pragma once

#include <limbic/config.hpp>

#include <cmath>
#include <utility>

// After the parameters of a lambda in an .inl file: vectors must not cross a call.
#define LIMBIC_LAMBDA __attribute__((always_inline))

#define LIMBIC_ISA_FILE <limbic/backend/cpu/vec.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>
