// load_text_encoder: the text model of a folder, as Hugging Face lays it out (link limbic::text).
//
//   CLIP                 config.json, model.safetensors, and vocab.json + merges.txt or
//                        bpe_simple_vocab_16e6.txt.gz
//   BERT, MiniLM         config.json, model.safetensors, vocab.txt; optional: sentence_bert_config.json (length),
//                        1_Pooling/config.json (must say: mean of the tokens)
#pragma once

#include <limbic/text/encoder.hpp>

namespace limbic::text {

// Reads the folder's model. Throws, naming the file, when the kind of model is another, weights or vocabulary
// are missing or damaged, or sizes do not fit the configuration.
TextEncoder load_text_encoder(const std::string& folder);

}  // namespace limbic::text
