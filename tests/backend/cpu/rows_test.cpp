// Row kernels against their definitions in long double, for every instruction set; gradients against the
// formulas and finite differences; special values, empty matrices, guard words, threads.
#include <limbic/backend/cpu/norms.hpp>
#include <limbic/backend/cpu/rows.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace limbic;
using namespace limbic::cpu;
using Exact = std::vector<long double>;

constexpr Isa kIsas[] = {Isa::portable, Isa::avx2, Isa::avx512};
constexpr index_t kCols[] = {1, 2, 3, 7, 16, 33, 62, 64, 100, 257};

struct RestoreSettings {
  Isa isa = cpu::isa();
  int threads = num_threads();
  ~RestoreSettings() {
    set_isa(isa);
    set_num_threads(threads);
  }
};

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

template <class T>
std::vector<T> random(index_t n, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<T> x(at(n));
  for (T& e : x) e = static_cast<T>(static_cast<int>(generator() % 2001) - 1000) / T(250);
  return x;
}

// A buffer of n with three words behind it that must stay.
template <class T>
struct Guarded {
  std::vector<T> x;
  Guarded(index_t n, T start) : x(at(n) + 3, start) {
    for (std::size_t i = 0; i < 3; ++i) x[x.size() - 1 - i] = T(1234.5);
  }
  T* data() { return x.data(); }
  std::vector<T> finish() {
    for (int i = 0; i < 3; ++i) {
      CHECK(x.back() == T(1234.5));
      x.pop_back();
    }
    return x;
  }
};

template <class T>
void check_close(const std::vector<T>& got, const Exact& want, const char* name) {
  REQUIRE(got.size() == want.size());
  long double worst = 0, largest = 1;
  for (std::size_t i = 0; i < got.size(); ++i) {
    largest = std::fmax(largest, std::fabs(want[i]));
    const long double d = std::fabs(static_cast<long double>(got[i]) - want[i]);
    worst = d <= worst ? worst : d;  // NaN stays
  }
  CAPTURE(std::string(name));
  CHECK(static_cast<double>(worst) <= static_cast<double>(largest) * (sizeof(T) == 8 ? 2e-14 : 4e-6));
}

// Central differences of loss(x) in double.
void check_gradient(std::vector<double> x, const std::vector<double>& dx,
                    const std::function<double(const std::vector<double>&)>& loss) {
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double old = x[i], h = 1e-5;
    x[i] = old + h;
    const double up = loss(x);
    x[i] = old - h;
    const double down = loss(x);
    x[i] = old;
    worst = std::fmax(worst, std::fabs((up - down) / (2 * h) - dx[i]));
  }
  CHECK(worst < 1e-8);
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

long double row_lse(const Exact& x) {
  long double top = x[0], sum = 0;
  for (auto e : x) top = std::max(top, e);
  for (auto e : x) sum += std::exp(e - top);
  return top + std::log(sum);
}

template <class T, class F>
void for_all(F&& f) {
  RestoreSettings restore;
  for (Isa isa : kIsas) {
    set_isa(isa);
    for (index_t cols : kCols) {
      CAPTURE(static_cast<int>(isa));
      CAPTURE(cols);
      f(index_t{5}, cols);
    }
  }
}

}  // namespace

TEST_CASE_TEMPLATE("rows: softmax, log_softmax, logsumexp", T, float, double) {
  for_all<T>([](index_t rows, index_t cols) {
    const auto x = random<T>(rows * cols, 1), dy = random<T>(rows * cols, 2), g = random<T>(rows, 3);
    Exact softmax, log_softmax, lse, dsoftmax, dlog_softmax, dlse;
    for (index_t r = 0; r < rows; ++r) {
      const Exact row(x.begin() + r * cols, x.begin() + (r + 1) * cols);
      const long double l = row_lse(row);
      lse.push_back(l);
      long double sum = 0, weighted = 0;
      for (index_t c = 0; c < cols; ++c) {
        sum += static_cast<long double>(dy[at(r * cols + c)]);
        weighted += static_cast<long double>(dy[at(r * cols + c)]) * std::exp(row[at(c)] - l);
      }
      for (index_t c = 0; c < cols; ++c) {
        const long double d = static_cast<long double>(dy[at(r * cols + c)]), p = std::exp(row[at(c)] - l);
        softmax.push_back(p);
        log_softmax.push_back(row[at(c)] - l);
        dsoftmax.push_back(p * (d - weighted));
        dlog_softmax.push_back(d - p * sum);
        dlse.push_back(p * static_cast<long double>(g[at(r)]));
      }
    }
    const index_t n = rows * cols;
    Guarded<T> y(n, T(9)), z(n, T(9)), l(rows, T(9));
    softmax_fwd(x.data(), y.data(), rows, cols);
    log_softmax_fwd(x.data(), z.data(), rows, cols);
    logsumexp_fwd(x.data(), l.data(), rows, cols);
    for (bool accumulate : {false, true}) {
      auto plus = [&](Exact e) {
        for (auto& v : e) v += accumulate ? 9 : 0;
        return e;
      };
      Guarded<T> a(n, T(9)), b(n, T(9)), c(n, T(9));
      softmax_bwd(y.data(), dy.data(), a.data(), rows, cols, accumulate);
      log_softmax_bwd(z.data(), dy.data(), b.data(), rows, cols, accumulate);
      logsumexp_bwd(x.data(), l.data(), g.data(), c.data(), rows, cols, accumulate);
      check_close(a.finish(), plus(dsoftmax), "dsoftmax");
      check_close(b.finish(), plus(dlog_softmax), "dlog_softmax");
      check_close(c.finish(), plus(dlse), "dlogsumexp");
    }
    check_close(y.finish(), softmax, "softmax");
    check_close(z.finish(), log_softmax, "log_softmax");
    check_close(l.finish(), lse, "logsumexp");
    auto in_place = x;
    softmax_fwd(in_place.data(), in_place.data(), rows, cols);
    check_close(in_place, softmax, "softmax in place");
  });
}

TEST_CASE_TEMPLATE("rows: cross entropy", T, float, double) {
  for_all<T>([](index_t rows, index_t cols) {
    const auto x = random<T>(rows * cols, 4), g = random<T>(rows, 5);
    auto w = random<T>(cols, 6);
    for (T& e : w) e = std::fabs(e);
    std::vector<index_t> labels(at(rows));
    for (index_t r = 0; r < rows; ++r) labels[at(r)] = r * 7 % cols;
    labels[1] = -100;
    for (int variant = 0; variant < 4; ++variant) {
      CrossEntropyOptions<T> o;
      if (variant & 1) o.weights = w.data();
      if (variant & 2) o.smoothing = T(0.25);
      Exact loss, dx;
      for (index_t r = 0; r < rows; ++r) {
        const Exact row(x.begin() + r * cols, x.begin() + (r + 1) * cols);
        const long double l = row_lse(row);
        Exact target(at(cols));
        long double total = 0, sum = 0;
        for (index_t c = 0; c < cols && labels[at(r)] >= 0; ++c) {
          const auto weight = static_cast<long double>(o.weights ? w[at(c)] : T(1));
          target[at(c)] = weight * static_cast<long double>(o.smoothing) / static_cast<long double>(cols);
          if (c == labels[at(r)]) target[at(c)] += weight * (1 - static_cast<long double>(o.smoothing));
          total += target[at(c)];
          sum += target[at(c)] * (l - row[at(c)]);
        }
        loss.push_back(sum);
        for (index_t c = 0; c < cols; ++c)
          dx.push_back(static_cast<long double>(g[at(r)]) *
                       (total * std::exp(row[at(c)] - l) - target[at(c)]));
      }
      Guarded<T> got(rows, T(9)), lse(rows, T(9));
      cross_entropy_fwd(x.data(), labels.data(), got.data(), lse.data(), rows, cols, o);
      for (bool accumulate : {false, true}) {
        auto want = dx;
        for (auto& v : want) v += accumulate ? 9 : 0;
        Guarded<T> d(rows * cols, T(9));
        cross_entropy_bwd(x.data(), labels.data(), lse.data(), g.data(), d.data(), rows, cols, accumulate, o);
        check_close(d.finish(), want, "dx");
      }
      check_close(got.finish(), loss, "loss");
    }
  });
  const T x[2] = {T(1), T(2)};
  T loss, lse;
  for (index_t label : {index_t{2}, index_t{-1}}) {
    std::string text;
    try {
      cross_entropy_fwd<T>(x, &label, &loss, &lse, 1, 2);
    } catch (const Error& e) {
      text = e.what();
    }
    CHECK(text == "[cross_entropy] labels must lie in [0, classes); got label " + std::to_string(label) +
                      " in row 0 with 2 classes");
  }
}

TEST_CASE_TEMPLATE("rows: layer norm and RMS norm", T, float, double) {
  for_all<T>([](index_t, index_t cols) {
    const index_t rows = 70, n = rows * cols;
    const auto x = random<T>(n, 7), dy = random<T>(n, 8), gamma = random<T>(cols, 9),
               beta = random<T>(cols, 10);
    const T eps = T(0.5);
    for (bool centre : {true, false})
      for (bool affine : {true, false}) {
        CAPTURE(centre);
        CAPTURE(affine);
        Exact y, dx, dgamma(at(cols)), dbeta(at(cols));
        for (index_t r = 0; r < rows; ++r) {
          long double mean = 0, var = 0, a = 0, b = 0;
          auto value = [&](index_t c) { return static_cast<long double>(x[at(r * cols + c)]); };
          auto scale = [&](index_t c) { return affine ? static_cast<long double>(gamma[at(c)]) : 1.0L; };
          const auto count = static_cast<long double>(cols);
          for (index_t c = 0; c < cols && centre; ++c) mean += value(c) / count;
          for (index_t c = 0; c < cols; ++c) var += (value(c) - mean) * (value(c) - mean) / count;
          const long double rstd = 1 / std::sqrt(var + static_cast<long double>(eps));
          for (index_t c = 0; c < cols; ++c) {
            const long double xhat = (value(c) - mean) * rstd,
                              d = static_cast<long double>(dy[at(r * cols + c)]);
            y.push_back(xhat * scale(c) + (affine && centre ? static_cast<long double>(beta[at(c)]) : 0));
            dgamma[at(c)] += d * xhat;
            dbeta[at(c)] += d;
            a += d * scale(c) / count;
            b += d * scale(c) * xhat / count;
          }
          for (index_t c = 0; c < cols; ++c)
            dx.push_back(rstd * (static_cast<long double>(dy[at(r * cols + c)]) * scale(c) -
                                 (centre ? a : 0) - (value(c) - mean) * rstd * b));
        }
        const T *scale = affine ? gamma.data() : nullptr, *shift = affine ? beta.data() : nullptr;
        Guarded<T> out(n, T(9)), mean(rows, T(9)), rstd(rows, T(9));
        if (centre)
          layer_norm_fwd(x.data(), scale, shift, eps, out.data(), mean.data(), rstd.data(), rows, cols);
        else rms_norm_fwd(x.data(), scale, eps, out.data(), rstd.data(), rows, cols);
        check_close(out.finish(), y, "y");
        for (bool accumulate : {false, true}) {
          auto plus = [&](Exact e) {
            for (auto& v : e) v += accumulate ? 9 : 0;
            return e;
          };
          Guarded<T> d(n, T(9)), dg(cols, T(9)), db(cols, T(9));
          if (centre)
            layer_norm_bwd(x.data(), scale, mean.data(), rstd.data(), dy.data(), d.data(), accumulate,
                           dg.data(), db.data(), accumulate, rows, cols);
          else
            rms_norm_bwd(x.data(), scale, rstd.data(), dy.data(), d.data(), accumulate, dg.data(), accumulate,
                         rows, cols);
          check_close(d.finish(), plus(dx), "dx");
          check_close(dg.finish(), plus(dgamma), "dgamma");
          if (centre) check_close(db.finish(), plus(dbeta), "dbeta");
        }
      }
  });
}

TEST_CASE("rows: gradients by finite differences") {
  const index_t rows = 3, cols = 9, n = rows * cols;
  const auto x = random<double>(n, 11), dy = random<double>(n, 12), g = random<double>(rows, 13);
  std::vector<double> y(at(n)), dx(at(n)), lse(at(rows)), loss(at(rows));
  softmax_fwd(x.data(), y.data(), rows, cols);
  softmax_bwd(y.data(), dy.data(), dx.data(), rows, cols, false);
  check_gradient(x, dx, [&](const auto& v) {
    softmax_fwd(v.data(), y.data(), rows, cols);
    return dot(y, dy);
  });
  const std::vector<index_t> labels = {2, 8, 0};
  CrossEntropyOptions<double> o;
  o.smoothing = 0.1;
  cross_entropy_fwd(x.data(), labels.data(), loss.data(), lse.data(), rows, cols, o);
  cross_entropy_bwd(x.data(), labels.data(), lse.data(), g.data(), dx.data(), rows, cols, false, o);
  check_gradient(x, dx, [&](const auto& v) {
    cross_entropy_fwd(v.data(), labels.data(), loss.data(), lse.data(), rows, cols, o);
    return dot(loss, g);
  });
  const auto gamma = random<double>(cols, 14), beta = random<double>(cols, 15);
  std::vector<double> mean(at(rows)), rstd(at(rows)), dgamma(at(cols)), dbeta(at(cols));
  auto norm = [&](const std::vector<double>& v, const std::vector<double>& scale) {
    layer_norm_fwd(v.data(), scale.data(), beta.data(), 1e-3, y.data(), mean.data(), rstd.data(), rows, cols);
    return dot(y, dy);
  };
  norm(x, gamma);
  layer_norm_bwd(x.data(), gamma.data(), mean.data(), rstd.data(), dy.data(), dx.data(), false, dgamma.data(),
                 dbeta.data(), false, rows, cols);
  check_gradient(x, dx, [&](const auto& v) { return norm(v, gamma); });
  check_gradient(gamma, dgamma, [&](const auto& v) { return norm(x, v); });
}

TEST_CASE_TEMPLATE("rows: infinities, NaN, large values", T, float, double) {
  RestoreSettings restore;
  constexpr T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  for (Isa isa : kIsas) {
    set_isa(isa);
    const index_t cols = 37;
    std::vector<T> x(at(5 * cols), T(1)), y(x), z(x), lse(5);
    for (index_t c = 0; c < cols; ++c) x[at(c)] = -inf;
    x[at(cols + 3)] = nan;
    x[at(2 * cols + 36)] = inf;
    x[at(3 * cols)] = -inf;
    for (index_t c = 0; c < cols; ++c) x[at(4 * cols + c)] = c == 5 ? T(1e30) : T(-1e30);
    softmax_fwd(x.data(), y.data(), 5, cols);
    log_softmax_fwd(x.data(), z.data(), 5, cols);
    logsumexp_fwd(x.data(), lse.data(), 5, cols);
    for (index_t c = 0; c < 3 * cols; ++c) CHECK(std::isnan(y[at(c)]));
    for (index_t c = 0; c < 2 * cols; ++c) CHECK(std::isnan(z[at(c)]));
    CHECK(y[at(3 * cols)] == T(0));
    CHECK(y[at(3 * cols + 1)] == doctest::Approx(1.0 / 36));
    CHECK(z[at(3 * cols)] == -inf);
    CHECK(y[at(4 * cols + 5)] == T(1));
    CHECK(z[at(4 * cols + 5)] == T(0));
    CHECK(lse[0] == -inf);
    CHECK(std::isnan(lse[1]));
    CHECK(lse[2] == inf);
    CHECK(lse[4] == T(1e30));
  }
}

TEST_CASE_TEMPLATE("rows: empty matrices", T, float, double) {
  T none = T(5), lse[2] = {}, mean[2] = {}, rstd[2] = {}, sums[3] = {T(1), T(1), T(1)};
  for (auto [rows, cols] : {std::pair<index_t, index_t>{0, 3}, {2, 0}, {0, 0}}) {
    softmax_fwd<T>(&none, &none, rows, cols);
    softmax_bwd<T>(&none, &none, &none, rows, cols, false);
    log_softmax_fwd<T>(&none, &none, rows, cols);
    logsumexp_fwd<T>(&none, lse, rows, cols);
    layer_norm_fwd<T>(&none, nullptr, nullptr, T(1), &none, mean, rstd, rows, cols);
    layer_norm_bwd<T>(&none, nullptr, mean, rstd, &none, &none, false, sums, nullptr, false, rows, cols);
  }
  CHECK(none == T(5));
  CHECK(lse[0] == -std::numeric_limits<T>::infinity());
  for (T s : sums) CHECK(s == T(0));  // sums over no rows
}

TEST_CASE("rows: bitwise the same with any number of threads") {
  RestoreSettings restore;
  const index_t rows = 3000, cols = 65, n = rows * cols;
  const auto x = random<float>(n, 16), dy = random<float>(n, 17), gamma = random<float>(cols, 18);
  std::vector<std::vector<float>> want;
  for (int threads : {1, 2, 3}) {
    set_num_threads(threads);
    std::vector<float> y(at(n)), dx(at(n)), z(at(n)), mean(at(rows)), rstd(at(rows)), dgamma(at(cols)),
        dbeta(at(cols));
    softmax_fwd(x.data(), z.data(), rows, cols);
    layer_norm_fwd(x.data(), gamma.data(), gamma.data(), 1e-5f, y.data(), mean.data(), rstd.data(), rows,
                   cols);
    layer_norm_bwd(x.data(), gamma.data(), mean.data(), rstd.data(), dy.data(), dx.data(), false,
                   dgamma.data(), dbeta.data(), false, rows, cols);
    const std::vector<std::vector<float>> got = {y, dx, z, dgamma, dbeta};
    if (threads == 1) want = got;
    CHECK(got == want);
  }
}
