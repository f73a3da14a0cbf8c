#include <app/fold_loop.hpp>
#include <app/interrupt.hpp>
#include <app/train.hpp>

#include <cmath>
#include <cstdio>

namespace limbic::app {

namespace {

double since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

Chosen chosen_by(const std::string& rule, bool honest, index_t epoch, const data::Confusion& c) {
  return {rule, honest, epoch, {c.accuracy(), c.macro_f1(), c.kappa()}, c.matrix()};
}

std::vector<index_t> spread(index_t n, index_t wanted) {
  std::vector<index_t> rows;
  const index_t count = std::min(n, wanted);
  for (index_t i = 0; i < count; ++i) rows.push_back(i * n / count);
  return rows;
}

Predictions predictions_of(const std::vector<data::WindowOrigin>& origin, const Tensor<float>& probabilities,
                           const std::vector<std::string>& classes, bool simulated,
                           const std::string& model) {
  Predictions p{classes, simulated, model, {}};
  const auto flat = probabilities.to_vector();
  const std::size_t k = classes.size();
  for (std::size_t i = 0; i < origin.size(); ++i) {
    const data::WindowOrigin& o = origin[i];
    Predictions::Row row{o.subject, o.session, o.trial, o.window, -1, {}};
    for (std::size_t c = 0; c < k; ++c) row.probabilities.push_back(static_cast<double>(flat[i * k + c]));
    p.rows.push_back(std::move(row));
  }
  return p;
}

FoldLoop::FoldLoop(const FoldLoopOptions& options, const RunFolder& folder, Progress& progress,
                   std::string method, std::string fold)
    : options_(options),
      folder_(folder),
      progress_(progress),
      method_(std::move(method)),
      fold_(std::move(fold)),
      place_(fold_folder(method_, fold_) + "/"),
      name_(method_ + " " + fold_) {}

std::optional<FoldResult> FoldLoop::run() {
  std::vector<std::string> columns = step_columns();
  sums_.assign(columns.size(), 0.0);
  if (folder_.has(place_ + "checkpoint.safetensors")) load();
  columns.insert(columns.begin(), "epoch");
  columns.insert(columns.end(), {"target_accuracy", "target_macro_f1", "validation_accuracy"});
  MetricsFile metrics(folder_.file(place_ + "metrics.csv"), columns, static_cast<double>(position().epoch));
  const index_t steps = steps_an_epoch(), total = options_.epochs * steps;
  while (!stopped_ && static_cast<index_t>(position().epoch) < options_.epochs) {
    const data::BatchPosition at = position();
    const index_t done = static_cast<index_t>(at.epoch) * steps + at.step,
                  epoch = static_cast<index_t>(at.epoch) + 1;
    const StepNumbers made = step(epoch, static_cast<double>(done) / static_cast<double>(total));
    for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += made.values[i];
    ++summed_;
    progress_.update(name_, done + 1, total,
                     "epoch " + std::to_string(epoch) + "/" + std::to_string(options_.epochs) + "  " +
                         made.text + scored_);
    if (made.last) end_epoch(epoch, metrics);
    if (interrupted()) {
      save();
      return {};
    }
    if (since(saved_) >= options_.checkpoint_seconds) save();
  }
  save();
  return end();
}

void FoldLoop::end_epoch(index_t epoch, MetricsFile& metrics) {
  const data::Confusion target = score_target();
  const std::optional<data::Confusion> held_out = score_validation();
  const double validation = held_out ? held_out->accuracy() : std::nan("");
  std::vector<double> row{static_cast<double>(epoch)};
  for (double s : sums_) row.push_back(s / static_cast<double>(summed_));
  row.insert(row.end(), {target.accuracy(), target.macro_f1(), validation});
  metrics.append(row);
  sums_.assign(sums_.size(), 0.0);
  summed_ = 0;
  char text[64];
  std::snprintf(text, sizeof text, "  target %.0f %%", 100 * target.accuracy());
  scored_ = text;
  if (epoch < options_.choose_from) return;

  if (!best_ || target.accuracy() > best_->scores.accuracy) {
    best_ = chosen_by("best epoch on the target's test labels", false, epoch, target);
    if (options_.keep_best_epoch) best_model_ = model().clone();
  }
  if (!options_.validates) {
    honest_ = chosen_by("last epoch", true, epoch, target);
  } else if (!honest_ || validation > best_validation_) {
    best_validation_ = validation;
    honest_ = chosen_by("best epoch on validation data out of the source", true, epoch, target);
    chosen_model_ = model().clone();
    waited_ = 0;
  } else if (options_.patience > 0 && ++waited_ >= options_.patience) {
    stopped_ = true;
  }
}

void FoldLoop::save() {
  Checkpoint c;
  c.state.merge("model.", model());
  StateDict more;
  save_state(more);
  c.state.merge("trainer.", more);
  c.state.put_u64("epoch", position().epoch);
  c.state.put_u64("batch", static_cast<std::uint64_t>(position().step));
  c.state.put("sums", Tensor<double>::from({static_cast<index_t>(sums_.size())}, sums_));
  c.state.put_u64("summed", static_cast<std::uint64_t>(summed_));
  c.state.put("best_validation", Tensor<double>::scalar(best_validation_));
  c.state.put_u64("waited", static_cast<std::uint64_t>(waited_));
  c.state.put_u64("stopped", stopped_);
  c.state.merge("chosen.", chosen_model_);
  c.state.merge("best.", best_model_);
  c.metadata["fold"] = fold_;
  c.metadata["method"] = method_;
  c.metadata["data"] = simulated() ? "simulated" : "recorded";
  c.metadata["config"] = description();
  FoldResult so_far{fold_, method_, 0, 0, 0, 0, {}};
  if (honest_) so_far.chosen.push_back(*honest_);
  if (best_) so_far.chosen.push_back(*best_);
  c.metadata["chosen"] = to_json(so_far).dump();
  c.save(folder_.file(place_ + "checkpoint.safetensors"));
  saved_ = Clock::now();
  seconds_ += since(counted_);
  counted_ = Clock::now();
  folder_.write_json(place_ + "time.json", {{"seconds", seconds_}});
}

void FoldLoop::load() {
  const std::string path = folder_.file(place_ + "checkpoint.safetensors");
  const Checkpoint c = Checkpoint::load(path);
  const auto metadata = [&](const char* key) {
    const auto at = c.metadata.find(key);
    return at == c.metadata.end() ? std::string() : at->second;
  };
  if (metadata("config") != description() || metadata("method") != method_ || metadata("fold") != fold_)
    fail("resume", "'", path, "' must be of ", method_, ", ", fold_, ", ", description(), "; got ",
         metadata("method"), ", ", metadata("fold"), ", ", metadata("config"));
  load_model(c.state.part("model."));
  load_state(c.state.part("trainer."),
             {c.state.get_u64("epoch"), static_cast<index_t>(c.state.get_u64("batch"))});
  sums_ = c.state.get<double>("sums", {static_cast<index_t>(sums_.size())}).to_vector();
  summed_ = static_cast<index_t>(c.state.get_u64("summed"));
  best_validation_ = c.state.get<double>("best_validation").item();
  waited_ = static_cast<index_t>(c.state.get_u64("waited"));
  stopped_ = c.state.get_u64("stopped") != 0;
  chosen_model_ = c.state.part("chosen.").clone();
  best_model_ = c.state.part("best.").clone();
  const Json json = Json::parse(metadata("chosen"), nullptr, false);
  check(!json.is_discarded(), "resume", "'", path, "' must say what was chosen so far");
  for (const Chosen& choice : fold_result_from(json, path).chosen) (choice.honest ? honest_ : best_) = choice;
  if (folder_.has(place_ + "time.json")) seconds_ = folder_.json(place_ + "time.json").value("seconds", 0.0);
}

FoldResult FoldLoop::end() {
  check(honest_ && best_, "training", "at least one epoch must have ended; got none");
  if (!best_model_.empty()) write_model("best_epoch.safetensors", best_model_, *best_);
  if (!chosen_model_.empty()) load_model(chosen_model_);
  write_model("model.safetensors", model(), *honest_);
  FoldResult result{fold_,    method_,           0, 0, static_cast<index_t>(position().epoch),
                    seconds_, {*honest_, *best_}};
  finish(result);
  folder_.write_json(place_ + "result.json", to_json(result));
  return result;
}

}  // namespace limbic::app
