// Maps: values as colours in a plane.
#include <app/gnuplot.hpp>

#include <limbic/backend/cpu/eigh.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <numeric>

namespace limbic::app {

namespace {

std::pair<double, double> finite_range(const char* op, const std::vector<double>& values) {
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (double v : values)
    if (std::isfinite(v)) {
      low = std::min(low, v);
      high = std::max(high, v);
    }
  check(low <= high, op, "at least one finite value is needed; got none");
  return {low, high};
}

std::string tics(const std::vector<std::string>& names, int pixels, int needed) {
  const auto count = static_cast<int>(names.size());
  const std::size_t step =
      static_cast<std::size_t>(std::max(1, (count * needed + pixels - 1) / std::max(1, pixels)));
  std::string text = "(";
  for (std::size_t i = 0; i < names.size(); i += step)
    text += (i ? ", " : "") + Gnuplot::quote(names[i]) + " " + std::to_string(i);
  return text + ")";
}

// Weights w and offset c of the spline c + sum_j w_j g(|r - r_j|), g(d) = d^2 (ln d - 1), through the values:
// the smoothest surface in the sense of bending (Sandwell, Geophysical Research Letters 14, 1987).
class Spline {
 public:
  Spline(const std::vector<double>& x, const std::vector<double>& y, const std::vector<double>& values)
      : x_(x),
        y_(y),
        mean_(std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size())) {
    const auto n = static_cast<index_t>(x.size());
    Tensor<double> g = Tensor<double>::empty({n, n}), e = Tensor<double>::empty({n}),
                   v = Tensor<double>::empty({n, n});
    double* to = g.mutable_data();
    for (std::size_t i = 0; i < x.size(); ++i)
      for (std::size_t j = 0; j < x.size(); ++j) *to++ = green(x[i] - x[j], y[i] - y[j]);
    if (!eigh(Cpu{}, g, e, v)) fail("topography", "positions must be finite");
    const auto magnitude = e.to_vector();
    double largest = 0;
    for (double m : magnitude) largest = std::max(largest, std::abs(m));
    // The inverse without the directions that two electrodes in one place would blow up.
    spectral_function(Cpu{}, g, e, v, [&](double m) { return std::abs(m) > 1e-9 * largest ? 1 / m : 0.0; });
    weights_.assign(x.size(), 0.0);
    for (std::size_t i = 0; i < x.size(); ++i)
      for (std::size_t j = 0; j < x.size(); ++j)
        weights_[i] += g.data()[i * x.size() + j] * (values[j] - mean_);
  }
  double operator()(double x, double y) const {
    double sum = mean_;
    for (std::size_t i = 0; i < x_.size(); ++i) sum += weights_[i] * green(x - x_[i], y - y_[i]);
    return sum;
  }

 private:
  static double green(double dx, double dy) {
    const double square = dx * dx + dy * dy;
    return square > 0 ? square * (0.5 * std::log(square) - 1) : 0;
  }
  const std::vector<double>&x_, &y_;
  std::vector<double> weights_;
  double mean_;
};

}  // namespace

std::string confusion_map(const Frame& frame, const std::vector<std::string>& classes,
                          const Tensor<index_t>& counts) {
  const auto k = static_cast<index_t>(classes.size());
  if (k == 0 || counts.rank() != 2 || counts.size(0) != k || counts.size(1) != k)
    fail("confusion map", "counts (K, K) for K = ", k, " classes are needed; got ", counts.shape());
  Frame f = frame;
  if (f.x.label.empty()) f.x.label = "predicted";
  if (f.y.label.empty()) f.y.label = "true";
  Gnuplot g(f);
  g.line("unset grid").line("unset key").line("set border 0").line("set tics scale 0");
  const std::string last = Gnuplot::number(static_cast<double>(k) - 0.5);
  g.line("set xrange [-0.5:" + last + "]").line("set yrange [" + last + ":-0.5]");
  g.line("set xtics " + tics(classes, 1, 0))
      .line("set ytics " + tics(classes, 1, 0) + " rotate by 90 center offset 0.4,0");
  int tag = 1;
  for (index_t i = 0; i < k; ++i) {
    double total = 0;
    for (index_t j = 0; j < k; ++j) total += static_cast<double>(counts.at(i, j));
    for (index_t j = 0; j < k; ++j) {
      const double share = total > 0 ? static_cast<double>(counts.at(i, j)) / total : 0;
      const auto at = [](index_t v, double d) { return Gnuplot::number(static_cast<double>(v) + d); };
      g.line("set object " + std::to_string(tag) + " rectangle from " + at(j, -0.48) + "," + at(i, -0.48) +
             " to " + at(j, 0.48) + "," + at(i, 0.48) + " fc rgb '" + blue_scale(share) +
             "' fs solid noborder");
      char text[32];
      std::snprintf(text, sizeof text, "%.0f %%", 100 * share);
      const std::string ink = share > 0.55 ? "'#ffffff'" : "'#26303a'";
      const std::string place = at(j, 0) + "," + at(i, 0);
      g.line("set label " + std::to_string(2 * tag - 1) + " '" + text + "' at " + place +
             " center offset 0,0.35 font 'Helvetica:Bold,13' textcolor rgb " + ink + " front");
      g.line("set label " + std::to_string(2 * tag) + " '" + std::to_string(counts.at(i, j)) + "' at " +
             place + " center offset 0,-0.6 font 'Helvetica,10' textcolor rgb " + ink + " front");
      ++tag;
    }
  }
  return g.line("plot NaN notitle").svg();
}

std::string matrix_map(const Frame& frame, const Tensor<double>& values, const std::vector<std::string>& rows,
                       const std::vector<std::string>& columns, const std::string& scale_label) {
  if (values.rank() != 2 || values.numel() == 0 || values.size(0) != static_cast<index_t>(rows.size()) ||
      values.size(1) != static_cast<index_t>(columns.size()))
    fail("matrix map", "values (", rows.size(), ", ", columns.size(), ") are needed for these names; got ",
         values.shape());
  Gnuplot g(frame);
  const auto flat = values.to_vector();
  const auto [low, high] = finite_range("matrix map", flat);
  g.palette(heat_scale, low, high, scale_label);
  std::vector<std::vector<double>> data;
  for (std::size_t i = 0; i < rows.size(); ++i)
    data.emplace_back(flat.begin() + static_cast<std::ptrdiff_t>(i * columns.size()),
                      flat.begin() + static_cast<std::ptrdiff_t>((i + 1) * columns.size()));
  std::size_t longest = 0;
  for (const auto& name : columns) longest = std::max(longest, name.size());
  g.line("set bmargin " + Gnuplot::number(1.5 + 0.4 * static_cast<double>(longest)));
  g.data("m", data).line("unset grid").line("unset key").line("set border 0").line("set tics scale 0");
  g.line("set xtics " + tics(columns, frame.width - 180, 13) + " rotate by 90 right font 'Helvetica,10'");
  g.line("set ytics " + tics(rows, frame.height - 90, 12) + " font 'Helvetica,10'");
  g.line("set xrange [-0.5:" + Gnuplot::number(static_cast<double>(columns.size()) - 0.5) + "]");
  g.line("set yrange [" + Gnuplot::number(static_cast<double>(rows.size()) - 0.5) + ":-0.5]");
  std::string svg = g.line("plot $m matrix with image notitle").svg();
  // Cells have edges: no smoothing between them.
  for (auto at = svg.find("<image "); at != svg.npos; at = svg.find("<image ", at + 40))
    svg.insert(at + 7, "style='image-rendering:pixelated' ");
  return svg;
}

std::string topography(const Frame& frame, const Tensor<double>& positions, const std::vector<double>& values,
                       const std::vector<std::string>& names, const std::string& scale_label,
                       index_t labelled) {
  const std::size_t n = values.size();
  if (n < 3 || positions.rank() != 2 || positions.size(0) != static_cast<index_t>(n) ||
      positions.size(1) != 2)
    fail("topography", "positions (N, 2) and N values, at least 3, are needed; got ", positions.shape(),
         " and ", n);
  check(names.empty() || names.size() == n, "topography", "a name for each of the ", n,
        " electrodes or none are needed; got ", names.size());
  std::vector<double> x(n), y(n);
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = positions.at(static_cast<index_t>(i), 0);
    y[i] = positions.at(static_cast<index_t>(i), 1);
    check(std::isfinite(values[i]), "topography", "values must be finite; got ", values[i], " at electrode ",
          i);
  }
  const auto [low, high] = finite_range("topography", values);
  const Spline surface(x, y, values);

  constexpr int kPoints = 90;      // a side of the grid
  constexpr double kReach = 1.04;  // radius to which the surface is drawn: hidden beneath the outline
  std::vector<std::vector<double>> grid;
  for (int i = 0; i < kPoints; ++i)
    for (int j = 0; j < kPoints; ++j) {
      const double px = kReach * (2.0 * j / (kPoints - 1) - 1), py = kReach * (2.0 * i / (kPoints - 1) - 1);
      const bool inside = px * px + py * py <= kReach * kReach;
      grid.push_back({px, py, inside ? std::clamp(surface(px, py), low, high) : std::nan("")});
    }
  std::vector<std::vector<double>> ring, nose{{-0.16, 1.01}, {0, 1.16}, {0.16, 1.01}}, dots;
  for (int i = 0; i <= 180; ++i) {
    const double a = 2 * std::numbers::pi * i / 180;
    ring.push_back({std::cos(a), std::sin(a)});
  }
  for (std::size_t i = 0; i < n; ++i) dots.push_back({x[i], y[i]});
  const auto ear = [](double side) {
    std::vector<std::vector<double>> points;
    for (int i = 0; i <= 20; ++i) {
      const double a = std::numbers::pi * (i / 20.0 - 0.5);
      points.push_back({side * (1.0 + 0.09 * std::cos(a)), 0.2 * std::sin(a)});
    }
    return points;
  };

  Frame f = frame;
  f.x.label = f.y.label = "";
  Gnuplot g(f);
  g.palette(heat_scale, low, high, scale_label);
  g.data("z", grid)
      .data("ring", ring)
      .data("nose", nose)
      .data("dots", dots)
      .data("left", ear(-1))
      .data("right", ear(1));
  g.line("unset grid").line("unset key").line("unset border").line("unset xtics").line("unset ytics");
  g.line("set datafile missing '?'");  // a cell that is not a number is clear, but it is there
  g.line("set size ratio -1").line("set xrange [-1.22:1.22]").line("set yrange [-1.14:1.22]");
  g.line("set lmargin 1").line("set bmargin 1");
  // Out from the outline a white band covers the steps of the grid's edge.
  const double per_unit = std::min((frame.width - 90) / 2.44, (frame.height - 40) / 2.36);
  std::vector<std::vector<double>> cover;
  for (const auto& p : ring) cover.push_back({1.055 * p[0], 1.055 * p[1]});
  g.data("cover", cover);
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return values[a] != values[b] ? values[a] > values[b] : a < b;
  });
  // The largest first; one whose label would lie on another's goes without.
  constexpr double kApart = 0.24;
  std::vector<std::size_t> shown;
  for (std::size_t i = 0; i < names.size() && static_cast<index_t>(shown.size()) < labelled; ++i) {
    const std::size_t e = order[i];
    if (std::ranges::any_of(shown, [&](std::size_t o) {
          return std::abs(x[e] - x[o]) < kApart && std::abs(y[e] - y[o]) < 0.5 * kApart;
        }))
      continue;
    shown.push_back(e);
    g.line("set label " + std::to_string(shown.size()) + " " + Gnuplot::quote(names[e]) + " at " +
           Gnuplot::number(x[e]) + "," + Gnuplot::number(y[e]) +
           " center offset 0,0.65 font 'Helvetica:Bold,10' textcolor rgb '" +
           (values[e] - low > 0.5 * (high - low) ? "#ffffff" : "#1f2830") + "' front");
  }
  const std::string ink = "lw 2 lc rgb '#3a444e' notitle";
  g.line("plot $z using 1:2:3 with image notitle, $cover with lines lw " + Gnuplot::number(0.11 * per_unit) +
         " lc rgb '#ffffff' notitle, $ring with lines " + ink + ", $nose with lines " + ink +
         ", $left with lines " + ink + ", $right with lines " + ink +
         ", $dots with points pt 7 ps 0.25 lc rgb '#3a444e' notitle");
  return g.svg();
}

}  // namespace limbic::app
