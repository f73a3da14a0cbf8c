// Names of element types in messages, as NumPy has them.
#pragma once

#include <cstdint>

namespace limbic {

// "float32", "float64", "int64", ...
template <class T>
inline constexpr const char* dtype_name = "unknown";
template <>
inline constexpr const char* dtype_name<float> = "float32";
template <>
inline constexpr const char* dtype_name<double> = "float64";
template <>
inline constexpr const char* dtype_name<std::int64_t> = "int64";
template <>
inline constexpr const char* dtype_name<std::int32_t> = "int32";
template <>
inline constexpr const char* dtype_name<std::uint8_t> = "uint8";
template <>
inline constexpr const char* dtype_name<bool> = "bool";

}  // namespace limbic
