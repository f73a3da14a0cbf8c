// What the gallery of losses shows: every loss and the norm of its gradient as two batches move apart.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace gallery {

struct Point {
  double value, gradient;  // the norm of the gradient of what moves
};

// One plot.
struct Curve {
  std::string name;   // of the file
  std::string title;  // the loss with its options
  std::string moved;  // what the horizontal axis counts
  double far;         // its end; it begins at 0
  std::function<Point(double)> at;
};

// All of them, on batches drawn from fixed streams.
std::vector<Curve> curves();

// Named forms of MMD and CORAL on the same two batches: name with options, and the value at each of kSteps.
struct Preset {
  std::string name, options;
  std::vector<Point> points;
};
inline constexpr double kSteps[] = {0, 0.5, 1, 2, 4};
std::vector<Preset> presets_of_mean();    // the target's mean moves by so many standard deviations
std::vector<Preset> presets_of_spread();  // the target's standard deviation grows by so many

}  // namespace gallery
