// Tensor<T, D>: a strided view of reference-counted memory on device D.
//
// T is float or double; index_t and bool serve as indices and masks. Copying a tensor shares its
// memory (clone() copies it), of a const one too; views share it as well. A writable pointer is asked for by
// name (mutable_data), which counts as a modification: autodiff refuses to use a value it has kept and
// that was modified since.
#pragma once

#include <limbic/core/dtype_name.hpp>
#include <limbic/core/reshape.hpp>
#include <limbic/core/storage.hpp>
#include <limbic/core/strided.hpp>

#include <vector>

namespace limbic {

template <class T, class D = Cpu>
class Tensor {
 public:
  using value_type = T;
  using device_type = D;

  // No memory, shape (0).
  Tensor() : shape_{0}, strides_{1} {}

  // ---- making ------------------------------------------------------------------------------------

  // Uninitialised, dense. Throws for a negative size and for more than 2^46 bytes, as all that allocate do.
  static Tensor empty(const Shape& shape) {
    const index_t n = limbic::numel(shape);
    check(n <= (index_t{1} << 46) / static_cast<index_t>(sizeof(T)), "tensor", "too large; got ", shape);
    Tensor t;
    t.storage_ = Storage<D>::allocate(static_cast<std::size_t>(n) * sizeof(T));
    t.data_ = reinterpret_cast<T*>(t.storage_.data());
    t.shape_ = shape;
    t.strides_ = limbic::contiguous_strides(shape);
    t.numel_ = n;
    return t;
  }
  // Every element `value`, 0 or 1.
  static Tensor full(const Shape& shape, T value) {
    Tensor t = empty(shape);
    fill_strided(D{}, t.shape_, t.data_, t.strides_, value);
    return t;
  }
  static Tensor zeros(const Shape& shape) { return full(shape, T(0)); }
  static Tensor ones(const Shape& shape) { return full(shape, T(1)); }
  // Shape ().
  static Tensor scalar(T value) { return full(Shape{}, value); }
  // start + i step for i in 0, 1, ..., n - 1: (n). NumPy's and PyTorch's arange() take an end, not a number.
  static Tensor arange(index_t n, T start = T(0), T step = T(1)) {
    Tensor t = empty({n});
    fill_sequence(D{}, t.data_, n, start, step);
    return t;
  }
  // Identity matrix (n, n).
  static Tensor eye(index_t n) {
    Tensor t = zeros({n, n});
    fill_strided(D{}, {n}, t.data_, {n + 1}, T(1));
    return t;
  }

  // A copy of host values of type T, row-major. Throws when their number is not that of the shape.
  template <class Range>
  requires requires(const Range& r) {
    std::data(r);
    std::size(r);
  }
  static Tensor from(const Shape& shape, const Range& values) {
    check(static_cast<index_t>(std::size(values)) == limbic::numel(shape), "tensor",
          "as many values as the shape has are needed; got ", std::size(values), " for ", shape);
    Tensor t = empty(shape);
    copy_from_host(D{}, t.data_, std::data(values), static_cast<std::size_t>(t.numel_));
    return t;
  }
  static Tensor from(const Shape& shape, std::initializer_list<T> values) {
    return from(shape, std::span(values.begin(), values.size()));
  }
  static Tensor from(const Shape& shape, const std::vector<bool>& values) requires std::is_same_v<T, bool> {
    Tensor<std::uint8_t, D> t =
        Tensor<std::uint8_t, D>::from(shape, std::vector<std::uint8_t>(values.begin(), values.end()));
    return t.template to<bool>();
  }

  // A caller's memory, without a copy; see Storage::wrap. Strides count elements; dense if none are given.
  // Throws for negative strides, which no tensor has, another number of them than of sizes, and null.
  static Tensor wrap(T* data, const Shape& shape, std::optional<Strides> strides = {},
                     Release release = nullptr, void* context = nullptr) {
    Tensor t;
    t.shape_ = shape;
    t.numel_ = limbic::numel(shape);
    t.strides_ = strides ? *strides : limbic::contiguous_strides(shape);
    check(t.strides_.rank() == shape.rank(), "wrap", "as many strides as dimensions are needed; got ",
          t.strides_, " for ", shape);
    check(data || t.numel_ == 0, "wrap", "a pointer to the data is needed; got null for ", shape);
    index_t last = 0;
    for (int d = 0; d < shape.rank(); ++d) {
      check(t.strides_[d] >= 0, "wrap", "strides must not be negative; got ", t.strides_);
      const index_t steps = t.numel_ ? shape[d] - 1 : 0;
      constexpr index_t kFar = (index_t{1} << 56) / static_cast<index_t>(sizeof(T));
      if (steps && t.strides_[d] > (kFar - last) / steps)
        fail("wrap", "the memory must end within 2^56 bytes; got strides ", t.strides_, " for ", shape);
      last += steps * t.strides_[d];
    }
    t.storage_ = Storage<D>::wrap(data, (t.numel_ ? static_cast<std::size_t>(last) + 1 : 0) * sizeof(T),
                                  release, context);
    t.data_ = data;
    t.contiguous_ = is_dense(t.shape_, t.strides_);
    return t;
  }

  // ---- asking ------------------------------------------------------------------------------------

  const Shape& shape() const { return shape_; }
  const Strides& strides() const { return strides_; }
  int rank() const { return shape_.rank(); }
  index_t numel() const { return numel_; }
  // Size along a dimension; negative counts from the back. Throws when out of range.
  index_t size(index_t dim) const { return shape_[normalize_dim("size", dim, rank())]; }
  // Whether there is memory behind it (a default-constructed tensor has none).
  bool defined() const { return static_cast<bool>(storage_); }
  bool is_contiguous() const { return contiguous_; }
  const Storage<D>& storage() const { return storage_; }

  // First element; null without memory. Elements follow one another only if is_contiguous().
  const T* data() const { return data_; }
  T* mutable_data(Site site = Site::here()) {
    storage_.touch(site);
    return data_;
  }
  // All elements in order. Throws unless contiguous.
  std::span<const T> span() const {
    require_contiguous("span");
    return {data_, static_cast<std::size_t>(numel_)};
  }
  std::span<T> mutable_span(Site site = Site::here()) {
    require_contiguous("mutable_span");
    return {mutable_data(site), static_cast<std::size_t>(numel_)};
  }
  // All elements in order, copied to the host.
  std::vector<T> to_vector() const {
    const Tensor dense = contiguous();
    std::vector<T> v(static_cast<std::size_t>(numel_));
    if constexpr (std::is_same_v<T, bool>) {
      const std::vector<std::uint8_t> bytes = to<std::uint8_t>().to_vector();
      for (std::size_t i = 0; i < v.size(); ++i) v[i] = bytes[i] != 0;
    } else {
      copy_to_host(D{}, v.data(), dense.data(), v.size());
    }
    return v;
  }

  // The only element, on the host. Throws unless there is exactly one.
  T item() const {
    if (numel_ != 1) fail("item", "a tensor of one element is needed; got ", shape_);
    T value;
    copy_to_host(D{}, &value, data_, 1);
    return value;
  }
  // A copy of the element at the given indices, one a dimension, each in [0, size) or negative from the back;
  // throws else. set() writes one.
  template <class... I>
  T at(I... indices) const {
    return select_element({static_cast<index_t>(indices)...}).item();
  }
  template <class... I>
  T operator()(I... indices) const {
    return at(indices...);
  }

  // ---- views: they share the memory --------------------------------------------------------------

  // Elements start, start + step, ... before stop along dim. Negative start and stop count from the back;
  // both are clamped as in Python. Throws unless dim is in range and step positive (no x[::-1]: flip()).
  Tensor slice(index_t dim, index_t start, index_t stop = std::numeric_limits<index_t>::max(),
               index_t step = 1) const {
    const int d = normalize_dim("slice", dim, rank());
    check(step > 0, "slice", "step must be positive; got ", step);
    const index_t n = shape_[d];
    auto clamp = [n](index_t i) { return std::clamp<index_t>(i < 0 ? i + n : i, 0, n); };
    start = clamp(start);
    stop = std::max(start, clamp(stop));
    Tensor t = *this;
    t.shape_[d] = stop > start ? (stop - start - 1) / step + 1 : 0;
    t.data_ = data_ + (t.shape_[d] ? start * strides_[d] : 0);
    if (t.shape_[d] > 1) t.strides_[d] = strides_[d] * step;
    t.finish_view();
    return t;
  }
  // The part at `index` (negative: from the back) along dim, without that dimension. Throws out of range.
  Tensor select(index_t dim, index_t index) const {
    const int d = normalize_dim("select", dim, rank());
    const index_t n = shape_[d], i = index < 0 ? index + n : index;
    check(i >= 0 && i < n, "select", "index must be in [", -n, ", ", n - 1, "]; got ", index, " for dim ", d,
          " of ", shape_);
    Tensor t = *this;
    t.data_ += i * strides_[d];
    t.shape_.erase(d);
    t.strides_.erase(d);
    t.finish_view();
    return t;
  }
  // Dimensions in a new order; all of them, or two exchanged. Throws unless every one is named once.
  Tensor permute(const Dims& order) const {
    check(order.rank() == rank(), "permute", "every dimension must be named once; got ", order, " for ",
          shape_);
    const auto seen = dim_flags("permute", rank() ? order : Dims{}, rank());
    (void)seen;
    Tensor t = *this;
    for (int i = 0; i < rank(); ++i) {
      const int d = normalize_dim("permute", order[i], rank());
      t.shape_[i] = shape_[d];
      t.strides_[i] = strides_[d];
    }
    t.finish_view();
    return t;
  }
  Tensor transpose(index_t dim0, index_t dim1) const {
    const int a = normalize_dim("transpose", dim0, rank()), b = normalize_dim("transpose", dim1, rank());
    Tensor t = *this;
    std::swap(t.shape_[a], t.shape_[b]);
    std::swap(t.strides_[a], t.strides_[b]);
    t.finish_view();
    return t;
  }
  // Elements whose index along dim1 is `offset` more than that along dim0, as a new last dimension in place
  // of the two. Throws unless the dims are two different ones.
  Tensor diagonal(index_t offset = 0, index_t dim0 = 0, index_t dim1 = 1) const {
    const int a = normalize_dim("diagonal", dim0, rank()), b = normalize_dim("diagonal", dim1, rank());
    check(a != b, "diagonal", "two different dimensions are needed; got ", dim0, " and ", dim1, " for ",
          shape_);
    offset = std::clamp(offset, -shape_[a], shape_[b]);
    const index_t rows = std::max<index_t>(0, shape_[a] - std::max<index_t>(0, -offset));
    const index_t cols = std::max<index_t>(0, shape_[b] - std::max<index_t>(0, offset));
    Tensor t = *this;
    const index_t n = std::min(rows, cols), step = strides_[a] + strides_[b];
    if (n > 0) t.data_ += offset > 0 ? offset * strides_[b] : -offset * strides_[a];
    for (int d : {std::max(a, b), std::min(a, b)}) {
      t.shape_.erase(d);
      t.strides_.erase(d);
    }
    t.shape_.push_back(n);
    t.strides_.push_back(step);
    t.finish_view();
    return t;
  }
  // Repeats dimensions of size 1, and adds leading ones, to reach `shape`; no copy. Throws where that fails.
  Tensor expand(const Shape& shape) const {
    if (!expandable(shape_, shape))
      fail("expand", "sizes must be equal or 1, from the last dimension on; got ", shape_, " to ", shape);
    Tensor t = *this;
    t.strides_ = expanded_strides(shape_, strides_, shape);
    t.shape_ = shape;
    t.numel_ = limbic::numel(shape);
    t.finish_view();
    return t;
  }
  // A new dimension of size 1, which is dim of the result. Throws for a dim out of range.
  Tensor unsqueeze(index_t dim) const {
    const int d = normalize_dim("unsqueeze", dim, rank() + 1);
    Tensor t = *this;
    t.strides_.insert(d, d < rank() ? shape_[d] * strides_[d] : 1);
    t.shape_.insert(d, 1);
    t.finish_view();
    return t;
  }
  // Drops a dimension of size 1. Throws for another size (PyTorch's leaves it alone).
  Tensor squeeze(index_t dim) const {
    const int d = normalize_dim("squeeze", dim, rank());
    check(shape_[d] == 1, "squeeze", "the dimension must be of size 1; got dim ", d, " of ", shape_);
    return select(d, 0);
  }
  // The same elements in row-major order under another shape; one size may be -1. A view where the strides
  // allow it, else a copy. Throws when the number of elements is another.
  Tensor reshape(const Shape& wanted) const {
    const Shape shape = infer_reshape(shape_, wanted);
    if (auto strides = view_strides(shape_, strides_, shape)) {
      Tensor t = *this;
      t.shape_ = shape;
      t.strides_ = *strides;
      t.finish_view();
      return t;
    }
    return clone().reshape(shape);
  }
  // Dimensions first..last become one; a scalar becomes (1). Throws unless first comes no later than last.
  Tensor flatten(index_t first = 0, index_t last = -1) const {
    if (rank() == 0) return reshape({1});
    const int a = normalize_dim("flatten", first, rank()), b = normalize_dim("flatten", last, rank());
    check(a <= b, "flatten", "first must not come after last; got ", first, " and ", last);
    Shape s;
    index_t n = 1;
    for (int d = 0; d < rank(); ++d) {
      if (d < a || d > b) s.push_back(shape_[d]);
      else if (n *= shape_[d]; d == b) s.push_back(n);
    }
    return reshape(s);
  }

  // ---- copies ------------------------------------------------------------------------------------

  // The elements in dense memory of their own.
  Tensor clone() const {
    Tensor t = empty(shape_);
    copy_strided(D{}, shape_, t.data_, t.strides_, data_, strides_);
    return t;
  }
  // Itself when dense, else a dense copy.
  Tensor contiguous() const { return contiguous_ ? *this : clone(); }
  // Converted to another scalar type; itself when that is T. To an integer: towards zero, throws for what it
  // cannot hold; to bool: whether it is not 0.
  template <class U>
  Tensor<U, D> to() const {
    if constexpr (std::is_same_v<T, U>) {
      return *this;
    } else {
      Tensor<U, D> t = Tensor<U, D>::empty(shape_);
      copy_strided(D{}, shape_, t.mutable_data(), t.strides(), data_, strides_);
      return t;
    }
  }

  // A copy on device E; itself when that is D. One of the two is the host.
  template <class E>
  Tensor<T, E> on() const {
    if constexpr (std::is_same_v<D, E>) {
      return *this;
    } else if constexpr (std::is_same_v<T, bool>) {
      return to<std::uint8_t>().template on<E>().template to<bool>();
    } else {
      const Tensor dense = contiguous();
      Tensor<T, E> t = Tensor<T, E>::empty(shape_);
      if constexpr (std::is_same_v<E, Cpu>)
        copy_to_host(D{}, t.mutable_data(), dense.data(), std::size_t(numel_));
      else copy_from_host(E{}, t.mutable_data(), dense.data(), std::size_t(numel_));
      return t;
    }
  }

  // ---- modifying ---------------------------------------------------------------------------------

  // Every element becomes `value`.
  Tensor& fill(T value, Site site = Site::here()) {
    storage_.touch(site);
    fill_strided(D{}, shape_, data_, strides_, value);
    return *this;
  }
  // Elements of `source`, broadcast to this shape; it may be another view of this memory. Throws if it does
  // not broadcast.
  Tensor& copy_from(const Tensor& source, Site site = Site::here()) {
    if (!expandable(source.shape_, shape_))
      fail("copy_from", "the source must broadcast to the target; got ", source.shape_, " for ", shape_);
    storage_.touch(site);
    if (source.data_ == data_ && source.shape_ == shape_ && source.strides_ == strides_) return *this;
    const Tensor from = source.storage_.same(storage_) && storage_ ? source.clone() : source;
    copy_strided(D{}, shape_, data_, strides_, from.data_,
                 expanded_strides(from.shape_, from.strides_, shape_));
    return *this;
  }
  // Sets one element; indices as for at().
  Tensor& set(const Dims& indices, T value, Site site = Site::here()) {
    select_element(indices).fill(value, site);
    return *this;
  }

 private:
  void finish_view() {
    index_t n = 1;
    for (index_t s : shape_) n *= s;
    numel_ = n;
    contiguous_ = is_dense(shape_, strides_);
  }
  void require_contiguous(std::string_view op) const {
    if (!contiguous_)
      fail(op, "the elements must be dense and in order; got ", shape_, " with strides ", strides_,
           " (hint: contiguous())");
  }
  Tensor select_element(const Dims& indices) const {
    check(indices.rank() == rank(), "at", "one index a dimension is needed; got ", indices, " for ", shape_);
    Tensor t = *this;
    for (index_t i : indices) t = t.select(0, i);
    return t;
  }

  Storage<D> storage_;
  T* data_ = nullptr;
  index_t numel_ = 0;
  Shape shape_;
  Strides strides_;
  bool contiguous_ = true;
};

// "float32 (2, 3)".
template <class T, class D>
std::string to_text(const Tensor<T, D>& t) {
  return std::string(dtype_name<T>) + " " + to_text(t.shape());
}

}  // namespace limbic
