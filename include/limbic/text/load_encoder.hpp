// load_text_encoder: the text model of a folder, as Hugging Face lays it out (link limbic::text).
//
//   CLIP           config.json, model.safetensors, and
//                  vocab.json + merges.txt or bpe_simple_vocab_16e6.txt.gz
//   BERT, MiniLM   config.json, model.safetensors, vocab.txt; where they are there,
//                  sentence_bert_config.json says how long a text may be, 1_Pooling/config.json must say the
//                  mean of the tokens, and tokenizer_config.json must not say cased
#pragma once

#include <limbic/text/bert.hpp>
#include <limbic/text/clip_text.hpp>
#include <limbic/text/clip_tokenizer.hpp>
#include <limbic/text/encoder.hpp>
#include <limbic/text/wordpiece.hpp>

#include <filesystem>

namespace limbic::text {

namespace detail {

// The members of a JSON file, with defaults for those that are not there.
class Settings {
 public:
  explicit Settings(const std::string& path) : path_(path), json_(Json::parse(text_file(path), path)) {}
  Settings(std::string path, Json json) : path_(std::move(path)), json_(std::move(json)) {}

  bool has(const char* key) const { return json_.find(key) && !json_.find(key)->is_null(); }
  index_t integer(const char* key, index_t other) const {
    return get(key, other, [](const Json& v) { return v.as_integer(); });
  }
  double number(const char* key, double other) const {
    return get(key, other, [](const Json& v) { return v.as_number(); });
  }
  bool flag(const char* key, bool other) const {
    return get(key, other, [](const Json& v) { return v.as_bool(); });
  }
  std::string string(const char* key, const std::string& other) const {
    return get(key, other, [](const Json& v) { return v.as_string(); });
  }
  // An object in it, or itself where there is none.
  Settings part(const char* key) const { return has(key) ? Settings(path_, *json_.find(key)) : *this; }

 private:
  template <class V, class F>
  V get(const char* key, V other, F&& read) const {
    try {
      return has(key) ? read(*json_.find(key)) : other;
    } catch (const Error& e) {
      fail("text_config", limbic::detail::quoted(path_), ": ", key, ": ", e.what());
    }
  }
  std::string path_;
  Json json_;
};

// Throws unless the folder has the file; `what` it is goes into the message.
inline std::string file_in(const std::string& folder, const char* name, const char* what) {
  std::string path = folder + "/" + name;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    fail("text_encoder", limbic::detail::quoted(folder), " lacks ", name, ": ", what);
  return path;
}
inline bool has_file(const std::string& folder, const char* name) {
  std::error_code ignored;
  return std::filesystem::exists(folder + "/" + name, ignored);
}

// A tower as the encoder calls it.
template <class Tower>
TextEncoder::Tower shared(Tower made) {
  return [tower = std::make_shared<const Tower>(std::move(made))](const Tensor<index_t>& ids) {
    return tower->infer(ids);
  };
}

inline SafetensorsFile weights_in(const std::string& folder) {
  return SafetensorsFile::open(file_in(folder, "model.safetensors", "the weights in safetensors form"));
}

}  // namespace detail

// CLIP's vocabulary in a folder, in either form. Throws as BpeVocabulary.
inline BpeVocabulary load_clip_vocabulary(const std::string& folder) {
  if (detail::has_file(folder, "vocab.json"))
    return BpeVocabulary::from_json(
        folder + "/vocab.json", detail::file_in(folder, "merges.txt", "the merges that go with vocab.json"));
  return BpeVocabulary::from_gzip(detail::file_in(folder, "bpe_simple_vocab_16e6.txt.gz",
                                                  "a vocabulary, this or vocab.json + merges.txt"));
}

// CLIP's text tower and tokenizer. Throws as load_text_encoder().
inline TextEncoder load_clip_text(const std::string& folder) {
  const detail::Settings all(detail::file_in(folder, "config.json", "the sizes of the model"));
  const detail::Settings text = all.part("text_config");
  ClipTextConfig c;
  c.vocabulary = text.integer("vocab_size", c.vocabulary);
  c.context = text.integer("max_position_embeddings", c.context);
  c.width = text.integer("hidden_size", c.width);
  c.heads = text.integer("num_attention_heads", c.heads);
  c.layers = text.integer("num_hidden_layers", c.layers);
  c.hidden = text.integer("intermediate_size", c.hidden);
  c.projection = all.integer("projection_dim", text.integer("projection_dim", c.projection));
  c.eps = text.number("layer_norm_eps", c.eps);
  c.activation = activation_named(text.string("hidden_act", "quick_gelu"));

  auto weights = std::make_shared<FileWeights<float>>(detail::weights_in(folder));
  ClipText<float> tower(
      c, [weights](const std::string& name, const Shape& shape) { return (*weights)(name, shape); });
  weights->done(clip_ignored_names());
  auto tokenizer =
      std::make_shared<ClipTokenizer>(load_clip_vocabulary(folder), static_cast<std::size_t>(c.context));
  if (tokenizer->vocabulary().size() > c.vocabulary)
    fail("text_encoder", limbic::detail::quoted(folder), ": the vocabulary has ",
         tokenizer->vocabulary().size(), " ids, the model ", c.vocabulary);
  return TextEncoder(
      "CLIP text tower, " + std::to_string(c.layers) + " layers, " + std::to_string(c.projection) + "-d",
      c.projection, [tokenizer](std::string_view s) { return (*tokenizer)(s); },
      detail::shared(std::move(tower)));
}

// A BERT sentence encoder and its tokenizer. Throws as load_text_encoder().
inline TextEncoder load_bert(const std::string& folder) {
  const detail::Settings all(detail::file_in(folder, "config.json", "the sizes of the model"));
  BertConfig c;
  c.vocabulary = all.integer("vocab_size", c.vocabulary);
  c.context = all.integer("max_position_embeddings", c.context);
  c.types = all.integer("type_vocab_size", c.types);
  c.width = all.integer("hidden_size", c.width);
  c.heads = all.integer("num_attention_heads", c.heads);
  c.layers = all.integer("num_hidden_layers", c.layers);
  c.hidden = all.integer("intermediate_size", c.hidden);
  c.eps = all.number("layer_norm_eps", c.eps);
  c.activation = activation_named(all.string("hidden_act", "gelu"));
  const std::string where = limbic::detail::quoted(folder);
  const std::string places = all.string("position_embedding_type", "absolute");
  if (places != "absolute")
    fail("text_encoder", where, ": position_embedding_type must be absolute; got '", places, "'");
  index_t longest = c.context;
  if (detail::has_file(folder, "sentence_bert_config.json"))
    longest = std::min(
        longest, detail::Settings(folder + "/sentence_bert_config.json").integer("max_seq_length", longest));
  if (detail::has_file(folder, "1_Pooling/config.json")) {
    const detail::Settings pooling(folder + "/1_Pooling/config.json");
    if (!pooling.flag("pooling_mode_mean_tokens", true) || pooling.flag("pooling_mode_cls_token", false) ||
        pooling.flag("pooling_mode_max_tokens", false))
      fail("text_encoder", where, ": 1_Pooling/config.json must say the mean of the tokens alone");
  }
  if (detail::has_file(folder, "tokenizer_config.json") &&
      !detail::Settings(folder + "/tokenizer_config.json").flag("do_lower_case", true))
    fail("text_encoder", where,
         ": the model must be an uncased one; tokenizer_config.json says do_lower_case false");

  const auto file = detail::weights_in(folder);
  auto weights = std::make_shared<FileWeights<float>>(
      file, file.contains("bert.embeddings.word_embeddings.weight") ? "bert." : "");
  Bert<float> tower(
      c, [weights](const std::string& name, const Shape& shape) { return (*weights)(name, shape); });
  weights->done(bert_ignored_names());
  auto tokenizer =
      std::make_shared<const WordPieceTokenizer>(detail::file_in(folder, "vocab.txt", "the vocabulary"),
                                                 static_cast<std::size_t>(std::max<index_t>(longest, 0)));
  if (tokenizer->size() > c.vocabulary)
    fail("text_encoder", where, ": vocab.txt has ", tokenizer->size(), " tokens, the model ", c.vocabulary);
  return TextEncoder(
      "BERT sentence encoder, " + std::to_string(c.layers) + " layers, " + std::to_string(c.width) + "-d",
      c.width, [tokenizer](std::string_view s) { return (*tokenizer)(s); }, detail::shared(std::move(tower)));
}

// Reads the folder's model. Throws, naming the file, when the kind of model is another, weights or vocabulary
// are missing or damaged, or sizes do not fit the configuration.
inline TextEncoder load_text_encoder(const std::string& folder) {
  const detail::Settings all(detail::file_in(folder, "config.json", "a folder of a text model is needed"));
  const std::string kind = all.string("model_type", "");
  if (kind == "clip" || kind == "clip_text_model") return load_clip_text(folder);
  if (kind == "bert") return load_bert(folder);
  fail("text_encoder", limbic::detail::quoted(folder), ": model_type must be clip or bert; got '", kind, "'");
}

}  // namespace limbic::text
