// Launchers of copies and fills.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "copy.cuh"

namespace limbic::cuda {

namespace {

constexpr std::int64_t kMostTiles = 65535;             // of a grid's second and third dimension
constexpr std::int64_t kMany = std::int64_t{1} << 18;  // elements: a GPU is full without batches from here on

// Of blocks whose threads take `each` elements in turn.
dim3 grid_of(std::int64_t count, int each = 1) {
  const std::int64_t of_block = device::kCopyThreads * each, blocks = (count + of_block - 1) / of_block;
  return dim3(static_cast<unsigned>(blocks < 65536 ? blocks : 65536));
}

// The dimension that is dense in the source, where that is not the last one.
int transposed_dimension(const CopyCall& call) {
  const int inner = call.rank - 1;
  if (inner < 1 || call.to_stride[inner] != 1 || call.from_stride[inner] == 1) return -1;
  for (int d = 0; d < inner; ++d)
    if (call.from_stride[d] == 1 && call.size[d] >= 8 && call.size[inner] >= 8) return d;
  return -1;
}

template <class Word>
void copy(const CopyCall& call, void* to, const void* from) {
  const auto* source = static_cast<const Word*>(from);
  const int dense = transposed_dimension(call), inner = call.rank - 1;
  if (dense >= 0) {
    const auto tiles = [&](int d) { return (call.size[d] + device::kTile - 1) / device::kTile; };
    const std::int64_t rest = call.count / (call.size[dense] * call.size[inner]);
    if (tiles(dense) <= kMostTiles && rest <= kMostTiles)
      return launch("copy_transposed", device::copy_transposed<Word>,
                    dim3(static_cast<unsigned>(tiles(inner)), static_cast<unsigned>(tiles(dense)),
                         static_cast<unsigned>(rest)),
                    dim3(device::kTile, device::kTileRows), 0, current_stream(), call, dense,
                    static_cast<Word*>(to), source);
  }
  launch("copy_strided", device::copy_strided<Word>,
         grid_of(call.count, call.count > kMany ? device::kCopyBatch : 1), dim3(device::kCopyThreads), 0,
         current_stream(), call, static_cast<Word*>(to), source);
}

template <class Word>
void fill(const CopyCall& call, void* to, std::uint64_t bits) {
  launch("fill_strided", device::fill_strided<Word>, grid_of(call.count), dim3(device::kCopyThreads), 0,
         current_stream(), call, static_cast<Word*>(to), static_cast<Word>(bits));
}

}  // namespace

void copy_elements(const CopyCall& call, void* to, const void* from, int bytes) {
  const bool dense = call.rank == 0 || (call.rank == 1 && call.to_stride[0] == 1 && call.from_stride[0] == 1);
  if (dense)
    return copy_on_device(to, from, static_cast<std::size_t>(call.count) * static_cast<std::size_t>(bytes));
  if (bytes == 1) return copy<std::uint8_t>(call, to, from);
  if (bytes == 4) return copy<std::uint32_t>(call, to, from);
  if (bytes == 8) return copy<std::uint64_t>(call, to, from);
  raise("copy", "elements of 1, 4 or 8 bytes are needed");
}

void fill_elements(const CopyCall& call, void* to, std::uint64_t bits, int bytes) {
  if (bytes == 1) return fill<std::uint8_t>(call, to, bits);
  if (bytes == 4) return fill<std::uint32_t>(call, to, bits);
  if (bytes == 8) return fill<std::uint64_t>(call, to, bits);
  raise("fill", "elements of 1, 4 or 8 bytes are needed");
}

}  // namespace limbic::cuda
