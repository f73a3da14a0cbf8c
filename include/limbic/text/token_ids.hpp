// What every tokenizer gives.
#pragma once

#include <limbic/config.hpp>

#include <vector>

namespace limbic::text {

// Ids of a text, start and end included, and whether it was too long for the model and cut: worth a warning.
struct TokenIds {
  std::vector<index_t> ids;
  bool truncated = false;
};

}  // namespace limbic::text
