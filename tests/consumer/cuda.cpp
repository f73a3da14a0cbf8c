// Somebody else's program on the device: plain C++, compiled by the host's compiler. Without a device it says
// so.
#include <limbic/cuda.hpp>

#include <cmath>
#include <cstdio>

int main() try {
  using namespace limbic;
  // [readme:cuda]
  const auto host = Tensor<float>::from({2, 3}, {1, -2, 3, -4, 5, -6});
  const auto x = Var<float, Cuda>::leaf(host.on<Cuda>());
  backward(sum(relu(x) * x));  // 2 x where x > 0
  const Tensor<float> gradient = x.grad().on<Cpu>();
  // [/readme]
  for (index_t i = 0; i < host.numel(); ++i) {
    const float want = std::fmax(2 * host.data()[i], 0.0f);
    if (gradient.data()[i] != want) {
      std::printf("gradient %lld: %g, not %g\n", static_cast<long long>(i),
                  static_cast<double>(gradient.data()[i]), static_cast<double>(want));
      return 1;
    }
  }
  std::printf("limbic on the device: right\n");
} catch (const limbic::Error& error) {
  std::printf("%d devices; limbic::Error: %s\n", limbic::cuda::device_count(), error.what());
  return 1;
}
