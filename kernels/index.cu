// Launchers of indexing.
#include <limbic/backend/cuda/launch/copy.hpp>

#include "index.cuh"

namespace limbic::cuda {

namespace {

using device::kIndexThreads;

template <class... P, class... A>
void run(const char* name, void (*kernel)(P...), std::int64_t count, A... args) {
  launch(name, kernel, blocks_for(count, kIndexThreads), dim3(kIndexThreads), 0, current_stream(), args...);
}

// `size` words, all of them `bits`, for as long as this lives.
class Table {
 public:
  Table(std::int64_t size, std::uint64_t bits)
      : words_(static_cast<unsigned long long*>(allocate(8 * static_cast<std::size_t>(size)))) {
    CopyCall call;
    call.rank = 1;
    call.count = call.size[0] = size;
    call.to_stride[0] = 1;
    fill_elements(call, words_, bits, 8);
  }
  ~Table() { deallocate(words_); }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
  unsigned long long* words() const { return words_; }

 private:
  unsigned long long* words_;
};

}  // namespace

template <class T>
void take_rows(T* y, const T* x, const std::int64_t* index, std::int64_t n, Cut at, std::int64_t skip) {
  run("take_rows", device::take_rows<T>, at.outer * n * at.inner, y, x, index, n, at, skip);
}
template <class T>
void add_rows(T* y, const T* x, const std::int64_t* index, std::int64_t n, Cut at, std::int64_t skip) {
  if (n == 0 || at.outer * at.inner * at.size == 0) return;
  const Table first(at.size, ~std::uint64_t{0});
  run("first_positions", device::first_positions, n, first.words(), index, n, at.size);
  launch("add_rows", device::add_rows<T>, blocks_for(n, 1), dim3(kIndexThreads), 0, current_stream(), y, x,
         index, first.words(), n, at, skip);
}
template <class T>
void fill_rows(T* y, const std::int64_t* index, std::int64_t n, Cut at, T value) {
  if (n > 0) run("fill_rows", device::fill_rows<T>, at.outer * at.size * at.inner, y, index, n, at, value);
}
template <class T>
void gather_along(T* y, const T* x, const std::int64_t* index, const AlongCall& call) {
  run("gather_along", device::gather_along<T>, call.rows * call.length, y, x, index, call);
}
template <class T>
void add_along(T* y, const T* x, const std::int64_t* index, const AlongCall& call) {
  run("add_along", device::add_along<T>, call.rows, y, x, index, call);
}

void last_writes(std::int64_t* out, const std::int64_t* index, std::int64_t n, std::int64_t size) {
  if (n == 0 || size == 0) return;
  const Table last(size, 0);
  run("last_positions", device::last_positions, n, last.words(), index, n, size);
  run("keep_last", device::keep_last, n, out, index, last.words(), n, size);
}
template <class T>
void set_ones(T* y, const std::int64_t* index, std::int64_t n, std::int64_t classes) {
  run("set_ones", device::set_ones<T>, n * classes, y, index, n, classes);
}
void true_positions(std::int64_t* positions, std::int64_t* count, const bool* mask, std::int64_t n) {
  launch("true_positions", device::true_positions, dim3(1), dim3(kIndexThreads), 0, current_stream(),
         positions, count, mask, n);
}
template <class T>
void keep_triangle(T* y, const T* x, std::int64_t matrices, std::int64_t rows, std::int64_t cols,
                   std::int64_t k, bool lower) {
  const std::int64_t count = matrices * rows * cols;
  run("keep_triangle", device::keep_triangle<T>, count, y, x, count, rows, cols, k, lower);
}

#define LIMBIC_INSTANCES(T)                                                                    \
  template void take_rows(T*, const T*, const std::int64_t*, std::int64_t, Cut, std::int64_t); \
  template void add_rows(T*, const T*, const std::int64_t*, std::int64_t, Cut, std::int64_t);  \
  template void fill_rows(T*, const std::int64_t*, std::int64_t, Cut, T);                      \
  template void gather_along(T*, const T*, const std::int64_t*, const AlongCall&);             \
  template void add_along(T*, const T*, const std::int64_t*, const AlongCall&);                \
  template void set_ones(T*, const std::int64_t*, std::int64_t, std::int64_t);                 \
  template void keep_triangle(T*, const T*, std::int64_t, std::int64_t, std::int64_t, std::int64_t, bool)
LIMBIC_INSTANCES(float);
LIMBIC_INSTANCES(double);
#undef LIMBIC_INSTANCES
// Labels, and masks of labels.
template void take_rows(std::int64_t*, const std::int64_t*, const std::int64_t*, std::int64_t, Cut,
                        std::int64_t);
template void take_rows(bool*, const bool*, const std::int64_t*, std::int64_t, Cut, std::int64_t);
template void gather_along(std::int64_t*, const std::int64_t*, const std::int64_t*, const AlongCall&);
template void gather_along(bool*, const bool*, const std::int64_t*, const AlongCall&);
template void set_ones(bool*, const std::int64_t*, std::int64_t, std::int64_t);

}  // namespace limbic::cuda
