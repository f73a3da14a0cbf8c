// Inference: class probabilities of windows, and where the modalities looked at each other.
//
// Only probabilities are wanted, so whatever is affine between two nonlinearities is one map, folded once:
// with tokens E, what their heads read R (narrow_attention.hpp), first classifier layer C and the layers
// before it,
//   EEG:    C dim_down(flatten E) + c                                     = A flatten(E) + a
//   fused:  C dim_down(flatten(dim_change E + answer R)) + c, both sides  = sum over sides of G flatten(E) +
//   K flatten(R) + g
// Rounding apart, results are those of the network in evaluation mode, at a third of its operations.
#pragma once

#include <limbic/ops/activation.hpp>
#include <limbic/ops/softmax.hpp>

#include "uf_ama/model.hpp"

namespace limbic::uf_ama {

template <class T>
struct Prediction {
  Levels<Tensor<T>> probabilities;  // (B, K) of the EEG, eye and fused classifier; fused is the answer
  Tensor<T> eeg_to_eye;  // (B, heads, channels, P): how much each electrode attends to each eye feature
  Tensor<T> eye_to_eeg;  // (B, heads, P, channels); both only where asked for
};

template <class T>
class Predictor {
 public:
  // Takes a copy of what it needs of the network, so that training may go on.
  explicit Predictor(const Network<T>& net) : config_(net.config) {
    const NoGrad off;
    Network<T> copy = clone(net);
    eval(copy);
    const Linear<T>& fused = copy.fusion_classifier.first;
    Fusion<T>& f = copy.fusion_base_network;
    const index_t h = config_.fused;
    eeg_ = Side(copy.eeg_base_network, copy.eeg_classifier, f.eeg_asks_eye(), f.eeg_feature_dim_change,
                f.eeg_feature_dim_down, slice(fused.weight, 1, 0, h));
    eye_ = Side(copy.eye_base_network, copy.eye_classifier, f.eye_asks_eeg(), f.eye_feature_dim_change,
                f.eye_feature_dim_down, slice(fused.weight, 1, h, 2 * h));
    fused_bias_ = fused.bias + eeg_.fused_bias + eye_.fused_bias;
    fused_last_ = copy.fusion_classifier.last;
  }

  const Config& config() const { return config_; }

  // eeg (B, channels, bands), eye (B, P). Takes no memory from the system once it has seen a batch of this
  // size. Throws for other shapes.
  Prediction<T> operator()(const Tensor<T>& eeg, const Tensor<T>& eye, bool with_maps = false) {
    check_windows(config_, eeg, eye);
    const NoGrad off;
    const Var<T> e = eeg_.tokens(eeg), y = eye_.tokens(eye.unsqueeze(2));
    const Var<T> a = eeg_.hidden(e), b = eye_.hidden(y);
    // Of the hidden values the first d/2 are the side's own classifier's, the rest its share of the fused
    // one's.
    const index_t own = config_.width / 2;
    const Var<T> fused =
        slice(a, 1, own) + slice(b, 1, own) + eeg_.heard(e, y) + eye_.heard(y, e) + fused_bias_;
    Prediction<T> out;
    out.probabilities = {classes(eeg_.last, slice(a, 1, 0, own)), classes(eye_.last, slice(b, 1, 0, own)),
                         classes(fused_last_, fused)};
    if (with_maps) {
      out.eeg_to_eye = eeg_.attention.map(e, y);
      out.eye_to_eeg = eye_.attention.map(y, e);
    }
    return out;
  }

 private:
  static Tensor<T> classes(const Linear<T>& last, const Var<T>& hidden) {
    return softmax(last(relu(hidden)).value());
  }

  // One modality: its encoder, and the folded maps from its tokens and from what they read of the other's.
  struct Side {
    Encoder<T> encoder;  // without dim_down
    NarrowAttention<T> first, attention;
    Affine<T, Cpu>
        own;  // (d/2 + d, L d): the side's classifier, and the fused one's part; the bias of the former
    Var<T> from_reading;  // (d, L H d)
    Var<T> fused_bias;    // (d)
    Linear<T> last;

    Side() = default;
    Side(Encoder<T>& e, Classifier<T>& classifier, NarrowAttention<T> asks, const Linear<T>& change,
         const Linear<T>& down, const Var<T>& fused)
        : encoder(e), first(e.first_attention()), attention(std::move(asks)), last(classifier.last) {
      const index_t d = fused.size(0), h = change.weight.size(0), length = down.weight.size(1) / h;
      const Var<T> through = reshape(matmul(fused, down.weight), {d * length, h});  // token by token
      const Var<T> constant = reshape(change.bias + attention.answer.bias, {h, 1});
      fused_bias = reshape(matmul(fused, reshape(down.bias, {h, 1})), {d}) +
                   sum(reshape(matmul(through, constant), {d, length}), {1});
      from_reading = reshape(matmul(through, attention.answer.weight), {d, -1});
      const Linear<T>& mine = classifier.first;
      own.weight = concat(
          {matmul(mine.weight, encoder.dim_down.weight), reshape(matmul(through, change.weight), {d, -1})},
          0);
      const index_t rows = mine.bias.numel();
      const Var<T> bias =
          reshape(matmul(mine.weight, reshape(encoder.dim_down.bias, {-1, 1})), {rows}) + mine.bias;
      own.bias = concat({bias, Var<T>(Tensor<T>::zeros({d}))}, 0);
      encoder.dim_down = {};
      attention.answer = {};
    }
    Var<T> tokens(const Tensor<T>& x) { return encoder.tokens(x, first); }
    Var<T> hidden(const Var<T>& tokens) const { return own(flatten(tokens, 1)); }
    Var<T> heard(const Var<T>& mine, const Var<T>& others) const {
      return linear(flatten(attention.read(mine, others, others), 1), from_reading);
    }
  };

  Config config_;
  Side eeg_, eye_;
  Var<T> fused_bias_;
  Linear<T> fused_last_;
};

}  // namespace limbic::uf_ama
