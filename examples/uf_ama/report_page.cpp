#include "uf_ama/report_page.hpp"

#include <app/curves.hpp>
#include <app/embedding.hpp>
#include <app/plots.hpp>
#include <app/statistics.hpp>

#include <limbic/data/electrodes.hpp>
#include <limbic/data/seed_layout.hpp>
#include <limbic/io/checkpoint.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "uf_ama/settings.hpp"

namespace limbic::uf_ama {

namespace {

struct Page {
  const app::RunFolder& folder;
  const app::RunResults& results;
  app::ProtocolCard card;
  app::HtmlPage& page;

  std::string place(const std::string& method, const std::string& fold) const {
    return app::fold_folder(method, fold) + "/";
  }
  std::vector<std::string> folds_of(const std::string& method) const {
    std::vector<std::string> out;
    for (const auto& r : results.folds)
      if (r.method == method) out.push_back(r.fold);
    return out;
  }
  const app::MethodText& first() const {
    for (const auto& m : results.methods)
      if (!folds_of(m.name).empty()) return m;
    fail("report", "at least one fold must be done; got none");
  }
  std::vector<app::NumberTable> metrics(const std::string& method) const {
    return app::fold_metrics(folder, method, folds_of(method));
  }
  StateDict analysis(const std::string& method, const std::string& fold) const {
    return Checkpoint::load(folder.file(place(method, fold) + "analysis.safetensors")).state;
  }

  void training() const;
  void errors() const;
  void features() const;
  void attention() const;
  void screening() const;
};

void Page::training() const {
  const auto& main = first();
  const auto tables = metrics(main.name);
  page.section(
      "Training",
      "Means of an epoch's steps, averaged over folds. Losses are shown before weighting; those whose "
      "weight is 0 at the time are shown, but do not act.");
  std::vector<app::Series> losses;
  for (const auto& [name, column] : {std::pair("total", "total"),
                                     {"classification", "clf"},
                                     {"class structure", "cls"},
                                     {"marginal", "marginal"},
                                     {"class-wise MMD", "class_wise"},
                                     {"pseudo-labels", "fused_target"},
                                     {"distillation", "distill"}}) {
    app::Series s = app::over_folds(name, tables, column, std::string_view(column) == "total");
    if (app::any_value(s)) losses.push_back(std::move(s));
  }
  const app::Axis epoch{"epoch", {}, {}};
  std::vector<app::Figure> figures;
  if (!losses.empty())
    figures.push_back({app::line_chart({main.title + ": losses", epoch, {"loss", {}, {}}}, losses),
                       "Band: lowest and highest fold."});
  std::vector<app::Series> accuracy{
      app::over_folds("source (training)", tables, "source_accuracy", false, 100),
      app::over_folds("target", tables, "target_accuracy", true, 100)};
  if (app::Series v = app::over_folds("validation", tables, "validation_accuracy", false, 100);
      app::any_value(v))
    accuracy.push_back(std::move(v));
  figures.push_back({app::line_chart({main.title + ": accuracy", epoch, {"accuracy (%)", {}, {}}}, accuracy),
                     "Target labels score the end of each epoch; nothing is learnt or, for the honest "
                     "number, chosen by them. Source: "
                     "on training batches, with dropout."});
  std::vector<app::Series> methods;
  for (const auto& m : results.methods) {
    const auto t = metrics(m.name);
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

void Page::features() const {
  const auto& main = first();
  const std::string fold = folds_of(main.name).front();
  const StateDict after = analysis(main.name, fold);
  std::string before_title = "as initialised";
  Tensor<float> before = after.get<float>("features.initial");
  for (const auto& m : results.methods)
    if (m.name == "source-only" && main.name != m.name && folder.has(place(m.name, fold) + "result.json")) {
      before = analysis(m.name, fold).get<float>("features.trained");
      before_title = "source only";
    }
  page.section("Features",
               "What the classifier sees, before and after adaptation, as t-SNE (exact, from the principal "
               "components): "
               "up to 300 windows of each domain of fold " +
                   fold +
                   ". Where adaptation works, classes part and domains mix. The target's true classes colour "
                   "the picture; they "
                   "were looked up after training.");
  std::vector<std::string> classes = card.classes;
  const auto label = after.get<index_t>("label").to_vector(),
             domain = after.get<index_t>("domain").to_vector();
  for (const auto& [title, x] :
       {std::pair(before_title, before), {main.title, after.get<float>("features.trained")}}) {
    const Tensor<float> y = app::tsne(x);
    page.figures({{app::scatter_plot({title + ": by class", {}, {}}, y, label, classes), ""},
                  {app::scatter_plot({title + ": by domain", {}, {}}, y, domain, {"source", "target"}), ""}});
  }
}

void Page::attention() const {
  const auto& main = first();
  Tensor<double> to_eye, to_eeg;
  double count = 0;
  for (const auto& fold : folds_of(main.name)) {
    const StateDict a = analysis(main.name, fold);
    if (!a.contains("attention.eeg_to_eye")) return;
    const auto add = [](Tensor<double>& sum, const Tensor<double>& x) {
      if (!sum.defined()) {
        sum = x.clone();
        return;
      }
      double* to = sum.mutable_data();
      for (index_t i = 0; i < x.numel(); ++i) to[i] += x.data()[i];
    };
    add(to_eye, a.get<double>("attention.eeg_to_eye"));
    add(to_eeg, a.get<double>("attention.eye_to_eeg"));
    ++count;
  }
  const index_t channels = to_eye.size(0), eyes = to_eye.size(1);
  for (auto* m : {&to_eye, &to_eeg}) {
    double* p = m->mutable_data();
    for (index_t i = 0; i < m->numel(); ++i) p[i] /= count;
  }
  // In per cent above or below what even attention would be.
  double widest = 0;
  for (auto* m : {&to_eye, &to_eeg}) {
    double* p = m->mutable_data();
    for (index_t i = 0; i < m->numel(); ++i) {
      p[i] = 100 * (p[i] * static_cast<double>(m->size(1)) - 1);
      widest = std::max(widest, std::abs(p[i]));
    }
  }
  char reach[32];
  std::snprintf(reach, sizeof reach, "%.2g %%", widest);
  page.section("Attention between the modalities",
               "Cross-attention of the fusion on target windows, mean over windows, heads and folds, as a "
               "difference to even "
               "attention (one part in " +
                   std::to_string(eyes) + " for every eye feature, one in " + std::to_string(channels) +
                   " for every electrode). The largest difference is " + reach +
                   " of even: where that is small, the fusion reads an average of the other modality.");
  std::vector<std::string> electrodes, features;
  for (index_t i = 0; i < channels; ++i)
    electrodes.push_back(channels == data::kElectrodes ? data::kElectrodeNames[static_cast<std::size_t>(i)]
                                                       : std::to_string(i + 1));
  for (index_t j = 0; j < eyes; ++j)
    features.push_back(eyes == 31 ? data::kEyeFeatureNames[static_cast<std::size_t>(j)]
                                  : "eye " + std::to_string(j + 1));
  app::Frame map{"Electrodes asking eye features", {}, {}};
  map.width = 640;
  map.height = 760;
  std::vector<app::Figure> figures;
  if (channels == data::kElectrodes) {
    Tensor<double> positions = Tensor<double>::empty({channels, 2});
    const auto place_of = data::electrode_positions();
    std::vector<double> asked, choosy;
    for (index_t i = 0; i < channels; ++i) {
      positions.set({i, 0}, place_of[static_cast<std::size_t>(i)].x);
      positions.set({i, 1}, place_of[static_cast<std::size_t>(i)].y);
      double sum = 0, apart = 0;
      for (index_t j = 0; j < eyes; ++j) {
        sum += to_eeg.at(j, i);
        apart += std::abs(to_eye.at(i, j));
      }
      asked.push_back(sum / static_cast<double>(eyes));
      choosy.push_back(apart / static_cast<double>(eyes));
    }
    app::Frame head{"Attention of eye features to electrodes", {}, {}};
    head.width = 400;
    head.height = 330;
    app::Frame head2 = head;
    head2.title = "How choosy electrodes are";
    page.figures(
        {{app::topography(head, positions, asked, electrodes, "% above even"), "Mean over eye features."},
         {app::topography(head2, positions, choosy, electrodes, "% from even"),
          "Mean distance of an electrode's attention to eye features from even."}});
  }
  page.figures({{app::matrix_map(map, to_eye, electrodes, features, "% above even"),
                 "Each row: what an electrode's token reads."}});
}

void Page::screening() const {
  const auto& main = first();
  const auto tables = metrics(main.name);
  const app::Series agree = app::over_folds("agreeing", tables, "screen.agree", false),
                    eeg = app::over_folds("EEG teaches eye", tables, "screen.eeg_teaches", false),
                    eye = app::over_folds("eye teaches EEG", tables, "screen.eye_teaches", false),
                    dropped = app::over_folds("disagreeing, dropped", tables, "screen.dropped", false);
  if (!app::any_value(agree) && !app::any_value(eeg) && !app::any_value(eye)) return;
  page.section("Screening",
               "What becomes of a target batch: of the two predictions of each window the most confident "
               "half of all is "
               "selected. Where both are selected and agree, the label is a pseudo-label; where one is, it "
               "may teach the "
               "other.");
  const app::Axis epoch{"epoch", {}, {}};
  page.figures(
      {{app::area_chart({"Windows of a batch", epoch, {"windows", 0.0, {}}}, {agree, eeg, eye, dropped}),
        "Mean over steps and folds."},
       {app::line_chart(
            {"Confidence and lessons", epoch, {"", 0.0, {}}},
            {app::over_folds("least confidence selected (%)", tables, "screen.mid_confidence", true, 100),
             app::over_folds("lessons of EEG", tables, "screen.eeg_lessons", false),
             app::over_folds("lessons of the eyes", tables, "screen.eye_lessons", false)}),
        "Lessons: samples of a teacher that the fused prediction confirms."}});
}

}  // namespace

app::RunResults read_results(const app::RunFolder& folder) {
  return app::read_results(folder, [](const app::ProtocolCard& card, const std::string& method) {
    const auto [title, description] = method_text(card.configuration, method);
    return app::MethodText{method, title, description};
  });
}

std::string write_report(const app::RunFolder& folder, bool figures) {
  const app::RunResults results = read_results(folder);
  if (results.folds.empty())
    fail("report", "'", folder.path(), "' must have a finished fold; none is (hint: uf_ama train --resume)");
  const app::ProtocolCard card =
      app::protocol_card_from(folder.json("protocol.json"), folder.path() + "/protocol.json");
  const std::string data = (card.simulated ? "simulated " : "") + card.data_set;
  app::HtmlPage page("UF-AMA on " + data, card.protocol + ", " + std::to_string(card.folds.size()) +
                                              " folds, configuration " + card.configuration + ", limbic " +
                                              card.version);
  if (card.simulated) page.banner(app::simulated_banner(card));
  const Page p{folder, results, card, page};
  page.section("Summary", "Accuracy, macro-F1 and kappa on the target's windows, protocol " + card.protocol +
                              ", " + data + ".");
  if (static_cast<index_t>(results.folds.size()) < results.planned)
    page.paragraph("Unfinished: " + std::to_string(results.folds.size()) + " of " +
                   std::to_string(results.planned) + " trainings are done.");
  app::add_summary(page, results.methods, results.folds);
  if (figures) {
    page.figures({{app::comparison_chart(results.methods, results.folds),
                   "A dot is a fold, in the same place in every column; the bar "
                   "is the mean and its standard deviation over folds."}});
    p.training();
    p.errors();
    p.features();
    p.attention();
    p.screening();
  } else {
    page.paragraph("This report was asked for without figures.");
  }
  page.section("Folds");
  app::add_fold_table(page, results.methods, results.folds);
  app::add_protocol(page, card, folder.json("config.json"));
  page.footer("Written by uf_ama, limbic " + card.version + (card.simulated ? ". Simulated data." : "."));
  folder.write_text("report.html", page.text());
  return folder.file("report.html");
}

}  // namespace limbic::uf_ama
