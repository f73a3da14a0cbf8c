// Normalisation, convolution, attention and the transformer layer.
#include <limbic/nn/transformer.hpp>
#include <limbic/ops/ops.hpp>

#include "golden/case.hpp"

namespace limbic::golden {

template <class D>
void add_network(DeviceRegistry<D>& r) {
  r.add("softmax", [](auto& c) { c.y(softmax(c.x("x"), c.integer("dim"))); });
  r.add("log_softmax", [](auto& c) { c.y(log_softmax(c.x("x"), c.integer("dim"))); });
  r.add("layer_norm",
        [](auto& c) { c.y(layer_norm(c.x("x"), c.x("weight"), c.x("bias"), c.number("eps"))); });
  r.add("conv2d", [](auto& c) {
    c.y(conv2d(c.x("x"), c.x("weight"), c.x("bias"),
               {.stride = {c.integer("stride"), c.integer("stride")},
                .padding = {c.integer("padding"), c.integer("padding")}}));
  });
  r.add("batch_norm2d", [](auto& c) {
    auto mean = c.tensor("running_mean"), var = c.tensor("running_var");
    c.y(batch_norm(
        c.x("x"), c.x("weight"), c.x("bias"), mean, var,
        {.training = c.flag("training"), .momentum = c.number("momentum"), .eps = c.number("eps")}));
    c.out("running_mean", mean);
    c.out("running_var", var);
  });
  r.add("attention", [](auto& c) {
    AttentionOptions<D> options;
    options.causal = c.flag("causal");
    if (c.has("mask")) options.mask = c.mask("mask");
    c.y(attention(c.x("q"), c.x("k"), c.x("v"), options));
  });
  r.add("multihead_attention", [](auto& c) {
    using T = typename std::decay_t<decltype(c)>::value_type;
    const MultiheadWeights<Var<T, D>> w{c.x("in_proj_weight"), c.x("in_proj_bias"), c.x("out_proj_weight"),
                                        c.x("out_proj_bias")};
    c.y(multihead_attention(c.x("query"), c.x("key"), c.x("value"), w, c.integer("heads")));
  });
  r.add("transformer_encoder_layer", [](auto& c) {
    using T = typename std::decay_t<decltype(c)>::value_type;
    RandomStream unused;
    const auto x = c.x("x");
    TransformerEncoderLayer<T, D> layer(
        x.size(2),
        {.heads = c.integer("heads"),
         .hidden = c.tensor("linear1.bias").numel(),
         .dropout = 0,
         .activation = c.text("activation") == "relu" ? Activation::relu : Activation::gelu,
         .norm_first = c.flag("norm_first")},
        unused);
    for (auto& p : named_parameters<T, D>(layer)) *p.value = c.x(p.name);
    c.y(layer(x));
  });
}

template void add_network(DeviceRegistry<LIMBIC_GOLDEN_DEVICE>&);

}  // namespace limbic::golden
