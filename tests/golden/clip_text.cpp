// The text tower of CLIP, small.
#include <limbic/text/clip_text.hpp>

#include "golden/case.hpp"

namespace limbic::golden {

template <class D>
void add_clip_text(DeviceRegistry<D>& r) {
  r.add("model.clip_text", [](auto& c) {
    using T = typename std::decay_t<decltype(c)>::value_type;
    text::ClipTextConfig config;
    config.vocabulary = c.integer("vocab");
    config.context = c.integer("context");
    config.width = c.integer("width");
    config.heads = c.integer("heads");
    config.layers = c.integer("layers");
    config.hidden = c.integer("hidden");
    config.projection = c.integer("proj");
    const text::ClipText<T, D> tower(config, [&](const std::string& name, const Shape& shape) {
      const Tensor<T> value = c.tensor("param." + name).template on<Cpu>();
      check(value.shape() == shape, "golden", name, " must be ", shape);
      return value;
    });
    // One precision with a tape, one without: the same code for two types.
    if constexpr (std::is_same_v<T, double>) c.y(tower(c.index("ids")));
    else c.y(Var<T, D>(tower.infer(c.index("ids"))));
  });
}

template void add_clip_text(DeviceRegistry<LIMBIC_GOLDEN_DEVICE>&);

}  // namespace limbic::golden
