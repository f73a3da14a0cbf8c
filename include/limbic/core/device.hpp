// Device tags. Which device a tensor lives on is part of its type; functions of a backend are found
// by passing the tag as first argument.
#pragma once

namespace limbic {

// Host memory and the processor's cores.
struct Cpu {
  static constexpr const char* name = "cpu";
};

// Memory and processors of an NVIDIA GPU: the calling thread's current one (backend/cuda/runtime.hpp). Only a
// tag; what works on it is in limbic/cuda.hpp.
struct Cuda {
  static constexpr const char* name = "cuda";
};

}  // namespace limbic
