// One training step of UF-AMA.
#include "golden/case.hpp"
#include "uf_ama/step.hpp"

namespace limbic::golden {

namespace {

// Cosines between the rows of softmax(logits), as the class structure loss sees them.
template <class T, class D>
Tensor<T, D> prediction_cosines(const Tensor<T, D>& logits) {
  return cosine_matrix(softmax(logits));
}

}  // namespace

template <class D>
void add_uf_ama(DeviceRegistry<D>& r) {
  r.add("model.uf_ama", [](auto& c) {
    using T = typename std::decay_t<decltype(c)>::value_type;
    uf_ama::Config config;
    config.classes = c.integer("classes");
    config.layers = c.integer("layers");
    config.width = c.integer("width");
    config.fused = 2 * config.width;
    const Tensor<T, D> one_hot = c.tensor("label"), eye_source = c.tensor("eye_source");
    config.eye_features = eye_source.size(1);
    config.dropout = config.classifier_dropout = 0;

    RandomStream unused;
    uf_ama::Network<T, D> net(config, unused);
    for (auto& p : named_parameters<T, D>(net)) *p.value = c.x("param." + p.name);
    auto options = uf_ama::StepOptions::published();
    options.structure_weight = c.number("cls_weight");
    options.marginal_weight = c.number("mmd_weight");  // times 1, what the schedule starts with
    options.distill_weight = c.number("distill_weight");
    uf_ama::Step<T, D> step(options, config, unused);

    auto electrodes = [&](const char* name) {
      const Tensor<T, D> x = c.tensor(name);
      return x.reshape({x.size(0), config.channels, config.bands});
    };
    const uf_ama::SourceBatch<T, D> source{{electrodes("eeg_source"), eye_source}, argmax(one_hot, 1)};
    const uf_ama::TargetBatch<T, D> target{electrodes("eeg_target"), c.tensor("eye_target")};
    const uf_ama::StepResult<T, D> result = step(net, source, target);

    c.y(result.total);
    auto number = [&](const char* name, double v) { c.out(name, Tensor<T, D>::scalar(static_cast<T>(v))); };
    const uf_ama::StepReport report = uf_ama::on_host(result.report);
    const uf_ama::Screening screening = uf_ama::on_host(result.screening);
    number("loss.clf", report.clf);
    number("loss.cls", report.cls);
    number("loss.mmd", report.marginal);
    number("loss.distill", report.distill);
    number("eeg_mmd", report.marginal_levels.eeg);
    number("eye_mmd", report.marginal_levels.eye);
    number("fusion_mmd", report.marginal_levels.fused);
    number("fusion_target", report.fused_target);
    number("eeg_distill", report.eeg_teaches_eye);
    number("eye_distill", report.eye_teaches_eeg);
    number("mid_confidence", report.mid_confidence);
    auto list = [&](const char* name, const Tensor<index_t>& v) { c.out(name, v.template on<D>()); };
    list("screen.agree", screening.agree);
    list("screen.eeg_teaches", screening.eeg_teaches);
    list("screen.eye_teaches", screening.eye_teaches);
    const index_t n = source.label.numel();
    const Tensor<T, D> eeg = result.logits.eeg.slice(0, 0, n), eye = result.logits.eye.slice(0, 0, n),
                       fused = result.logits.fused.slice(0, 0, n);
    c.out("eeg_logits", eeg);
    c.out("eye_logits", eye);
    c.out("fusion_logits", fused);
    c.out("eeg_sim", prediction_cosines(eeg));
    c.out("eye_sim", prediction_cosines(eye));
    c.out("fusion_sim", prediction_cosines(fused));
    c.out("label_sim", cosine_matrix(one_hot));
  });
}

template void add_uf_ama(DeviceRegistry<LIMBIC_GOLDEN_DEVICE>&);

}  // namespace limbic::golden
