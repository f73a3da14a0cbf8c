// All that operations ask of the device: what limbic/cuda.hpp adds to limbic/limbic.hpp.
#pragma once

#include <limbic/backend/cuda/angles.hpp>
#include <limbic/backend/cuda/attention.hpp>
#include <limbic/backend/cuda/batch_norm.hpp>
#include <limbic/backend/cuda/contrast.hpp>
#include <limbic/backend/cuda/conv.hpp>
#include <limbic/backend/cuda/copy.hpp>
#include <limbic/backend/cuda/covariance.hpp>
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
