// A gnuplot script in the making, in the house style, and what comes of it: an SVG that can stand in an HTML
// page.
#pragma once

#include <app/plots.hpp>

#include <span>
#include <string>
#include <string_view>

namespace limbic::app {

// Muted colours that can be told apart by most people, for groups and series in their order.
std::string series_colour(std::size_t i);
// Colour at `share` in [0, 1] of the sequential scales, "#rrggbb".
std::string blue_scale(double share);
std::string heat_scale(double share);

class Gnuplot {
 public:
  // Terminal, fonts, axes, grid, title and labels of the frame; the ranges that it names.
  explicit Gnuplot(const Frame& frame);

  Gnuplot& line(std::string_view command);
  // A block of rows `name`; each row's numbers, those not finite as missing.
  Gnuplot& data(const std::string& name, const std::vector<std::vector<double>>& rows);
  // The colour scale of images, its range and label.
  Gnuplot& palette(std::string (*scale)(double), double low, double high, const std::string& label);
  // Text in single quotes.
  static std::string quote(std::string_view text);
  static std::string number(double value);

  // Runs gnuplot. Throws when it is missing, fails or writes no picture.
  std::string svg() const;

 private:
  Frame frame_;
  std::string script_;
};

}  // namespace limbic::app
