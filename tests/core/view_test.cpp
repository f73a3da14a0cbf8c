// Views against naive index loops: random chains of slices, transposes, reshapes and so on.
#include <limbic/core/compare.hpp>
#include <limbic/core/tensor.hpp>

#include <doctest/doctest.h>

#include <random>
#include <set>
#include <support/throws.hpp>

using namespace limbic;

namespace {

// The model: a shape, and the elements in row-major order.
struct Model {
  Shape shape;
  std::vector<double> values;

  // value(indices)
  double at(const Dims& index) const {
    index_t i = 0;
    for (int d = 0; d < shape.rank(); ++d) i = i * shape[d] + index[d];
    return values[static_cast<std::size_t>(i)];
  }
};

// Calls f(indices) for all indices of a shape, in row-major order.
template <class F>
void for_each_index(const Shape& shape, F&& f) {
  Dims index = Dims::filled(shape.rank(), 0);
  for (index_t i = 0, n = numel(shape); i < n; ++i) {
    index_t rest = i;
    for (int d = shape.rank() - 1; d >= 0; --d) {
      index[d] = rest % shape[d];
      rest /= shape[d];
    }
    f(static_cast<const Dims&>(index));
  }
}

// A model of `shape` whose element at an index is source.at(origin(index)).
template <class F>
Model remap(const Model& source, const Shape& shape, F&& origin) {
  Model m{shape, {}};
  for_each_index(shape, [&](const Dims& index) { m.values.push_back(source.at(origin(index))); });
  return m;
}

class Chain {
 public:
  explicit Chain(unsigned seed) : random_(seed) {
    Shape shape;
    for (int d = below(4) + 1; d > 0; --d) shape.push_back(1 + below(4));
    base = Tensor<double>::arange(numel(shape)).reshape(shape);
    view = base;
    model = {shape, base.to_vector()};
  }

  Tensor<double> base, view;
  Model model;

  void step() {
    const int rank = model.shape.rank();
    switch (below(9)) {
      case 0: return rank ? slice() : void();
      case 1: return rank ? select() : void();
      case 2: return permute();
      case 3: return rank ? transpose() : void();
      case 4: return expand();
      case 5: return rank < kMaxRank ? unsqueeze() : void();
      case 6: return squeeze();
      case 7: return reshape();
      default: return rank ? flatten() : void();
    }
  }

 private:
  int below(index_t n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  // The dimension itself, or counted from the back.
  index_t either(int d, int rank) { return below(2) ? d : d - rank; }

  void slice() {
    const int d = below(model.shape.rank());
    const index_t n = model.shape[d], step = 1 + below(3);
    index_t start = below(2 * n + 3) - n - 1, stop = below(2 * n + 3) - n - 1;
    view = view.slice(either(d, model.shape.rank()), start, stop, step);
    if (start < 0) start += n;
    if (stop < 0) stop += n;
    start = std::max<index_t>(start, 0);
    Shape shape = model.shape;
    shape[d] = 0;
    for (index_t i = start; i < std::min(stop, n); i += step) ++shape[d];
    model = remap(model, shape, [=](Dims i) {
      i[d] = start + i[d] * step;
      return i;
    });
  }
  void select() {
    const int d = below(model.shape.rank());
    const index_t n = model.shape[d];
    if (n == 0) return;
    const index_t i = below(n);
    view = view.select(either(d, model.shape.rank()), below(2) ? i : i - n);
    Shape shape = model.shape;
    shape.erase(d);
    model = remap(model, shape, [=](Dims index) {
      index.insert(d, i);
      return index;
    });
  }
  void permuted(const Dims& order) {
    Shape shape = model.shape;
    for (int d = 0; d < order.rank(); ++d) shape[d] = model.shape[static_cast<int>(order[d])];
    model = remap(model, shape, [=](const Dims& index) {
      Dims from = index;
      for (int d = 0; d < order.rank(); ++d) from[static_cast<int>(order[d])] = index[d];
      return from;
    });
  }
  void permute() {
    const int rank = model.shape.rank();
    Dims order, given;
    for (int d = 0; d < rank; ++d) order.insert(below(d + 1), d);
    for (int d = 0; d < rank; ++d) given.push_back(either(static_cast<int>(order[d]), rank));
    view = view.permute(given);
    permuted(order);
  }
  void transpose() {
    const int rank = model.shape.rank(), a = below(rank), b = below(rank);
    view = view.transpose(either(a, rank), either(b, rank));
    Dims order;
    for (int d = 0; d < rank; ++d) order.push_back(d == a ? b : d == b ? a : d);
    permuted(order);
  }
  void expand() {
    Shape shape = model.shape;
    for (int d = 0; d < shape.rank(); ++d)
      if (shape[d] == 1) shape[d] = below(4);
    const int added = std::min(below(3), kMaxRank - shape.rank());
    for (int i = 0; i < added; ++i) shape.insert(0, 1 + below(3));
    if (numel(shape) > 2000) return;
    view = view.expand(shape);
    const Shape old = model.shape;
    model = remap(model, shape, [=](const Dims& index) {
      Dims from;
      for (int d = 0; d < old.rank(); ++d) from.push_back(old[d] == 1 ? 0 : index[d + added]);
      return from;
    });
  }
  void unsqueeze() {
    const int rank = model.shape.rank(), d = below(rank + 1);
    view = view.unsqueeze(either(d, rank + 1));
    model.shape.insert(d, 1);
  }
  void squeeze() {
    for (int d = 0; d < model.shape.rank(); ++d) {
      if (model.shape[d] != 1) continue;
      view = view.squeeze(either(d, model.shape.rank()));
      model.shape.erase(d);
      return;
    }
  }
  void reshape() {
    // A random factorisation, at times with one size left open.
    index_t rest = numel(model.shape);
    Shape shape, given;
    while (rest != 0 && shape.rank() < 5 && (rest > 1 || below(3) == 0)) {
      index_t f = 1 + below(rest);
      while (rest % f != 0) --f;
      shape.push_back(f);
      rest /= f;
    }
    if (rest != 1) shape.push_back(rest);
    given = shape;
    if (shape.rank() && rest != 0 && below(2)) given[below(shape.rank())] = -1;
    const Tensor<double> before = view;
    view = view.reshape(given);
    model.shape = shape;
    // While the elements are those of the first memory, an element is its own place there: a view exists
    // exactly if places are a linear function of indices.
    const bool shares = view.storage().same(before.storage());
    if (first_memory_) CHECK(shares == linear());
    if (!shares) moved();
  }
  bool linear() const {
    if (model.values.empty()) return true;
    const Shape& shape = model.shape;
    Dims stride;
    for (int d = 0; d < shape.rank(); ++d) {
      Dims index = Dims::filled(shape.rank(), 0);
      if (shape[d] > 1) index[d] = 1;
      stride.push_back(static_cast<index_t>(model.at(index) - model.values[0]));
    }
    bool all = true;
    for_each_index(shape, [&](const Dims& index) {
      double place = model.values[0];
      for (int d = 0; d < shape.rank(); ++d) place += static_cast<double>(index[d] * stride[d]);
      all = all && model.at(index) == place;
    });
    return all;
  }
  void moved() {
    base = view;
    first_memory_ = false;
  }
  void flatten() {
    const int rank = model.shape.rank(), a = below(rank), b = a + below(rank - a);
    const Tensor<double> before = view;
    view = view.flatten(either(a, rank), either(b, rank));
    if (!view.storage().same(before.storage())) moved();
    for (int d = b; d > a; --d) {
      model.shape[d - 1] *= model.shape[d];
      model.shape.erase(d);
    }
  }

  std::mt19937 random_;
  bool first_memory_ = true;
};

}  // namespace

TEST_CASE("views: random chains read what index loops read") {
  int strided = 0, dense = 0;
  for (unsigned seed = 0; seed < 1500; ++seed) {
    Chain chain(seed);
    for (int step = 0; step < 7; ++step) {
      chain.step();
      const auto& view = chain.view;
      INFO("seed " << seed << ", step " << step << ", shape " << to_text(chain.model.shape));
      REQUIRE(view.shape() == chain.model.shape);
      REQUIRE(view.numel() == static_cast<index_t>(chain.model.values.size()));
      REQUIRE(view.to_vector() == chain.model.values);
      REQUIRE(view.clone().to_vector() == chain.model.values);
      REQUIRE(view.clone().is_contiguous());
      REQUIRE(view.to<float>().to<double>().to_vector() == chain.model.values);
      if (view.is_contiguous())
        REQUIRE(std::equal(chain.model.values.begin(), chain.model.values.end(), view.data()));
      (view.is_contiguous() ? dense : strided) += 1;
    }
  }
  CHECK(dense > 1000);
  CHECK(strided > 1000);
}

TEST_CASE("views: writing through a view changes the elements it shows and no others") {
  for (unsigned seed = 0; seed < 600; ++seed) {
    Chain chain(seed);
    for (int step = 0; step < 4; ++step) chain.step();
    if (!chain.base.is_contiguous()) continue;
    INFO("seed " << seed);
    const std::vector<double> before = chain.base.to_vector();
    std::set<double> shown(chain.model.values.begin(), chain.model.values.end());
    const bool distinct = shown.size() == chain.model.values.size();
    const auto version = chain.base.storage().version();
    if (seed % 2 || !distinct) {
      chain.view.fill(-1);
    } else {
      chain.view.copy_from(Tensor<double>::full(chain.view.shape(), -1));
    }
    CHECK(chain.base.storage().version() > version);
    const std::vector<double> after = chain.base.to_vector();
    bool right = true;
    for (std::size_t i = 0; i < before.size(); ++i)
      right = right && after[i] == (shown.count(before[i]) ? -1 : before[i]);
    CHECK(right);
  }
}

TEST_CASE("views: reshape shares memory exactly where strides allow it") {
  const auto t = Tensor<float>::arange(24).reshape({2, 3, 4});
  auto shares = [](const Tensor<float>& a, const Tensor<float>& b) { return a.storage().same(b.storage()); };
  CHECK(shares(t.reshape({6, 4}), t));
  CHECK(shares(t.reshape({-1}), t));
  CHECK(shares(t.slice(0, 0, 1).reshape({12}), t));
  CHECK(shares(t.slice(2, 0, 2).reshape({6, 2}), t));  // rows stay apart
  CHECK(shares(t.slice(2, 0, 2).reshape({2, 3, 2, 1}), t));
  CHECK_FALSE(shares(t.slice(2, 0, 2).reshape({12}), t));  // gaps between the rows
  CHECK(shares(t.slice(2, 0, 4, 2).reshape({3, 2, 2}), t));
  CHECK(shares(t.slice(2, 0, 4, 2).reshape({12}), t));  // every second element all along
  CHECK(shares(t.transpose(0, 1).reshape({3, 2, 2, 2}), t));
  CHECK_FALSE(shares(t.transpose(0, 1).reshape({6, 4}), t));
  CHECK(shares(t.transpose(1, 2).reshape({2, 2, 2, 3}), t));
  CHECK_FALSE(shares(t.transpose(1, 2).reshape({24}), t));
  const auto row = Tensor<float>::arange(3).expand({4, 3});
  CHECK(shares(row.reshape({2, 2, 3}), row));
  CHECK_FALSE(shares(row.reshape({12}), row));
  CHECK(row.reshape({12}).to_vector() == std::vector<float>{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2});
  CHECK(shares(t.contiguous(), t));
  CHECK(shares(t.to<float>(), t));
  CHECK_FALSE(shares(t.clone(), t));
}

TEST_CASE("views: what is refused") {
  const auto t = Tensor<float>::zeros({2, 3});
  constexpr index_t kMax = std::numeric_limits<index_t>::max(), kMin = std::numeric_limits<index_t>::min();
  CHECK(thrown([&] { t.slice(0, 0, 2, 0); }) == "[slice] step must be positive; got 0");
  CHECK(thrown([&] { t.slice(2, 0); }) == "[slice] dim must be in [-2, 1]; got 2 for a tensor of rank 2");
  CHECK(thrown([&] { t.select(1, 3); }) == "[select] index must be in [-3, 2]; got 3 for dim 1 of (2, 3)");
  CHECK(thrown([&] { t.select(1, -4); }) != "");
  CHECK(thrown([&] { t.select(1, kMin); }) != "");
  CHECK(thrown([&] { t.permute({0}); }) ==
        "[permute] every dimension must be named once; got (0) for (2, 3)");
  CHECK(thrown([&] { t.permute({0, 0}); }) == "[permute] dims must not repeat; got (0, 0)");
  CHECK(thrown([&] { t.permute({0, 2}); }) != "");
  CHECK(thrown([&] { t.transpose(0, 2); }) ==
        "[transpose] dim must be in [-2, 1]; got 2 for a tensor of rank 2");
  CHECK(thrown([&] {
          t.expand({2, 4});
        }) == "[expand] sizes must be equal or 1, from the last dimension on; got (2, 3) to (2, 4)");
  CHECK(thrown([&] { t.expand({3}); }) != "");
  CHECK(thrown([&] { t.unsqueeze(-1).expand({2, 3, -1}); }) != "");
  CHECK(thrown([&] { t.squeeze(0); }) == "[squeeze] the dimension must be of size 1; got dim 0 of (2, 3)");
  CHECK(thrown([&] {
          t.reshape({4, 2});
        }) == "[reshape] the number of elements must stay; got (2, 3) to (4, 2)");
  CHECK(thrown([&] {
          t.reshape({-1, 4});
        }) == "[reshape] the size -1 stands for must be a whole number; got (2, 3) to (-1, 4)");
  CHECK(thrown([&] {
          t.reshape({-1, -1});
        }) == "[reshape] sizes must not be negative but for one -1; got (-1, -1)");
  CHECK(thrown([&] { t.reshape({-1, 0}); }) != "");
  CHECK(thrown([&] { t.reshape({kMax, kMax, -1}); }) != "");
  CHECK(thrown([&] { t.flatten(1, 0); }) == "[flatten] first must not come after last; got 1 and 0");
  Tensor<float> deep = Tensor<float>::zeros(Dims::filled(8, 1));
  CHECK(thrown([&] { deep.unsqueeze(0); }) == "[shape] a tensor has at most 8 dimensions; got 9");
  // Extremes that are fine.
  CHECK(t.slice(1, kMin, kMax, kMax).shape() == Shape{2, 1});
  CHECK(t.slice(1, kMax).shape() == Shape{2, 0});
  CHECK(t.slice(1, 2, 1).numel() == 0);
  CHECK(deep.squeeze(-1).rank() == 7);
}
