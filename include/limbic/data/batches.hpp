// Pairs of mini-batches, one labelled from the source and one unlabelled from the target, without end.
//
// An epoch is a pass over n rows of each domain in a new random order:
//   Cover::source    n = Ns, every source row once; target rows in pass after pass, reshuffled each time
//   Cover::smaller   n = min(Ns, Nt), a random part of the larger one (the published code's epoch)
// The order is a function of seed, epoch and pass alone, so (epoch, step) is all there is to save.
#pragma once

#include <limbic/core/random.hpp>
#include <limbic/data/prefetch.hpp>
#include <limbic/data/split.hpp>

#include <memory>

namespace limbic::data {

// What an epoch goes through, as above; in options "source", "smaller".
enum class Cover : std::uint8_t { source, smaller };

inline std::string to_text(Cover c) { return c == Cover::source ? "source" : "smaller"; }

// How batches are cut and made.
struct BatchOptions {
  index_t size = 32;  // rows of each domain, at least 1
  Cover cover = Cover::source;
  bool drop_last = false;  // leave the rows out that do not fill a batch; else the last batch is smaller
  bool prefetch = true;    // make the next batch on a background thread; results are the same
  std::uint64_t seed = 1;
};

// The place of a batch.
struct BatchPosition {
  std::uint64_t epoch = 0;  // counted from 0
  index_t step = 0;         // within the epoch, from 0

  friend bool operator==(const BatchPosition&, const BatchPosition&) = default;
};

// n rows of each domain, the same number. Tensors share memory with the loader: they hold until the next call
// of next(). A modality that the data does not have is an undefined tensor.
struct DomainBatch {
  BatchPosition position;
  bool last = false;                                             // of its epoch
  Tensor<float> source_eeg, source_eye, target_eeg, target_eye;  // (n, channels, bands), (n, features)
  Tensor<index_t> label;                                         // (n), of the source rows
  Tensor<index_t> source_rows, target_rows;                      // (n), their places in the fold's windows
};

namespace detail {

// The first n of 0 .. rows - 1 in random order, as RandomStream::permutation draws it, without memory of its
// own.
inline void shuffle(std::vector<index_t>& order, RandomStream random) {
  const PhiloxKey at = random.draw(static_cast<index_t>(order.size()), 2);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<index_t>(i);
  for (std::uint64_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[philox_below(philox_bits64(at, i - 1), i)]);
}

// Rows of one domain in the order of their passes.
class RowOrder {
 public:
  RowOrder(index_t rows, RandomStream random) : random_(random), order_(static_cast<std::size_t>(rows)) {}

  // Row number i of the epoch; pass i / rows.
  index_t at(std::uint64_t epoch, index_t i) {
    const auto rows = static_cast<index_t>(order_.size());
    const index_t pass = i / rows;
    if (!drawn_ || epoch != epoch_ || pass != pass_) {
      // Numbers, not texts: naming streams takes memory.
      const std::uint64_t key = limbic::detail::mix64(limbic::detail::mix64(random_.state().key ^ epoch) ^
                                                      static_cast<std::uint64_t>(pass));
      shuffle(order_, RandomStream({key, 0}));
      epoch_ = epoch;
      pass_ = pass;
      drawn_ = true;
    }
    return order_[static_cast<std::size_t>(i % rows)];
  }

 private:
  RandomStream random_;
  std::vector<index_t> order_;
  std::uint64_t epoch_ = 0;
  index_t pass_ = 0;
  bool drawn_ = false;
};

// Rows of one tensor, copied into the memory of a batch.
template <class T>
struct RowCopy {
  Tensor<T> from;
  index_t width = 0;

  explicit RowCopy(const Tensor<T>& all = {}) : from(all.defined() ? all.contiguous() : all) {
    if (from.defined() && from.size(0) > 0) width = from.numel() / from.size(0);
  }
  // Room for a batch of `rows`.
  Tensor<T> room(index_t rows) const {
    if (!from.defined()) return {};
    Shape shape = from.shape();
    shape[0] = rows;
    return Tensor<T>::empty(shape);
  }
  void copy(const index_t* rows, index_t n, T* to) const {
    for (index_t i = 0; from.defined() && i < n; ++i)
      std::copy_n(from.data() + rows[i] * width, width, to + i * width);
  }
};

// A batch of full size, with its pointers, which the thread that fills it writes through; the tensors
// themselves are touched by the caller's thread only.
struct BatchRoom {
  DomainBatch full, view;
  index_t rows = 0;
  float *source_eeg = nullptr, *source_eye = nullptr, *target_eeg = nullptr, *target_eye = nullptr;
  index_t *label = nullptr, *source_rows = nullptr, *target_rows = nullptr;

  // Counts as a modification of all of it: autodiff notices values that it has kept.
  void touch() {
    auto pointer = [](auto& t) { return t.defined() ? t.mutable_data() : nullptr; };
    source_eeg = pointer(full.source_eeg);
    source_eye = pointer(full.source_eye);
    target_eeg = pointer(full.target_eeg);
    target_eye = pointer(full.target_eye);
    label = pointer(full.label);
    source_rows = pointer(full.source_rows);
    target_rows = pointer(full.target_rows);
  }
  const DomainBatch& shown() {
    view = full;
    for (auto* t : {&view.source_eeg, &view.source_eye, &view.target_eeg, &view.target_eye})
      if (t->defined()) *t = t->slice(0, 0, rows);
    for (auto* t : {&view.label, &view.source_rows, &view.target_rows}) *t = t->slice(0, 0, rows);
    return view;
  }
};

}  // namespace detail

// The loader. One thread at a time may use it.
class DomainBatches {
 public:
  // The windows' tensors are shared, not copied. Throws for a size below 1, domains without windows,
  // modalities that differ, and where drop_last leaves no batch.
  DomainBatches(const LabelledWindows& source, const UnlabelledWindows& target,
                const BatchOptions& options = {})
      : options_(options),
        source_eeg_(source.eeg),
        source_eye_(source.eye),
        target_eeg_(target.eeg),
        target_eye_(target.eye),
        label_(source.label),
        source_order_(std::max<index_t>(source.size(), 1), Random(options.seed).stream("batches/source")),
        target_order_(std::max<index_t>(target.size(), 1), Random(options.seed).stream("batches/target")) {
    check(options.size >= 1, "batches", "a batch needs at least one row; got a size of ", options.size);
    check(source.size() > 0 && target.size() > 0, "batches", "both domains need windows; got ", source.size(),
          " of the source and ", target.size(), " of the target");
    check(source.label.rank() == 1 && source.label.size(0) == source.size(), "batches",
          "a label for each of the ", source.size(), " source windows is needed; got ", source.label.shape());
    check_domain("EEG", source.eeg, target.eeg, source.size(), target.size());
    check_domain("eye features", source.eye, target.eye, source.size(), target.size());
    rows_ = options.cover == Cover::source ? source.size() : std::min(source.size(), target.size());
    steps_ = options.drop_last ? rows_ / options.size : (rows_ + options.size - 1) / options.size;
    check(steps_ > 0, "batches", "at least one whole batch is needed; got ", rows_, " rows for a size of ",
          options.size, " (hint: drop_last = false)");
    for (auto& room : rooms_) room = make_room();
    seek({});
  }
  DomainBatches(const DomainBatches&) = delete;
  DomainBatches& operator=(const DomainBatches&) = delete;

  index_t steps() const { return steps_; }  // in an epoch
  const BatchOptions& options() const { return options_; }
  // The place of the batch that next() returns.
  BatchPosition position() const { return next_; }

  // Goes on from there. Throws for a step that epochs do not have.
  void seek(const BatchPosition& position) {
    check(position.step >= 0 && position.step < steps_, "batches", "a step in [0, ", steps_ - 1,
          "] is needed; got ", position.step);
    prefetch_.reset();
    next_ = filling_ = position;
    prefetch_ = std::make_unique<Prefetch<detail::BatchRoom*>>(
        rooms_[0].get(), rooms_[1].get(), [this](detail::BatchRoom*& room) { fill(*room); },
        options_.prefetch);
  }

  // The next batch; after the last one of an epoch follows the first of the next. Takes no memory from the
  // system once warm.
  const DomainBatch& next() {
    detail::BatchRoom* room = prefetch_->next([](detail::BatchRoom* r) { r->touch(); });
    next_ = after(room->full.position);
    return room->shown();
  }

 private:
  static void check_domain(const char* what, const Tensor<float>& s, const Tensor<float>& t, index_t ns,
                           index_t nt) {
    if (s.defined() != t.defined())
      fail("batches", "both domains or none must have ", what, "; only the ",
           s.defined() ? "source" : "target", " has");
    if (!s.defined()) return;
    Shape a = s.shape(), b = t.shape();
    const bool rows = a.rank() > 0 && b.rank() > 0 && a[0] == ns && b[0] == nt;
    if (rows) a[0] = b[0] = 0;
    if (!rows || !(a == b))
      fail("batches", what, " must have the same shape in both domains but for ", ns, " and ", nt,
           " rows; got ", s.shape(), " and ", t.shape());
  }
  std::unique_ptr<detail::BatchRoom> make_room() const {
    auto r = std::make_unique<detail::BatchRoom>();
    const index_t n = std::min(options_.size, rows_);
    r->full.source_eeg = source_eeg_.room(n);
    r->full.source_eye = source_eye_.room(n);
    r->full.target_eeg = target_eeg_.room(n);
    r->full.target_eye = target_eye_.room(n);
    for (auto* t : {&r->full.label, &r->full.source_rows, &r->full.target_rows})
      *t = Tensor<index_t>::empty({n});
    return r;
  }
  BatchPosition after(BatchPosition p) const {
    return p.step + 1 < steps_ ? BatchPosition{p.epoch, p.step + 1} : BatchPosition{p.epoch + 1, 0};
  }
  void fill(detail::BatchRoom& room) {
    const index_t begin = filling_.step * options_.size;
    room.full.position = filling_;
    room.full.last = filling_.step + 1 == steps_;
    room.rows = std::min(options_.size, rows_ - begin);
    for (index_t i = 0; i < room.rows; ++i) {
      room.source_rows[i] = source_order_.at(filling_.epoch, begin + i);
      room.target_rows[i] = target_order_.at(filling_.epoch, begin + i);
    }
    source_eeg_.copy(room.source_rows, room.rows, room.source_eeg);
    source_eye_.copy(room.source_rows, room.rows, room.source_eye);
    target_eeg_.copy(room.target_rows, room.rows, room.target_eeg);
    target_eye_.copy(room.target_rows, room.rows, room.target_eye);
    label_.copy(room.source_rows, room.rows, room.label);
    filling_ = after(filling_);
  }

  BatchOptions options_;
  detail::RowCopy<float> source_eeg_, source_eye_, target_eeg_, target_eye_;
  detail::RowCopy<index_t> label_;
  detail::RowOrder source_order_, target_order_;
  index_t rows_ = 0, steps_ = 0;
  BatchPosition next_, filling_;  // filling_ belongs to the thread that fills
  std::unique_ptr<detail::BatchRoom> rooms_[2];
  std::unique_ptr<Prefetch<detail::BatchRoom*>> prefetch_;  // the last member: its thread uses the others
};

}  // namespace limbic::data
