// Fusion of two modalities' tokens by cross-attention in both directions (arXiv 2606.00170).
//
//   e (B, L_e, d), y (B, L_y, d);  e' = e W_e' + b_e, y' likewise, of width h
//   e'' = e' + attention(e', y', y')     EEG asks eye
//   y'' = y' + attention(y', e', e')     eye asks EEG
//   fused (B, 2h) = [flatten(e'') W' + b, flatten(y'') V' + c]
//
// No dropout: the fused features of some samples are rows of those of the batch. The attentions work on e and
// y (narrow_attention.hpp): d is no wider than a head.
#pragma once

#include "uf_ama/config.hpp"
#include "uf_ama/narrow_attention.hpp"

namespace limbic::uf_ama {

// Parameters as in published checkpoints.
template <class T, class D = Cpu>
struct Fusion {
  Linear<T, D> eeg_feature_dim_change, eye_feature_dim_change;
  MultiheadAttention<T, D> eeg_eye_attn, eye_eeg_attn;
  Linear<T, D> eeg_feature_dim_down, eye_feature_dim_down;

  Fusion() = default;
  Fusion(const Config& c, RandomStream& random)
      : eeg_feature_dim_change(c.width, c.fused, random),
        eye_feature_dim_change(c.width, c.fused, random),
        eeg_eye_attn(c.fused, c.heads, random),
        eye_eeg_attn(c.fused, c.heads, random),
        eeg_feature_dim_down(c.channels * c.fused, c.fused, random),
        eye_feature_dim_down(c.eye_features * c.fused, c.fused, random) {}

  template <class V>
  void visit(V&& v) {
    v("eeg_feature_dim_change", eeg_feature_dim_change);
    v("eye_feature_dim_change", eye_feature_dim_change);
    v("eeg_eye_attn", eeg_eye_attn);
    v("eye_eeg_attn", eye_eeg_attn);
    v("eeg_feature_dim_down", eeg_feature_dim_down);
    v("eye_feature_dim_down", eye_feature_dim_down);
  }

  NarrowAttention<T, D> eeg_asks_eye() const {
    return {eeg_eye_attn, eeg_feature_dim_change, eye_feature_dim_change, false};
  }
  NarrowAttention<T, D> eye_asks_eeg() const {
    return {eye_eeg_attn, eye_feature_dim_change, eeg_feature_dim_change, false};
  }

  // Tokens (B, L_e, d) and (B, L_y, d) -> (B, 2h). Throws for other shapes.
  Var<T, D> operator()(const Var<T, D>& eeg, const Var<T, D>& eye, Site site = Site::here()) {
    const Var<T, D> a = eeg_feature_dim_change(eeg, site) + eeg_asks_eye()(eeg, eye, eye, {}, site);
    const Var<T, D> b = eye_feature_dim_change(eye, site) + eye_asks_eeg()(eye, eeg, eeg, {}, site);
    return concat({eeg_feature_dim_down(flatten(a, 1, -1, site), site),
                   eye_feature_dim_down(flatten(b, 1, -1, site), site)},
                  1);
  }
};

}  // namespace limbic::uf_ama
