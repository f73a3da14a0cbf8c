// Everything of limbic on the CPU and on NVIDIA GPUs: Tensor<T, Cuda> and Var<T, Cuda>. Link limbic::cuda.
#pragma once

#include <limbic/backend/cuda/angles.hpp>
#include <limbic/backend/cuda/attention.hpp>
#include <limbic/backend/cuda/batch_norm.hpp>
#include <limbic/backend/cuda/conv.hpp>
#include <limbic/backend/cuda/contrast.hpp>
#include <limbic/backend/cuda/copy.hpp>
#include <limbic/backend/cuda/cross_entropy.hpp>
#include <limbic/backend/cuda/distillation.hpp>
#include <limbic/backend/cuda/eigh.hpp>
#include <limbic/backend/cuda/elementwise.hpp>
#include <limbic/backend/cuda/guard.hpp>
#include <limbic/backend/cuda/index.hpp>
#include <limbic/backend/cuda/matmul.hpp>
#include <limbic/backend/cuda/memory.hpp>
#include <limbic/backend/cuda/optim.hpp>
#include <limbic/backend/cuda/pair_products.hpp>
#include <limbic/backend/cuda/pair_weights.hpp>
#include <limbic/backend/cuda/pairwise.hpp>
#include <limbic/backend/cuda/pairwise_linear.hpp>
#include <limbic/backend/cuda/pool.hpp>
#include <limbic/backend/cuda/random.hpp>
#include <limbic/backend/cuda/reduce.hpp>
#include <limbic/backend/cuda/rows.hpp>
#include <limbic/backend/cuda/unfold.hpp>
#include <limbic/limbic.hpp>
