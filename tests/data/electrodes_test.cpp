// The cap: names, grid and positions agree with one another.
#include <doctest/doctest.h>

#include <limbic/data/electrodes.hpp>

#include <set>
#include <utility>

#include "support/throws.hpp"

using namespace limbic;
using namespace limbic::data;

TEST_CASE("names and indices") {
  for (int i = 0; i < kElectrodes; ++i)
    CHECK(electrode_index(kElectrodeNames[static_cast<std::size_t>(i)]) == i);
  CHECK(electrode_index("Cz") == 27);
  CHECK(electrode_index("fpz") == 1);
  CHECK(electrode_index("PO8") == 56);
  CHECK(electrode_index("CB2") == 61);
  CHECK(thrown([] { (void)electrode_index("T3"); }).find("got 'T3'") != std::string::npos);
  CHECK(thrown([] { (void)electrode_index(""); }) != "");
}

TEST_CASE("the grid") {
  std::set<std::pair<int, int>> cells;
  for (const GridCell& c : kElectrodeGrid) {
    CHECK(c.row >= 0);
    CHECK(c.row < kGridSize);
    CHECK(c.column >= 0);
    CHECK(c.column < kGridSize);
    cells.insert({c.row, c.column});
  }
  CHECK(cells.size() == kElectrodes);
  const auto at = [](const char* name) {
    return kElectrodeGrid[static_cast<std::size_t>(electrode_index(name))];
  };
  CHECK(at("CZ").row == 4);
  CHECK(at("CZ").column == 4);
  CHECK(at("AF4").row == 1);
  CHECK(at("AF4").column == 5);
  CHECK(at("P8").row == 6);
  CHECK(at("P8").column == 8);
  CHECK(at("PO7").column == 1);
  CHECK(at("CB2").row == 8);
  CHECK(at("CB2").column == 6);
}

TEST_CASE("positions on the head") {
  const auto all = electrode_positions();
  const auto at = [&](const char* name) { return all[static_cast<std::size_t>(electrode_index(name))]; };
  const auto near = [](HeadPosition p, double x, double y) { return std::hypot(p.x - x, p.y - y) < 1e-12; };
  CHECK(near(at("CZ"), 0, 0));
  CHECK(near(at("FPZ"), 0, 0.8));
  CHECK(near(at("FZ"), 0, 0.4));
  CHECK(near(at("OZ"), 0, -0.8));
  CHECK(near(at("POZ"), 0, -0.6));
  CHECK(near(at("T8"), 0.8, 0));
  CHECK(near(at("C4"), 0.4, 0));
  CHECK(near(at("C1"), -0.2, 0));
  const double f = 0.8 * std::cos(54 * std::numbers::pi / 180),
               g = 0.8 * std::sin(54 * std::numbers::pi / 180);
  CHECK(near(at("F8"), g, f));
  CHECK(near(at("P7"), -g, -f));

  for (std::size_t i = 0; i < all.size(); ++i) {
    CAPTURE(kElectrodeNames[i]);
    CHECK(std::hypot(all[i].x, all[i].y) < 1);
    // Rows of the grid go from left to right; the same electrode on the other side is the mirror image.
    if (i > 0 && kElectrodeGrid[i].row == kElectrodeGrid[i - 1].row) CHECK(all[i].x > all[i - 1].x + 0.05);
    std::size_t mirrored = 0;
    for (std::size_t k = 0; k < all.size(); ++k)
      if (kElectrodeGrid[k].row == kElectrodeGrid[i].row &&
          kElectrodeGrid[k].column == 8 - kElectrodeGrid[i].column)
        mirrored = k;
    CHECK(near(all[mirrored], -all[i].x, all[i].y));
    for (std::size_t k = 0; k < i; ++k) CHECK(std::hypot(all[i].x - all[k].x, all[i].y - all[k].y) > 0.1);
  }
  // Columns go from front to back.
  for (std::size_t i = 5; i + 9 < 50; ++i) CHECK(all[i].y > all[i + 9].y);
}
