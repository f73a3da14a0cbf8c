// Reference-counted memory of tensors. A block knows how often it was modified, so that autodiff can
// tell when a value that backward needs has been overwritten, and where that was done.
#pragma once

#include <limbic/core/device.hpp>
#include <limbic/core/pool.hpp>

#include <cstring>
#include <type_traits>
#include <utility>

namespace limbic {

// Frees memory that a block does not own by itself: called once, with the context given at wrapping.
using Release = void (*)(void* context);

// A handle on one block of bytes on device D; copies share it, and the last one frees it. Safe to copy and
// destroy from several threads. A device other than the host brings allocate_memory(D, bytes) and the Release
// free_memory(D): where the block's own data is on the host, the tensor's is not.
template <class D>
class Storage {
 public:
  Storage() = default;

  // Uninitialised, at least 64-byte aligned. Throws when there is no memory.
  static Storage allocate(std::size_t bytes) {
    if constexpr (std::is_same_v<D, Cpu>) {
      void* p = detail::MemoryPool::instance().allocate(sizeof(Block) + bytes);
      return Storage(new (p) Block{.data = static_cast<std::byte*>(p) + sizeof(Block), .bytes = bytes});
    } else {
      void* p = detail::MemoryPool::instance().allocate(sizeof(Block));
      Storage made(new (p) Block{.data = nullptr, .bytes = bytes});
      made.block_->data = static_cast<std::byte*>(allocate_memory(D{}, bytes));  // may throw
      made.block_->context = made.block_->data;
      made.block_->release = free_memory(D{});
      return made;
    }
  }

  // A caller's memory, not copied. It must stay valid until the last tensor on it is gone; then
  // release(context) is called unless null.
  static Storage wrap(void* data, std::size_t bytes, Release release = nullptr, void* context = nullptr) {
    void* p = detail::MemoryPool::instance().allocate(sizeof(Block));
    return Storage(new (p) Block{.data = static_cast<std::byte*>(data),
                                 .bytes = bytes,
                                 .release = release,
                                 .context = context,
                                 .wrapped = true});
  }

  Storage(const Storage& other) noexcept : block_(other.block_) {
    if (block_) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  Storage(Storage&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Storage& operator=(Storage other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Storage() {
    if (block_ && block_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(block_);
  }

  // Whether there is a block, where it begins, and its size.
  explicit operator bool() const { return block_ != nullptr; }
  std::byte* data() const { return block_ ? block_->data : nullptr; }
  std::size_t bytes() const { return block_ ? block_->bytes : 0; }
  // Whether nobody else has the memory, so that it may be overwritten unseen.
  bool unique() const {
    return block_ && !block_->wrapped && block_->references.load(std::memory_order_acquire) == 1;
  }
  // Whether both are handles on one block.
  bool same(const Storage& other) const { return block_ == other.block_; }

  // Number of modifications so far, and where the last one was asked for.
  std::uint64_t version() const { return block_ ? block_->version.load(std::memory_order_relaxed) : 0; }
  Site modified_at() const {
    if (!block_) return {};
    return {block_->file.load(std::memory_order_relaxed), block_->line.load(std::memory_order_relaxed)};
  }
  // Counts a modification asked for at `site`.
  void touch(Site site) const {
    if (!block_) return;
    block_->version.fetch_add(1, std::memory_order_relaxed);
    block_->file.store(site.file, std::memory_order_relaxed);
    block_->line.store(site.line, std::memory_order_relaxed);
  }

 private:
  struct alignas(64) Block {
    std::byte* data;
    std::size_t bytes;
    Release release = nullptr;
    void* context = nullptr;
    std::atomic<std::uint64_t> version{0};
    std::atomic<const char*> file{"an unknown place"};
    std::atomic<int> line{0};
    std::atomic<std::uint32_t> references{1};
    bool wrapped = false;
  };

  explicit Storage(Block* block) : block_(block) {}

  static void destroy(Block* block) noexcept {
    if (block->release) block->release(block->context);
    const bool inside = std::is_same_v<D, Cpu> && !block->wrapped;
    const std::size_t size = sizeof(Block) + (inside ? block->bytes : 0);
    block->~Block();
    detail::MemoryPool::instance().deallocate(block, size);
  }

  Block* block_ = nullptr;
};

// n host values to and from device memory; overloaded by each device. Done when the call returns.
template <class T>
void copy_from_host(Cpu, T* dst, const T* src, std::size_t n) {
  if (n) std::memcpy(dst, src, n * sizeof(T));
}
template <class T>
void copy_to_host(Cpu, T* dst, const T* src, std::size_t n) {
  if (n) std::memcpy(dst, src, n * sizeof(T));
}

}  // namespace limbic
