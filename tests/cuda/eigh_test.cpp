// Eigenvalues, functions of matrices, and the losses of second moments and relations, on the device against
// the CPU.
#include <limbic/backend/cuda/angles.hpp>
#include <limbic/backend/cuda/covariance.hpp>
#include <limbic/backend/cuda/eigh.hpp>
#include <limbic/backend/cuda/pair_weights.hpp>
#include <limbic/backend/cuda/pairwise.hpp>
#include <limbic/loss/log_coral.hpp>
#include <limbic/loss/relational.hpp>

#include "losses.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

Tensor<double> transposed(const Tensor<double>& x) { return x.transpose(0, 1).contiguous(); }

// |A V - V E| and |V' V - I| over |A|, and the values against the CPU's.
void check_eigh(const Tensor<double>& a) {
  const index_t d = a.size(0);
  INFO("d ", d);
  Tensor<double> here = Tensor<double>::empty({d}), rows = Tensor<double>::empty({d, d});
  REQUIRE(eigh(Cpu{}, a, here, rows));
  Tensor<double, Cuda> values = Tensor<double, Cuda>::empty({d}),
                       vectors = Tensor<double, Cuda>::empty({d, d});
  REQUIRE(eigh(Cuda{}, a.on<Cuda>(), values, vectors));
  const auto e = values.on<Cpu>(), v = vectors.on<Cpu>();
  const Tensor<double> part = (a + transposed(a)) * 0.5;
  const double size = std::max(1e-300, std::sqrt(sum(part * part).item()));
  CHECK(difference(e, here, size) < 1e-14);
  CHECK(difference(matmul(part, v), v * e, size) < 1e-13);
  CHECK(difference(matmul(transposed(v), v), Tensor<double>::eye(d)) < 1e-13);
}

}  // namespace

TEST_CASE("eigenvalues and eigenvectors of symmetric matrices of any size") {
  for (index_t d : {0, 1, 2, 3, 8, 17, 40}) check_eigh(leaves<double>({{d, d}})[0]);
  check_eigh(leaves<double>({{131, 131}})[0]);  // a launch a round
  check_eigh(Tensor<double>::zeros({5, 5}));
  check_eigh(Tensor<double>::eye(6) * -3.0);
  check_eigh(Tensor<double>::ones({7, 7}));
  check_eigh(leaves<double>({{9, 9}})[0] * 1e-20);
  auto x = leaves<double>({{4, 4}})[0];
  x.set({1, 2}, std::numeric_limits<double>::infinity());
  Tensor<double, Cuda> values = Tensor<double, Cuda>::empty({4}),
                       vectors = Tensor<double, Cuda>::empty({4, 4});
  eigh(Cuda{}, x.on<Cuda>(), values, vectors);
  CHECK(thrown([&] { values.to_vector(); }).find("[eigh] the matrix must be finite; got inf at position 6") ==
        0);
}
TEST_CASE("CORAL, log-CORAL and the closed form") {
  const auto w = leaves<double>({{9}, {12}}, 0, 2);
  for (index_t d : {1, 4, 13}) {
    const auto x = leaves<double>({{9, d}, {12, d}});
    for (auto form : {CoralForm::paper, CoralForm::tllib}) {
      check_loss(x, [&](const auto& v) { return coral(v[0], v[1], {form}); });
      check_loss(x, [&](const auto& v) {
        return coral(v[0], v[1], {form}, {next_to(v[0], w[0]), next_to(v[0], w[1])});
      });
    }
    check_loss(
        x, [](const auto& v) { return log_coral(v[0], v[1]); }, 1e-10);
    check_loss(
        x, [&](const auto& v) { return log_coral(v[0], v[1], {}, {next_to(v[0], w[0])}); }, 1e-10);
    CHECK(difference(coral_matrix(x[0].on<Cuda>(), x[1].on<Cuda>()).on<Cpu>(), coral_matrix(x[0], x[1])) <
          1e-11);
  }
  for (const auto& [n, d] : std::vector<std::array<index_t, 2>>{{1, 3}, {2, 33}, {40, 70}, {5, 530}})
    check_loss(
        leaves<double>({{n, d}, {n, d}}, 50, 52), [](const auto& v) { return coral(v[0], v[1]); }, 1e-10);
  check_loss(
      leaves<float>({{20, 5}, {20, 5}}), [](const auto& v) { return log_coral(v[0], v[1]); }, 1e-4);
}
TEST_CASE("derivatives of the logarithm, where eigenvalues meet too") {
  Tensor<double> a = leaves<double>({{6, 6}})[0];
  a = matmul(a, transposed(a)) + Tensor<double>::eye(6);
  for (const Tensor<double>& m : {a, Tensor<double>(Tensor<double>::eye(6) * 2.0)}) {
    Tensor<double> values = Tensor<double>::empty({6}), vectors = Tensor<double>::empty({6, 6});
    REQUIRE(eigh(Cpu{}, m, values, vectors));
    const auto e = leaves<double>({{6, 6}, {6, 6}, {6, 6}});
    for (std::size_t order : {1, 2, 3}) {
      Tensor<double> here = Tensor<double>::empty({6, 6});
      log_derivative(Cpu{}, here, values, vectors, std::span<const Tensor<double>>(e.data(), order));
      std::vector<Tensor<double, Cuda>> directions;
      for (std::size_t q = 0; q < order; ++q) directions.push_back(e[q].on<Cuda>());
      Tensor<double, Cuda> there = Tensor<double, Cuda>::empty({6, 6});
      log_derivative(Cuda{}, there, values.on<Cuda>(), vectors.on<Cuda>(),
                     std::span<const Tensor<double, Cuda>>(directions));
      CHECK(difference(there.on<Cpu>(), here) < 1e-11);
    }
  }
  const auto indefinite = (Tensor<float>::eye(3) * -1.0f).on<Cuda>();
  CHECK(thrown([&] {
          logm_spd(indefinite).to_vector();
        }).find("[logm_spd] the eigenvalues must be positive") == 0);
}
TEST_CASE("relations between samples") {
  const auto w = leaves<double>({{11}}, 0, 1);
  for (index_t n : {1, 2, 11}) {
    const auto x = leaves<double>({{n, 4}, {n, 6}});
    check_loss(
        x, [](const auto& v) { return relational_kd(v[0], v[1]) + relational_kd(v[1], v[0]); }, 1e-11);
  }
  check_loss(
      leaves<double>({{11, 4}, {11, 6}}),
      [&](const auto& v) {
        return relational_kd(v[0], v[1], {}, next_to(v[0], w[0])) + relational_kd(v[1], v[0]);
      },
      1e-11);
  Leaves<double> doubled = leaves<double>({{5, 2}, {5, 2}});
  doubled[0].select(0, 1).copy_from(doubled[0].select(0, 3));
  check_loss(
      doubled, [](const auto& v) { return relational_kd(v[0], v[1]) + relational_kd(v[1], v[0]); }, 1e-11);
  check_loss(
      leaves<double>({{5, 2}, {140, 2}, {140, 2}}),
      [](const auto& v) { return relational_kd(v[1], v[2]) + sum(v[0]) + sum(v[2]); }, 1e-11);
}
