#include "emotion_clip/text_source.hpp"

#include <limbic/text/encoder.hpp>
#include <limbic/text/load_encoder.hpp>

namespace limbic::emotion_clip {

text::Prototypes encode_words(const std::string& folder, const std::vector<std::string>& words,
                              app::Progress& progress) {
  const auto sentences = text::prompt_rows(words);
  const text::TextEncoder encoder = text::load_text_encoder(folder);
  progress.note("Reading " + std::to_string(sentences.size()) + " prompts with " + encoder.model());
  const text::TextRows made = encoder(sentences);
  for (const std::size_t i : made.truncated)
    progress.note("Warning: longer than the text model's context, cut: " + sentences[i].substr(0, 80) +
                  " ...");
  text::Prototypes p;
  const auto classes = static_cast<index_t>(words.size());
  p.rows = made.rows.reshape({made.rows.size(0) / classes, classes, encoder.dim()});
  p.templates.assign(text::kPromptTemplates.begin(), text::kPromptTemplates.end());
  p.classes = words;
  p.source["model"] = encoder.model();
  return p;
}

text::Prototypes load_text(const RunSettings& v, const app::RunFolder& folder, index_t classes,
                           app::Progress& progress) {
  if (!folder.has(kTextFile)) {
    if (!v.text.empty()) {
      const auto words = !v.class_words.empty() ? v.class_words
                         : v.dataset == "seed"  ? text::seed_class_words()
                                                : text::seed4_class_words();
      text::save_prototypes(folder.file(kTextFile), encode_words(v.text, words, progress));
    } else if (!v.prototypes.empty()) {
      text::save_prototypes(folder.file(kTextFile), text::load_prototypes(v.prototypes));
    } else {
      folder.write_text(kTextFile, embedded_prototypes(v.dataset));
    }
  }
  text::Prototypes p = text::load_prototypes(folder.file(kTextFile));
  check(static_cast<index_t>(p.classes.size()) == classes, "text", "prompts for ", classes,
        " classes are needed; got ", p.classes.size(), " in ", folder.path(), "/", kTextFile);
  return p;
}

}  // namespace limbic::emotion_clip
