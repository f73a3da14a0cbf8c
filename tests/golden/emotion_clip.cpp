// SST-LegoViT with its matching loss.
#include "emotion_clip/matching.hpp"
#include "emotion_clip/network.hpp"
#include "golden/case.hpp"

namespace limbic::golden {

template <class D>
void add_emotion_clip(DeviceRegistry<D>& r) {
  r.add("model.sst_lego_vit", [](auto& c) {
    using T = typename std::decay_t<decltype(c)>::value_type;
    const Tensor<T, D> x = c.tensor("x");
    const Dims layers = c.dims("layers");
    emotion_clip::Config config;
    config.frames = c.integer("frames");
    config.maps = x.size(2);
    config.image = x.size(3);
    config.width = c.integer("d");
    config.heads = c.integer("h");
    config.conv_width = c.integer("conv_hidden");
    config.spatial_layers = layers[0];
    config.spectral_layers = layers[1];
    config.temporal_layers = layers[2];
    config.embed = c.integer("embed");
    config.classes = c.integer("classes");
    config.dropout = config.drop_path = 0;

    RandomStream unused;
    emotion_clip::Network<T, D> net(config, unused);
    set_training(net, c.flag("training"));
    for (auto& p : named_parameters<T, D>(net)) *p.value = c.x("param." + p.name);
    for (auto& b : named_buffers<T, D>(net)) b.value->copy_from(c.tensor("param." + b.name));
    const emotion_clip::Prompts<T, D> prompts(c.tensor("text"), c.integer("classes"));
    const Var<T, D> embedding = net.embed(net.features(x));
    const auto result = emotion_clip::matching_loss(embedding, prompts, c.index("label"),
                                                    {.temperature = c.number("temperature")});
    c.y(result.total);
    c.out("embedding", embedding.value());
    c.out("logits", result.logits);
    if (c.flag("training"))
      for (const auto& b : named_buffers<T, D>(net)) c.out("buffer." + b.name, *b.value);
  });
}

template void add_emotion_clip(DeviceRegistry<LIMBIC_GOLDEN_DEVICE>&);

}  // namespace limbic::golden
