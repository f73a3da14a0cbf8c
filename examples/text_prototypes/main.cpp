// text_prototypes: class prototypes of EmotionCLIP from a text model, and embeddings of any texts.
//
//   text_prototypes --text DIR --dataset seed --out seed.safetensors
//   text_prototypes --text DIR --classes "calm,stressed" --out mine.safetensors
//   text_prototypes --text DIR --lines texts.txt --out rows.safetensors
//
// The last writes, for the lines of a file (each a text, or a JSON string), "rows" (n, dim), all token "ids"
// one after the other, and how many each line has, "lengths" (n).
#include <limbic/text/load_encoder.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>

using namespace limbic;

namespace {

struct Options {
  std::string text, dataset, classes, lines, out, name, licence;
};

void write_rows(const text::TextEncoder& encoder, const Options& o) {
  const std::string content = text::detail::text_file(o.lines);
  std::vector<std::string> texts;
  std::vector<index_t> ids, lengths;
  for (const std::string_view line : text::detail::lines_of(content)) {
    texts.push_back(line.starts_with('"') ? Json::parse(line, o.lines).as_string() : std::string(line));
    const auto tokens = encoder.tokenize(texts.back()).ids;
    ids.insert(ids.end(), tokens.begin(), tokens.end());
    lengths.push_back(static_cast<index_t>(tokens.size()));
  }
  const text::TextRows made = encoder(texts);
  for (const std::size_t i : made.truncated)
    std::fprintf(stderr, "text_prototypes: line %zu has more tokens than the model takes: cut\n", i + 1);
  const auto column = [](const std::vector<index_t>& v) {
    return Tensor<index_t>::from({static_cast<index_t>(v.size())}, v);
  };
  save_safetensors(o.out, {{"rows", made.rows}, {"ids", column(ids)}, {"lengths", column(lengths)}},
                   {{"model", encoder.model()}});
  std::printf("%s: %zu rows of %s\n", o.out.c_str(), texts.size(), encoder.model().c_str());
}

void write_prototypes(const text::TextEncoder& encoder, const Options& o) {
  const auto classes = !o.classes.empty()     ? text::split_class_words(o.classes)
                       : o.dataset == "seed4" ? text::seed4_class_words()
                                              : text::seed_class_words();
  text::Prototypes p = text::make_prototypes(encoder, classes);
  p.source["tool"] = "limbic text_prototypes";
  if (!o.name.empty()) p.source["model"] = o.name + " (" + encoder.model() + ")";
  if (!o.licence.empty()) p.source["licence"] = o.licence;
  text::save_prototypes(o.out, p);
  std::printf("%s: %zu templates x %zu classes of %s\n", o.out.c_str(), p.templates.size(), classes.size(),
              encoder.model().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Class prototypes of EmotionCLIP from a text model.", "text_prototypes");
  Options o;
  app.add_option("--text", o.text,
                 "folder of a CLIP or BERT (MiniLM) model: config.json, model.safetensors, vocabulary")
      ->required();
  auto* dataset = app.add_option("--dataset", o.dataset, "class words of this data set")
                      ->check(CLI::IsMember({"seed", "seed4"}));
  auto* classes = app.add_option("--classes", o.classes, "class words of your own: \"calm,stressed\"");
  auto* lines = app.add_option("--lines", o.lines, "embed the lines of this file instead of prompts");
  dataset->excludes(classes)->excludes(lines);
  classes->excludes(lines);
  app.add_option("--out", o.out, "the safetensors file to write")->required();
  app.add_option("--name", o.name, "name of the model, for the file's metadata");
  app.add_option("--licence", o.licence, "licence of the weights, for the file's metadata");
  try {
    app.parse(argc, argv);
    check(*dataset || *classes || *lines, "text_prototypes", "--dataset, --classes or --lines is needed");
    const auto encoder = text::load_text_encoder(o.text);
    if (*lines) write_rows(encoder, o);
    else write_prototypes(encoder, o);
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "text_prototypes: %s\n", e.what());
    return 1;
  }
  return 0;
}
