// Initialisers, by their names in PyTorch (torch.nn.init). They fill a tensor in place, in order of its
// elements, from the stream given.
//
// fan_in and fan_out of a weight (out, in, kernel...) are in and out times the kernel's size.
#pragma once

#include <limbic/backend/cpu/random.hpp>
#include <limbic/core/random.hpp>

#include <cmath>

namespace limbic::init {

// Which fan keeps its variance: fan_in that of values, fan_out that of gradients.
enum class FanMode { fan_in, fan_out };
// What follows the layer.
enum class Nonlinearity { linear, sigmoid, tanh, relu, leaky_relu, selu };

// Numbers of inputs and outputs of one unit.
struct Fans {
  index_t in, out;
};

// Fans of a weight of that shape. Throws for rank < 2.
inline Fans fans(const Shape& shape) {
  check(shape.rank() >= 2, "init", "a weight of at least two dimensions is needed; got ", shape);
  index_t field = 1;
  for (int d = 2; d < shape.rank(); ++d) field *= shape[d];
  return {shape[1] * field, shape[0] * field};
}

// Recommended gain, as torch.nn.init.calculate_gain(); `slope` is leaky ReLU's negative slope.
inline double gain(Nonlinearity f, double slope = 0.01) {
  switch (f) {
    case Nonlinearity::tanh: return 5.0 / 3;
    case Nonlinearity::relu: return std::sqrt(2.0);
    case Nonlinearity::leaky_relu: return std::sqrt(2.0 / (1 + slope * slope));
    case Nonlinearity::selu: return 0.75;
    default: return 1;
  }
}

// One value everywhere, or uniform in [low, high), or normal. The last two throw as RandomStream's
// fill_uniform() and fill_normal().
template <class T, class D>
void zeros(Tensor<T, D>& t) {
  t.fill(T(0));
}
template <class T, class D>
void ones(Tensor<T, D>& t) {
  t.fill(T(1));
}
template <class T, class D>
void constant(Tensor<T, D>& t, std::type_identity_t<T> value) {
  t.fill(value);
}
template <class T, class D>
void uniform(Tensor<T, D>& t, RandomStream& random, double low = 0, double high = 1) {
  random.fill_uniform(t, static_cast<T>(low), static_cast<T>(high));
}
template <class T, class D>
void normal(Tensor<T, D>& t, RandomStream& random, double mean = 0, double std = 1) {
  random.fill_normal(t, static_cast<T>(mean), static_cast<T>(std));
}

// Glorot and Bengio, AISTATS 2010: uniform in +-gain sqrt(6 / (fan_in + fan_out)), or normal with a standard
// deviation of gain sqrt(2 / (fan_in + fan_out)). Throw for rank < 2.
template <class T, class D>
void xavier_uniform(Tensor<T, D>& t, RandomStream& random, double gain = 1) {
  const Fans f = fans(t.shape());
  const double a = gain * std::sqrt(6.0 / static_cast<double>(f.in + f.out));
  uniform(t, random, -a, a);
}
template <class T, class D>
void xavier_normal(Tensor<T, D>& t, RandomStream& random, double gain = 1) {
  const Fans f = fans(t.shape());
  normal(t, random, 0, gain * std::sqrt(2.0 / static_cast<double>(f.in + f.out)));
}

// He et al., ICCV 2015: uniform in +-gain sqrt(3 / fan), or normal with a standard deviation of gain /
// sqrt(fan); gain(f, a), by default of leaky ReLU with slope a = 0, which is ReLU. Throw for rank < 2.
template <class T, class D>
void kaiming_uniform(Tensor<T, D>& t, RandomStream& random, double a = 0, FanMode mode = FanMode::fan_in,
                     Nonlinearity f = Nonlinearity::leaky_relu) {
  const Fans n = fans(t.shape());
  const double fan = static_cast<double>(mode == FanMode::fan_in ? n.in : n.out);
  const double bound = gain(f, a) * std::sqrt(3.0 / fan);
  uniform(t, random, -bound, bound);
}
template <class T, class D>
void kaiming_normal(Tensor<T, D>& t, RandomStream& random, double a = 0, FanMode mode = FanMode::fan_in,
                    Nonlinearity f = Nonlinearity::leaky_relu) {
  const Fans n = fans(t.shape());
  const double fan = static_cast<double>(mode == FanMode::fan_in ? n.in : n.out);
  normal(t, random, 0, gain(f, a) / std::sqrt(fan));
}

// Normal, values outside [low, high] (numbers, not multiples of std) drawn again, 64 times at most: what is
// left then gets the mean, limited to the range. On the CPU only, as orthogonal(). Throws unless low < high,
// and as RandomStream::normal().
template <class T>
void trunc_normal(Tensor<T, Cpu>& t, RandomStream& random, double mean = 0, double std = 1, double low = -2,
                  double high = 2) {
  check(low < high, "trunc_normal", "low must be below high; got ", low, " and ", high);
  auto inside = [&](T v) { return static_cast<double>(v) >= low && static_cast<double>(v) <= high; };
  std::vector<T> values(static_cast<std::size_t>(t.numel()));
  std::size_t done = 0;
  for (int round = 0; round < 64 && done < values.size(); ++round) {
    const auto draw = random.normal<T>({t.numel()}, static_cast<T>(mean), static_cast<T>(std)).to_vector();
    for (T v : draw)
      if (done < values.size() && inside(v)) values[done++] = v;
  }
  const double middle = std::min(std::max(mean, low), high);
  for (; done < values.size(); ++done) values[done] = static_cast<T>(middle);
  t.copy_from(Tensor<T, Cpu>::from(t.shape(), values));
}

// Rows or columns orthonormal, times gain (Saxe et al., ICLR 2014); all dimensions but the first are
// flattened. Rows where there are not more of them than columns. By modified Gram-Schmidt, done twice, in
// double. Throws for rank < 2.
template <class T>
void orthogonal(Tensor<T, Cpu>& t, RandomStream& random, double gain = 1) {
  check(t.rank() >= 2, "orthogonal", "a tensor of at least two dimensions is needed; got ", t.shape());
  const index_t rows = t.shape()[0], columns = rows ? t.numel() / rows : 0;
  const bool wide = rows <= columns;
  const index_t count = wide ? rows : columns, length = wide ? columns : rows;
  std::vector<double> v = random.normal<double>({count, length}).to_vector();
  auto row = [&](index_t i) { return v.data() + i * length; };
  auto dot = [&](const double* a, const double* b) {
    double s = 0;
    for (index_t k = 0; k < length; ++k) s += a[k] * b[k];
    return s;
  };
  for (index_t i = 0; i < count; ++i) {
    for (int pass = 0; pass < 2; ++pass) {
      for (index_t j = 0; j < i; ++j) {
        const double s = dot(row(i), row(j));
        for (index_t k = 0; k < length; ++k) row(i)[k] -= s * row(j)[k];
      }
    }
    const double scale = 1 / std::sqrt(dot(row(i), row(i)));
    for (index_t k = 0; k < length; ++k) row(i)[k] *= scale;
  }
  for (double& x : v) x *= gain;
  const auto q = Tensor<double>::from({count, length}, v);
  t.copy_from((wide ? q : q.transpose(0, 1)).reshape(t.shape()).template to<T>());
}

}  // namespace limbic::init
