// Text on one thread, in processor time: CLIP's tokenizer, and a BERT of MiniLM's sizes (6 layers, width
// 384).
//
//   tokenize/10000   ten thousand different prompts in all, by a tokenizer that has seen none; its vocabulary
//                    is LIMBIC_CLIP_VOCABULARY (bpe_simple_vocab_16e6.txt.gz), else that of the tests
//   minilm/short/n   embedding of n texts, random weights: of 3 to 13 tokens, as prompts have
//   minilm/long/n    of 8 to 40
//
// The same in PyTorch: bench/peers/text_torch.py.
#include <limbic/backend/cpu/parallel.hpp>
#include <limbic/core/random.hpp>
#include <limbic/text/bert.hpp>
#include <limbic/text/clip_tokenizer.hpp>
#include <limbic/text/encoder.hpp>

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <ctime>

namespace {

using namespace limbic;

double now() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

text::BpeVocabulary vocabulary() {
  if (const char* path = std::getenv("LIMBIC_CLIP_VOCABULARY")) return text::BpeVocabulary::from_gzip(path);
  const std::string folder = LIMBIC_SOURCE_DIR "/tests/text/clip_small/";
  return text::BpeVocabulary::from_json(folder + "vocab.json", folder + "merges.txt");
}

void tokenize(benchmark::State& state) {
  const text::BpeVocabulary whole = vocabulary();
  std::vector<std::string> words;
  for (const char* how : {"", "very ", "hardly ", "un", "so ", "over"})
    for (const char* word : {"calm", "stressed", "happy", "sad", "bored", "excited", "surprised", "fearful",
                             "angry", "content", "tired", "alert"})
      for (const char* tail : {"", "!", " today", " (?)", "ish", "ness", ", really", " 2", " at last"})
        words.push_back(std::string(how) + word + tail);
  std::vector<std::string> prompts = text::prompt_rows(words);
  prompts.resize(10000);
  for (auto _ : state) {
    text::ClipTokenizer tokenizer(whole);
    const double begin = now();
    std::size_t ids = 0;
    for (const std::string& prompt : prompts) ids += tokenizer(prompt).ids.size();
    state.SetIterationTime(now() - begin);
    state.counters["ids"] = static_cast<double>(ids);
  }
}

void minilm(benchmark::State& state, index_t shortest, index_t spread) {
  set_num_threads(1);
  RandomStream random = Random(1).stream("minilm");
  const text::Bert<float> tower(
      {}, [&](const std::string&, const Shape& shape) { return random.normal<float>(shape, 0.0f, 0.05f); });
  const text::TextEncoder encoder(
      "MiniLM", 384,
      [&](std::string_view s) {
        const auto number = static_cast<index_t>(std::atoi(std::string(s).c_str()));
        text::TokenIds tokens;
        for (index_t i = 0; i < shortest + number * 7 % spread; ++i)
          tokens.ids.push_back((number * 131 + i * 17) % 30000);
        return tokens;
      },
      [&](const Tensor<index_t>& ids) { return tower.infer(ids); });
  std::vector<std::string> texts;
  for (int i = 0; i < state.range(0); ++i) texts.push_back(std::to_string(i));
  double best = 1e30;
  for (auto _ : state) {
    const double begin = now();
    benchmark::DoNotOptimize(encoder(texts));
    const double took = now() - begin;
    state.SetIterationTime(took);
    best = std::min(best, took);
  }
  state.counters["best_ms"] = best * 1e3;
}

BENCHMARK(tokenize)->Name("tokenize/10000")->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(minilm, short, 3, 11)->Arg(1)->Arg(64)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(minilm, long, 8, 33)->Arg(1)->Arg(256)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
