// gallery [FOLDER]: draws the plots of the gallery of losses and writes the tables of its page. FOLDER holds
// README.md, with a line <!-- gallery:NAME --> before and <!-- /gallery:NAME --> after each table; plots go
// to FOLDER/plots/. Default: examples/gallery of the sources that it was built from.
#include <gallery/plots.hpp>

#include <app/gnuplot.hpp>
#include <limbic/io/file.hpp>

#include <cmath>
#include <cstdio>
#include <filesystem>

namespace {

using namespace limbic;

constexpr int kPoints = 32;  // of a curve, less one

std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof text, std::fabs(v) < 5e-13 ? "0" : "%.3g", v);
  return text;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  std::string out;
  std::size_t begin = 0;
  for (auto at = text.find(from); at != text.npos; at = text.find(from, begin)) {
    out.append(text, begin, at - begin).append(to);
    begin = at + from.size();
  }
  text = out.append(text, begin);
}

// Without gnuplot's marks of points, empty groups and repeated styles: a third of the bytes.
std::string compact(std::string svg) {
  const std::string style =
      "fill=\"none\" color=\"black\" stroke=\"currentColor\" stroke-width=\"1.00\" stroke-linecap=\"round\" "
      "stroke-linejoin=\"round\"";
  const auto begin = svg.find("<defs>"), end = svg.find("</defs>");
  if (begin != svg.npos && end != svg.npos) svg.erase(begin, end + 7 - begin);
  replace_all(svg, "<g " + style + ">", "<g>");
  replace_all(svg, "\t", "");
  for (std::size_t size = 0; size != svg.size();) {
    size = svg.size();
    replace_all(svg, "\n\n", "\n");
    replace_all(svg, "<g>\n</g>\n", "");
    replace_all(svg, " \n", "\n");
    replace_all(svg, "  ", " ");
  }
  replace_all(svg, "fill=\"#ffffff\"/>", "fill=\"#ffffff\" stroke=\"none\"/>");
  replace_all(svg, ">\n<text>", "><text>");
  replace_all(svg, "</text>\n</g>", "</text></g>");
  replace_all(svg, "gnuplot_canvas\"", "gnuplot_canvas\" " + style);
  return svg;
}

std::string draw(const gallery::Curve& curve) {
  app::Gnuplot plot(
      {.title = "", .x = {.label = curve.moved}, .y = {.label = ""}, .width = 420, .height = 220});
  std::vector<std::vector<double>> rows;
  bool negative = false;
  for (int i = 0; i <= kPoints; ++i) {
    const double x = curve.far * i / kPoints;
    const gallery::Point p = curve.at(x);
    // Four digits are enough to draw with.
    const auto rounded = [](double v) { return std::strtod(number(v).c_str(), nullptr); };
    rows.push_back({x, rounded(p.value), rounded(p.gradient)});
    negative = negative || p.value < -1e-12;
  }
  plot.data("d", rows);
  plot.line("set border 11 lc rgb '#9aa4ae'")
      .line("set y2tics nomirror textcolor rgb '" + app::series_colour(1) + "'");
  plot.line("set ytics nomirror textcolor rgb '" + app::series_colour(0) + "'")
      .line("set xlabel offset 0,0.5");
  plot.line(negative ? "set yrange [*:*]" : "set yrange [0:*]").line("set y2range [0:*]");
  plot.line("set key above horizontal Left reverse samplen 2 spacing 1 width 2");
  if (negative) plot.line("set xzeroaxis lc rgb '#9aa4ae'");
  plot.line("plot $d using 1:2 axes x1y1 with lines lw 2 lc rgb '" + app::series_colour(0) +
            "' title 'value', $d using 1:3 axes x1y2 with lines lw 2 dt (6,4) lc rgb '" +
            app::series_colour(1) + "' title 'norm of the gradient (right)'");
  return compact(plot.svg()) + "\n";
}

std::string preset_table(const std::vector<gallery::Preset>& presets, const char* moved) {
  std::string out = std::string("| ") + moved;
  for (double step : gallery::kSteps) out += " | " + number(step);
  out += " |\n|---|";
  for (std::size_t i = 0; i < std::size(gallery::kSteps); ++i) out += "---|";
  out += "\n";
  for (const auto& p : presets) {
    out += "| " + p.name;
    for (const auto& point : p.points)
      out += " | " + number(point.value) + " (" + number(point.gradient) + ")";
    out += " |\n";
  }
  return out;
}

// Replaces what lies between the two lines of this name.
void fill(std::string& page, const std::string& path, const std::string& name, const std::string& text) {
  const std::string open = "<!-- gallery:" + name + " -->\n", close = "<!-- /gallery:" + name + " -->";
  const auto begin = page.find(open), end = page.find(close);
  if (begin == page.npos || end == page.npos || end < begin)
    fail("gallery", path, " must hold the lines ", open.substr(0, open.size() - 1), " and ", close);
  page = page.substr(0, begin + open.size()).append(text).append(page, end);
}

void run(const std::string& folder) {
  const std::string path = folder + "/README.md";
  const auto file = MappedFile::open(path);
  std::string page(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  const auto mean = gallery::presets_of_mean(), spread = gallery::presets_of_spread();
  fill(page, path, "mean", preset_table(mean, "shift of the mean"));
  fill(page, path, "spread", preset_table(spread, "growth of the deviation"));
  std::string options;
  for (const auto& p : mean) options += "- " + p.name + ": `" + p.options + "`\n";
  fill(page, path, "options", options);

  std::filesystem::create_directories(folder + "/plots");
  std::string values = "| plot | options | at 0 | half way | at the end |\n|---|---|---|---|---|\n";
  for (const gallery::Curve& curve : gallery::curves()) {
    std::fprintf(stderr, "%s\n", curve.name.c_str());
    write_file(folder + "/plots/" + curve.name + ".svg", draw(curve));
    values += "| " + curve.name + " | `" + curve.title + "`";
    for (double share : {0.0, 0.5, 1.0}) {
      const gallery::Point p = curve.at(curve.far * share);
      values += " | " + number(p.value) + " (" + number(p.gradient) + ")";
    }
    values += " |\n";
    if (page.find("plots/" + curve.name + ".svg") == page.npos)
      fail("gallery", path, " must show plots/", curve.name, ".svg");
  }
  fill(page, path, "values", values);
  write_file(path, page);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc > 2) fail("gallery", "one folder at most is expected; got ", argc - 1, " arguments");
    run(argc > 1 ? argv[1] : LIMBIC_SOURCE_DIR "/examples/gallery");
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "gallery: %s\n", e.what());
    return 1;
  }
}
