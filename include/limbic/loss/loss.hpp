// All losses.
#pragma once

#include <limbic/loss/batches.hpp>
#include <limbic/loss/cmd.hpp>
#include <limbic/loss/coral.hpp>
#include <limbic/loss/energy_distance.hpp>
#include <limbic/loss/jmmd.hpp>
#include <limbic/loss/kernel.hpp>
#include <limbic/loss/lmmd.hpp>
#include <limbic/loss/log_coral.hpp>
#include <limbic/loss/mmd.hpp>
#include <limbic/loss/pair_form.hpp>
