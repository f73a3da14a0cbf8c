// Random numbers: named streams of draws, the same for a seed on any device, with any number of threads.
//
//   Random random(seed);
//   RandomStream s = random.stream("dropout/encoder.0");
//   Tensor<float> x = s.normal<float>({64, 32});
//
// A stream is a key, made of the seed and the names, and a position, which counts blocks of four 32-bit
// words (core/philox.hpp). A draw of n numbers of w words each takes the next ceil(n w / 4) blocks. Element i
// of a draw, in row-major order, depends on the key, the draw's first block and i alone. Key and position
// are all there is to save. A stream is used by one thread at a time; a copy of it draws the same numbers.
//
// The elements are computed by the backend: include limbic/backend/cpu/random.hpp (ops, nn and the umbrella
// do).
#pragma once

#include <limbic/core/philox.hpp>
#include <limbic/core/tensor.hpp>

#include <vector>

namespace limbic {

// ---- replay ----------------------------------------------------------------------------------------

// The draws that a piece of a program made, in order.
class DrawLog {
 public:
  // As a std::vector of draws.
  index_t size() const { return static_cast<index_t>(draws_.size()); }
  void clear() { draws_.clear(); }
  void push_back(PhiloxKey draw) { draws_.push_back(draw); }
  PhiloxKey operator[](index_t i) const { return draws_[static_cast<std::size_t>(i)]; }

 private:
  std::vector<PhiloxKey> draws_;
};

namespace detail {

// The scopes that are open on this thread, innermost first.
struct DrawScope {
  DrawLog* record = nullptr;        // draws are appended to it, or
  const DrawLog* replay = nullptr;  // taken from it
  index_t next = 0;
  DrawScope* outer = nullptr;
};
inline DrawScope*& draw_scope() {
  thread_local DrawScope* innermost = nullptr;
  return innermost;
}

class OpenDrawScope {
 public:
  OpenDrawScope(DrawLog* record, const DrawLog* replay) : scope_{record, replay, 0, draw_scope()} {
    draw_scope() = &scope_;
  }
  ~OpenDrawScope() { draw_scope() = scope_.outer; }
  OpenDrawScope(const OpenDrawScope&) = delete;
  OpenDrawScope& operator=(const OpenDrawScope&) = delete;

 private:
  DrawScope scope_;
};

}  // namespace detail

// While it lives, every draw on this thread is appended to the log, which must live as long.
class RecordDraws : detail::OpenDrawScope {
 public:
  explicit RecordDraws(DrawLog& log) : OpenDrawScope(&log, nullptr) {}
};

// While it lives, draws on this thread take their positions from the log, in order, and streams do not
// advance. A draw from another stream than the one recorded, or one too many, is an error.
// Scopes nest: each of them sees every draw, so a replay within a recording is recorded.
class ReplayDraws : detail::OpenDrawScope {
 public:
  explicit ReplayDraws(const DrawLog& log) : OpenDrawScope(nullptr, &log) {}
};

// ---- streams ---------------------------------------------------------------------------------------

namespace detail {

// The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), a bijection, after an odd step.
inline std::uint64_t mix64(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace detail

// Key of the stream `name` below the stream (or seed) of key `parent`: h = parent; h = mix64(h ^ byte) for
// each byte; mix64(h ^ (256 + number of bytes)).
inline std::uint64_t stream_key(std::uint64_t parent, std::string_view name) {
  std::uint64_t h = parent;
  for (char c : name) h = detail::mix64(h ^ static_cast<unsigned char>(c));
  return detail::mix64(h ^ (256 + static_cast<std::uint64_t>(name.size())));
}

// Draws random numbers; the only kind of generator that there is (no global one, unlike PyTorch and NumPy).
class RandomStream {
 public:
  // The stream of a saved state.
  explicit RandomStream(PhiloxKey state = {}) : state_(state) {}

  // Key and position: all there is to it.
  PhiloxKey state() const { return state_; }
  void set_state(PhiloxKey state) { state_ = state; }

  // A stream of its own, at its start. It depends on this one's key, not on its position.
  RandomStream stream(std::string_view name) const { return RandomStream({stream_key(state_.key, name), 0}); }

  // Takes a draw of n numbers of `words` 32-bit words each, for code that makes the numbers itself (see
  // core/philox.hpp). Throws for negative n, and when a replay does not fit.
  PhiloxKey draw(index_t n, int words = 1) {
    check(n >= 0, "random", "the number of values must not be negative; got ", n);
    PhiloxKey at = state_;
    bool replayed = false;
    for (auto* s = detail::draw_scope(); s; s = s->outer) {
      if (!s->replay) continue;
      if (s->next == s->replay->size())
        fail("random", "a replay must make the draws that were recorded; got one more than ", s->next);
      const PhiloxKey logged = (*s->replay)[s->next++];
      if (logged.key != state_.key || (replayed && !(logged == at)))
        fail("random", "a replay must make the draws that were recorded, in their order; draw ", s->next - 1,
             " is from another stream");
      at = logged;
      replayed = true;
    }
    for (auto* s = detail::draw_scope(); s; s = s->outer)
      if (s->record) s->record->push_back(at);
    if (!replayed)
      state_.position += (static_cast<std::uint64_t>(n) * static_cast<std::uint64_t>(words) + 3) / 4;
    return at;
  }

  // ---- T = float or double; a float takes one word, a double two ------------------------------------

  // Uniform in [low, high): low + u (high - low). Throws unless low <= high, both and their distance finite.
  template <class T, class D = Cpu>
  Tensor<T, D> uniform(const Shape& shape, T low = T(0), T high = T(1)) {
    return filled(Tensor<T, D>::empty(shape), [&](auto& t) { fill_uniform(t, low, high); });
  }
  // Normal: mean + std z, rounded once. Throws unless std >= 0, both finite.
  template <class T, class D = Cpu>
  Tensor<T, D> normal(const Shape& shape, T mean = T(0), T std = T(1)) {
    return filled(Tensor<T, D>::empty(shape), [&](auto& t) { fill_normal(t, mean, std); });
  }
  // The same into existing tensors, views too: the draw that uniform() or normal() of that shape would make.
  // Throw as those do, and when a replay does not fit, as every draw does.
  template <class T, class D>
  void fill_uniform(Tensor<T, D>& t, std::type_identity_t<T> low = T(0), std::type_identity_t<T> high = T(1),
                    Site site = Site::here()) {
    check(low <= high && high - low <= std::numeric_limits<T>::max(), "uniform",
          "finite bounds, the lower one first, are needed; got ", static_cast<double>(low), " and ",
          static_cast<double>(high));
    const PhiloxKey at = draw(t.numel(), sizeof(T) / 4);
    write(t, site, [&](T* out, index_t n) { uniform_values(D{}, out, n, at, low, high); });
  }
  template <class T, class D>
  void fill_normal(Tensor<T, D>& t, std::type_identity_t<T> mean = T(0), std::type_identity_t<T> std = T(1),
                   Site site = Site::here()) {
    constexpr T kMax = std::numeric_limits<T>::max();
    check(std >= 0 && std <= kMax && mean >= -kMax && mean <= kMax, "normal",
          "a finite mean and a finite std of at least 0 are needed; got ", static_cast<double>(mean), " and ",
          static_cast<double>(std));
    const PhiloxKey at = draw(t.numel(), sizeof(T) / 4);
    write(t, site, [&](T* out, index_t n) { normal_values(D{}, out, n, at, mean, std); });
  }

  // ---- events and integers ---------------------------------------------------------------------------

  // True with probability p (a multiple of 2^-32), from a word each. Throws unless 0 <= p <= 1.
  template <class D = Cpu>
  Tensor<bool, D> bernoulli(const Shape& shape, double p) {
    return filled(Tensor<bool, D>::empty(shape), [&](auto& t) { fill_bernoulli(t, p); });
  }
  // The same as T(1) and T(0) into an existing tensor.
  template <class T, class D>
  void fill_bernoulli(Tensor<T, D>& t, double p, Site site = Site::here()) {
    check(p >= 0 && p <= 1, "bernoulli", "a probability in [0, 1] is needed; got ", p);
    const PhiloxKey at = draw(t.numel());
    write(t, site, [&](T* out, index_t n) { bernoulli_values(D{}, out, n, at, philox_threshold(p)); });
  }
  // Uniform in low .. high - 1, from two words each: every probability is right within 2^-64. Throws unless
  // low < high. (torch.randint has the shape last.)
  template <class D = Cpu>
  Tensor<index_t, D> integers(const Shape& shape, index_t low, index_t high) {
    check(low < high, "integers", "a range that is not empty is needed; got ", low, " and ", high);
    Tensor<index_t, D> t = Tensor<index_t, D>::empty(shape);
    const PhiloxKey at = draw(t.numel(), 2);
    write(t, Site::here(), [&](index_t* out, index_t n) { integer_values(D{}, out, n, at, low, high); });
    return t;
  }
  // 0 .. n - 1 in random order: Fisher and Yates from the back, two words a step. Throws for negative n.
  template <class D = Cpu>
  Tensor<index_t, D> permutation(index_t n) {
    const PhiloxKey at = draw(n, 2);
    std::vector<index_t> order(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<index_t>(i);
    for (std::uint64_t i = static_cast<std::uint64_t>(n); i > 1; --i)
      std::swap(order[i - 1], order[philox_below(philox_bits64(at, i - 1), i)]);
    return Tensor<index_t, D>::from({n}, order);
  }

 private:
  template <class Tensor, class F>
  static Tensor filled(Tensor t, F&& fill) {
    fill(t);
    return t;
  }
  // values(pointer, count) writes dense memory; anything else gets a copy of it.
  template <class T, class D, class F>
  static void write(Tensor<T, D>& t, Site site, F&& values) {
    if (t.is_contiguous()) {
      values(t.mutable_data(site), t.numel());
    } else {
      Tensor<T, D> dense = Tensor<T, D>::empty(t.shape());
      values(dense.mutable_data(), dense.numel());
      t.copy_from(dense, site);
    }
  }

  PhiloxKey state_;
};

// A seed, from which streams are named.
class Random {
 public:
  // Near seeds give streams that have nothing to do with one another.
  explicit Random(std::uint64_t seed) : seed_(seed) {}
  std::uint64_t seed() const { return seed_; }
  // The stream of that name, at its start: the same one each time it is asked for.
  RandomStream stream(std::string_view name) const {
    return RandomStream({stream_key(detail::mix64(seed_), name), 0});
  }

 private:
  std::uint64_t seed_;
};

}  // namespace limbic
