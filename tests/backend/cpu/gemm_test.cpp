// The CPU matrix product against a double loop: every instruction set, layout, tail, cut and epilogue.
#include <limbic/backend/cpu/gemm.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <thread>
#include <tuple>
#include <vector>

namespace {

using limbic::index_t;
using limbic::cpu::Activation;
using limbic::cpu::GemmOptions;
using limbic::cpu::Isa;
using limbic::cpu::MatrixRef;

constexpr Isa kAll[] = {Isa::portable, Isa::avx2, Isa::avx512};

// Restores what a test changes.
struct Restore {
  ~Restore() {
    limbic::cpu::set_isa(limbic::cpu::detected_isa());
    limbic::set_num_threads(static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
  }
};

template <class T>
constexpr T kNan = std::numeric_limits<T>::quiet_NaN();

enum class Layout { rows, columns, loose_rows, loose_columns, every_second };
constexpr Layout kLayouts[] = {Layout::rows, Layout::columns, Layout::loose_rows, Layout::loose_columns,
                               Layout::every_second};

// A random matrix in memory that ends with its last element; what lies between its elements is NaN.
template <class T>
struct Matrix {
  std::vector<T> values;
  MatrixRef<T> ref;

  Matrix(index_t rows, index_t cols, Layout layout, unsigned seed) {
    const index_t gap = layout == Layout::loose_rows || layout == Layout::loose_columns ? 3 : 0;
    switch (layout) {
      case Layout::rows:
      case Layout::loose_rows: ref = {nullptr, cols + gap, 1}; break;
      case Layout::columns:
      case Layout::loose_columns: ref = {nullptr, 1, rows + gap}; break;
      case Layout::every_second: ref = {nullptr, 2 * cols + 1, 2}; break;
    }
    if (rows > 0 && cols > 0)
      values.assign(static_cast<std::size_t>((rows - 1) * ref.row_stride + (cols - 1) * ref.col_stride + 1),
                    kNan<T>);
    ref.data = values.data();
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> uniform(-1, 1);
    for (index_t i = 0; i < rows; ++i)
      for (index_t j = 0; j < cols; ++j)
        values[static_cast<std::size_t>(i * ref.row_stride + j * ref.col_stride)] =
            static_cast<T>(uniform(random));
  }
  T at(index_t i, index_t j) const { return ref.data[i * ref.row_stride + j * ref.col_stride]; }
};

struct Case {
  index_t m, n, k;
  bool accumulate = false, bias = false, relu = false;
};

// Largest error against double, and that of a plain loop in T.
template <class T>
void check_case(const Case& s, Layout layout_a, Layout layout_b) {
  CAPTURE(s.m);
  CAPTURE(s.n);
  CAPTURE(s.k);
  CAPTURE(static_cast<int>(layout_a));
  CAPTURE(static_cast<int>(layout_b));
  CAPTURE(static_cast<int>(limbic::cpu::isa()));
  const Matrix<T> a(s.m, s.k, layout_a, 1), b(s.k, s.n, layout_b, 2);
  const Matrix<T> old(s.m, s.n, Layout::rows, 3), bias(1, s.n, Layout::rows, 4);
  const index_t ldc = s.n + 2;
  const T guard = T(12345);
  std::vector<T> c(static_cast<std::size_t>(s.m * ldc), guard);
  if (s.accumulate)
    for (index_t i = 0; i < s.m; ++i)
      for (index_t j = 0; j < s.n; ++j) c[static_cast<std::size_t>(i * ldc + j)] = old.at(i, j);
  else
    for (index_t i = 0; i < s.m; ++i)  // what C held must not matter
      for (index_t j = 0; j < s.n; ++j) c[static_cast<std::size_t>(i * ldc + j)] = kNan<T>;

  limbic::cpu::gemm<T>(
      s.m, s.n, s.k, a.ref, b.ref, c.data(), ldc,
      {s.accumulate, s.bias ? bias.ref.data : nullptr, s.relu ? Activation::relu : Activation::none});

  double error = 0, naive_error = 0;
  bool guarded = true;
  for (index_t i = 0; i < s.m; ++i) {
    for (index_t j = 0; j < s.n; ++j) {
      double exact = s.accumulate ? old.at(i, j) : T(0);
      T naive = s.accumulate ? old.at(i, j) : T(0);
      for (index_t k = 0; k < s.k; ++k) {
        exact += static_cast<double>(a.at(i, k)) * static_cast<double>(b.at(k, j));
        naive += a.at(i, k) * b.at(k, j);
      }
      if (s.bias) exact += bias.at(0, j), naive += bias.at(0, j);
      if (s.relu) exact = std::max(exact, 0.0), naive = std::max(naive, T(0));
      const double got = static_cast<double>(c[static_cast<std::size_t>(i * ldc + j)]);
      error = std::isnan(got) ? got : std::max(error, std::abs(got - exact));
      naive_error = std::max(naive_error, std::abs(static_cast<double>(naive) - exact));
    }
    for (index_t j = s.n; j < ldc; ++j)
      guarded = guarded && c[static_cast<std::size_t>(i * ldc + j)] == guard;
  }
  CHECK(guarded);
  const double ulp = static_cast<double>(std::numeric_limits<T>::epsilon());
  const double allowed = sizeof(T) == 8 ? 1e-15 * static_cast<double>(s.k + 4) : 2 * naive_error + 4 * ulp;
  CHECK(error <= allowed);
}

// Every layout of A and of B; which pairs depends on the size.
template <class T>
void check_all_layouts(const Case& s) {
  for (int a = 0; a < 5; ++a) check_case<T>(s, kLayouts[a], kLayouts[(a + s.m + s.n + s.k) % 5]);
}

// Bytes of the product, so that NaN compares too.
template <class T>
std::vector<T> product(index_t m, index_t n, index_t k, Layout layout_a, Layout layout_b, bool accumulate) {
  const Matrix<T> a(m, k, layout_a, 1), b(k, n, layout_b, 2), bias(1, n, Layout::rows, 3);
  std::vector<T> c(static_cast<std::size_t>(m * n), T(1));
  limbic::cpu::gemm<T>(m, n, k, a.ref, b.ref, c.data(), n, {accumulate, bias.ref.data, Activation::relu});
  return c;
}

}  // namespace

TEST_CASE_TEMPLATE("gemm: every tail of the tiles, in every layout", T, float, double) {
  const Restore restore;
  for (const Isa isa : kAll) {
    limbic::cpu::set_isa(isa);
    for (const index_t m : {1, 2, 3, 4, 5, 7, 8, 11, 13, 14, 15, 18, 29, 43})
      for (const index_t n : {1, 3, 8, 16, 17, 31, 32, 33, 50}) check_all_layouts<T>({m, n, 19});
    for (const index_t k : {1, 2, 3, 4, 7, 8, 15, 16, 17, 33, 62}) {
      check_all_layouts<T>({1, 70, k});
      check_all_layouts<T>({3, 9, k});
      check_all_layouts<T>({70, 1, k});
      check_all_layouts<T>({20, 37, k});
    }
  }
}

TEST_CASE_TEMPLATE("gemm: accumulation, bias and activation, on every path", T, float, double) {
  const Restore restore;
  for (const Isa isa : kAll) {
    limbic::cpu::set_isa(isa);
    for (int options = 0; options < 8; ++options) {
      const bool accumulate = (options & 1) != 0, bias = (options & 2) != 0, relu = (options & 4) != 0;
      for (const auto& [m, n, k] : {std::tuple<index_t, index_t, index_t>{1, 90, 40},
                                    {2, 11, 5},
                                    {50, 1, 21},
                                    {6, 5, 0},
                                    {1, 5, 0},
                                    {17, 39, 600},
                                    {9, 40, 5000}}) {
        const Case s{m, n, k, accumulate, bias, relu};
        check_case<T>(s, Layout::rows, Layout::rows);
        check_case<T>(s, Layout::columns, Layout::columns);
        check_case<T>(s, Layout::every_second, Layout::loose_columns);
      }
    }
  }
}

TEST_CASE("gemm: sizes that are cut, packed and blocked") {
  const Restore restore;
  for (const Isa isa : kAll) {
    limbic::cpu::set_isa(isa);
    for (const Layout a : {Layout::rows, Layout::columns})
      for (const Layout b : {Layout::rows, Layout::columns}) {
        check_case<float>({250, 130, 129, true, true, true}, a, b);   // a grid of pieces
        check_case<float>({33, 61, 2500, true, true, true}, a, b);    // K in parts
        check_case<float>({130, 1100, 70, false, true, true}, a, b);  // A packed
        check_case<float>({20, 1030, 1200}, a, b);                    // B packed in two rounds
        check_case<float>({1, 700, 400, true, true, true}, a, b);     // a vector by several threads
      }
    check_case<float>({115, 1500, 702}, Layout::rows, Layout::rows);  // rows of B packed
  }
}

TEST_CASE_TEMPLATE("gemm: the same bits for any number of threads", T, float, double) {
  const Restore restore;
  for (const Isa isa : kAll) {
    limbic::cpu::set_isa(isa);
    for (const auto& [m, n, k] : {std::tuple<index_t, index_t, index_t>{40, 60, 3000},
                                  {300, 100, 110},
                                  {1, 900, 400},
                                  {60, 700, 90},
                                  {20, 30, 10}}) {
      for (const Layout layout : {Layout::rows, Layout::columns}) {
        limbic::set_num_threads(1);
        const auto one = product<T>(m, n, k, layout, layout, true);
        for (const int threads : {2, 3, 5}) {
          limbic::set_num_threads(threads);
          CHECK(product<T>(m, n, k, layout, layout, true) == one);
        }
      }
    }
  }
}

TEST_CASE("gemm: empty products") {
  for (const Isa isa : kAll) {
    const Restore restore;
    limbic::cpu::set_isa(isa);
    float c[] = {7, 7, 7, 7, 7, 7};
    const float bias[] = {-1, 2};
    const MatrixRef<float> none{nullptr, 0, 1};
    limbic::cpu::gemm<float>(0, 2, 3, none, none, c, 2);
    limbic::cpu::gemm<float>(2, 0, 3, none, none, c, 2);
    CHECK(c[0] == 7);
    limbic::cpu::gemm<float>(2, 2, 0, none, none, c, 2);
    CHECK((c[0] == 0 && c[1] == 0 && c[2] == 0 && c[3] == 0));
    CHECK((c[4] == 7 && c[5] == 7));
    limbic::cpu::gemm<float>(3, 2, 0, none, none, c, 2, {false, bias, Activation::relu});
    CHECK((c[0] == 0 && c[1] == 2 && c[4] == 0 && c[5] == 2));
    limbic::cpu::gemm_batched<float>(0, 2, 2, 2, none, 0, none, 0, c, 2, 4);
    CHECK(c[1] == 2);
  }
}

TEST_CASE("gemm: NaN goes where it belongs and nowhere else") {
  const Restore restore;
  for (const Isa isa : kAll) {
    limbic::cpu::set_isa(isa);
    for (const index_t m : {1, 5, 30}) {
      Matrix<float> a(m, 20, Layout::rows, 1), b(20, 37, Layout::columns, 2);
      a.values[static_cast<std::size_t>((m - 1) * 20 + 4)] = kNan<float>;
      std::vector<float> c(static_cast<std::size_t>(m * 37));
      limbic::cpu::gemm<float>(m, 37, 20, a.ref, b.ref, c.data(), 37, {false, nullptr, Activation::relu});
      bool right = true;
      for (index_t i = 0; i < m; ++i)
        for (index_t j = 0; j < 37; ++j)
          right = right && std::isnan(c[static_cast<std::size_t>(i * 37 + j)]) == (i == m - 1);
      CHECK(right);
    }
  }
}

TEST_CASE_TEMPLATE("gemm_batched: each product, broadcast operands, a sum over the batch", T, float, double) {
  const Restore restore;
  for (const Isa isa : kAll) {
    limbic::cpu::set_isa(isa);
    const index_t batch = 5, m = 13, n = 18, k = 21;
    const Matrix<T> a(batch * m, k, Layout::rows, 1), b(batch * k, n, Layout::rows, 2),
        bias(1, n, Layout::rows, 3);
    const auto size = static_cast<std::size_t>(m * n);
    for (const index_t a_batch : {m * k, index_t{0}})
      for (const index_t b_batch : {k * n, index_t{0}}) {
        CAPTURE(a_batch);
        CAPTURE(b_batch);
        std::vector<T> c(size * batch, kNan<T>), sum(size, T(1)), one(size), expected_sum(size, T(1));
        const GemmOptions<T> options{false, bias.ref.data, Activation::relu};
        limbic::cpu::gemm_batched<T>(batch, m, n, k, a.ref, a_batch, b.ref, b_batch, c.data(), n, m * n,
                                     options);
        limbic::cpu::gemm_batched<T>(batch, m, n, k, a.ref, a_batch, b.ref, b_batch, sum.data(), n, 0,
                                     {true, bias.ref.data, Activation::none});
        for (index_t i = 0; i < batch; ++i) {
          const MatrixRef<T> ai{a.ref.data + i * a_batch, k, 1}, bi{b.ref.data + i * b_batch, n, 1};
          limbic::cpu::gemm<T>(m, n, k, ai, bi, one.data(), n, options);
          double difference = 0;
          for (std::size_t j = 0; j < size; ++j)
            difference =
                std::max(difference,
                         std::abs(static_cast<double>(one[j] - c[static_cast<std::size_t>(i) * size + j])));
          CHECK(difference <= 64 * static_cast<double>(std::numeric_limits<T>::epsilon()));
          limbic::cpu::gemm<T>(m, n, k, ai, bi, expected_sum.data(), n,
                               {true, i + 1 == batch ? bias.ref.data : nullptr, Activation::none});
        }
        CHECK(sum == expected_sum);
      }
  }
}

TEST_CASE("gemm_batched: products large and small take all threads, with the same bits") {
  const Restore restore;
  struct Batch {
    index_t batch, m, n, k;
  };
  for (const Batch& s : {Batch{64, 30, 30, 20}, {3, 300, 300, 200}}) {
    const index_t batch = s.batch, m = s.m, n = s.n, k = s.k;
    const Matrix<float> a(batch * m, k, Layout::rows, 1), b(batch * k, n, Layout::rows, 2);
    const auto run = [&](int threads) {
      limbic::set_num_threads(threads);
      std::vector<float> c(static_cast<std::size_t>(batch * m * n));
      limbic::cpu::gemm_batched<float>(batch, m, n, k, a.ref, m * k, b.ref, k * n, c.data(), n, m * n);
      return c;
    };
    const auto one = run(1);
    CHECK(run(2) == one);
    CHECK(run(4) == one);
  }
}
