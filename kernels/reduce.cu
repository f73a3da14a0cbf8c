// Launchers of reductions.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "reduce.cuh"

namespace limbic::cuda {

namespace {

// What parts of a fold are folded with.
constexpr Fold combining(Fold fold) {
  switch (fold) {
    case Fold::product_of_nonzero: return Fold::product;
    case Fold::product:
    case Fold::any:
    case Fold::all:
    case Fold::max:
    case Fold::min: return fold;
    default: return Fold::sum;
  }
}

bool by_columns(const ReduceCall& call) {
  return call.reduced <= 16 ||
         (call.kept_rank > 0 && call.kept_stride[call.kept_rank - 1] == 1 && call.kept > 1);
}

template <Fold kFold, class T, class C, class R>
void run_parts(const ReduceCall& call, R* y, unsigned parts) {
  using device::kColumns, device::kColumnThreads, device::kFoldThreads;
  const auto blocks = [&](int outputs) { return static_cast<unsigned>((call.kept + outputs - 1) / outputs); };
  const Stream stream = current_stream();
  if (by_columns(call)) {
    const std::int64_t of_part = (call.reduced + parts - 1) / parts;
    int rows = 1;
    while (rows * kColumns < kColumnThreads && rows * device::kBatch<T> < of_part) rows *= 2;
    const int width = rows > 1 ? kColumns : 4 * kColumns;
    launch("reduce_columns", device::reduce_columns<kFold, T, C, R>, dim3(blocks(width), parts),
           dim3(static_cast<unsigned>(width), static_cast<unsigned>(rows)), 0, stream, call, y);
  } else if (call.reduced <= 1024) {
    launch("reduce_rows", device::reduce_rows<kFold, T, C, R, 32>, dim3(blocks(kFoldThreads / 32), parts),
           dim3(kFoldThreads), 0, stream, call, y);
  } else {
    launch("reduce_rows", device::reduce_rows<kFold, T, C, R, kFoldThreads>, dim3(blocks(1), parts),
           dim3(kFoldThreads), 0, stream, call, y);
  }
}

// Parts of the reduced elements: as many as give every processor work, but not so small that writing and
// reading them takes longer than it saves.
std::int64_t parts_of(const ReduceCall& call) {
  const bool columns = by_columns(call);
  const std::int64_t blocks = columns ? (call.kept + device::kColumns - 1) / device::kColumns : call.kept,
                     least = columns ? 128 : 8192, wanted = kProcessors * (columns ? 4 : 8),
                     enough = (wanted + blocks - 1) / blocks, most = call.reduced / least;
  return most < enough ? most : enough;
}

template <Fold kFold, class T, class C, class R>
void run(const ReduceCall& call) {
  const std::int64_t parts = parts_of(call);
  if (parts < 2) return run_parts<kFold, T, C, R>(call, static_cast<R*>(call.y), 1);
  C* const partial = static_cast<C*>(allocate(sizeof(C) * static_cast<std::size_t>(parts * call.kept)));
  run_parts<kFold, T, C, C>(call, partial, static_cast<unsigned>(parts));
  ReduceCall rest;
  rest.x = partial;
  rest.kept = call.kept;
  rest.reduced = parts;
  rest.kept_rank = rest.reduced_rank = 1;
  rest.kept_size[0] = call.kept;
  rest.kept_stride[0] = 1;
  rest.reduced_size[0] = parts;
  rest.reduced_stride[0] = call.kept;
  run_parts<combining(kFold), C, C, R>(rest, static_cast<R*>(call.y), 1);
  deallocate(partial);
}

template <class T>
void run_number(const ReduceCall& call) {
  switch (call.fold) {
    case Fold::sum: return run<Fold::sum, T, T, T>(call);
    case Fold::sum_of_squares: return run<Fold::sum_of_squares, T, T, T>(call);
    case Fold::sum_of_squared_differences: return run<Fold::sum_of_squared_differences, T, T, T>(call);
    case Fold::count_equal: return run<Fold::count_equal, T, T, T>(call);
    case Fold::count_nonzero: return run<Fold::count_nonzero, T, std::int64_t, std::int64_t>(call);
    case Fold::product: return run<Fold::product, T, T, T>(call);
    case Fold::product_of_nonzero: return run<Fold::product_of_nonzero, T, T, T>(call);
    case Fold::max: return run<Fold::max, T, T, T>(call);
    case Fold::min: return run<Fold::min, T, T, T>(call);
    default: raise("reduce", "this fold is of masks");
  }
}

}  // namespace

void reduce(const ReduceCall& call) {
  if (call.dtype == Dtype::f32) return run_number<float>(call);
  if (call.dtype == Dtype::f64) return run_number<double>(call);
  if (call.fold == Fold::count_nonzero) {
    if (call.dtype == Dtype::i64)
      return run<Fold::count_nonzero, std::int64_t, std::int64_t, std::int64_t>(call);
    return run<Fold::count_nonzero, unsigned char, std::int64_t, std::int64_t>(call);
  }
  if (call.fold == Fold::any) return run<Fold::any, unsigned char, int, bool>(call);
  if (call.fold == Fold::all) return run<Fold::all, unsigned char, int, bool>(call);
  raise("reduce", "integers have no such reduction on the device");
}

}  // namespace limbic::cuda
