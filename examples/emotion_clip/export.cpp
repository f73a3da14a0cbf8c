// emotion_clip export: the parameters of a trained model as plain safetensors, under the published names.
#include <limbic/io/checkpoint.hpp>

#include <cstdio>
#include <memory>

#include "emotion_clip/commands.hpp"
#include "emotion_clip/model_file.hpp"

namespace limbic::emotion_clip {

Command add_export(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("export", "Parameters as safetensors, under the published names");
  struct Values {
    std::string model, out;
  };
  const auto v = std::make_shared<Values>();
  sub->add_option("--model", v->model, "model.safetensors of a trained fold")->required();
  sub->add_option("--out", v->out, "the file to write")->required();
  return [v] {
    const ModelFile m = ModelFile::load(v->model);
    std::string classes;
    for (const auto& name : m.classes) classes += (classes.empty() ? "" : ",") + name;
    save_safetensors(v->out, named_tensors(m.state),
                     {{"format", "pt"},
                      {"model", to_text(m.config)},
                      {"classes", classes},
                      {"method", m.method},
                      {"fold", m.fold},
                      {"trained_on", (m.simulated ? "simulated " : "") + m.data_set}});
    std::printf("%s: %zu tensors\n", v->out.c_str(), m.state.size());
    return 0;
  };
}

}  // namespace limbic::emotion_clip
