// Attention and transformer layers against compositions of plain operations, differences and golden vectors.
#include <limbic/backend/cpu/random.hpp>
#include <limbic/nn/transformer.hpp>

#include "nn/golden_module.hpp"
#include "support/throws.hpp"

using namespace limbic;
using namespace limbic::test;
using Vd = Var<double>;

namespace {

const auto kCall = [](auto& m, const auto& x) { return m(x); };

// All weights random, biases and norms too.
template <class M>
M shaken(M module, RandomStream& random) {
  for (auto& p : named_parameters<double>(module))
    p.value->mutable_value().copy_from(random.normal<double>(p.value->shape(), 0.1, 0.5));
  return module;
}

// softmax(q k' / sqrt(E)) v for each head, projections and all, from matrix products.
Vd plain_attention(const MultiheadAttention<double>& m, const Vd& query, const Vd& key) {
  const index_t width = query.size(2), E = width / m.heads;
  auto part = [&](const Vd& x, index_t i) {
    const Vd w = slice(m.in_proj_weight, 0, i * width, (i + 1) * width),
             b = slice(m.in_proj_bias, 0, i * width, (i + 1) * width);
    const Vd y = matmul(x, transpose(w)) + b;
    return transpose(reshape(y, {x.size(0), x.size(1), m.heads, E}), 1, 2);
  };
  const Vd scores =
      matmul(part(query, 0), transpose(part(key, 1), -1, -2)) / std::sqrt(static_cast<double>(E));
  const Vd mixed = transpose(matmul(softmax(scores, -1), part(key, 2)), 1, 2);
  return matmul(reshape(mixed, query.shape()), transpose(m.out_proj.weight)) + m.out_proj.bias;
}

Vd activate(Activation f, const Vd& x) {
  return f == Activation::relu ? relu(x) : f == Activation::gelu ? gelu(x) : quick_gelu(x);
}

Vd plain_layer(const TransformerEncoderLayer<double>& m, const Vd& x) {
  auto forward = [&](const Vd& v) { return m.linear2(activate(m.options.activation, m.linear1(v))); };
  if (m.options.norm_first) {
    const Vd n = m.norm1(x), y = x + plain_attention(m.self_attn, n, n);
    return y + forward(m.norm2(y));
  }
  const Vd y = m.norm1(x + plain_attention(m.self_attn, x, x));
  return m.norm2(y + forward(y));
}

// The same result and gradients of all parameters from both.
template <class M, class F, class G>
void check_same(M& module, const F& fused, const G& plain) {
  const Vd a = fused(), b = plain();
  CHECK(error_of(a.value(), b.value()) < 1e-12);
  const Vd dy(detail::cotangent<Cpu>(a.shape(), 3));
  const auto ga = grad(a, parameters<double>(module), dy), gb = grad(b, parameters<double>(module), dy);
  for (std::size_t i = 0; i < ga.size(); ++i) CHECK(error_of(ga[i].value(), gb[i].value()) < 1e-11);
}

}  // namespace

TEST_CASE("names, shapes and first values are PyTorch's") {
  RandomStream random = Random(1).stream("layer");
  TransformerEncoderLayer<float> layer(8, {.heads = 2, .hidden = 16}, random);
  std::string text;
  for (const auto& p : named_parameters<float>(layer))
    text += p.name + " " + to_text(p.value->shape()) + "\n";
  CHECK(text ==
        "self_attn.in_proj_weight (24, 8)\nself_attn.in_proj_bias (24)\nself_attn.out_proj.weight (8, 8)\n"
        "self_attn.out_proj.bias (8)\nlinear1.weight (16, 8)\nlinear1.bias (16)\nlinear2.weight (8, 16)\n"
        "linear2.bias (8)\nnorm1.weight (8)\nnorm1.bias (8)\nnorm2.weight (8)\nnorm2.bias (8)\n");
  CHECK(max_abs(layer.self_attn.in_proj_weight.value()) <= std::sqrt(6.0 / 32));
  CHECK(max_abs(layer.self_attn.in_proj_weight.value()) > 0.9 * std::sqrt(6.0 / 32));
  CHECK(max_abs(layer.self_attn.in_proj_bias.value()) == 0);
  CHECK(max_abs(layer.self_attn.out_proj.bias.value()) == 0);
  TransformerEncoder<float> encoder(8, 3, {.heads = 2, .hidden = 16}, random);
  CHECK(named_parameters<float>(encoder).size() == 36);
  CHECK(named_parameters<float>(encoder)[12].name == "layers.1.self_attn.in_proj_weight");
  CHECK(random_state(encoder).size() == 3 * 4 * 2);
}

TEST_CASE("attention, self and cross, against plain operations") {
  RandomStream random = Random(2).stream("layer");
  auto m = shaken(MultiheadAttention<double>(6, 3, random), random);
  const Vd x(random.normal<double>({2, 4, 6})), other(random.normal<double>({2, 7, 6}));
  check_same(
      m, [&] { return m(x, x, x); }, [&] { return plain_attention(m, x, x); });
  check_same(
      m, [&] { return m(x, other, other); }, [&] { return plain_attention(m, x, other); });
  CHECK(thrown([&] { MultiheadAttention<float>(6, 4, random); }) ==
        "[multihead_attention] the width must be a positive multiple of the number of heads; got 6 and 4");
  CHECK(thrown([&] { MultiheadAttention<float>(6, 3, random, 1); }) ==
        "[multihead_attention] dropout must be in [0, 1); got 1");
}

TEST_CASE("layers against plain operations, post-norm and pre-norm, all activations") {
  RandomStream random = Random(3).stream("layer");
  for (const Activation f : {Activation::relu, Activation::gelu, Activation::quick_gelu}) {
    for (const bool norm_first : {false, true}) {
      auto layer = shaken(
          TransformerEncoderLayer<double>(
              6, {.heads = 2, .hidden = 10, .dropout = 0, .activation = f, .norm_first = norm_first}, random),
          random);
      const Vd x(random.normal<double>({2, 5, 6}));
      check_same(
          layer, [&] { return layer(x); }, [&] { return plain_layer(layer, x); });
    }
  }
}

TEST_CASE("gradients against differences") {
  RandomStream random = Random(4).stream("layer");
  for (const bool norm_first : {false, true}) {
    auto layer = shaken(
        TransformerEncoderLayer<double>(
            4,
            {.heads = 2, .hidden = 6, .dropout = 0, .activation = Activation::gelu, .norm_first = norm_first},
            random),
        random);
    std::vector<Tensor<double>> at = {random.normal<double>({2, 3, 4})};
    for (const auto& p : named_parameters<double>(layer)) at.push_back(p.value->value().clone());
    auto f = [&](const std::vector<Vd>& v) {
      auto copy = layer;
      std::size_t next = 1;
      for (auto& p : named_parameters<double>(copy)) *p.value = v[next++];
      return copy(v[0]);
    };
    CHECK_NOTHROW(gradcheck(f, at));
  }
}

TEST_CASE("golden vectors") {
  RandomStream random = Random(5).stream("layer");
  TransformerEncoderLayer<double> post(8, {.heads = 2, .hidden = 16, .dropout = 0}, random);
  GoldenModule("transformer_encoder_layer_0").check(post, kCall);
  TransformerEncoderLayer<double> pre(
      8, {.heads = 2, .hidden = 32, .dropout = 0, .activation = Activation::gelu, .norm_first = true},
      random);
  GoldenModule("transformer_encoder_layer_1").check(pre, kCall);
}

TEST_CASE("dropout acts in training only, and masks hide keys") {
  RandomStream random = Random(6).stream("layer");
  TransformerEncoder<double> encoder(8, 2, {.heads = 2, .hidden = 16, .dropout = 0.3}, random);
  const Vd x(random.normal<double>({2, 4, 8}));
  CHECK_FALSE(identical(encoder(x).value(), encoder(x).value()));
  const StateDict state = random_state(encoder).clone();
  const auto first = encoder(x).value();
  load_random_state(encoder, state);
  CHECK(identical(encoder(x).value(), first));
  eval(encoder);
  const auto still = encoder(x).value();
  CHECK(identical(encoder(x).value(), still));
  CHECK(identical(encoder(x.value()).value(), still));

  // With a causal mask the first places do not see the last one.
  auto moved = x.value().clone();
  moved.select(1, 3).fill(9);
  const auto a = encoder(x, {.causal = true}).value(), b = encoder(Vd(moved), {.causal = true}).value();
  CHECK(identical(a.slice(1, 0, 3), b.slice(1, 0, 3)));
  CHECK_FALSE(identical(a, b));
}
