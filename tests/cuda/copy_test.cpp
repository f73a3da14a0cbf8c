// Copies, fills and conversions of strided tensors on the device.
#include "on_both.hpp"

#include "support/naive.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

template <class T>
Tensor<T> numbered(const Shape& shape) {
  std::vector<T> v(static_cast<std::size_t>(numel(shape)));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<T>(i % 251);
  return Tensor<T>::from(shape, v);
}

// The same views on host and device, copied to dense memory.
template <class T, class F>
void check_copies(const Shape& shape, const F& view) {
  CAPTURE(shape);
  const Tensor<T> host = numbered<T>(shape);
  CHECK(identical(view(host.template on<Cuda>()).clone().template on<Cpu>(), view(host).clone()));
}

template <class T>
void check_all_copies() {
  const auto transposed = [](const auto& t) { return t.transpose(0, -1); };
  for (const Shape& s : {Shape{33, 65}, Shape{1, 65}, Shape{7, 9}, Shape{8, 8}, Shape{32, 32}, Shape{31, 64},
                         Shape{0, 5}, Shape{9, 3, 40}, Shape{40, 3, 9}, Shape{129, 2, 2, 17}})
    check_copies<T>(s, transposed);
  check_copies<T>({4, 33, 10}, [](const auto& t) { return t.transpose(1, 2); });
  check_copies<T>({5, 4, 3, 2}, [](const auto& t) { return t.permute({2, 0, 3, 1}); });
  check_copies<T>({33, 65},
                  [](const auto& t) { return t.slice(0, 1, 33, 2).slice(1, 3, 60, 7).transpose(0, 1); });
  check_copies<T>({65, 1}, [](const auto& t) { return t.expand({65, 33}); });
  check_copies<T>({65}, [](const auto& t) { return t.expand({33, 65}).transpose(0, 1); });
  check_copies<T>({6, 7}, [](const auto& t) { return t.diagonal(1).unsqueeze(0).expand({3, 6}); });
}

}  // namespace

TEST_CASE("copies of transposed, cut and repeated views, elements of 1, 4 and 8 bytes") {
  check_all_copies<std::uint8_t>();
  check_all_copies<float>();
  check_all_copies<double>();
}
TEST_CASE("so many elements that threads take several") {
  check_copies<float>({600, 500}, [](const auto& t) { return t.slice(1, 1, 500); });
}
TEST_CASE("copies and fills into views leave the rest alone") {
  const Tensor<float> host = numbered<float>({33, 40});
  const Tensor<float> source = numbered<float>({20, 17}) + 1000.0f;
  const auto into = [&]<class D>(D) {
    Tensor<float, D> t = host.clone().on<D>();
    const Tensor<float, D> from = source.on<D>();
    t.slice(1, 0, 40, 2).slice(0, 0, 17).transpose(0, 1).copy_from(from);
    t.slice(0, 17, 33, 3).slice(1, 5, 9).fill(-1);
    t.slice(0, 32, 33).copy_from(Tensor<float, D>::scalar(7));
    return t.template on<Cpu>();
  };
  CHECK(identical(into(Cuda{}), into(Cpu{})));
  // Overlapping views of one tensor, as if by way of a copy.
  const auto shifted = [&]<class D>(D) {
    Tensor<float, D> t = host.clone().on<D>();
    t.slice(0, 1, 33).copy_from(t.slice(0, 0, 32));
    return t.template on<Cpu>();
  };
  CHECK(identical(shifted(Cuda{}), shifted(Cpu{})));
}
TEST_CASE("masks and empty tensors go to the device and back") {
  const auto mask = Tensor<bool>::from({5}, std::vector<bool>{true, false, false, true, true});
  CHECK(mask.on<Cuda>().to_vector() == mask.to_vector());
  CHECK(mask.on<Cuda>().on<Cpu>().to_vector() == mask.to_vector());
  CHECK(Tensor<double>::zeros({0, 3}).on<Cuda>().clone().on<Cpu>().shape() == Shape{0, 3});
  CHECK(Tensor<double>::scalar(3).on<Cuda>().item() == 3);
  CHECK(numbered<double>({4, 5}).on<Cuda>()(2, -1) == 14);
  CHECK(Tensor<float, Cuda>::eye(3).to_vector() == Tensor<float>::eye(3).to_vector());
  CHECK(Tensor<index_t, Cuda>::arange(4, 3, -2).to_vector() == std::vector<index_t>{3, 1, -1, -3});
}

TEST_CASE("conversions round as on the CPU") {
  const std::vector<double> v = {0,     -0.0,     1.5,  -1.5, 2.9999, -2.9999, 1e-310,
                                 1e300, 16777217, -0.1, kInf, -kInf,  kNan};
  const auto host = Tensor<double>::from({static_cast<index_t>(v.size())}, v);
  const auto there = host.on<Cuda>();
  CHECK(identical(there.to<float>().on<Cpu>(), host.to<float>()));
  CHECK(identical(there.to<float>().to<double>().on<Cpu>(), host.to<float>().to<double>()));
  CHECK(there.to<bool>().to_vector() == host.to<bool>().to_vector());
  CHECK(there.to<float>().to<bool>().to_vector() == host.to<float>().to<bool>().to_vector());

  const auto whole =
      Tensor<double>::from({8}, {0, -0.9, 0.9, -7.5, 7.5, 255.9, 4503599627370497, -9007199254740992});
  CHECK(whole.on<Cuda>().to<index_t>().to_vector() == whole.to<index_t>().to_vector());
  CHECK(whole.on<Cuda>().reshape({2, 4}).transpose(0, 1).to<index_t>().to_vector() ==
        whole.reshape({2, 4}).transpose(0, 1).to<index_t>().to_vector());
  const auto bytes = whole.slice(0, 1, 3).on<Cuda>();
  CHECK(bytes.to<std::uint8_t>().to_vector() == std::vector<std::uint8_t>{0, 0});

  const auto integers = Tensor<index_t>::from({5}, {0, 1, -1, 16777217, -(index_t{1} << 53)});
  CHECK(identical(integers.on<Cuda>().to<float>().on<Cpu>(), integers.to<float>()));
  CHECK(identical(integers.on<Cuda>().to<double>().on<Cpu>(), integers.to<double>()));
  CHECK(integers.on<Cuda>().to<bool>().to_vector() == integers.to<bool>().to_vector());
  const auto mask = Tensor<bool>::from({3}, std::vector<bool>{true, false, true}).on<Cuda>();
  CHECK(mask.to<double>().to_vector() == std::vector<double>{1, 0, 1});
  CHECK(mask.to<index_t>().to_vector() == std::vector<index_t>{1, 0, 1});
}
TEST_CASE("numbers that no integer holds are refused") {
  for (double bad : {kNan, kInf, -kInf, 9223372036854775808.0, -9223372036854777856.0}) {
    CAPTURE(bad);
    const auto x = Tensor<double, Cuda>::from({3}, {0, bad, 1});
    check_error([&] { (void)x.to<index_t>(); }, {"[to]", "finite", "fit the integer type"});
    check_error([&] { (void)x.to<float>().to<std::uint8_t>(); }, {"[to]", "fit the integer type"});
  }
  for (double bad : {-1.0, 256.0}) {
    const auto x = Tensor<double, Cuda>::from({1}, {bad});
    check_error([&] { (void)x.to<std::uint8_t>(); }, {"[to]", "fit the integer type"});
    CHECK(x.to<index_t>().item() == static_cast<index_t>(bad));
  }
}
