#include "emotion_clip/report_page.hpp"

#include <app/curves.hpp>
#include <app/embedding.hpp>
#include <app/plots.hpp>
#include <app/statistics.hpp>

#include <limbic/data/electrodes.hpp>
#include <limbic/io/checkpoint.hpp>
#include <limbic/text/prototypes.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "emotion_clip/settings.hpp"

namespace limbic::emotion_clip {

namespace {

std::string formatted(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

struct Page {
  const app::RunFolder& folder;
  const app::RunResults& results;
  app::ProtocolCard card;
  app::HtmlPage& page;

  std::vector<std::string> folds_of(const std::string& method) const {
    std::vector<std::string> out;
    for (const auto& r : results.folds)
      if (r.method == method) out.push_back(r.fold);
    return out;
  }
  // The first method that has results; of those that match text where asked.
  const app::MethodText* first(bool matching) const {
    for (const auto& m : results.methods)
      if (!folds_of(m.name).empty() && (!matching || method_of(m.name).answer == Answer::matching)) return &m;
    return nullptr;
  }
  const app::FoldResult* result(const Method& method, const std::string& fold) const {
    for (const auto& r : results.folds)
      if (r.method == method_name(method) && r.fold == fold) return &r;
    return nullptr;
  }
  StateDict analysis(const std::string& method, const std::string& fold) const {
    return Checkpoint::load(folder.file(app::fold_folder(method, fold) + "/analysis.safetensors")).state;
  }
  std::vector<index_t> shots() const {
    std::vector<index_t> out;
    for (const auto& m : results.methods) out.push_back(method_of(m.name).shots);
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

  void over_shots(bool figures) const;
  void training() const;
  void errors() const;
  void text() const;
  void scalp() const;
};

// Accuracies of a method's folds, in per cent, of those folds that both methods have.
struct Pairs {
  std::vector<double> a, b;
};

void Page::over_shots(bool figures) const {
  const std::vector<index_t> all = shots();
  const auto pairs_of = [&](index_t n) {
    Pairs p;
    for (const auto& fold : card.folds) {
      const auto *a = result({Answer::matching, n}, fold), *b = result({Answer::classifier, n}, fold);
      if (!a || !b) continue;
      p.a.push_back(100 * a->honest().scores.accuracy);
      p.b.push_back(100 * b->honest().scores.accuracy);
    }
    return p;
  };
  page.section("Labelled windows of the target",
               "Accuracy over N, the number of windows of each class of the target that train beside the "
               "source. All N are "
               "tested on the same windows.");
  if (figures && all.size() > 1) {
    std::vector<app::Series> lines;
    for (const Answer answer : {Answer::matching, Answer::classifier}) {
      app::Series s;
      s.name = answer == Answer::matching ? "EmotionCLIP" : "classifier";
      for (const index_t n : all) {
        std::vector<double> values;
        for (const auto& fold : card.folds)
          if (const auto* r = result({answer, n}, fold)) values.push_back(100 * r->honest().scores.accuracy);
        if (values.empty()) continue;
        s.x.push_back(static_cast<double>(n));
        s.y.push_back(app::mean_of(values));
        s.low.push_back(*std::ranges::min_element(values));
        s.high.push_back(*std::ranges::max_element(values));
      }
      if (!s.x.empty()) lines.push_back(std::move(s));
    }
    page.figures(
        {{app::line_chart(
              {"Accuracy over N", {"labelled windows a class (N)", {}, {}}, {"accuracy (%)", {}, {}}}, lines),
          "Mean over folds; band: lowest and highest fold."}});
  }
  app::HtmlTable table;
  table.caption =
      "Text matching against a classification head on the same tower, trained on the same windows with the "
      "same "
      "seed: honest accuracy, mean and standard deviation over folds, and tests of the paired differences.";
  table.columns = {"N", "EmotionCLIP", "classifier", "difference", "folds", "t-test", "Wilcoxon"};
  for (const index_t n : all) {
    const Pairs p = pairs_of(n);
    if (p.a.size() < 2) continue;
    const auto mean = [](const std::vector<double>& v) {
      return formatted("%.1f", app::mean_of(v)) + " ± " + formatted("%.1f %%", app::deviation_of(v));
    };
    const auto number = [](std::string text) { return app::Cell{std::move(text), "", true, false}; };
    const app::PairedTest t = app::paired_t_test(p.a, p.b), w = app::wilcoxon_test(p.a, p.b);
    table.rows.push_back({number(std::to_string(n)), number(mean(p.a)), number(mean(p.b)),
                          number(formatted("%+.1f points", t.difference)), number(std::to_string(p.a.size())),
                          number(app::p_text(t.p)), number(app::p_text(w.p))});
  }
  if (!table.rows.empty()) page.table(table);
}

void Page::training() const {
  const app::MethodText& main = *first(false);
  const auto tables = app::fold_metrics(folder, main.name, folds_of(main.name));
  page.section("Training", "Means of an epoch's steps, averaged over folds.");
  const app::Axis epoch{"epoch", {}, {}};
  std::vector<app::Series> losses;
  for (const auto& [name, column] : {std::pair("total", "total"),
                                     {"cross-entropy", "cross_entropy"},
                                     {"contrastive", "contrastive"},
                                     {"supervised contrastive", "supcon"}}) {
    app::Series s = app::over_folds(name, tables, column, std::string_view(column) == "total");
    if (app::any_value(s) && (losses.empty() || s.y != losses.front().y)) losses.push_back(std::move(s));
  }
  std::vector<app::Figure> figures;
  if (!losses.empty())
    figures.push_back({app::line_chart({main.title + ": loss", epoch, {"loss", {}, {}}}, losses),
                       "Band: lowest and highest fold."});
  std::vector<app::Series> accuracy{
      app::over_folds("training windows", tables, "train_accuracy", false, 100),
      app::over_folds("target, tested windows", tables, "target_accuracy", true, 100)};
  if (app::Series v = app::over_folds("validation", tables, "validation_accuracy", false, 100);
      app::any_value(v))
    accuracy.push_back(std::move(v));
  figures.push_back(
      {app::line_chart({main.title + ": accuracy", epoch, {"accuracy (%)", {}, {}}}, accuracy),
       "Labels of tested windows score the end of each epoch; nothing is learnt or, for the honest number, "
       "chosen by them."});
  std::vector<app::Series> methods;
  for (const auto& m : results.methods) {
    const auto t = app::fold_metrics(folder, m.name, folds_of(m.name));
    if (!t.empty()) methods.push_back(app::over_folds(m.title, t, "target_accuracy", false, 100));
  }
  if (methods.size() > 1)
    figures.push_back(
        {app::line_chart({"Target accuracy by method", epoch, {"accuracy (%)", {}, {}}}, methods),
         "Mean over folds."});
  page.figures(figures);
}

void Page::errors() const {
  page.section("Errors",
               "Rows are true classes, columns predicted ones; the sum over folds of the honest choice.");
  std::vector<app::Figure> figures;
  for (const auto& m : results.methods) {
    if (folds_of(m.name).empty()) continue;
    app::Frame frame{m.title, {}, {}};
    frame.width = frame.height = 340;
    figures.push_back(
        {app::confusion_map(frame, card.classes, app::summed_confusion(m.name, results.folds, true)), ""});
    if (figures.size() == 6) break;
  }
  page.figures(figures);
}

// Rows of length 1 after the mean row of each kind has been taken off.
Tensor<float> centred(const Tensor<float>& x) {
  Tensor<float> y = x.clone();
  const index_t n = y.size(0), width = y.size(1);
  float* v = y.mutable_data();
  for (index_t k = 0; k < width; ++k) {
    double mean = 0;
    for (index_t i = 0; i < n; ++i) mean += static_cast<double>(v[i * width + k]) / static_cast<double>(n);
    for (index_t i = 0; i < n; ++i) v[i * width + k] -= static_cast<float>(mean);
  }
  for (index_t i = 0; i < n; ++i) {
    double length = 0;
    for (index_t k = 0; k < width; ++k)
      length += static_cast<double>(v[i * width + k]) * static_cast<double>(v[i * width + k]);
    for (index_t k = 0; k < width && length > 0; ++k)
      v[i * width + k] = static_cast<float>(static_cast<double>(v[i * width + k]) / std::sqrt(length));
  }
  return y;
}

void Page::text() const {
  const app::MethodText* main = first(true);
  if (!main) return;
  const auto prototypes = text::load_prototypes(folder.file("text.safetensors"));
  const index_t templates = prototypes.rows.size(0), classes = prototypes.rows.size(1);
  Tensor<double> similarity = Tensor<double>::zeros({templates, classes * classes});
  double folds = 0;
  for (const auto& fold : folds_of(main->name)) {
    const Tensor<double> s =
        analysis(main->name, fold).get<double>("similarity", {classes, templates, classes});
    for (index_t truth = 0; truth < classes; ++truth)
      for (index_t p = 0; p < templates; ++p)
        for (index_t word = 0; word < classes; ++word)
          similarity.set({p, truth * classes + word},
                         similarity.at(p, truth * classes + word) + s.at(truth, p, word));
    ++folds;
  }
  std::vector<std::string> columns;
  for (index_t truth = 0; truth < classes; ++truth)
    for (index_t word = 0; word < classes; ++word) {
      columns.push_back(card.classes[static_cast<std::size_t>(truth)] + " / " +
                        prototypes.classes[static_cast<std::size_t>(word)]);
      for (index_t p = 0; p < templates; ++p)
        similarity.set({p, truth * classes + word}, similarity.at(p, truth * classes + word) / folds);
    }
  page.section("EEG and text",
               main->title +
                   ". The text stays as it is; the tower learns to put windows near the prompts of "
                   "their class. True classes were looked up after training.");
  app::Frame map{"Windows and prompts: true class / word", {}, {}};
  map.width = std::min<int>(1000, 330 + 34 * static_cast<int>(classes * classes));
  map.height = 110 + 24 * static_cast<int>(templates);
  page.figures({{app::matrix_map(map, similarity, prototypes.templates, columns, "mean cosine"),
                 "Mean cosine of the tested windows of each true class with every prompt, mean over folds; "
                 "{} stands for the "
                 "word."}});

  const std::string fold = folds_of(main->name).front();
  const StateDict a = analysis(main->name, fold);
  const Tensor<float> windows = a.get<float>("embeddings");
  const Tensor<float> prompts = prototypes.rows.reshape({templates * classes, prototypes.dim()});
  Tensor<float> both = Tensor<float>::empty({windows.size(0) + prompts.size(0), prototypes.dim()});
  both.slice(0, 0, windows.size(0)).copy_from(centred(windows));
  both.slice(0, windows.size(0)).copy_from(centred(prompts));
  std::vector<index_t> group = a.get<index_t>("label").to_vector();
  std::vector<std::string> names = card.classes;
  for (const auto& word : prototypes.classes) names.push_back("text: " + word);
  for (index_t i = 0; i < templates * classes; ++i) group.push_back(classes + i % classes);
  const app::PcaResult components = app::pca(both);
  app::Frame plain{"Principal components", {}, {}}, neighbours{"t-SNE", {}, {}};
  plain.height = neighbours.height = 380;
  const std::string caption =
      "Up to 300 tested windows of fold " + fold + " by their true class, and all prompts.";
  page.figures(
      {{app::scatter_plot(plain, components.points, group, names, prototypes.classes.size()),
        caption + " The two components hold " +
            formatted("%.0f %%", 100 * (components.explained.at(0) + components.explained.at(1))) +
            " of the variance. EEG and text lie apart as wholes; here the mean of each kind was taken off."},
       {app::scatter_plot(neighbours, app::tsne(both), group, names, prototypes.classes.size()),
        caption + " The same points as neighbours."}});
}

void Page::scalp() const {
  const app::MethodText& main = *first(false);
  Tensor<double> sum;
  for (const auto& fold : folds_of(main.name)) {
    const Tensor<double> x = analysis(main.name, fold).get<double>("influence");
    if (!sum.defined()) sum = Tensor<double>::zeros(x.shape());
    double* to = sum.mutable_data();
    for (index_t i = 0; i < x.numel(); ++i) to[i] += x.data()[i];
  }
  const index_t maps = sum.size(0), electrodes = sum.size(1), bands = maps / 2;
  if (electrodes != data::kElectrodes) return;
  Tensor<double> positions = Tensor<double>::empty({electrodes, 2});
  const auto place = data::electrode_positions();
  std::vector<std::string> names(data::kElectrodeNames.begin(), data::kElectrodeNames.end());
  for (index_t i = 0; i < electrodes; ++i) {
    positions.set({i, 0}, place[static_cast<std::size_t>(i)].x);
    positions.set({i, 1}, place[static_cast<std::size_t>(i)].y);
  }
  page.section(
      "What the tower attends to",
      main.title +
          ". How much each electrode moves the logit of the predicted class: |gradient times value|, mean "
          "over up to 96 tested windows of every fold, as a share of all electrodes of that map. Even "
          "would be " +
          formatted("%.1f %%", 100.0 / static_cast<double>(electrodes)) + ".");
  static constexpr const char* kSix[] = {"delta", "theta", "alpha", "beta", "low gamma", "high gamma"};
  static constexpr const char* kFive[] = {"delta", "theta", "alpha", "beta", "gamma"};
  std::vector<app::Figure> figures;
  std::string weights;
  double all = 0;
  for (index_t i = 0; i < sum.numel(); ++i) all += sum.data()[i];
  for (index_t map = 0; map < maps; ++map) {
    std::vector<double> values;
    double total = 0;
    for (index_t e = 0; e < electrodes; ++e) total += sum.at(map, e);
    for (index_t e = 0; e < electrodes; ++e) values.push_back(total > 0 ? 100 * sum.at(map, e) / total : 0);
    const index_t band = map % bands;
    const std::string name = std::string(map < bands ? "DE, " : "power, ") +
                             (bands == 6   ? kSix[band]
                              : bands == 5 ? kFive[band]
                                           : ("band " + std::to_string(band + 1)).c_str());
    weights += (weights.empty() ? "" : ", ") + name + " " + formatted("%.0f %%", 100 * total / all);
    app::Frame head{name, {}, {}};
    head.width = 350;
    head.height = 290;
    if (map < bands)
      figures.push_back({app::topography(head, positions, values, names, "% of the map", 2), ""});
  }
  page.figures(figures);
  page.paragraph("Of all influence: " + weights + ".");
}

}  // namespace

app::RunResults read_results(const app::RunFolder& folder) {
  return app::read_results(folder, [](const app::ProtocolCard& card, const std::string& method) {
    return method_text(card.configuration, method);
  });
}

std::string write_report(const app::RunFolder& folder, bool figures) {
  const app::RunResults results = read_results(folder);
  if (results.folds.empty())
    fail("report", "'", folder.path(),
         "' must have a finished fold; none is (hint: emotion_clip train --resume)");
  const app::ProtocolCard card =
      app::protocol_card_from(folder.json("protocol.json"), folder.path() + "/protocol.json");
  const std::string data = (card.simulated ? "simulated " : "") + card.data_set;
  app::HtmlPage page("EmotionCLIP on " + data, card.protocol + "; " + std::to_string(card.folds.size()) +
                                                   " folds, configuration " + card.configuration +
                                                   ", limbic " + card.version);
  if (card.simulated) page.banner(app::simulated_banner(card));
  const Page p{folder, results, card, page};
  page.section("Summary", "Accuracy, macro-F1 and kappa on the target's tested windows, protocol " +
                              card.protocol + ", " + data + ".");
  if (static_cast<index_t>(results.folds.size()) < results.planned)
    page.paragraph("Unfinished: " + std::to_string(results.folds.size()) + " of " +
                   std::to_string(results.planned) + " trainings are done.");
  app::add_summary(page, results.methods, results.folds);
  if (figures)
    page.figures({{app::comparison_chart(results.methods, results.folds),
                   "A dot is a fold, in the same place in every column; the bar is the mean and its standard "
                   "deviation over "
                   "folds."}});
  p.over_shots(figures);
  if (figures) {
    p.training();
    p.errors();
    p.text();
    p.scalp();
  } else {
    page.paragraph("This report was asked for without figures.");
  }
  page.section("Folds");
  app::add_fold_table(page, results.methods, results.folds);
  app::add_protocol(page, card, folder.json("config.json"));
  page.footer("Written by emotion_clip, limbic " + card.version +
              (card.simulated ? ". Simulated data." : "."));
  folder.write_text("report.html", page.text());
  return folder.file("report.html");
}

}  // namespace limbic::emotion_clip
