// All losses.
#pragma once

#include <limbic/loss/adversarial.hpp>
#include <limbic/loss/attention_transfer.hpp>
#include <limbic/loss/batches.hpp>
#include <limbic/loss/bce.hpp>
#include <limbic/loss/class_confusion.hpp>
#include <limbic/loss/cmd.hpp>
#include <limbic/loss/contrastive.hpp>
#include <limbic/loss/coral.hpp>
#include <limbic/loss/cross_entropy.hpp>
#include <limbic/loss/distillation.hpp>
#include <limbic/loss/energy_distance.hpp>
#include <limbic/loss/entropy.hpp>
#include <limbic/loss/jmmd.hpp>
#include <limbic/loss/kernel.hpp>
#include <limbic/loss/lmmd.hpp>
#include <limbic/loss/log_coral.hpp>
#include <limbic/loss/mmd.hpp>
#include <limbic/loss/pair_form.hpp>
#include <limbic/loss/reduction.hpp>
#include <limbic/loss/regression.hpp>
#include <limbic/loss/relational.hpp>
#include <limbic/loss/similarity.hpp>
