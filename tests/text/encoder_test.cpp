#include <doctest/doctest.h>
#include <limbic/text/load_encoder.hpp>

#include <cmath>

#include "io/temporary_folder.hpp"
#include "support/throws.hpp"
#include "text/data.hpp"

using namespace limbic;
using namespace limbic::text;
namespace fs = std::filesystem;

namespace {

double largest_difference(const Tensor<float>& a, const Tensor<float>& b) {
  REQUIRE(a.shape() == b.shape());
  const auto x = a.to_vector(), y = b.to_vector();
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    worst = std::fmax(worst, std::fabs(static_cast<double>(x[i]) - static_cast<double>(y[i])));
  return worst;
}

// A folder with a CLIP text tower of random weights: 512 bytes, two merges, start and end.
constexpr const char* kTinyClip =
    R"({"model_type": "clip", "projection_dim": 6, "text_config": {"vocab_size": 516, "hidden_size": 8,
        "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 16,
        "max_position_embeddings": 9}})";

NamedTensors tiny_clip_weights() {
  NamedTensors all;
  RandomStream random = Random(1).stream("tiny clip");
  ClipTextConfig c{
      .vocabulary = 516, .context = 9, .width = 8, .heads = 2, .layers = 2, .hidden = 16, .projection = 6};
  ClipText<float>(c, [&](const std::string& name, const Shape& shape) {
    all.push_back({name, random.normal<float>(shape)});
    return Tensor<float>::zeros(shape);
  });
  return all;
}

void write_tiny_clip(const TemporaryFolder& folder, const NamedTensors& weights) {
  write_file(folder / "config.json", kTinyClip);
  const std::string text = "#version\na b\nab c</w>\n";
  const gzFile file = gzopen((folder / "bpe_simple_vocab_16e6.txt.gz").c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  save_safetensors(folder / "model.safetensors", weights);
}

}  // namespace

TEST_CASE("text encoder: a BERT folder gives what transformers gives, in the order asked for") {
  const auto encoder = load_text_encoder(data_path("tiny_bert"));
  const auto expected = SafetensorsFile::open(data_path("tiny_bert_rows.safetensors"));
  std::vector<std::string> texts;
  const Json list = Json::parse(expected.metadata().at("texts"));
  for (const Json& v : list.as_array()) texts.push_back(v.as_string());
  const TextRows got = encoder(texts);
  CHECK(got.truncated.empty());
  CHECK(encoder.dim() == 8);
  CHECK(largest_difference(got.rows, expected.load<float>("rows")) < 2e-6);
  // One by one, all of one length together, or among others: the same but for rounding.
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto row = static_cast<index_t>(i);
    CHECK(largest_difference(encoder(std::span(texts).subspan(i, 1)).rows, got.rows.slice(0, row, row + 1)) <
          2e-6);
  }
  CHECK(contains(thrown([&] { encoder({}); }), "at least one text"));
  const std::vector<std::string> two = {"calm", std::string(500, '!')};
  CHECK(encoder(two).truncated == std::vector<std::size_t>{1});

  const Prototypes p = make_prototypes(encoder, {"calm", "stressed"});
  CHECK(p.rows.shape() == Shape{16, 2, 8});
  const std::vector<std::string> last = {"stressed this is an emotion"};
  CHECK(largest_difference(p.rows.select(0, 15).slice(0, 1, 2), encoder(last).rows) < 2e-6);
  CHECK(contains(thrown([&] { make_prototypes(encoder, {}); }), "at least one class word"));
  CHECK(contains(thrown([&] {
                   make_prototypes(encoder, {std::string(500, '!'), "a"});
                 }),
                 "fit the model's context"));
}

TEST_CASE("text encoder: a CLIP folder; other parts of the checkpoint are skipped, padding does not matter") {
  const TemporaryFolder folder;
  NamedTensors weights = tiny_clip_weights();
  weights.push_back({"vision_model.embeddings.class_embedding", Tensor<float>::zeros({3})});
  weights.push_back({"visual_projection.weight", Tensor<float>::zeros({3})});
  weights.push_back({"text_model.embeddings.position_ids", Tensor<index_t>::arange(9)});
  weights.push_back({"logit_scale", Tensor<float>::scalar(1)});
  write_tiny_clip(folder, weights);
  const auto encoder = load_text_encoder(folder / "");
  CHECK(encoder.dim() == 6);
  const std::vector<std::string> texts = {"abc", "a b c", "", "abc", "a b c a b c a b"};
  const TextRows got = encoder(texts);
  CHECK(got.truncated == std::vector<std::size_t>{4});
  CHECK(got.rows.select(0, 0).to_vector() == got.rows.select(0, 3).to_vector());

  // The tower itself on padded ids of all texts at once.
  ClipTextConfig c{
      .vocabulary = 516, .context = 9, .width = 8, .heads = 2, .layers = 2, .hidden = 16, .projection = 6};
  FileWeights<float> file(SafetensorsFile::open(folder / "model.safetensors"));
  ClipText<float> tower(c, [&](const std::string& name, const Shape& shape) { return file(name, shape); });
  std::vector<index_t> ids;
  for (const auto& text : texts) {
    auto row = encoder.tokenize(text).ids;
    row.resize(9, 0);
    ids.insert(ids.end(), row.begin(), row.end());
  }
  Tensor<float> y = tower.infer(Tensor<index_t>::from({5, 9}, ids));
  for (index_t i = 0; i < 5; ++i) {
    const auto v = y.select(0, i).to_vector();
    double norm = 0;
    for (const float x : v) norm += static_cast<double>(x) * static_cast<double>(x);
    CHECK(largest_difference(y.select(0, i) * static_cast<float>(1 / std::sqrt(norm)),
                             got.rows.select(0, i)) < 2e-6);
  }
  CHECK(contains(thrown([&] { tower.infer(Tensor<index_t>::zeros({1, 10})); }), "L from 1 to 9"));
  CHECK(thrown([&] { tower.infer(Tensor<index_t>::full({1, 2}, 516)); }) != "");
  tower.layers[1].config.activation = Activation::relu;
  CHECK(contains(thrown([&] { tower.infer(Tensor<index_t>::zeros({1, 2})); }), "gelu or quick_gelu; got relu"));
  // Parameters have the names of the checkpoint.
  CHECK(state_dict(tower).contains("text_model.encoder.layers.1.self_attn.q_proj.weight"));
  CHECK(state_dict(tower).size() == weights.size() - 4);
}

TEST_CASE("text encoder: what is missing, damaged or of another configuration is an error that says so") {
  const TemporaryFolder folder;
  const auto message = [&] { return thrown([&] { load_text_encoder(folder / ""); }); };
  CHECK(contains(message(), "lacks config.json"));
  const NamedTensors weights = tiny_clip_weights();
  write_tiny_clip(folder, weights);
  CHECK(message() == "");

  const auto config = [&](const std::string& from, const std::string& to) {
    std::string text = kTinyClip;
    text.replace(text.find(from), from.size(), to);
    write_file(folder / "config.json", text);
    const std::string what = message();
    write_file(folder / "config.json", kTinyClip);
    return what;
  };
  CHECK(contains(config("\"clip\"", "\"roberta\""), "must be clip or bert; got 'roberta'"));
  CHECK(contains(config("{", "["), "config.json"));
  CHECK(contains(config("\"hidden_size\": 8", "\"hidden_size\": \"8\""), "hidden_size"));
  CHECK(contains(config("\"hidden_size\": 8", "\"hidden_size\": 12"),
                 "must be (516, 12) by config.json; got (516, 8)"));
  CHECK(contains(config("_heads\": 2", "_heads\": 3"), "a multiple of the heads"));
  CHECK(contains(config("_layers\": 2", "_layers\": 1"), "has no place in the model"));
  CHECK(contains(config("_layers\": 2", "_layers\": 1000000000"),
                 "layers.2.layer_norm1.weight' (8) is missing"));
  CHECK(contains(config("\"hidden_size\"", "\"hidden_act\": \"relu\", \"hidden_size\""), "got 'relu'"));

  for (std::size_t i = 0; i < weights.size(); i += 7) {  // any tensor may be missing
    NamedTensors less = weights;
    less.erase(less.begin() + static_cast<std::ptrdiff_t>(i));
    save_safetensors(folder / "model.safetensors", less);
    CHECK(contains(message(), "'" + weights[i].first + "'"));
  }
  save_safetensors(folder / "model.safetensors", weights);
  fs::remove(folder / "bpe_simple_vocab_16e6.txt.gz");
  CHECK(contains(message(), "lacks bpe_simple_vocab_16e6.txt.gz"));
  write_file(folder / "vocab.json", "{}");
  CHECK(contains(message(), "lacks merges.txt"));
  fs::copy_file(data_path("clip_small/vocab.json"), folder / "vocab.json",
                fs::copy_options::overwrite_existing);
  fs::copy_file(data_path("clip_small/merges.txt"), folder / "merges.txt");
  CHECK(contains(message(), "the vocabulary has 49408 ids, the model 516"));
  fs::remove(folder / "model.safetensors");
  CHECK(contains(message(), "lacks model.safetensors"));
}

TEST_CASE("text encoder: a BERT that this is not") {
  const TemporaryFolder folder;
  fs::copy(data_path("tiny_bert"), folder / "");
  const auto message = [&] { return thrown([&] { load_text_encoder(folder / ""); }); };
  CHECK(message() == "");
  fs::create_directory(folder / "1_Pooling");
  write_file(folder / "1_Pooling/config.json",
             R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false})");
  CHECK(contains(message(), "mean of the tokens"));
  write_file(folder / "1_Pooling/config.json", R"({"pooling_mode_mean_tokens": true})");
  write_file(folder / "tokenizer_config.json", R"({"do_lower_case": false})");
  CHECK(contains(message(), "must be an uncased one"));
  write_file(folder / "tokenizer_config.json", R"({"do_lower_case": true})");
  write_file(folder / "sentence_bert_config.json", R"({"max_seq_length": 4})");
  CHECK(load_text_encoder(folder / "").tokenize("the human is sad").ids.size() == 4);
  write_file(folder / "vocab.txt", file_text(folder / "vocab.txt") + "one more\n");
  CHECK(contains(message(), "tokens, the model"));
}
