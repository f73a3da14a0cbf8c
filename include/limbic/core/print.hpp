// Tensors and variables as text, in NumPy's layout.
//
//   [[1.25, 2.  ],
//    [ nan, 4.  ]] float32 (2, 2)
//
// Numbers of a tensor have one format: as many decimals as they need, at most `precision`; with an exponent
// when they are very large, very small or far apart. Big tensors show the edges of every dimension.
#pragma once

#include <limbic/core/tensor.hpp>

#include <cmath>
#include <concepts>
#include <iosfwd>

namespace limbic {

// How to_string() lays a tensor out.
struct PrintOptions {
  int precision = 4;         // most decimals shown, 0 to 17
  index_t threshold = 1000;  // tensors of more elements are shown in part,
  index_t edge = 3;          // this many at each end of a dimension, at least 1
  int line_width = 80;       // characters, but a line holds at least one number
  bool type = true;          // type and shape behind the numbers
};

namespace detail {

inline std::string print_real(double x, bool exponent, int decimals) {
  if (std::isnan(x)) return "nan";
  if (std::isinf(x)) return x < 0 ? "-inf" : "inf";
  char buffer[400];  // the largest double has 309 digits before the point
  const int n = std::snprintf(buffer, sizeof buffer, exponent ? "%#.*e" : "%#.*f", decimals, x);
  return std::string(buffer, static_cast<std::size_t>(n));
}

// Zeros before the exponent or the end.
inline int trailing_zeros(const std::string& s) {
  std::size_t end = s.find('e');
  if (end == s.npos) end = s.size();
  int zeros = 0;
  while (end > 0 && s[end - 1] == '0') --end, ++zeros;
  return zeros;
}

inline std::vector<std::string> print_values(const std::vector<double>& values, const PrintOptions& options) {
  double low = 0, high = 0;
  bool whole = true;
  for (double v : values) {
    const double a = std::fabs(v);
    if (!std::isfinite(v) || a == 0) continue;
    low = low == 0 ? a : std::min(low, a);
    high = std::max(high, a);
    whole = whole && v == std::floor(v);
  }
  const bool exponent = high >= 1e8 || (!whole && (low < 1e-4 || high / low > 1e4));
  const int precision = std::clamp(options.precision, 0, 17);
  std::vector<std::string> texts;
  int zeros = precision;
  for (double v : values) {
    texts.push_back(print_real(v, exponent, precision));
    if (std::isfinite(v)) zeros = std::min(zeros, trailing_zeros(texts.back()));
  }
  const int decimals = precision - zeros;
  for (std::size_t i = 0; i < values.size(); ++i) texts[i] = print_real(values[i], exponent, decimals);
  // What a row has more of, the others fill up with spaces: "2.  ".
  for (std::string& s : texts) {
    if (exponent || decimals == 0) continue;
    const int drop = std::min(trailing_zeros(s), decimals);
    if (s.find('.') == s.npos) continue;
    for (int i = 0; i < drop; ++i) s[s.size() - 1 - static_cast<std::size_t>(i)] = ' ';
  }
  return texts;
}

inline std::vector<std::string> print_values(const std::vector<std::int64_t>& values, const PrintOptions&) {
  std::vector<std::string> texts;
  texts.reserve(values.size());
  for (std::int64_t v : values) texts.push_back(std::to_string(v));
  return texts;
}

inline std::vector<std::string> print_values(const std::vector<std::uint8_t>& values, const PrintOptions&) {
  std::vector<std::string> texts;
  texts.reserve(values.size());
  for (std::uint8_t v : values) texts.push_back(v ? "true" : "false");
  return texts;
}

// How many indices of a dimension are shown at each end; 0 stands for all of it.
inline index_t shown_edge(index_t size, bool cut, const PrintOptions& options) {
  const index_t edge = std::max<index_t>(options.edge, 1);
  return cut && size > 2 * edge ? edge : 0;
}

// Lays the texts of the elements shown out in brackets.
class PrintLayout {
 public:
  PrintLayout(const Shape& shape, bool cut, std::vector<std::string> texts, const PrintOptions& options)
      : shape_(shape), cut_(cut), texts_(std::move(texts)), options_(options) {
    for (const std::string& s : texts_) width_ = std::max(width_, s.size());
    for (std::string& s : texts_) s.insert(0, width_ - s.size(), ' ');
  }

  std::string run() {
    if (shape_.rank() == 0) return texts_.front();
    nest(0);
    return std::move(out_);
  }

 private:
  void nest(int d) {
    const index_t n = shape_[d], edge = shown_edge(n, cut_, options_);
    const bool row = d == shape_.rank() - 1;
    out_ += '[';
    for (index_t i = 0; i < n; ++i) {
      if (edge && i == edge) {
        separate(i, d, 3);
        out_ += "...";
        i = n - edge;
      }
      separate(i, d, width_);
      if (row) out_ += texts_[next_++];
      else nest(d + 1);
    }
    out_ += ']';
  }

  // What comes before element i of dimension d, the text of which has `length` characters.
  void separate(index_t i, int d, std::size_t length) {
    if (i == 0) return;
    out_ += ',';
    const std::size_t last_line = out_.rfind('\n');
    const std::size_t column = out_.size() - (last_line == out_.npos ? 0 : last_line + 1);
    if (d < shape_.rank() - 1) {
      out_.append(static_cast<std::size_t>(shape_.rank() - 1 - d), '\n');
    } else if (column + 2 + length > static_cast<std::size_t>(std::max(options_.line_width, 1))) {
      out_ += '\n';
    } else {
      out_ += ' ';
      return;
    }
    out_.append(static_cast<std::size_t>(d) + 1, ' ');
  }

  const Shape shape_;
  const bool cut_;
  std::vector<std::string> texts_;
  const PrintOptions& options_;
  std::size_t width_ = 0, next_ = 0;
  std::string out_;
};

// The elements shown, in order.
template <class T, class D, class As>
void collect_shown(const Tensor<T, D>& t, bool cut, const PrintOptions& options, std::vector<As>& values) {
  if (t.rank() == 0) {
    values.push_back(static_cast<As>(t.item()));
    return;
  }
  const index_t n = t.size(0), edge = shown_edge(n, cut, options);
  for (index_t i = 0; i < n; ++i) {
    if (edge && i == edge) i = n - edge;
    collect_shown(t.select(0, i), cut, options, values);
  }
}

}  // namespace detail

// The tensor as text, with its type and shape behind. Views are shown as they read; only
// the elements shown are read.
template <class T, class D>
std::string to_string(const Tensor<T, D>& t, const PrintOptions& options = {}) {
  using As = std::conditional_t<std::is_floating_point_v<T>, double,
                                std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, std::int64_t>>;
  std::string s = "[]";
  if (t.numel() > 0) {
    const bool cut = t.numel() > options.threshold;
    std::vector<As> values;
    detail::collect_shown(t, cut, options, values);
    s = detail::PrintLayout(t.shape(), cut, detail::print_values(values, options), options).run();
  }
  return options.type ? s + " " + to_text(t) : s;
}

// What has a tensor as its value and may require a gradient: Var.
template <class V>
concept PrintableVariable = requires(const V& v) {
  to_string(v.value(), PrintOptions{});
  { v.requires_grad() } -> std::same_as<bool>;
};
// The same of a variable, with "requires_grad" behind where it does.
template <PrintableVariable V>
std::string to_string(const V& v, const PrintOptions& options = {}) {
  return to_string(v.value(), options) + (v.requires_grad() ? " requires_grad" : "");
}

// Streams, for those who include <ostream>.
template <class Traits, class X>
requires requires(const X& x) { to_string(x, PrintOptions{}); }
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, const X& x) {
  const std::string s = to_string(x, PrintOptions{});
  return out.write(s.data(), static_cast<std::ptrdiff_t>(s.size()));
}
template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, const Dims& d) {
  const std::string s = to_text(d);
  return out.write(s.data(), static_cast<std::ptrdiff_t>(s.size()));
}

}  // namespace limbic
