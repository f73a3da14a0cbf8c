// limbic: tensors, reverse-mode autodiff, operations, losses, modules, optimisers and files, on the CPU.
//
// Left out: limbic/io/npz.hpp, which needs libzip (target limbic::npz), limbic/data, of which the readers of
// MATLAB files need matio (target limbic::mat), and limbic/text (target limbic::text).
#pragma once

#include <limbic/autograd/apply.hpp>
#include <limbic/autograd/checkpoint.hpp>
#include <limbic/autograd/custom.hpp>
#include <limbic/autograd/engine.hpp>
#include <limbic/autograd/function.hpp>
#include <limbic/autograd/gradcheck.hpp>
#include <limbic/autograd/mode.hpp>
#include <limbic/autograd/node.hpp>
#include <limbic/autograd/var.hpp>
#include <limbic/backend/cpu/random.hpp>
#include <limbic/core/compare.hpp>
#include <limbic/core/conv_shape.hpp>
#include <limbic/core/device.hpp>
#include <limbic/core/dtype_name.hpp>
#include <limbic/core/dual.hpp>
#include <limbic/core/error.hpp>
#include <limbic/core/height_width.hpp>
#include <limbic/core/math.hpp>
#include <limbic/core/matrices.hpp>
#include <limbic/core/philox.hpp>
#include <limbic/core/pool.hpp>
#include <limbic/core/print.hpp>
#include <limbic/core/radial_kernel.hpp>
#include <limbic/core/random.hpp>
#include <limbic/core/reshape.hpp>
#include <limbic/core/shape.hpp>
#include <limbic/core/storage.hpp>
#include <limbic/core/strided.hpp>
#include <limbic/core/tensor.hpp>
#include <limbic/interop/dlpack.hpp>
#include <limbic/interop/eigen.hpp>
#include <limbic/io/checkpoint.hpp>
#include <limbic/io/dtype.hpp>
#include <limbic/io/file.hpp>
#include <limbic/io/json.hpp>
#include <limbic/io/npy.hpp>
#include <limbic/io/safetensors.hpp>
#include <limbic/io/state_dict.hpp>
#include <limbic/loss/loss.hpp>
#include <limbic/nn/nn.hpp>
#include <limbic/ops/ops.hpp>
#include <limbic/optim/optim.hpp>
