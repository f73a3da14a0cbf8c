// TextEncoder: strings to rows of length 1, whatever tokenizer and tower are behind it.
#pragma once

#include <limbic/core/tensor.hpp>
#include <limbic/text/prompts.hpp>
#include <limbic/text/prototypes.hpp>
#include <limbic/text/token_ids.hpp>

#include <algorithm>
#include <functional>
#include <numeric>

namespace limbic::text {

// Rows (n, dim), each of Euclidean length 1, and the numbers of the texts that were cut: worth a warning.
struct TextRows {
  Tensor<float> rows;
  std::vector<std::size_t> truncated;
};

// A text model: load_text_encoder() reads one from a folder. Not for several threads at once (the tokenizer
// remembers words); copies share what they hold.
class TextEncoder {
 public:
  // One text to ids, at least one of them.
  using Tokenize = std::function<TokenIds(std::string_view)>;
  // Ids (B, L) to embeddings (B, dim), of any length.
  using Tower = std::function<Tensor<float>(const Tensor<index_t>&)>;

  // `model` is what model() says; `dim` must be the width of what the tower gives.
  TextEncoder(std::string model, index_t dim, Tokenize tokenize, Tower tower)
      : model_(std::move(model)), dim_(dim), tokenize_(std::move(tokenize)), tower_(std::move(tower)) {}

  // What it is, for reports and file metadata.
  const std::string& model() const { return model_; }
  index_t dim() const { return dim_; }
  TokenIds tokenize(std::string_view text) const { return tokenize_(text); }

  // The rows of n texts, in their order. Throws when there is no text, when an embedding is zero or not
  // finite, and when the tokenizer or the tower does not keep to the above. Bytes that are not UTF-8 count as
  // U+FFFD.
  //
  // Texts with the same number of tokens run together, so nothing is padded.
  TextRows operator()(std::span<const std::string> texts) const {
    check(!texts.empty(), "text_encoder", "at least one text is needed; got none");
    TextRows out;
    std::vector<TokenIds> tokens;
    for (const std::string& text : texts) {
      tokens.push_back(tokenize_(text));
      check(!tokens.back().ids.empty(), "text_encoder", "the tokenizer must give at least one id; got none");
      if (tokens.back().truncated) out.truncated.push_back(tokens.size() - 1);
    }
    std::vector<std::size_t> order(texts.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto length = [&](std::size_t i) { return tokens[i].ids.size(); };
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return length(a) != length(b) ? length(a) < length(b) : a < b;
    });

    out.rows = Tensor<float>::empty({static_cast<index_t>(texts.size()), dim_});
    for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
      const std::size_t most = std::max<std::size_t>(1, kTokensAtOnce / length(order[begin]));
      while (end < order.size() && end - begin < most && length(order[end]) == length(order[begin])) ++end;
      run(std::span(order).subspan(begin, end - begin), tokens, out.rows);
    }
    return out;
  }

 private:
  // Activations of that many tokens still fit the cache.
  static constexpr std::size_t kTokensAtOnce = 512;

  void run(std::span<const std::size_t> which, const std::vector<TokenIds>& tokens,
           Tensor<float>& rows) const {
    std::vector<index_t> ids;
    for (std::size_t i : which) ids.insert(ids.end(), tokens[i].ids.begin(), tokens[i].ids.end());
    const auto count = static_cast<index_t>(which.size());
    const Tensor<float> y =
        tower_(Tensor<index_t>::from({count, static_cast<index_t>(ids.size()) / count}, ids)).contiguous();
    if (!(y.shape() == Shape{count, dim_}))
      fail("text_encoder", "the tower must give ", Shape{count, dim_}, "; got ", y.shape());
    for (index_t i = 0; i < count; ++i) {
      const float* from = y.data() + i * dim_;
      float* to = rows.mutable_data() + static_cast<index_t>(which[static_cast<std::size_t>(i)]) * dim_;
      const double norm =
          std::sqrt(std::inner_product(from, from + dim_, from, 0.0, std::plus<>(), [](float a, float b) {
            return static_cast<double>(a) * static_cast<double>(b);
          }));
      check(std::isfinite(norm) && norm > 0, "text_encoder",
            "an embedding must be finite and not zero; text ", which[static_cast<std::size_t>(i)],
            " has length ", norm, " (hint: are the weights sound?)");
      for (index_t k = 0; k < dim_; ++k) to[k] = static_cast<float>(static_cast<double>(from[k]) / norm);
    }
  }

  std::string model_;
  index_t dim_;
  Tokenize tokenize_;
  Tower tower_;
};

// The prototypes (templates, classes, dim) of these classes: all prompts of prompts.hpp through the encoder.
// Throws as prompt_rows() and the encoder; a prompt that had to be cut is an error, as its class word may
// have been lost.
inline Prototypes make_prototypes(const TextEncoder& encoder, const std::vector<std::string>& classes) {
  const auto sentences = prompt_rows(classes);
  TextRows made = encoder(sentences);
  if (!made.truncated.empty())
    fail("prototypes", "every prompt must fit the model's context; got ",
         limbic::detail::quoted(sentences[made.truncated[0]]));
  Prototypes p;
  p.rows = made.rows.reshape(
      {static_cast<index_t>(kPromptTemplates.size()), static_cast<index_t>(classes.size()), encoder.dim()});
  p.templates.assign(kPromptTemplates.begin(), kPromptTemplates.end());
  p.classes = classes;
  p.source["model"] = encoder.model();
  return p;
}

}  // namespace limbic::text
