// infer(): the answers of the folded network are those of the whole one, of the classifier that takes part.
#include <doctest/doctest.h>
#include <uf_ama/inference.cpp>

#include "uf_ama_setup.hpp"

using namespace limbic;
using namespace limbic::uf_ama;

namespace {

float difference(const Tensor<float>& a, const Tensor<float>& b) {
  REQUIRE(a.shape() == b.shape());
  const auto x = a.to_vector(), y = b.to_vector();
  float worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) worst = std::max(worst, std::abs(x[i] - y[i]));
  return worst;
}

}  // namespace

TEST_CASE("answers with and without features agree") {
  uf_ama::test::Setup<float> s(uf_ama::test::tiny(0.2), StepOptions::limbic());
  const Config& c = s.config;
  const index_t n = 300;  // more than one batch
  RandomStream random = Random(5).stream("windows");
  data::UnlabelledWindows w;
  w.eeg = random.normal<float>({n, c.channels, c.bands});
  w.eye = random.normal<float>({n, c.eye_features});
  w.origin.resize(static_cast<std::size_t>(n));

  const Inferred whole = infer(s.net, w, Inputs::both, {.features = true, .maps = true});
  const Inferred folded = infer(s.net, w, Inputs::both, {.maps = true});
  CHECK(whole.features.shape() == Shape{n, 2 * c.fused});
  CHECK(!folded.features.defined());
  CHECK(difference(whole.probabilities, folded.probabilities) < 1e-5f);
  CHECK(difference(whole.eeg_to_eye.to<float>(), folded.eeg_to_eye.to<float>()) < 1e-6f);
  CHECK(difference(whole.eye_to_eeg.to<float>(), folded.eye_to_eeg.to<float>()) < 1e-6f);
  // The classifiers differ, so the comparison could have failed; one modality is answered by its own.
  for (const Inputs one : {Inputs::eeg, Inputs::eye}) {
    const Inferred own = infer(s.net, w, one);
    CHECK(difference(own.probabilities, folded.probabilities) > 1e-2f);
    CHECK(difference(own.probabilities, infer(s.net, w, one, {.features = true}).probabilities) == 0.0f);
  }
  CHECK(s.net.fusion_classifier.drop.training);  // the mode is put back
}
