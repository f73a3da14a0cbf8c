// The 62 electrodes of SEED and SEED-IV: names in the order of the files, their place on a 9 x 9 grid, and
// their place on the head seen from above.
//
// The cap follows the extended 10-20 system (10 %: Chatrian et al. 1985, American EEG Society 1991).
// Positions are made from its definition on a sphere, angles in steps of a tenth of the half circumference,
// 18 degrees:
//   - the midline from nasion to inion passes FPZ at 10 %, then AFZ, FZ, FCZ, CZ (the top), CPZ, PZ, POZ, OZ
//     at 90 %;
//   - the ring at 10 % above the line nasion - ears - inion carries FPZ, FP1, AF7, F7, FT7, T7, TP7, P7, PO7,
//     O1, OZ, one every 18 degrees, and the same on the right with even numbers;
//   - a coronal row (F, FC, C, CP, P) is the circle through its electrodes on the left ring, the midline and
//     the right ring; its electrodes (7 5 3 1 z 2 4 6 8) divide it into eight equal arcs. AF and PO likewise,
//     where the cap has PO5 (3/4 of the way from the midline to PO7) and AF3 (half of it). CB1 and CB2 lie
//     beyond the ring, below PO7 and PO8.
// The head from above: a point at the angle t from the top is drawn at the distance t / 90 degrees from the
// middle, so that the unit circle is the head's rim, the ring lies at 0.8 and CB1 and CB2 lie at 0.98.
#pragma once

#include <limbic/core/error.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>

namespace limbic::data {

// Channels of the cap.
inline constexpr int kElectrodes = 62;

// In the order of the channels of the files.
inline constexpr std::array<const char*, kElectrodes> kElectrodeNames = {
    "FP1", "FPZ", "FP2", "AF3", "AF4",                              //
    "F7",  "F5",  "F3",  "F1",  "FZ",  "F2",  "F4",  "F6",  "F8",   //
    "FT7", "FC5", "FC3", "FC1", "FCZ", "FC2", "FC4", "FC6", "FT8",  //
    "T7",  "C5",  "C3",  "C1",  "CZ",  "C2",  "C4",  "C6",  "T8",   //
    "TP7", "CP5", "CP3", "CP1", "CPZ", "CP2", "CP4", "CP6", "TP8",  //
    "P7",  "P5",  "P3",  "P1",  "PZ",  "P2",  "P4",  "P6",  "P8",   //
    "PO7", "PO5", "PO3", "POZ", "PO4", "PO6", "PO8",                //
    "CB1", "O1",  "OZ",  "O2",  "CB2"};

// The index of an electrode, in upper or lower case ("Cz"). Throws when the cap has none of that name.
inline int electrode_index(std::string_view name) {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; };
  for (int i = 0; i < kElectrodes; ++i) {
    const std::string_view known = kElectrodeNames[static_cast<std::size_t>(i)];
    if (std::equal(name.begin(), name.end(), known.begin(), known.end(),
                   [&](char a, char b) { return upper(a) == b; }))
      return i;
  }
  fail("electrodes", "a name of the 62-channel cap is needed, such as CZ; got '", name.substr(0, 40), "'");
}

// Rows and columns of the grid, and a place on it.
inline constexpr int kGridSize = 9;

struct GridCell {
  int row = 0, column = 0;  // row 0 is the front, column 0 the left
};

// Where the electrodes lie on the 9 x 9 grid; the other 19 cells are empty.
inline constexpr std::array<GridCell, kElectrodes> kElectrodeGrid = [] {
  std::array<GridCell, kElectrodes> cells{};
  std::size_t i = 0;
  const auto run = [&](int row, int first, int last) {
    for (int column = first; column <= last; ++column) cells[i++] = {row, column};
  };
  run(0, 3, 5);
  run(1, 3, 3);
  run(1, 5, 5);
  for (int row = 2; row <= 6; ++row) run(row, 0, 8);
  run(7, 1, 7);
  run(8, 2, 6);
  return cells;
}();

// Seen from above, the nose up: x to the right, y to the front, the head's rim at distance 1.
struct HeadPosition {
  double x = 0, y = 0;
};

namespace detail {

struct Direction {
  double x = 0, y = 0, z = 0;  // right, front, up; of length 1
};
// The point on the ring at 10 %, `degrees` from the front towards the right.
inline Direction on_ring(double degrees) {
  const double a = degrees * std::numbers::pi / 180, up = 18 * std::numbers::pi / 180;
  return {std::sin(a) * std::cos(up), std::cos(a) * std::cos(up), std::sin(up)};
}
// The point on the midline, `degrees` from the top towards the front.
inline Direction on_midline(double degrees) {
  const double a = degrees * std::numbers::pi / 180;
  return {0, std::sin(a), std::cos(a)};
}
// The point at `part` (0 middle, 1 right end, -1 left end) of the arc through the mirror image of `end`,
// `middle` and `end`. That arc lies in a plane that holds the x axis's direction; its circle's centre lies in
// x = 0.
inline Direction on_row(const Direction& middle, const Direction& end, double part) {
  // In the plane of the circle: u to the right, w from the chord's middle towards `middle`.
  const double wy = middle.y - end.y, wz = middle.z - end.z, height = std::sqrt(wy * wy + wz * wz),
               half = end.x;
  const double radius = (half * half + height * height) / (2 * height);
  const double whole =
      height <= radius ? std::asin(half / radius) : std::numbers::pi - std::asin(half / radius);
  const double x = radius * std::sin(part * whole), down = radius * (1 - std::cos(part * whole)) / height;
  return {x, middle.y - wy * down, middle.z - wz * down};
}
inline HeadPosition from_above(const Direction& d) {
  const double across = std::sqrt(d.x * d.x + d.y * d.y),
               angle = std::atan2(across, d.z) / (std::numbers::pi / 2);
  return across > 0 ? HeadPosition{d.x / across * angle, d.y / across * angle} : HeadPosition{};
}

}  // namespace detail

// Of all electrodes, in the order of kElectrodeNames.
inline std::array<HeadPosition, kElectrodes> electrode_positions() {
  using namespace detail;
  std::array<HeadPosition, kElectrodes> out{};
  std::size_t i = 0;
  const auto put = [&](const Direction& d) { out[i++] = from_above(d); };
  // A row: its place on the midline, its end on the ring, and how far out its electrodes lie, in eighths of
  // the row.
  const auto row = [&](double midline, double ring, int first, int last) {
    for (int k = first; k <= last; ++k) put(on_row(on_midline(midline), on_ring(ring), k / 4.0));
  };
  put(on_ring(-18)), put(on_ring(0)), put(on_ring(18));
  put(on_row(on_midline(54), on_ring(36), -0.5)), put(on_row(on_midline(54), on_ring(36), 0.5));
  for (int k = 2; k >= -2; --k) row(18 * k, 90 - 18 * k, -4, 4);
  for (double part : {-1.0, -0.75, -0.5, 0.0, 0.5, 0.75, 1.0})
    put(on_row(on_midline(-54), on_ring(144), part));
  const auto below = [&](double degrees) {
    const Direction d = on_ring(degrees);
    const HeadPosition p = from_above(d);
    out[i++] = {p.x * 0.98 / 0.8, p.y * 0.98 / 0.8};
  };
  below(-153), put(on_ring(-162)), put(on_ring(180)), put(on_ring(162)), below(153);
  return out;
}

}  // namespace limbic::data
