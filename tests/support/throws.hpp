// The text of the limbic::Error that f throws; "" when it throws none.
#pragma once

#include <limbic/core/error.hpp>

#include <string>

template <class F>
std::string thrown(F&& f) {
  try {
    f();
  } catch (const limbic::Error& e) {
    return e.what();
  }
  return "";
}
