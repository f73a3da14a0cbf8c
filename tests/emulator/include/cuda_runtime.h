// Stands in for CUDA's header of this name when kernels are compiled by the host compiler for the emulator.
#pragma once

#define LIMBIC_EMULATED 1

#include "emulator/vector_types.hpp"

#include "emulator/host_api.hpp"

#include "emulator/device.hpp"
#include "emulator/device_functions.hpp"
