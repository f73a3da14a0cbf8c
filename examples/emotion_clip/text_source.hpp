// The prompts' embeddings of a run: the embedded prototypes, a file of them, or those of a text model.
#pragma once

#include <app/progress.hpp>
#include <app/run_folder.hpp>

#include <limbic/text/prototypes.hpp>

#include "emotion_clip/settings.hpp"

namespace limbic::emotion_clip {

inline constexpr const char* kTextFile = "text.safetensors";

// Made once a run, and kept in its folder as text.safetensors. Throws when they are not of that many classes.
text::Prototypes load_text(const RunSettings& settings, const app::RunFolder& folder, index_t classes,
                           app::Progress& progress);
// The prompts of these words by the text model in a folder. Prompts that are longer than the model's context
// are cut, as CLIP does, and said.
text::Prototypes encode_words(const std::string& folder, const std::vector<std::string>& words,
                              app::Progress& progress);

// The prototypes of SEED and SEED-IV that the program carries (prototypes/README.md): the bytes of the files.
std::string_view embedded_prototypes(const std::string& dataset);

}  // namespace limbic::emotion_clip
