// Figures for the report, drawn by gnuplot as SVG (a text that stands inside HTML and scales to its column).
//
// Every function throws limbic::Error when gnuplot is missing or fails, or when the data do not fit together.
// Texts are drawn as they are: markup in them has no effect.
#pragma once

#include <limbic/core/tensor.hpp>

#include <optional>
#include <string>
#include <vector>

namespace limbic::app {

struct Axis {
  std::string label{};
  std::optional<double> low{}, high{};  // else from the data
};
struct Frame {
  std::string title{};
  Axis x{}, y{};
  int width = 510, height = 330;  // pixels at natural size
};

// y over x; `low` and `high`, when given, are the edges of a band.
struct Series {
  std::string name;
  std::vector<double> x{}, y{}, low{}, high{};
  bool dashed = false;
};
std::string line_chart(const Frame& frame, const std::vector<Series>& series);
// The same, series stacked on one another and filled; all must have the same x.
std::string area_chart(const Frame& frame, const std::vector<Series>& series);

// counts (K, K): row = truth, column = prediction. Cells are shaded by share of their row and show count and
// share.
std::string confusion_map(const Frame& frame, const std::vector<std::string>& classes,
                          const Tensor<index_t>& counts);

// values (R, C) as colours. Names stand along the axes, every n-th where they would touch.
std::string matrix_map(const Frame& frame, const Tensor<double>& values, const std::vector<std::string>& rows,
                       const std::vector<std::string>& columns, const std::string& scale_label);

// points (N, 2) coloured by group; group 0 .. names - 1. The last groups may be anchors of the first ones:
// diamonds in their colours.
std::string scatter_plot(const Frame& frame, const Tensor<float>& points, const std::vector<index_t>& group,
                         const std::vector<std::string>& names, std::size_t anchors = 0);

// The values of each group as dots in a column, with their mean and its deviation as a bar beside them.
struct Strip {
  std::string name;
  std::vector<double> values;
};
std::string strip_chart(const Frame& frame, const std::vector<Strip>& strips);

// A head seen from above, nose upwards: values at electrodes, interpolated by biharmonic splines (Sandwell
// 1987). positions (N, 2): x to the right ear, y to the nose, the head's outline at radius 1. `names` (N or
// none) label the `labelled` electrodes of largest value.
std::string topography(const Frame& frame, const Tensor<double>& positions, const std::vector<double>& values,
                       const std::vector<std::string>& names, const std::string& scale_label,
                       index_t labelled = 4);

}  // namespace limbic::app
