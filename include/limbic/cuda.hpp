// Everything of limbic on the CPU and on NVIDIA GPUs: Tensor<T, Cuda> and Var<T, Cuda>. Link limbic::cuda.
#pragma once

#include <limbic/backend/cuda/copy.hpp>
#include <limbic/backend/cuda/elementwise.hpp>
#include <limbic/backend/cuda/index.hpp>
#include <limbic/backend/cuda/random.hpp>
#include <limbic/backend/cuda/matmul.hpp>
#include <limbic/backend/cuda/memory.hpp>
#include <limbic/backend/cuda/reduce.hpp>
#include <limbic/backend/cuda/rows.hpp>
#include <limbic/limbic.hpp>
