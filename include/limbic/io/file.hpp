// Files: a read-only memory map, and a file that appears whole under its name or not at all. POSIX.
//
// Every failure is an Error that names the file, what was tried and the system's reason.
#pragma once

#include <limbic/core/error.hpp>

#include <atomic>
#include <cerrno>
#include <memory>
#include <span>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace limbic {

namespace detail {

// A name that may come from a hostile file, fit for a message: in quotes, at most 80 characters of it,
// control characters as '?'.
inline std::string quoted(std::string_view name) {
  std::string text = "'";
  for (char c : name.substr(0, 80)) text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return text + (name.size() > 80 ? "...'" : "'");
}

[[noreturn]] inline void fail_file(std::string_view doing, const std::string& path, int error) {
  fail("file", "cannot ", doing, " '", path, "': ", std::generic_category().message(error));
}

// An open file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }

  int get() const { return fd_; }
  // 0, or the error: that of a delayed write may only show here.
  int close() {
    const int fd = std::exchange(fd_, -1);
    return fd >= 0 && ::close(fd) != 0 && errno != EINTR ? errno : 0;
  }

 private:
  int fd_ = -1;
};

}  // namespace detail

// The bytes of a file, mapped into memory until the object is destroyed. Pages are private: writing to
// them does not change the file. (Another process that shortens the file meanwhile makes reading past its
// new end fatal, as with every map; files written through AtomicFile are replaced, never shortened.)
class MappedFile {
 public:
  // Throws when it cannot be opened or is not a regular file.
  static std::shared_ptr<const MappedFile> open(const std::string& path) {
    return std::shared_ptr<const MappedFile>(new MappedFile(path));
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() {
    if (size_) ::munmap(data_, size_);
  }

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }
  const std::string& path() const { return path_; }

 private:
  explicit MappedFile(const std::string& path) : path_(path) {
    const detail::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.get() < 0) detail::fail_file("open", path, errno);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) detail::fail_file("open", path, errno);
    if (!S_ISREG(status.st_mode)) fail("file", "a regular file is needed; got '", path, "'");
    if (status.st_size == 0) return;
    const auto size = static_cast<std::size_t>(status.st_size);
    data_ = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file.get(), 0);
    if (data_ == MAP_FAILED) detail::fail_file("map", path, errno);
    size_ = size;
  }

  std::string path_;
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

// Writes a file under a temporary name in the same folder; commit() gives it its name once all of it is
// on the disk. Without commit() (an exception, say) the temporary file is removed and what stood under the
// name before stays as it was. A symbolic link at that name is replaced, not followed.
class AtomicFile {
 public:
  // Throws when the temporary file cannot be made.
  explicit AtomicFile(std::string path) : path_(std::move(path)) {
    static std::atomic<unsigned> counter{0};
    for (int attempt = 0; attempt < 1000; ++attempt) {
      temporary_ = path_ + ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(counter++);
      const int fd = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (fd >= 0) {
        file_ = std::make_unique<detail::Descriptor>(fd);
        return;
      }
      if (errno != EEXIST) break;
    }
    detail::fail_file("create", path_, errno);
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() {
    if (file_) ::unlink(temporary_.c_str());
  }

  // Appends. Throws when the system cannot take them (a full disk).
  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      // One call of the system moves at most 2 GiB.
      const std::size_t part = bytes.size() < (std::size_t{1} << 30) ? bytes.size() : std::size_t{1} << 30;
      const ssize_t n = ::write(file_->get(), bytes.data(), part);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) detail::fail_file("write", path_, errno);
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

  // The name that it has until then, for a library that insists on opening files by itself.
  const std::string& temporary_path() const { return temporary_; }

  // The last call: the file is there when it returns. Throws when it cannot be written or named so.
  void commit() {
    if (::fsync(file_->get()) != 0) detail::fail_file("write", path_, errno);
    if (const int error = file_->close()) detail::fail_file("write", path_, error);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) detail::fail_file("replace", path_, errno);
    file_.reset();
    // The new name itself must survive a crash too. Some file systems cannot sync a folder.
    const auto slash = path_.rfind('/');
    const std::string folder = slash == path_.npos ? "." : path_.substr(0, slash + 1);
    const detail::Descriptor dir(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (dir.get() < 0 || (::fsync(dir.get()) != 0 && errno != EINVAL && errno != ENOTSUP))
      detail::fail_file("sync the folder of", path_, errno);
  }

 private:
  std::string path_, temporary_;
  std::unique_ptr<detail::Descriptor> file_;
};

// Writes a whole file atomically. Throws when it cannot be written.
inline void write_file(const std::string& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace limbic
