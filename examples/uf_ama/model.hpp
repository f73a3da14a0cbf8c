// The UF-AMA network: an encoder for each modality, their fusion, and a classifier for each of the three.
//
//   eeg (B, channels, bands), eye (B, P)
//     -> features: EEG (B, d), eye (B, d), fused (B, 2h)
//     -> logits (B, K) of each
//
// Parameter names are those of the published PyTorch checkpoints (load_published()).
#pragma once

#include "uf_ama/encoder.hpp"
#include "uf_ama/fusion.hpp"

#include <limbic/nn/dropout.hpp>

namespace limbic::uf_ama {

// x (B, in) -> hidden, ReLU, dropout -> (B, K). Parameters "0" and "3", as in a torch.nn.Sequential.
template <class T, class D = Cpu>
struct Classifier {
  Linear<T, D> first;
  Dropout drop;
  Linear<T, D> last;

  Classifier() = default;
  Classifier(index_t in, index_t hidden, index_t classes, double p, RandomStream& random)
      : first(in, hidden, random), drop(p, random), last(hidden, classes, random) {}

  template <class V>
  void visit(V&& v) {
    v("0", first);
    v("2", drop);
    v("3", last);
  }
  Var<T, D> operator()(const Var<T, D>& x, Site site = Site::here()) {
    return last(linear_branch(x, first.weight, first.bias, BranchGate::relu, drop.p, drop.random,
                              drop.training, {}, site),
                site);
  }
};

// One value for each of the three levels: EEG, eye and fused.
template <class X>
struct Levels {
  X eeg{}, eye{}, fused{};
};

template <class T, class D = Cpu>
struct Features {
  Levels<Var<T, D>> feature;  // (B, d), (B, d), (B, 2h); undefined where not asked for
  Levels<Var<T, D>> logits;   // (B, K) each
};

// Throw unless x has the shape that the network takes; `what` names it in the message.
template <class T, class D>
void check_eeg(const Config& c, const char* what, const Tensor<T, D>& x) {
  if (!x.defined() || x.rank() != 3 || x.size(0) < 1 || x.size(1) != c.channels || x.size(2) != c.bands)
    fail("uf_ama", what, " (B, ", c.channels, " channels, ", c.bands, " bands) is needed; got ", x);
}
template <class T, class D>
void check_eye(const Config& c, const char* what, const Tensor<T, D>& x) {
  if (!x.defined() || x.rank() != 2 || x.size(0) < 1 || x.size(1) != c.eye_features)
    fail("uf_ama", what, " (B, ", c.eye_features, " eye features) is needed; got ", x);
}
// Both, and that they have as many windows each.
template <class T, class D>
void check_windows(const Config& c, const Tensor<T, D>& eeg, const Tensor<T, D>& eye) {
  check_eeg(c, "eeg", eeg);
  check_eye(c, "eye", eye);
  if (eeg.size(0) != eye.size(0))
    fail("uf_ama", "eeg and eye must have as many windows each; got eeg ", eeg.shape(), ", eye ",
         eye.shape());
}

// Which modalities take part.
enum class Inputs : std::uint8_t { both, eeg, eye };

template <class T, class D = Cpu>
struct Network {
  Config config;
  Encoder<T, D> eeg_base_network, eye_base_network;
  Fusion<T, D> fusion_base_network;
  Classifier<T, D> eeg_classifier, eye_classifier, fusion_classifier;

  Network() = default;
  // Throws for sizes that do not fit together.
  Network(const Config& c, RandomStream& random)
      : config((check_config(c), c)),
        eeg_base_network(c.channels, c.bands, c, random),
        eye_base_network(c.eye_features, 1, c, random),
        fusion_base_network(c, random),
        eeg_classifier(c.width, c.width / 2, c.classes, c.classifier_dropout, random),
        eye_classifier(c.width, c.width / 2, c.classes, c.classifier_dropout, random),
        fusion_classifier(2 * c.fused, c.width, c.classes, c.classifier_dropout, random) {}

  template <class V>
  void visit(V&& v) {
    v("eeg_base_network", eeg_base_network);
    v("eye_base_network", eye_base_network);
    v("fusion_base_network", fusion_base_network);
    v("eeg_classifier", eeg_classifier);
    v("eye_classifier", eye_classifier);
    v("fusion_classifier", fusion_classifier);
  }

  // eeg (B, channels, bands) and eye (B, P); one that does not take part may be undefined. Throws for other
  // shapes.
  Features<T, D> operator()(const Tensor<T, D>& eeg, const Tensor<T, D>& eye, Inputs inputs = Inputs::both,
                            Site site = Site::here()) {
    if (inputs == Inputs::both) check_windows(config, eeg, eye);
    else if (inputs == Inputs::eeg) check_eeg(config, "eeg", eeg);
    else check_eye(config, "eye", eye);
    Features<T, D> out;
    Var<T, D> eeg_tokens, eye_tokens;
    if (inputs != Inputs::eye) {
      Encoded<T, D> e = eeg_base_network(eeg, site);
      eeg_tokens = e.tokens;
      out.feature.eeg = e.feature;
      out.logits.eeg = eeg_classifier(e.feature, site);
    }
    if (inputs != Inputs::eeg) {
      Encoded<T, D> e = eye_base_network(eye.unsqueeze(2), site);
      eye_tokens = e.tokens;
      out.feature.eye = e.feature;
      out.logits.eye = eye_classifier(e.feature, site);
    }
    if (inputs == Inputs::both) {
      out.feature.fused = fusion_base_network(eeg_tokens, eye_tokens, site);
      out.logits.fused = fusion_classifier(out.feature.fused, site);
    }
    return out;
  }
};

// Loads a published checkpoint, or limbic's own. Published ones also hold a template layer that no result
// depends on, "*_base_network.attn_layer.*"; it is left out. Throws when a name is missing or not expected,
// or a shape differs; nothing is changed then.
template <class T, class D>
void load_published(Network<T, D>& net, const StateDict& state) {
  static const std::string kUnused[] = {"eeg_base_network.attn_layer.", "eye_base_network.attn_layer."};
  load_state_dict(net, state, true, kUnused);
}

}  // namespace limbic::uf_ama
