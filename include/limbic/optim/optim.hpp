// Optimisers, clipping, schedules, weight averages.
#pragma once

#include <limbic/optim/adam.hpp>
#include <limbic/optim/clip.hpp>
#include <limbic/optim/ema.hpp>
#include <limbic/optim/optimizer.hpp>
#include <limbic/optim/schedule.hpp>
#include <limbic/optim/sgd.hpp>
