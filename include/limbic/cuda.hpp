// Everything of limbic on the CPU and on NVIDIA GPUs: Tensor<T, Cuda> and Var<T, Cuda>. Link limbic::cuda.
#pragma once

#include <limbic/backend/cuda/backend.hpp>
#include <limbic/limbic.hpp>
