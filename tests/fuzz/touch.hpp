// Reads every value of a tensor, so that a sanitizer sees every address.
#pragma once

#include <limbic/core/tensor.hpp>

#include <cstdlib>

// Loads with load(T()) for every T a tensor may have, and reads what comes. An Error of one type does not
// keep the others from being tried.
template <class Load>
void touch_as_all(Load&& load) {
  const auto touch = [&](auto type) {
    try {
      const auto tensor = load(type);
      if (static_cast<limbic::index_t>(tensor.to_vector().size()) != tensor.numel()) std::abort();
    } catch (const limbic::Error&) {
    }
  };
  touch(float());
  touch(double());
  touch(limbic::index_t());
  touch(std::int32_t());
  touch(std::uint8_t());
  touch(bool());
}
