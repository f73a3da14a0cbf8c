// The UF-AMA network: parameters as published, results as of the plain modules, inference, bad input.
#include <doctest/doctest.h>

#include <limbic/backend/cpu/random.hpp>
#include <limbic/io/safetensors.hpp>
#include <limbic/ops/extremum.hpp>

#include "support/op_check.hpp"
#include "support/throws.hpp"
#include "uf_ama/predictor.hpp"

using namespace limbic;
using namespace limbic::test;
using namespace limbic::uf_ama;

namespace {

Config tiny(index_t layers = 2) {
  Config c;
  c.channels = 5;
  c.bands = 3;
  c.eye_features = 4;
  c.width = 8;
  c.fused = 12;
  c.layers = layers;
  return c;
}

template <class T = double>
Network<T> network(const Config& c, std::uint64_t seed = 1) {
  RandomStream random = Random(seed).stream("network");
  Network<T> net(c, random);
  // Biases that start at 0 would hide mistakes.
  for (auto& p : named_parameters<T>(net))
    if (p.value->rank() == 1) init::uniform(p.value->mutable_value(), random, -0.5, 0.5);
  return net;
}

template <class T = double>
struct Windows {
  Tensor<T> eeg, eye;
  Windows(const Config& c, index_t n) {
    RandomStream random = Random(2).stream("windows");
    eeg = random.normal<T>({n, c.channels, c.bands});
    eye = random.normal<T>({n, c.eye_features});
  }
};

// The network by the modules' own operators, layer by layer as it is specified.
Features<double> plain(Network<double>& net, const Windows<double>& w) {
  auto encoded = [](Encoder<double>& e, const Tensor<double>& x) {
    const Var<double> tokens = e.encoder(e.dim_up(x));
    return Encoded<double>{tokens, e.dim_down(flatten(tokens, 1))};
  };
  const auto eeg = encoded(net.eeg_base_network, w.eeg),
             eye = encoded(net.eye_base_network, w.eye.unsqueeze(2));
  Fusion<double>& f = net.fusion_base_network;
  const Var<double> a = f.eeg_feature_dim_change(eeg.tokens), b = f.eye_feature_dim_change(eye.tokens);
  const Var<double> left = f.eeg_feature_dim_down(flatten(a + f.eeg_eye_attn(a, b, b), 1));
  const Var<double> right = f.eye_feature_dim_down(flatten(b + f.eye_eeg_attn(b, a, a), 1));
  Features<double> out;
  out.feature = {eeg.feature, eye.feature, concat({left, right}, 1)};
  out.logits = {net.eeg_classifier(eeg.feature), net.eye_classifier(eye.feature),
                net.fusion_classifier(out.feature.fused)};
  return out;
}

}  // namespace

TEST_CASE("parameters of the published sizes: how many, their names and shapes") {
  // Counted by hand: encoder layer 12 d^2 ... with d = 64, feed-forward 128.
  const index_t layer = 3 * 64 * 64 + 3 * 64 + 64 * 64 + 64 + 128 * 64 + 128 + 64 * 128 + 64 + 4 * 64;
  auto encoder = [&](index_t length, index_t features, index_t layers) {
    return 64 * features + 64 + layers * layer + 64 * length * 64 + 64;
  };
  auto fusion = [](index_t eye) {
    return 2 * (128 * 64 + 128) + 2 * (4 * 128 * 128 + 4 * 128) + 128 * 128 * (62 + eye) + 256;
  };
  auto classifiers = [](index_t k) { return 2 * (32 * 64 + 32 + k * 32 + k) + 64 * 256 + 64 + k * 64 + k; };
  for (const bool four : {false, true}) {
    const Config c = four ? Config::seed_iv() : Config::seed();
    RandomStream random = Random(1).stream("network");
    Network<float> net(c, random);
    CHECK(count_parameters(net) == encoder(62, 5, c.layers) + encoder(c.eye_features, 1, c.layers) +
                                       fusion(c.eye_features) + classifiers(c.classes));
  }
  RandomStream random = Random(1).stream("network");
  Network<float> net(Config::seed(), random);
  std::map<std::string, Shape> shapes;
  for (const auto& p : named_parameters<float>(net)) shapes[p.name] = p.value->shape();
  CHECK(shapes.size() == 60);
  CHECK(shapes.at("eeg_base_network.dim_up.weight") == Shape{64, 5});
  CHECK(shapes.at("eye_base_network.dim_up.weight") == Shape{64, 1});
  CHECK(shapes.at("eeg_base_network.encoder.layers.0.self_attn.in_proj_weight") == Shape{192, 64});
  CHECK(shapes.at("eeg_base_network.encoder.layers.0.linear1.weight") == Shape{128, 64});
  CHECK(shapes.at("eye_base_network.dim_down.weight") == Shape{64, 33 * 64});
  CHECK(shapes.at("fusion_base_network.eeg_feature_dim_down.weight") == Shape{128, 62 * 128});
  CHECK(shapes.at("fusion_classifier.0.weight") == Shape{64, 256});
  CHECK(shapes.at("eye_classifier.3.weight") == Shape{3, 32});
}

TEST_CASE("initialised as PyTorch does") {
  RandomStream random = Random(1).stream("network");
  Network<float> net(Config::seed(), random);
  auto largest = [](const Var<float>& p) { return amax(abs(p.value())).item(); };
  const auto& layer = net.eeg_base_network.encoder.layers[0];
  CHECK(largest(net.fusion_base_network.eeg_feature_dim_down.weight) ==
        doctest::Approx(1 / std::sqrt(62 * 128.0)).epsilon(1e-3));
  CHECK(largest(layer.self_attn.in_proj_weight) ==
        doctest::Approx(std::sqrt(6.0 / (64 + 192))).epsilon(1e-3));
  CHECK(largest(layer.self_attn.in_proj_bias) == 0);
  CHECK(largest(layer.norm1.bias) == 0);
  CHECK(equal(layer.norm1.weight.value(), Tensor<float>::ones({64})));
}

TEST_CASE("results and gradients are those of the plain modules") {
  const Config c = tiny();
  Network<double> net = network(c);
  eval(net);
  const Windows<double> w(c, 3);
  auto differentiated = [&](const Features<double>& f) {
    zero_grad(net);
    auto all = [](const Levels<Var<double>>& l) {
      return sum(square(l.eeg)) + sum(square(l.eye)) + sum(square(l.fused));
    };
    backward(all(f.feature) + all(f.logits));
    std::vector<Tensor<double>> out;
    for (const auto& p : parameters<double>(net)) out.push_back(p.grad().clone());
    return out;
  };
  const Features<double> ours = net(w.eeg, w.eye), theirs = plain(net, w);
  CHECK(error_of(ours.feature.fused.value(), theirs.feature.fused.value()) < 1e-12);
  CHECK(error_of(ours.logits.eeg.value(), theirs.logits.eeg.value()) < 1e-12);
  CHECK(error_of(ours.logits.eye.value(), theirs.logits.eye.value()) < 1e-12);
  const auto a = differentiated(ours), b = differentiated(theirs);
  const auto names = named_parameters<double>(net);
  for (std::size_t i = 0; i < a.size(); ++i) {
    CAPTURE(names[i].name);
    CHECK(error_of(a[i], b[i]) < 1e-11);
  }
}

TEST_CASE(
    "dropout of attention, where rows of the map do not sum to 1: the mean over masks is the result "
    "without") {
  Config c = tiny(1);
  c.dropout = 0.2;
  Network<double> net = network(c);
  const Windows<double> w(c, 2);
  const NarrowAttention<double> narrow = net.eeg_base_network.first_attention();
  const Var<double> x(w.eeg), values(concat({w.eeg, Tensor<double>::ones({2, c.channels, 1})}, 2));
  const Tensor<double> exact = narrow(x, x, values).value();
  Tensor<double> total = Tensor<double>::zeros(exact.shape());
  RandomStream random = Random(3).stream("dropout");
  constexpr int kRounds = 4000;
  for (int i = 0; i < kRounds; ++i)
    total = total + narrow(x, x, values, {.dropout = 0.2, .random = &random}).value();
  CHECK(error_of(total * (1.0 / kRounds), exact) < 0.02);
}

TEST_CASE("one modality alone gives what it gives beside the other") {
  const Config c = tiny();
  Network<double> net = network(c);
  eval(net);
  const Windows<double> w(c, 3);
  const Features<double> both = net(w.eeg, w.eye), eeg = net(w.eeg, {}, Inputs::eeg),
                         eye = net({}, w.eye, Inputs::eye);
  CHECK(equal(eeg.logits.eeg.value(), both.logits.eeg.value()));
  CHECK(equal(eye.logits.eye.value(), both.logits.eye.value()));
  CHECK_FALSE(eeg.logits.fused.defined());
  CHECK_FALSE(eye.logits.eeg.defined());
}

TEST_CASE("a published checkpoint loads, its unused layer left out") {
  const auto file = SafetensorsFile::open(LIMBIC_SOURCE_DIR "/tests/golden/uf_ama_seed_iv.safetensors");
  StateDict state;
  for (const auto& entry : file.entries())
    if (entry.first.starts_with("in.param."))
      state.put(entry.first.substr(9), file.load<double>(entry.first));
  CHECK(state.contains("eye_base_network.attn_layer.linear1.weight"));
  Config c = Config::seed_iv();
  c.width = 8;
  c.fused = 16;
  c.layers = 2;
  Network<double> net = network(c);
  load_published(net, state);
  for (const auto& p : named_parameters<double>(net))
    CHECK(equal(p.value->value(), state.get<double>(p.name)));
  load_published(net, state_dict(net));  // limbic's own

  StateDict other = state.clone();
  other.put("surplus.weight", Tensor<double>::ones({1}));
  CHECK(thrown([&] { load_published(net, other); }).find("not expected: surplus.weight") !=
        std::string::npos);
  CHECK(thrown([&] {
          load_published(net, state.part("eeg_"));
        }).find("missing: eeg_base_network.dim_down.bias") != std::string::npos);
  c.width = 12;
  Network<double> wider = network(c);
  CHECK(thrown([&] { load_published(wider, state); }).find("must be float64 (12") != std::string::npos);
}

TEST_CASE("inference gives the network's probabilities, and its maps") {
  for (index_t layers : {1, 2}) {
    const Config c = tiny(layers);
    Network<double> net = network(c);
    eval(net);
    const Windows<double> w(c, 3);
    const Features<double> f = plain(net, w);
    train(net);
    Predictor<double> predictor(net);
    const Prediction<double> p = predictor(w.eeg, w.eye, true);
    CHECK(error_of(p.probabilities.eeg, softmax(f.logits.eeg.value())) < 1e-12);
    CHECK(error_of(p.probabilities.eye, softmax(f.logits.eye.value())) < 1e-12);
    CHECK(error_of(p.probabilities.fused, softmax(f.logits.fused.value())) < 1e-12);
    CHECK_FALSE(predictor(w.eeg, w.eye).eeg_to_eye.defined());

    // The map as attention on the widened tokens has it.
    eval(net);
    Fusion<double>& fusion = net.fusion_base_network;
    const Tensor<double> a = fusion.eeg_feature_dim_change(net.eeg_base_network(w.eeg).tokens).value();
    const Tensor<double> b =
        fusion.eye_feature_dim_change(net.eye_base_network(w.eye.unsqueeze(2)).tokens).value();
    auto map = [&](const MultiheadAttention<double>& attn, const Tensor<double>& query,
                   const Tensor<double>& key) {
      auto heads = [&](const Tensor<double>& x, index_t part) {
        const index_t h = c.fused;
        const Tensor<double> all = linear(x, attn.in_proj_weight.value().slice(0, part * h, (part + 1) * h),
                                          attn.in_proj_bias.value().slice(0, part * h, (part + 1) * h));
        return all.reshape({x.size(0), x.size(1), c.heads, h / c.heads}).transpose(1, 2).contiguous();
      };
      const Tensor<double> k = heads(key, 1);
      return attention_with_map(heads(query, 0), k, k).map;
    };
    CHECK(error_of(p.eeg_to_eye, map(fusion.eeg_eye_attn, a, b)) < 1e-12);
    CHECK(error_of(p.eye_to_eeg, map(fusion.eye_eeg_attn, b, a)) < 1e-12);
  }
}

TEST_CASE("inference takes no memory from the system, and training on changes nothing") {
  const Config c = tiny();
  Network<float> net = network<float>(c);
  Predictor<float> predictor(net);
  const Windows<float> w(c, 1);
  const auto first = predictor(w.eeg, w.eye, true).probabilities.fused;
  for (int i = 0; i < 3; ++i) predictor(w.eeg, w.eye, true);
  const auto before = memory_stats().system_allocations;
  for (int i = 0; i < 50; ++i) predictor(w.eeg, w.eye, true);
  CHECK(memory_stats().system_allocations == before);
  for (auto& p : parameters<float>(net)) p.mutable_value().fill(0.0f);
  CHECK(equal(predictor(w.eeg, w.eye).probabilities.fused, first));
}

TEST_CASE("wrong shapes and sizes are refused by name") {
  const Config c = tiny();
  Network<double> net = network(c);
  const Windows<double> w(c, 3);
  auto error = [&](const Tensor<double>& eeg, const Tensor<double>& eye) {
    return thrown([&] { net(eeg, eye); });
  };
  CHECK(error(w.eeg.slice(1, 0, 4), w.eye)
            .find("eeg (B, 5 channels, 3 bands) is needed; got float64 (3, 4, 3)") != std::string::npos);
  CHECK(error(w.eeg, w.eye.slice(1, 0, 3)).find("eye (B, 4 eye features) is needed; got float64 (3, 3)") !=
        std::string::npos);
  CHECK(error(w.eeg, w.eye.slice(0, 0, 2)).find("as many windows each") != std::string::npos);
  CHECK(error({}, w.eye).find("eeg (B, 5 channels") != std::string::npos);
  CHECK(thrown([&] { Predictor<double>{net}(w.eeg, w.eye.slice(0, 0, 2)); }).find("as many windows") !=
        std::string::npos);
  Config bad = c;
  bad.heads = 3;
  CHECK(thrown([&] { network(bad); }).find("multiples of heads; got width 8, fused 12, heads 3") !=
        std::string::npos);
  bad = c;
  bad.layers = 0;
  CHECK(thrown([&] { network(bad); }).find("layers must be positive; got 0") != std::string::npos);
  bad = c;
  bad.dropout = 1;
  CHECK(thrown([&] { network(bad); }).find("[0, 1)") != std::string::npos);
}
