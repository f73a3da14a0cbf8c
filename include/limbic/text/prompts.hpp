// The sentences of EmotionCLIP (arXiv 2511.05293): 16 templates, in each of which {} stands for the word of a
// class, and the words of SEED and SEED-IV in the order of their labels.
#pragma once

#include <limbic/core/error.hpp>

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace limbic::text {

// As published, the bare word first.
inline constexpr std::array<std::string_view, 16> kPromptTemplates = {
    "{}",
    "The human is {}",
    "The video makes the human feel {}",
    "A video of {} emotion",
    "Look, the human is {}",
    "Playing a kind of emotion, {}",
    "Doing a kind of emotion, {}",
    "Does this video convey {} emotion?",
    "What emotion does this video convey: {}?",
    "Identify the emotion in this video: {}",
    "Categorize this video into {} emotion",
    "Can you recognize the emotion of {}?",
    "The human feels {} now",
    "The human looks {} about the video",
    "{}, a kind of emotion",
    "{} this is an emotion",
};

// Class words of SEED (labels -1, 0, 1) and of SEED-IV (labels 0 to 3).
inline std::vector<std::string> seed_class_words() { return {"negative", "neutral", "positive"}; }
inline std::vector<std::string> seed4_class_words() { return {"neutral", "sad", "fear", "happy"}; }

// The sentence of one template and one class: the word in place of the first {}. Throws where there is none.
inline std::string prompt(std::string_view sentence, std::string_view word) {
  const auto gap = sentence.find("{}");
  if (gap == sentence.npos) fail("prompt", "a template must hold {}; got '", sentence, "'");
  return std::string(sentence.substr(0, gap)).append(word).append(sentence.substr(gap + 2));
}

// All sentences, template-major: row template * C + class of C classes. Throws when there is no class, an
// empty or repeated word, or a template without {}.
inline std::vector<std::string> prompt_rows(std::span<const std::string> classes,
                                            std::span<const std::string_view> templates = kPromptTemplates) {
  check(!classes.empty(), "prompts", "at least one class word is needed; got none");
  for (std::size_t i = 0; i < classes.size(); ++i) {
    check(classes[i].find_first_not_of(" \t\r\n") != std::string::npos, "prompts",
          "a class word must not be empty; got an empty one at place ", i + 1, " of ", classes.size());
    for (std::size_t j = 0; j < i; ++j)
      check(classes[i] != classes[j], "prompts", "class words must differ; got '", classes[i], "' twice");
  }
  std::vector<std::string> rows;
  for (std::string_view sentence : templates)
    for (const std::string& word : classes) rows.push_back(prompt(sentence, word));
  return rows;
}

// The words of "calm, stressed": split at commas, spaces around each left out. Throws as prompt_rows().
inline std::vector<std::string> split_class_words(std::string_view list) {
  std::vector<std::string> words;
  while (true) {
    const auto comma = list.find(',');
    std::string_view word = list.substr(0, comma);
    const auto first = word.find_first_not_of(" \t\r\n"), last = word.find_last_not_of(" \t\r\n");
    words.emplace_back(first == word.npos ? std::string_view{} : word.substr(first, last - first + 1));
    if (comma == list.npos) break;
    list.remove_prefix(comma + 1);
  }
  (void)prompt_rows(words, {});
  return words;
}

}  // namespace limbic::text
