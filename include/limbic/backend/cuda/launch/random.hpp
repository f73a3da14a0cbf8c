// Launchers of random numbers and dropout: element i depends on the draw and i alone, and is bit for bit what
// the CPU makes of it (core/philox.hpp).
#pragma once

#include <cstdint>

namespace limbic::cuda {

// A draw: the key of the stream, and the first block of four words; where a graph is recorded, the device's
// count of its replays (launch/graph.hpp), each of which draws other numbers.
struct Draw {
  std::uint64_t key = 0, position = 0;
  const std::uint32_t* replay = nullptr;
};

// T = float or double.
template <class T>
void uniform_values(T* out, std::int64_t n, Draw draw, T low, T width, T last);
template <class T>
void normal_values(T* out, std::int64_t n, Draw draw, double mean, double std);
// T = float, double, std::int64_t or bool: whether word i is at most `last`.
template <class T>
void event_values(T* out, std::int64_t n, Draw draw, std::uint32_t last);
void integer_values(std::int64_t* out, std::int64_t n, Draw draw, std::uint64_t low, std::uint64_t range);

// y = scale x, but 0 where half a word (16 bits) is below the threshold.
template <class T>
void dropout(T* y, const T* x, std::int64_t n, Draw draw, std::uint32_t threshold, T scale);
// The same by rows of `length` elements: row r is 0 where word r is below the threshold.
template <class T>
void dropout_rows(T* y, const T* x, std::int64_t rows, std::int64_t length, Draw draw,
                  std::uint64_t threshold, T scale);

}  // namespace limbic::cuda
