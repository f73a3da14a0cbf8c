// Charts: lines, areas, points, strips. Maps are in maps.cpp.
#include <app/gnuplot.hpp>
#include <app/statistics.hpp>

#include <algorithm>
#include <cmath>

namespace limbic::app {

namespace {

// Beneath the axis: names may be long, and the plot keeps its width.
constexpr const char* kKeyBelow =
    "set key outside bottom center horizontal Left reverse samplen 1.4 spacing 1.2 width 1";

using Rows = std::vector<std::vector<double>>;

std::string colour(std::size_t i) { return "lc rgb '" + series_colour(i) + "'"; }

void check_series(const char* op, const std::vector<Series>& series) {
  check(!series.empty(), op, "at least one series is needed; got none");
  for (const Series& s : series) {
    if (s.x.size() != s.y.size() || s.x.empty())
      fail(op, "series '", s.name, "' must have as many x as y, at least one; got ", s.x.size(), " and ",
           s.y.size());
    if (s.low.size() != s.high.size() || (!s.low.empty() && s.low.size() != s.x.size()))
      fail(op, "the band of series '", s.name, "' must have ", s.x.size(), " edges below and above; got ",
           s.low.size(), " and ", s.high.size());
  }
}

// gnuplot draws nothing, and fails, when no point is finite.
void check_some_finite(const char* op, const std::vector<double>& values) {
  for (double v : values)
    if (std::isfinite(v)) return;
  fail(op, "at least one finite value is needed; got none");
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text = "plot ";
  for (std::size_t i = 0; i < parts.size(); ++i) text += (i ? ", " : "") + parts[i];
  return text;
}

}  // namespace

std::string line_chart(const Frame& frame, const std::vector<Series>& series) {
  check_series("line chart", series);
  Gnuplot g(frame);
  g.line(kKeyBelow).line("set xlabel offset 0,0.5");
  std::vector<std::string> bands, lines;
  std::vector<double> all;
  for (std::size_t i = 0; i < series.size(); ++i) {
    const Series& s = series[i];
    Rows rows;
    for (std::size_t k = 0; k < s.x.size(); ++k) {
      rows.push_back({s.x[k], s.y[k]});
      if (!s.low.empty()) rows.back().insert(rows.back().end(), {s.low[k], s.high[k]});
      all.push_back(s.y[k]);
    }
    const std::string name = "$s" + std::to_string(i);
    g.data(name.substr(1), rows);
    if (!s.low.empty())
      bands.push_back(name + " using 1:3:4 with filledcurves fs transparent solid 0.16 noborder " +
                      colour(i) + " notitle");
    const std::string style = s.x.size() < 3 ? " with linespoints pt 7 ps 0.5 lw 2 " : " with lines lw 2 ";
    lines.push_back(name + " using 1:2" + style + colour(i) + (s.dashed ? " dt (6,4)" : "") + " title " +
                    Gnuplot::quote(s.name));
  }
  check_some_finite("line chart", all);
  if (series.size() == 1 && series[0].name.empty()) g.line("unset key");
  bands.insert(bands.end(), lines.begin(), lines.end());
  return g.line(joined(bands)).svg();
}

std::string area_chart(const Frame& frame, const std::vector<Series>& series) {
  check_series("area chart", series);
  Gnuplot g(frame);
  g.line(kKeyBelow).line("set xlabel offset 0,0.5");
  const auto& x = series[0].x;
  Rows rows(x.size());
  for (std::size_t k = 0; k < x.size(); ++k) rows[k] = {x[k], 0.0};
  std::vector<double> all;
  for (const Series& s : series) {
    if (s.x != x) fail("area chart", "all series must have the x of the first; '", s.name, "' has others");
    for (std::size_t k = 0; k < x.size(); ++k) {
      const double y = std::isfinite(s.y[k]) ? s.y[k] : 0.0;
      rows[k].push_back(rows[k].back() + y);
      all.push_back(y);
    }
  }
  // A single epoch is drawn as a narrow step.
  if (rows.size() == 1) {
    rows.push_back(rows[0]);
    rows[0][0] -= 0.5;
    rows[1][0] += 0.5;
  }
  g.data("s", rows);
  g.line("set border 3 front")
      .line("set xrange [" + Gnuplot::number(rows.front()[0]) + ":" + Gnuplot::number(rows.back()[0]) + "]");
  std::vector<std::string> parts;
  for (std::size_t i = series.size(); i-- > 0;) {  // the key's order is that of the layers, from above
    const std::string columns = std::to_string(i + 2) + ":" + std::to_string(i + 3);
    parts.push_back("$s using 1:" + columns + " with filledcurves fs solid 0.82 noborder " + colour(i) +
                    " title " + Gnuplot::quote(series[i].name));
  }
  return g.line(joined(parts)).svg();
}

std::string scatter_plot(const Frame& frame, const Tensor<float>& points, const std::vector<index_t>& group,
                         const std::vector<std::string>& names, std::size_t anchors) {
  if (points.rank() != 2 || points.size(1) != 2 || points.size(0) != static_cast<index_t>(group.size()) ||
      group.empty())
    fail("scatter plot", "points (N, 2), N at least 1, and a group for each are needed; got ", points.shape(),
         " and ", group.size());
  Gnuplot g(frame);
  std::vector<Rows> rows(names.size());
  const auto flat = points.to_vector();
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (group[i] < 0 || static_cast<std::size_t>(group[i]) >= names.size())
      fail("scatter plot", "groups must be in [0, ", names.size(), "); got ", group[i]);
    rows[static_cast<std::size_t>(group[i])].push_back(
        {static_cast<double>(flat[2 * i]), static_cast<double>(flat[2 * i + 1])});
  }
  check_some_finite("scatter plot", {flat.begin(), flat.end()});
  // The axes of an embedding mean nothing: no tics, one scale.
  g.line("unset tics")
      .line("unset grid")
      .line("set border 15 lc rgb '#d8dde2'")
      .line("set offsets graph 0.04, graph 0.04, graph 0.04, graph 0.04");
  std::vector<std::string> parts, keys;
  const std::string size = group.size() > 800 ? "0.36" : "0.55";
  const std::size_t first_anchor = names.size() - std::min(anchors, names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (rows[i].empty()) continue;
    const std::string name = "$s" + std::to_string(i);
    g.data(name.substr(1), rows[i]);
    const bool anchor = i >= first_anchor;
    const std::size_t hue = anchor ? i - first_anchor : i;
    // Points are a quarter transparent; anchors are open diamonds.
    parts.push_back(name + " using 1:2 with points " +
                    (anchor ? "pt 12 ps 0.9 lw 1.2 " + colour(hue)
                            : "pt 7 ps " + size + " lc rgb '#40" + series_colour(hue).substr(1) + "'") +
                    " notitle");
    keys.push_back(std::string("NaN with points ") + (anchor ? "pt 12 ps 0.9 lw 1.2 " : "pt 7 ps 0.7 ") +
                   colour(hue) + " title " + Gnuplot::quote(names[i]));
  }
  parts.insert(parts.end(), keys.begin(), keys.end());
  return g.line(joined(parts)).svg();
}

std::string strip_chart(const Frame& frame, const std::vector<Strip>& strips) {
  check(!strips.empty(), "strip chart", "at least one group is needed; got none");
  Gnuplot g(frame);
  std::string tics = "set xtics scale 0 (";
  std::vector<std::string> parts;
  std::vector<double> all;
  std::size_t longest = 0;
  for (std::size_t i = 0; i < strips.size(); ++i) {
    const Strip& s = strips[i];
    if (s.values.empty()) fail("strip chart", "group '", s.name, "' must have values; got none");
    const double x = static_cast<double>(i);
    const double mean = mean_of(s.values), deviation = deviation_of(s.values);
    Rows dots;
    // Dots stand side by side in the order of the folds: the same place is the same fold in every column.
    for (std::size_t k = 0; k < s.values.size(); ++k) {
      const double place =
          s.values.size() > 1 ? static_cast<double>(k) / static_cast<double>(s.values.size() - 1) - 0.5 : 0.0;
      dots.push_back({x + 0.36 * place, s.values[k]});
      all.push_back(s.values[k]);
    }
    const std::string n = std::to_string(i);
    g.data("d" + n, dots).data("m" + n, {{x, mean, deviation}});
    parts.push_back("$d" + n + " using 1:2 with points pt 7 ps 0.5 lc rgb '#70" + series_colour(i).substr(1) +
                    "' notitle");
    parts.push_back("$m" + n + " using 1:2:3 with yerrorbars pt 7 ps 0.9 lw 2 " + colour(i) + " notitle");
    tics += (i ? ", " : "") + Gnuplot::quote(s.name) + " " + n;
    longest = std::max(longest, s.name.size());
  }
  check_some_finite("strip chart", all);
  g.line(tics + ")" +
         (longest * strips.size() * 7 > static_cast<std::size_t>(frame.width - 80) ? " rotate by -25 left"
                                                                                   : ""));
  g.line("set xrange [-0.6:" + Gnuplot::number(static_cast<double>(strips.size()) - 0.4) + "]")
      .line("unset key");
  g.line("set bars 0.6");
  return g.line(joined(parts)).svg();
}

}  // namespace limbic::app
