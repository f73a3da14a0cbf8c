// A small network on the same features, trained on labelled source and unlabelled target photographs.
//
//   features  800 -> 256 -> 64, ReLU and dropout 0.5 after each      classifier  64 -> 10
//   loss      cross-entropy of a source batch + ramp(progress) x weight x alignment of both batches,
//             ramp = 2 / (1 + exp(-10 progress)) - 1; the adversarial losses have it in their gradient reversal, and 1 here
//
// The type of the target has no labels; the last step's model is the result, so nothing is chosen by them
// either.
#pragma once

#include <office_caltech/domains.hpp>

#include <functional>
#include <string>
#include <vector>

namespace office_caltech {

enum class Method { source_only, deep_coral, mmd, lmmd, dann, cdan, mcc };
inline constexpr std::array<Method, 7> kMethods = {Method::source_only, Method::deep_coral, Method::mmd,
                                                   Method::lmmd,        Method::dann,       Method::cdan,
                                                   Method::mcc};
const char* name_of(Method method);
// The loss with its options and weight, in one line.
std::string describe(Method method);

struct DeepOptions {
  index_t steps = 800, batch = 64;  // of each domain
  double learning_rate = 1e-3, weight_decay = 1e-3;
  std::uint64_t seed = 1;
};

struct DeepResult {
  Tensor<index_t> predictions;  // of the target (M)
  double class_loss = 0,
         alignment_loss = 0;  // means over the last tenth of the steps; the second without its weight
};

// Trains one network. `pair` names the streams of random numbers: all methods of a pair and seed start from
// the same weights and see the same batches. `tick(step)` is called after every step. Throws for options that
// make no sense, and if the loss stops being finite.
DeepResult train_deep(const Source& source, const Target& target, Method method, const DeepOptions& options,
                      const std::string& pair, const std::function<void(index_t)>& tick = {});

}  // namespace office_caltech
