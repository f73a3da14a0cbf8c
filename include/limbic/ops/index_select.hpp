// Rows picked by number, and what is made of that: embedding, flip, roll, repeat.
//
//   take   y[o, j, :] = x[o, index[j], :]     dx[o, index[j], :] += dy[o, j, :], for j in order
//
// o stands for the dimensions before dim, : for those behind it. index may have any shape, which takes the
// place of dim.
#pragma once

#include <limbic/backend/cpu/index.hpp>
#include <limbic/ops/arithmetic.hpp>
#include <limbic/ops/pick.hpp>

namespace limbic {

namespace detail {

template <class D>
struct RowsMap {
  static constexpr const char* name = "index_select";
  static constexpr const char* place_name = "index_add";
  int dim = 0;
  Saved<index_t, D> index{};  // dense, in range; negative: no row
  index_t frozen = -1;        // the row that gets no gradient
  bool transposed = false;    // whether this is the derivative's map, which leaves `frozen` out everywhere

  Shape shape(const Shape& from) const {
    Shape y;
    for (int d = 0; d < dim; ++d) y.push_back(from[d]);
    for (index_t n : index.get().shape()) y.push_back(n);
    for (int d = dim + 1; d < from.rank(); ++d) y.push_back(from[d]);
    return y;
  }
  template <class T>
  void pick(Tensor<T, D>& y, const Tensor<T, D>& x) const {
    take_rows(D{}, y, x.contiguous(), dim, index.get(), transposed ? frozen : -1);
  }
  template <class T>
  void add(Tensor<T, D>& y, const Tensor<T, D>& x) const {
    add_rows(D{}, y, x.contiguous(), dim, index.get(), frozen);
  }
  RowsMap placing() const {
    RowsMap map = *this;
    map.transposed = true;
    return map;
  }
};

// Throws unless `index` is of rank 1 (any, if `rank` is negative) and within x's dimension dim; then it is
// dense.
template <class D>
RowsMap<D> rows_map(std::string_view op, const Shape& x, index_t dim, const Tensor<index_t, D>& index,
                    int rank = 1) {
  const int d = normalize_dim(op, dim, x.rank());
  if (rank >= 0 && index.rank() != rank)
    fail(op, "index must be of rank ", rank, "; got index ", index.shape(), " for ", x);
  check_indices(D{}, op, index, x[d]);
  return {.dim = d, .index = index.contiguous()};
}

// f(0), ..., f(n - 1) as indices.
template <class D, class F>
Tensor<index_t, D> index_list(index_t n, F&& f) {
  Tensor<index_t, Cpu> list = Tensor<index_t, Cpu>::empty({n});
  index_t* p = list.mutable_data();
  for (index_t i = 0; i < n; ++i) p[i] = f(i);
  if constexpr (std::is_same_v<D, Cpu>) return list;
  else return Tensor<index_t, D>::from({n}, list.span());
}

// x with the elements source(0), ..., source(n - 1) along dim, which are in range or negative for 0.
template <Operand X, class F>
X remap(Site site, const X& x, int dim, index_t n, F&& source) {
  using D = device_of<X>;
  return pick(site, RowsMap<D>{.dim = dim, .index = index_list<D>(n, source)}, x);
}

}  // namespace detail

// The parts of x numbered by index (N) along dim, in that order, of x's shape but N along dim; numbers may
// repeat. Throws when one is not in [0, size) (here negative ones do not count from the back, only in
// index_get() do they), for a dim out of range, and an index of another rank. (torch.index_select)
template <Operand X>
X index_select(const X& x, index_t dim, const Tensor<index_t, device_of<X>>& index,
               Site site = Site::here()) {
  return detail::pick(site, detail::rows_map("index_select", x.shape(), dim, index), x);
}
// The same for integers and masks.
template <class T, class D>
requires(!Operand<Tensor<T, D>>) Tensor<T, D> index_select(const Tensor<T, D>& x, index_t dim,
                                                           const Tensor<index_t, D>& index) {
  return detail::pick({}, detail::rows_map("index_select", x.shape(), dim, index), x);
}

// As index_select() for an index of any shape, which takes the place of dim. Throws for a dim or a number out
// of range. (numpy.take, but for the order of arguments and for negative numbers; torch.take is another
// function)
template <Operand X>
X take(const X& x, index_t dim, const Tensor<index_t, device_of<X>>& index, Site site = Site::here()) {
  return detail::pick(site, detail::rows_map("take", x.shape(), dim, index, -1), x);
}

// x with src's parts added to those numbered by index (N) along dim, in that order; x stays as it is. src has
// x's shape but N along dim. Throws as index_select(), and for another shape of src. (torch.index_add)
template <Operand X, Operand S>
result_of<X, S> index_add(const X& x, index_t dim, const Tensor<index_t, device_of<X>>& index, const S& src,
                          Site site = Site::here()) {
  const auto map = detail::rows_map("index_add", x.shape(), dim, index);
  if (!(map.shape(x.shape()) == src.shape()))
    fail("index_add", "src must have x's shape, but index's size along dim; got x ", x.shape(), ", index ",
         index.shape(), ", src ", src.shape(), " for dim ", map.dim);
  return add(x, detail::place(site, map.placing(), x.shape(), src), site);
}

// Rows of table (K, C) numbered by index (...) -> (..., C). A row `padding` is used as it stands, but gets no
// gradient; negative: there is none. Gradients of rows used several times add up in index's order. Throws
// when a number is not in [0, K), padding is K or more, or the table is of another rank.
// (torch.nn.functional.embedding)
template <Operand X>
X embedding(const X& table, const Tensor<index_t, device_of<X>>& index, index_t padding = -1,
            Site site = Site::here()) {
  check(table.rank() == 2, "embedding", "a table (K, C) is needed; got ", table.shape());
  auto map = detail::rows_map("embedding", table.shape(), 0, index, -1);
  check(padding < table.shape()[0], "embedding", "padding must be a row of the table; got ", padding, " for ",
        table.shape());
  map.frozen = padding;
  return detail::pick(site, map, table);
}

// The order of elements reversed along `dims` (none given: all); a copy. Throws for dims out of range or
// repeated.
template <Operand X>
X flip(const X& x, const Dims& dims = {}, Site site = Site::here()) {
  const auto flags = dim_flags("flip", dims, x.rank());
  X y = x;
  for (int d = 0; d < x.rank(); ++d) {
    const index_t n = x.shape()[d];
    if (flags[static_cast<std::size_t>(d)] && n > 1)
      y = detail::remap(site, y, d, n, [n](index_t i) { return n - 1 - i; });
  }
  return y;
}

// Elements moved `shift` places on along dim, those that leave at the end coming in at the start; `shift`
// may be negative. A copy. Throws for a dim out of range.
template <Operand X>
X roll(const X& x, index_t shift, index_t dim, Site site = Site::here()) {
  const int d = normalize_dim("roll", dim, x.rank());
  const index_t n = x.shape()[d];
  if (n == 0) return x;
  const index_t by = (shift % n + n) % n;
  return detail::remap(site, x, d, n, [n, by](index_t i) { return i < by ? i - by + n : i - by; });
}

// x one after the other counts[d] times along each dimension; more counts than dimensions add leading ones,
// fewer count for the last. Throws for negative counts and those that make 2^46 elements. (torch.tile,
// numpy.tile; numpy.repeat is repeat_interleave())
template <Operand X>
X repeat(const X& x, const Dims& counts, Site site = Site::here()) {
  Shape shape = x.shape();
  Dims times = counts;
  while (shape.rank() < times.rank()) shape.insert(0, 1);
  while (times.rank() < shape.rank()) times.insert(0, 1);
  X y = shape == x.shape() ? x : reshape(x, shape, site);
  for (int d = 0; d < shape.rank(); ++d) {
    const index_t n = shape[d];
    check(times[d] >= 0 && times[d] <= (index_t{1} << 46) / std::max<index_t>(n, 1), "repeat",
          "counts must not be negative, nor make 2^46 elements; got ", counts, " for ", x.shape());
    if (times[d] != 1) y = detail::remap(site, y, d, n * times[d], [n](index_t i) { return i % n; });
  }
  return y;
}

// Every part along dim `times` times in a row. Throws for a dim out of range, and `times` that are negative
// or make 2^46 elements. (numpy.repeat)
template <Operand X>
X repeat_interleave(const X& x, index_t times, index_t dim, Site site = Site::here()) {
  const int d = normalize_dim("repeat_interleave", dim, x.rank());
  check(times >= 0 && times <= (index_t{1} << 46) / std::max<index_t>(x.shape()[d], 1), "repeat_interleave",
        "the number of times must not be negative, nor make 2^46 elements; got ", times, " for ", x.shape());
  return detail::remap(site, x, d, x.shape()[d] * times, [times](index_t i) { return i / times; });
}

}  // namespace limbic
