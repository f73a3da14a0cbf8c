// Modules, initialisers.
#pragma once

#include <limbic/nn/activation.hpp>
#include <limbic/nn/attention.hpp>
#include <limbic/nn/conv.hpp>
#include <limbic/nn/dropout.hpp>
#include <limbic/nn/embedding.hpp>
#include <limbic/nn/init.hpp>
#include <limbic/nn/linear.hpp>
#include <limbic/nn/module.hpp>
#include <limbic/nn/norm.hpp>
#include <limbic/nn/pool.hpp>
#include <limbic/nn/sequential.hpp>
#include <limbic/nn/transformer.hpp>
