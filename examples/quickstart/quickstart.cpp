// The README's first program: a small network learns two interleaved spirals.
#include <cstdio>

// [readme:quickstart]
#include <limbic/limbic.hpp>
using namespace limbic;

int main() {
  RandomStream random = Random(1).stream("quickstart");
  const index_t n = 400;
  Tensor<float> t = random.uniform<float>({n, 1}, 0.3f, 1.0f),
                side = random.bernoulli({n, 1}, 0.5).to<float>();
  Tensor<float> angle = t * 9.0f + side * 3.14159f;
  Tensor<float> x = concat({t * cos(angle), t * sin(angle)}, 1);
  Tensor<index_t> label = side.reshape({n}).to<index_t>();

  Sequential net(Linear<float>(2, 32, random), Tanh(), Linear<float>(32, 32, random), Tanh(),
                 Linear<float>(32, 2, random));
  AdamW<float> optimizer(parameters<float>(net), AdamWOptions{.lr = 0.01});
  for (int step = 0; step <= 400; ++step) {
    Var<float> loss = cross_entropy(net(x), label);
    optimizer.zero_grad();
    backward(loss);
    optimizer.step();
    if (step % 100 == 0) std::printf("step %3d  loss %.4f\n", step, loss.item());
  }
  NoGrad off;
  const float right = mean(eq(argmax(net(x), 1), label).to<float>()).item();
  std::printf("%.1f %% of the points on the right spiral\n", 100.0 * right);
}
// [/readme]
