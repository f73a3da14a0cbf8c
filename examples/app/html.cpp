#include <app/html.hpp>

#include <limbic/core/error.hpp>

namespace limbic::app {

namespace {

constexpr const char* kStyle = R"(
:root { --ink: #1f2830; --soft: #5b6873; --line: #dfe4e9; --page: #f6f7f9; --card: #ffffff; --accent: #2f639b;
  --warn-ink: #6b4300; --warn: #fdf0d3; --warn-line: #e9c46a; --strong: #eef3f9; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --soft: #9aa7b3; --line: #333c45; --page: #15191d;
  --card: #1d2329; --accent: #86b3e0; --warn-ink: #f5dda6; --warn: #3a2f14; --warn-line: #7d6425; --strong: #233040; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto,
  "DejaVu Sans", Helvetica, Arial, sans-serif; }
main, header, nav, footer { max-width: 1180px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 40px; }
h1 { font-size: 30px; line-height: 1.2; letter-spacing: -.01em; margin: 0 0 6px; }
h2 { font-size: 21px; line-height: 1.3; margin: 0 0 8px; }
h3 { font-size: 16px; margin: 26px 0 6px; }
p { margin: 0 0 12px; max-width: 76ch; }
header p, .caption, .detail { color: var(--soft); }
nav { margin-top: 14px; font-size: 14px; display: flex; flex-wrap: wrap; gap: 6px 18px; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
.banner { background: var(--warn); color: var(--warn-ink); border-bottom: 1px solid var(--warn-line); padding: 12px 24px;
  font-weight: 600; text-align: center; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 22px 24px; margin: 22px 0; }
.scroll { overflow-x: auto; margin: 8px 0 14px; }
table { border-collapse: collapse; font-size: 14.5px; font-variant-numeric: tabular-nums; min-width: 50%; }
th { text-align: left; color: var(--soft); font-weight: 600; font-size: 13px; border-bottom: 2px solid var(--line);
  padding: 6px 12px 6px 8px; vertical-align: bottom; }
td { padding: 7px 12px 7px 8px; border-bottom: 1px solid var(--line); vertical-align: top; }
th.number, td.number { text-align: right; }
td.number, td:first-child { white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
td.strong { font-weight: 650; }
.detail { display: block; font-size: 12.5px; font-weight: 400; white-space: normal; min-width: 19ch; }
.caption { font-size: 13.5px; margin: 0 0 8px; max-width: 92ch; }
.figures { display: flex; flex-wrap: wrap; gap: 18px; margin: 10px 0 6px; align-items: flex-start; }
figure { margin: 0; max-width: 100%; }
figure .paper { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 8px; max-width: 100%; }
figure svg { display: block; }
figcaption { color: var(--soft); font-size: 13.5px; margin-top: 6px; width: 0; min-width: 100%; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 6px 22px; margin: 8px 0 12px; font-size: 14.5px; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
details { margin: 10px 0; }
summary { cursor: pointer; color: var(--accent); font-size: 14.5px; }
ul { margin: 4px 0 12px; padding-left: 22px; }
footer { color: var(--soft); font-size: 13px; padding-bottom: 40px; }
@media (max-width: 640px) { main, header, nav, footer { padding: 0 14px; } header { padding-top: 28px; }
  section { padding: 16px 14px; }
  dl { grid-template-columns: 1fr; gap: 0 0; } dd { margin-bottom: 8px; } }
@media print { body { background: #fff; } section { break-inside: avoid-page; border: 0; padding: 0; } }
)";

// Length of the UTF-8 sequence at the start of s; 0 when it is none.
std::size_t sequence(std::string_view s) {
  const auto at = [&](std::size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0u; };
  const unsigned c = at(0);
  const std::size_t n = c < 0x80                ? 1
                        : c >= 0xc2 && c < 0xe0 ? 2
                        : c >= 0xe0 && c < 0xf0 ? 3
                        : c >= 0xf0 && c < 0xf5 ? 4
                                                : 0;
  for (std::size_t i = 1; i < n; ++i)
    if ((at(i) & 0xc0) != 0x80) return 0;
  if ((c == 0xe0 && at(1) < 0xa0) || (c == 0xed && at(1) >= 0xa0) || (c == 0xf0 && at(1) < 0x90) ||
      (c == 0xf4 && at(1) >= 0x90))
    return 0;
  return n;
}

std::string tag(std::string_view name, std::string_view text, std::string_view classes = "") {
  std::string out = "<";
  out.append(name);
  if (!classes.empty()) out.append(" class=\"").append(classes).append("\"");
  return out.append(">").append(escape_html(text)).append("</").append(name).append(">");
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t n = sequence(text);
    const char c = text[0];
    if (n == 0) out += "\xef\xbf\xbd";
    else if (n > 1) out.append(text.substr(0, n));
    else if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else if (c == '\'') out += "&#39;";
    else if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') out += c;
    else out += "\xef\xbf\xbd";
    text.remove_prefix(n ? n : 1);
  }
  return out;
}

HtmlPage::HtmlPage(std::string title, std::string subtitle)
    : title_(std::move(title)), subtitle_(std::move(subtitle)) {}

void HtmlPage::banner(const std::string& text) { banner_ = text; }

void HtmlPage::section(const std::string& title, const std::string& text) {
  if (!sections_.empty()) body_ += "</section>\n";
  sections_.push_back(title);
  body_ += "<section id=\"s" + std::to_string(sections_.size()) + "\">" + tag("h2", title) + "\n";
  if (!text.empty()) paragraph(text);
}

void HtmlPage::heading(const std::string& title, const std::string& text) {
  body_ += tag("h3", title) + "\n";
  if (!text.empty()) paragraph(text);
}

void HtmlPage::paragraph(const std::string& text) { body_ += tag("p", text) + "\n"; }

void HtmlPage::list(const std::vector<std::string>& items) {
  body_ += "<ul>";
  for (const auto& item : items) body_ += tag("li", item);
  body_ += "</ul>\n";
}

void HtmlPage::table(const HtmlTable& table) {
  if (!table.caption.empty()) body_ += tag("p", table.caption, "caption");
  body_ += "<div class=\"scroll\"><table><thead><tr>";
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    body_ += tag("th", table.columns[i],
                 !table.rows.empty() && i < table.rows[0].size() && table.rows[0][i].number ? "number" : "");
  body_ += "</tr></thead><tbody>\n";
  for (const auto& row : table.rows) {
    check(row.size() == table.columns.size(), "html", "a cell for each of the ", table.columns.size(),
          " columns is needed; got ", row.size());
    body_ += "<tr>";
    for (const Cell& cell : row) {
      const std::string classes = std::string(cell.number ? "number" : "") + (cell.strong ? " strong" : "");
      body_ += "<td" + (classes.empty() ? "" : " class=\"" + classes + "\"") + ">" + escape_html(cell.text) +
               (cell.detail.empty() ? "" : tag("span", cell.detail, "detail")) + "</td>";
    }
    body_ += "</tr>\n";
  }
  body_ += "</tbody></table></div>\n";
}

void HtmlPage::facts(const std::vector<std::pair<std::string, std::string>>& name_value) {
  body_ += "<dl>";
  for (const auto& [name, value] : name_value) body_ += tag("dt", name) + tag("dd", value) + "\n";
  body_ += "</dl>\n";
}

void HtmlPage::figures(const std::vector<Figure>& figures) {
  body_ += "<div class=\"figures\">\n";
  for (const Figure& f : figures)
    body_ += "<figure><div class=\"paper\">" + f.svg + "</div>" +
             (f.caption.empty() ? "" : tag("figcaption", f.caption)) + "</figure>\n";
  body_ += "</div>\n";
}

void HtmlPage::open_details(const std::string& summary) {
  body_ += "<details>" + tag("summary", summary) + "\n";
}
void HtmlPage::close_details() { body_ += "</details>\n"; }
void HtmlPage::footer(const std::string& text) { footer_ = text; }

std::string HtmlPage::text() const {
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  out += tag("title", title_) + "\n<style>" + kStyle + "</style>\n</head>\n<body>\n";
  if (!banner_.empty()) out += "<div class=\"banner\" role=\"note\">" + escape_html(banner_) + "</div>\n";
  out += "<header>" + tag("h1", title_) + (subtitle_.empty() ? "" : tag("p", subtitle_)) + "</header>\n<nav>";
  for (std::size_t i = 0; i < sections_.size(); ++i)
    out += "<a href=\"#s" + std::to_string(i + 1) + "\">" + escape_html(sections_[i]) + "</a>\n";
  out += "</nav>\n<main>\n" + body_ + (sections_.empty() ? "" : "</section>\n") + "</main>\n";
  if (!footer_.empty()) out += "<footer>" + tag("p", footer_) + "</footer>\n";
  return out + "</body>\n</html>\n";
}

}  // namespace limbic::app
