#include <doctest/doctest.h>
#include <limbic/text/prompts.hpp>
#include <limbic/text/prototypes.hpp>

#include "io/temporary_folder.hpp"
#include "support/throws.hpp"
#include "text/data.hpp"

using namespace limbic;
using namespace limbic::text;

TEST_CASE("prompts: template-major rows, words in the order of the labels") {
  const auto rows = prompt_rows(seed4_class_words());
  REQUIRE(rows.size() == 64);
  CHECK(rows[0] == "neutral");
  CHECK(rows[3] == "happy");
  CHECK(rows[4 * 7 + 2] == "Does this video convey fear emotion?");
  CHECK(rows[4 * 15 + 1] == "sad this is an emotion");
  CHECK(prompt_rows(seed_class_words())[3 * 4 + 2] == "Look, the human is positive");
  CHECK(split_class_words(" calm , very stressed") == std::vector<std::string>{"calm", "very stressed"});
  CHECK(contains(thrown([] { prompt_rows({}); }), "at least one class word"));
  CHECK(contains(thrown([] { split_class_words(""); }), "must not be empty"));
  CHECK(contains(thrown([] { split_class_words("calm,,sad"); }), "place 2 of 3"));
  CHECK(contains(thrown([] { split_class_words("calm,sad, calm"); }), "'calm' twice"));
  CHECK(contains(thrown([] { prompt("no gap", "sad"); }), "must hold {}"));
}

TEST_CASE("prototypes: those shipped are whole and say where they come from") {
  for (const auto& [name, classes] :
       {std::pair{"seed", seed_class_words()}, std::pair{"seed4", seed4_class_words()}}) {
    const auto p = load_prototypes(std::string(LIMBIC_SOURCE_DIR) + "/examples/emotion_clip/prototypes/" +
                                   name + ".safetensors");
    CHECK(p.classes == classes);
    CHECK(
        std::equal(p.templates.begin(), p.templates.end(), kPromptTemplates.begin(), kPromptTemplates.end()));
    CHECK(p.rows.shape() == Shape{16, static_cast<index_t>(classes.size()), 384});
    CHECK(p.dim() == 384);
    CHECK(p.source.at("licence") == "Apache-2.0");
    CHECK(contains(p.source.at("model"), "all-MiniLM-L6-v2"));
  }
}

TEST_CASE("prototypes: written and read; anything else is an error that names the file") {
  const TemporaryFolder folder;
  const std::string path = folder / "p.safetensors";
  const Prototypes good{Tensor<float>::from({2, 2, 2}, {1, 0, 0, 1, 0.6f, 0.8f, -1, 0}),
                        {"{}", "so {}"},
                        {"a", "b"},
                        {{"model", "m"}}};
  const auto message = [&](auto&& change) {
    Prototypes p = good;
    p.rows = p.rows.clone();
    change(p);
    save_prototypes(path, p);
    return thrown([&] { load_prototypes(path); });
  };
  CHECK(message([](Prototypes&) {}) == "");
  const Prototypes back = load_prototypes(path);
  CHECK(back.rows.to_vector() == good.rows.to_vector());
  CHECK(back.templates == good.templates);
  CHECK(back.source.at("model") == "m");

  CHECK(contains(message([](Prototypes& p) { p.rows.fill(2); }), "rows must be of length 1"));
  CHECK(contains(message([](Prototypes& p) { p.rows.mutable_data()[3] = NAN; }), "rows must be of length 1"));
  CHECK(contains(message([](Prototypes& p) { p.classes.pop_back(); }), "2 templates and 1 classes"));
  CHECK(contains(message([](Prototypes& p) {
                   p.rows = p.rows.reshape({4, 2});
                 }),
                 "must be (templates, classes, dim)"));
  save_safetensors(path, {{"prototypes", good.rows}},
                   {{"format", "limbic-prototypes"}, {"templates", "[1, 2]"}, {"classes", "[]"}});
  CHECK(contains(thrown([&] { load_prototypes(path); }), "string"));
  save_safetensors(path, {{"prototypes", good.rows}});
  CHECK(contains(thrown([&] { load_prototypes(path); }), path));
}
