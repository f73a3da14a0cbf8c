#include <app/gnuplot.hpp>

#include <app/html.hpp>
#include <app/process.hpp>
#include <app/run_folder.hpp>

#include <limbic/io/checkpoint.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace limbic::app {

namespace {

using Rgb = std::array<double, 3>;

template <std::size_t N>
std::string blend(const std::array<Rgb, N>& stops, double share) {
  const double at = std::clamp(std::isfinite(share) ? share : 0.0, 0.0, 1.0) * (N - 1);
  const std::size_t i = std::min(static_cast<std::size_t>(at), N - 2);
  const double f = at - static_cast<double>(i);
  char text[16];
  unsigned v[3];
  for (std::size_t c = 0; c < 3; ++c)
    v[c] = static_cast<unsigned>(std::lround(stops[i][c] + f * (stops[i + 1][c] - stops[i][c])));
  std::snprintf(text, sizeof text, "#%02x%02x%02x", v[0] & 255, v[1] & 255, v[2] & 255);
  return text;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

void remove_between(std::string& text, std::string_view open, std::string_view close) {
  for (auto at = text.find(open); at != text.npos; at = text.find(open, at)) {
    const auto end = text.find(close, at);
    if (end == text.npos) return;
    text.erase(at, end + close.size() - at);
  }
}

// Without what only a file of its own needs; ids are made unique, as many pictures stand in one page; fonts
// are the page's.
std::string embeddable(std::string svg, const Frame& frame) {
  const std::string token = "g" + Hash64().add(svg).text().substr(0, 10) + "-";
  const auto body = svg.find('>', svg.find("<svg"));
  svg.erase(0, body == svg.npos ? svg.size() : body + 1);
  remove_between(svg, "<title>", "</title>");
  remove_between(svg, "<desc>", "</desc>");
  remove_between(svg, "<filter", "</filter>");
  replace_all(svg, " id='", " id='" + token);
  replace_all(svg, " id=\"", " id=\"" + token);
  replace_all(svg, "href='#", "href='#" + token);
  replace_all(svg, "url(#", "url(#" + token);
  replace_all(svg, " font-family=\"Helvetica:Bold\"", " font-weight=\"600\"");
  replace_all(svg, " font-family=\"Helvetica\"", "");
  const std::string w = std::to_string(frame.width), h = std::to_string(frame.height);
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" viewBox=\"0 "
         "0 " +
         w + " " + h + "\" width=\"" + w + "\" height=\"" + h +
         "\" style=\"max-width:100%;height:auto\" role=\"img\" aria-label=\"" + escape_html(frame.title) +
         "\" font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', Helvetica, Arial, "
         "sans-serif\">" +
         svg;
}

}  // namespace

std::string series_colour(std::size_t i) {
  static constexpr const char* kColours[] = {"#3f6fa3", "#d08a3e", "#4f9a76", "#b6555a", "#7d6bab",
                                             "#8a7160", "#4ea3b3", "#c47aa5", "#7d8790", "#a3a13f"};
  return kColours[i % std::size(kColours)];
}

std::string blue_scale(double share) {
  return blend(
      std::array<Rgb, 5>{{{247, 249, 252}, {207, 222, 239}, {146, 182, 216}, {74, 130, 182}, {30, 72, 122}}},
      share);
}
std::string heat_scale(double share) {
  return blend(
      std::array<Rgb, 6>{
          {{252, 248, 238}, {249, 224, 168}, {240, 172, 100}, {214, 105, 72}, {150, 52, 82}, {68, 24, 74}}},
      share);
}

std::string Gnuplot::quote(std::string_view text) {
  std::string out = "'";
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) out += ' ';
    else if (c == '\'') out += "''";
    else out += c;
  }
  return out + "'";
}
std::string Gnuplot::number(double value) { return std::isfinite(value) ? number_text(value) : "NaN"; }

Gnuplot::Gnuplot(const Frame& frame) : frame_(frame) {
  line("set terminal svg size " + std::to_string(frame.width) + "," + std::to_string(frame.height) +
       " font 'Helvetica,12' noenhanced rounded background '#ffffff'");
  line("set encoding utf8");
  line("set border 3 lc rgb '#9aa4ae' lw 1");
  line("set tics nomirror out scale 0.5 textcolor rgb '#45505b'");
  line("set grid ytics back lc rgb '#e7eaee' lw 1 lt 1");
  line("set datafile missing 'NaN'");
  line(
      "set key outside right center vertical Left reverse samplen 1.4 spacing 1.25 width -2 textcolor rgb "
      "'#2c3640'");
  if (!frame.title.empty()) {
    line("set tmargin 2.6");
    line("set label 1000 " + quote(frame.title) +
         " at graph 0, graph 1 offset 0,1.1 left font 'Helvetica:Bold,13' textcolor rgb '#1f2830' front");
  }
  const auto axis = [&](const char* name, const Axis& a) {
    if (!a.label.empty())
      line(std::string("set ") + name + "label " + quote(a.label) + " textcolor rgb '#45505b'");
    if (a.low || a.high)
      line(std::string("set ") + name + "range [" + (a.low ? number(*a.low) : "*") + ":" +
           (a.high ? number(*a.high) : "*") + "]");
  };
  axis("x", frame.x);
  axis("y", frame.y);
}

Gnuplot& Gnuplot::line(std::string_view command) {
  script_.append(command).append("\n");
  return *this;
}

Gnuplot& Gnuplot::data(const std::string& name, const std::vector<std::vector<double>>& rows) {
  line("$" + name + " << EOD");
  for (const auto& row : rows) {
    std::string text;
    for (double v : row) text += (text.empty() ? "" : " ") + number(v);
    line(text);
  }
  return line("EOD");
}

Gnuplot& Gnuplot::palette(std::string (*scale)(double), double low, double high, const std::string& label) {
  std::string stops;
  for (int i = 0; i <= 10; ++i) stops += (i ? ", " : "") + number(0.1 * i) + " '" + scale(0.1 * i) + "'";
  line("set palette defined (" + stops + ") maxcolors 256");
  if (!(high > low)) high = low + 1;
  line("set cbrange [" + number(low) + ":" + number(high) + "]");
  line("set colorbox noborder");
  line("set cbtics scale 0 format '%.3g' textcolor rgb '#45505b'");
  line("set rmargin 13");
  return line("set cblabel " + quote(label) + " offset 1.2,0 textcolor rgb '#45505b'");
}

std::string Gnuplot::svg() const {
  ProcessResult result;
  try {
    result = run_process({"gnuplot", "-"}, script_);
  } catch (const Error& e) {
    fail("gnuplot", "the program gnuplot is needed for figures; ", e.what(),
         " (hint: apt-get install gnuplot-nox, or leave figures out with --no-figures)");
  }
  if (result.status != 0 || result.out.find("</svg>") == std::string::npos)
    fail("gnuplot", "figure '", frame_.title, "' could not be drawn (status ", result.status,
         "): ", result.errors.substr(0, 500));
  return embeddable(std::move(result.out), frame_);
}

}  // namespace limbic::app
