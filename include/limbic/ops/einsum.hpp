// Sums of products written as an equation over dimension labels (Einstein's notation).
//
//   einsum("bij,bjk->bik", a, b)     products of batches of matrices
//   einsum("ii->i", a)               the diagonal
//
// Labels are letters; a label that occurs twice in an operand takes its diagonal, one that is not in the
// result is summed over. "..." stands for leading dimensions that broadcast. Without "->" the result has the
// labels that occur once, in alphabetical order (capitals first), after "...". The operands are contracted
// from left to right, each pair by one matrix product.
#pragma once

#include <limbic/ops/arithmetic.hpp>
#include <limbic/ops/diagonal.hpp>
#include <limbic/ops/matmul.hpp>

#include <string_view>

namespace limbic {

namespace detail {

// One character a dimension. Those of "..." become control characters, counted from the back: '\1' is the
// last.
using Labels = std::string;

inline bool has(const Labels& labels, char c) { return labels.find(c) != Labels::npos; }

struct Einsum {
  std::vector<Labels> inputs;
  Labels output;

  Einsum(std::string_view equation, std::span<const Shape> shapes) {
    std::string text;
    for (char c : equation)
      if (c != ' ') text += c;
    const auto arrow = text.find("->");
    const std::string left = text.substr(0, arrow);
    std::size_t begin = 0, widest = 0;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      const auto comma = left.find(',', begin);
      if ((comma == left.npos) != (i + 1 == shapes.size()))
        fail("einsum", "as many terms as operands are needed; got ", shapes.size(), " operands for '",
             equation, "'");
      inputs.push_back(parse(equation, left.substr(begin, comma - begin), shapes[i].rank()));
      for (char c : inputs.back())
        if (c < 'A') widest = std::max(widest, static_cast<std::size_t>(c));
      begin = comma + 1;
    }
    if (arrow != text.npos) {
      output = parse(equation, text.substr(arrow + 2), -1, widest);
      for (std::size_t i = 0; i < output.size(); ++i) {
        if (output.find(output[i], i + 1) != Labels::npos || !in_inputs(output[i]))
          fail("einsum", "labels of the result must occur in the operands, and once in the result; got '",
               output[i] < 'A' ? "..." : Labels(1, output[i]), "' in '", equation, "'");
      }
    } else {
      for (std::size_t k = widest; k > 0; --k) output += static_cast<char>(k);
      for (char c = 'A'; c <= 'z'; ++c)
        if (std::count(left.begin(), left.end(), c) == 1) output += c;
    }
  }

 private:
  // The labels of a term; of "..." as many as `rank` leaves, or `dots` where the rank is not known (-1).
  static Labels parse(std::string_view equation, const std::string& term, int rank, std::size_t dots = 0) {
    const auto at = term.find("...");
    Labels labels = term;
    if (at != term.npos) labels.erase(at, 3);
    for (char c : labels)
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
        fail("einsum", "terms must be of letters and at most one '...'; got '", term, "' in '", equation,
             "'");
    if (at != term.npos) {
      if (rank >= 0) dots = static_cast<std::size_t>(std::max(0, rank - static_cast<int>(labels.size())));
      Labels leading;
      for (std::size_t k = dots; k > 0; --k) leading += static_cast<char>(k);
      labels.insert(at, leading);
    }
    if (rank >= 0 && labels.size() != static_cast<std::size_t>(rank))
      fail("einsum", "a term must have a label for each dimension; got '", term, "' for an operand of rank ",
           rank, " in '", equation, "'");
    return labels;
  }
  bool in_inputs(char c) const {
    for (const Labels& l : inputs)
      if (has(l, c)) return true;
    return false;
  }
};

// A tensor whose dimensions are labelled, each label once.
template <class X>
struct Labelled {
  X x;
  Labels labels;

  index_t size(char c) const { return has(labels, c) ? x.shape()[static_cast<int>(labels.find(c))] : 1; }

  // Takes diagonals of labels that occur twice.
  void take_diagonals(std::string_view equation, Site site) {
    for (std::size_t i = 0; i < labels.size();) {
      const auto again = labels.find(labels[i], i + 1);
      if (again == Labels::npos) {
        ++i;
        continue;
      }
      const int a = static_cast<int>(i), b = static_cast<int>(again);
      if (x.shape()[a] != x.shape()[b])
        fail("einsum", "dimensions of one label must be equal; got ", x.shape(), " for '",
             Labels(1, labels[i]), "' in '", equation, "'");
      x = diagonal(x, 0, a, b, site);
      labels += labels[i];
      labels.erase(again, 1);
      labels.erase(i, 1);
    }
  }
  // Sums over labels that are not in `kept`.
  void sum_others(const Labels& kept, Site site) {
    Dims dims;
    Labels left;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (has(kept, labels[i])) left += labels[i];
      else dims.push_back(static_cast<index_t>(i));
    }
    if (dims.empty()) return;
    x = sum(x, dims, false, site);
    labels = left;
  }
  // The dimensions in the order of the groups of labels, each group as one dimension (or, `apart`, as they
  // are).
  X grouped(std::initializer_list<Labels> groups, bool apart, Site site) const {
    Dims order;
    Shape shape;
    for (const Labels& g : groups) {
      index_t n = 1;
      for (char c : g) {
        if (has(labels, c)) order.push_back(static_cast<index_t>(labels.find(c)));
        if (apart) shape.push_back(size(c));
        n *= size(c);
      }
      if (!apart) shape.push_back(n);
    }
    bool in_order = true;
    for (int d = 0; d < order.rank(); ++d) in_order = in_order && order[d] == d;
    const X y = in_order ? x : permute(x, order, site);
    return y.shape() == shape ? y : reshape(y, shape, site);
  }
};

// The product of a and b, summed over the labels that `kept` does not have.
template <class X>
Labelled<X> contract(std::string_view equation, Labelled<X> a, Labelled<X> b, const Labels& kept, Site site) {
  // Labels of one operand alone are summed at once; so are those along which one operand is of size 1.
  for (char c : a.labels)
    if (has(b.labels, c) && a.size(c) != b.size(c) && a.size(c) != 1 && b.size(c) != 1)
      fail("einsum", "dimensions of one label must be equal or 1; got ", a.size(c), " and ", b.size(c),
           " for '", c < 'A' ? "..." : Labels(1, c), "' in '", equation, "'");
  auto drop_ones = [&](Labelled<X>& p, const Labelled<X>& q) {
    Labels rest;
    for (char c : p.labels)
      if (!(p.size(c) == 1 && has(q.labels, c) && q.size(c) != 1)) rest += c;
    p.sum_others(rest, site);
  };
  drop_ones(a, b);
  drop_ones(b, a);
  a.sum_others(kept + b.labels, site);
  b.sum_others(kept + a.labels, site);
  Labels batch, shared, only_a, only_b;
  for (char c : a.labels) (has(b.labels, c) ? (has(kept, c) ? batch : shared) : only_a) += c;
  for (char c : b.labels)
    if (!has(a.labels, c)) only_b += c;
  Labelled<X> y{X{}, batch + only_a + only_b};
  if (shared.empty()) {
    y.x = mul(a.grouped({batch, only_a, only_b}, true, site), b.grouped({batch, only_a, only_b}, true, site),
              site);
    return y;
  }
  Shape shape;
  for (char c : y.labels) shape.push_back(has(a.labels, c) ? a.size(c) : b.size(c));
  const bool batched = !batch.empty();
  const X p =
      batched ? a.grouped({batch, only_a, shared}, false, site) : a.grouped({only_a, shared}, false, site);
  const X q =
      batched ? b.grouped({batch, shared, only_b}, false, site) : b.grouped({shared, only_b}, false, site);
  const X z = matmul(p, q, site);
  y.x = z.shape() == shape ? z : reshape(z, shape, site);
  return y;
}

}  // namespace detail

// An equation, converted to at the call: that is how einsum() learns its place.
struct Equation {
  std::string_view text;
  Site site;
  Equation(const char* equation, Site at = Site::here()) : text(equation), site(at) {}
  Equation(std::string_view equation, Site at = Site::here()) : text(equation), site(at) {}
  Equation(const std::string& equation, Site at = Site::here()) : text(equation), site(at) {}
};

// The sum of products that the equation states; see the head of this file. Sizes of one label must be equal,
// or 1 in one operand. Operands come as a list or one after the other. Throws for no operand, other sizes,
// and an equation that does not fit. (numpy.einsum)
template <Operand X>
X einsum(Equation equation, std::span<const X> operands) {
  check(!operands.empty(), "einsum", "at least one operand is needed");
  const Site site = equation.site;
  std::vector<Shape> shapes;
  for (const X& x : operands) shapes.push_back(x.shape());
  const detail::Einsum e(equation.text, shapes);
  detail::Labelled<X> y;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    detail::Labels kept = e.output;
    for (std::size_t k = i + 1; k < operands.size(); ++k) kept += e.inputs[k];
    detail::Labelled<X> next{operands[i], e.inputs[i]};
    next.take_diagonals(equation.text, site);
    y = i == 0 ? next : detail::contract(equation.text, y, next, kept, site);
    y.sum_others(kept, site);
  }
  return y.grouped({e.output}, true, site);
}
template <Operand X>
X einsum(Equation equation, const std::vector<X>& operands) {
  return einsum(equation, std::span<const X>(operands));
}
template <Operand... X>
auto einsum(Equation equation, const X&... operands) {
  using R = result_of<X...>;
  const R list[] = {R(operands)...};
  return einsum(equation, std::span<const R>(list));
}

}  // namespace limbic
