// One self-contained HTML page: text, tables and figures; no scripts, no other files, light and dark.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace limbic::app {

// Text as HTML shows it literally: & < > " ' replaced; bytes that are not UTF-8 become U+FFFD.
std::string escape_html(std::string_view text);

struct Cell {
  std::string text;
  std::string detail;   // smaller, beneath
  bool number = false;  // right-aligned
  bool strong = false;
};
struct HtmlTable {
  std::vector<std::string> columns;
  std::vector<std::vector<Cell>> rows;  // one cell a column
  std::string caption;
};
struct Figure {
  std::string svg;
  std::string caption;
};

// Parts appear in the order of the calls. All texts are escaped; `svg` is trusted.
class HtmlPage {
 public:
  HtmlPage(std::string title, std::string subtitle);

  void banner(const std::string& text);  // above everything, in a colour of warning
  void section(const std::string& title, const std::string& text = "");  // listed in the contents
  void heading(const std::string& title, const std::string& text = "");  // within a section
  void paragraph(const std::string& text);
  void list(const std::vector<std::string>& items);
  void table(const HtmlTable& table);
  void facts(const std::vector<std::pair<std::string, std::string>>& name_value);
  // Side by side where the window is wide enough.
  void figures(const std::vector<Figure>& figures);
  // Shut until it is clicked; what is added until close_details() lies in it.
  void open_details(const std::string& summary);
  void close_details();
  void footer(const std::string& text);

  std::string text() const;

 private:
  std::string title_, subtitle_, banner_, body_, footer_;
  std::vector<std::string> sections_;
};

}  // namespace limbic::app
