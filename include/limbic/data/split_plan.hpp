// Which recordings train, validate and test, fold by fold: names and places only, no data is touched.
//
//   cross-subject          one subject's session is the target, the same session of all others the source
//   cross-session          one session of a subject is the target, the subject's other sessions the source
//   cross-session-pooled   one session of all subjects is the target, all other sessions the source
//
// Validation data is always taken out of the source: whole subjects, or some trials of each recording.
#pragma once

#include <limbic/core/random.hpp>
#include <limbic/data/dataset.hpp>

#include <algorithm>

namespace limbic::data {

// The protocols above.
enum class Protocol : std::uint8_t { cross_subject, cross_session, cross_session_pooled };

// "cross-subject", "cross-session" or "cross-session-pooled", as options write it.
inline std::string to_text(Protocol p) {
  constexpr const char* kNames[] = {"cross-subject", "cross-session", "cross-session-pooled"};
  return kNames[static_cast<int>(p)];
}
// The reverse. Throws for another name.
inline Protocol protocol_of(std::string_view name) {
  for (Protocol p : {Protocol::cross_subject, Protocol::cross_session, Protocol::cross_session_pooled})
    if (to_text(p) == name) return p;
  fail("protocol", "one of cross-subject, cross-session, cross-session-pooled is needed; got '", name, "'");
}

// Which folds are planned, and what of their sources is held back.
struct FoldOptions {
  std::vector<index_t> sessions{};  // targets are of these sessions only; empty: all
  std::vector<index_t> subjects{};  // targets are of these subjects only; empty: all
  index_t validation_subjects = 0;  // source subjects that are kept for validation, drawn at random
  index_t validation_trials = 0;    // trials of each source recording that are kept for validation, drawn at
                                    // random, the classes in turn
  std::uint64_t seed = 1;           // of these draws
};

// Some trials of a recording, by their places in Dataset::recordings and Recording::trials.
struct FoldPart {
  std::size_t recording = 0;
  std::vector<std::size_t> trials;

  friend bool operator==(const FoldPart&, const FoldPart&) = default;
};

// What a fold is made of.
struct FoldPlan {
  std::string name;  // fit for a file name, such as "session1-subject03"
  Protocol protocol = Protocol::cross_subject;
  std::vector<FoldPart> source, validation, target;
};

namespace detail {

inline std::string two_digits(index_t n) { return (n < 10 ? "0" : "") + std::to_string(n); }

inline std::vector<index_t> distinct(const Dataset& data, index_t Recording::*field) {
  std::vector<index_t> all;
  for (const Recording& r : data.recordings) all.push_back(r.*field);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

// `all`, or those of it that are wanted. Throws for one that is wanted and not there.
inline std::vector<index_t> wanted(const char* what, const std::vector<index_t>& all,
                                   std::vector<index_t> chosen) {
  if (chosen.empty()) return all;
  std::sort(chosen.begin(), chosen.end());
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  for (index_t v : chosen)
    if (!std::binary_search(all.begin(), all.end(), v))
      fail("split", "there is no ", what, " ", v, " in the data");
  return chosen;
}

inline FoldPart whole(const Dataset& data, std::size_t recording) {
  FoldPart part{recording, {}};
  for (std::size_t t = 0; t < data.recordings[recording].trials.size(); ++t) part.trials.push_back(t);
  return part;
}

// Moves `count` trials of a recording from one part to the other: classes in turn, trials at random.
inline void hold_out_trials(const Recording& recording, index_t count, RandomStream random, FoldPart& from,
                            FoldPart& to) {
  const auto n = static_cast<index_t>(from.trials.size());
  if (count >= n)
    fail("split", "fewer validation trials than trials are needed; got ", count, " of ", n, " in ",
         recording.source);
  const Tensor<index_t> order = random.permutation(n);
  std::vector<std::vector<std::size_t>> by_label;  // of shuffled trials
  std::vector<index_t> labels;
  for (index_t i = 0; i < n; ++i) {
    const std::size_t trial = from.trials[static_cast<std::size_t>(order.at(i))];
    const index_t label = recording.trials[trial].label;
    const auto at = std::lower_bound(labels.begin(), labels.end(), label) - labels.begin();
    if (at == static_cast<std::ptrdiff_t>(labels.size()) || labels[static_cast<std::size_t>(at)] != label) {
      labels.insert(labels.begin() + at, label);
      by_label.emplace(by_label.begin() + at);
    }
    by_label[static_cast<std::size_t>(at)].push_back(trial);
  }
  for (std::size_t k = 0; static_cast<index_t>(to.trials.size()) < count; k = (k + 1) % by_label.size()) {
    if (by_label[k].empty()) continue;
    to.trials.push_back(by_label[k].back());
    by_label[k].pop_back();
  }
  std::sort(to.trials.begin(), to.trials.end());
  std::erase_if(from.trials,
                [&](std::size_t t) { return std::binary_search(to.trials.begin(), to.trials.end(), t); });
}

inline void hold_out(const Dataset& data, const FoldOptions& options, FoldPlan& plan) {
  const RandomStream random = Random(options.seed).stream("validation").stream(plan.name);
  if (options.validation_subjects > 0) {
    std::vector<index_t> subjects;
    for (const FoldPart& p : plan.source) subjects.push_back(data.recordings[p.recording].subject);
    std::sort(subjects.begin(), subjects.end());
    subjects.erase(std::unique(subjects.begin(), subjects.end()), subjects.end());
    const auto n = static_cast<index_t>(subjects.size());
    if (options.validation_subjects >= n)
      fail("split", "fewer validation subjects than source subjects are needed; got ",
           options.validation_subjects, " of ", n, " in fold ", plan.name, " (hint: validation trials)");
    const Tensor<index_t> order = random.stream("subjects").permutation(n);
    std::vector<index_t> held;
    for (index_t i = 0; i < options.validation_subjects; ++i)
      held.push_back(subjects[static_cast<std::size_t>(order.at(i))]);
    std::vector<FoldPart> kept;
    for (FoldPart& p : plan.source) {
      const index_t subject = data.recordings[p.recording].subject;
      const bool held_out = std::find(held.begin(), held.end(), subject) != held.end();
      (held_out ? plan.validation : kept).push_back(std::move(p));
    }
    plan.source = std::move(kept);
  }
  if (options.validation_trials > 0) {
    for (FoldPart& p : plan.source) {
      const Recording& r = data.recordings[p.recording];
      FoldPart held{p.recording, {}};
      const std::string name = "trials/" + std::to_string(r.subject) + "/" + std::to_string(r.session);
      hold_out_trials(r, options.validation_trials, random.stream(name), p, held);
      plan.validation.push_back(std::move(held));
    }
  }
}

}  // namespace detail

// The folds of a protocol, ordered by session and subject. Throws where the data does not allow one: two
// recordings of one subject and session, a target without a source, a session or subject that is not there,
// as many validation subjects or trials as there are in the source; and for negative numbers of them.
inline std::vector<FoldPlan> plan_folds(const Dataset& data, Protocol protocol,
                                        const FoldOptions& options = {}) {
  check(options.validation_subjects >= 0 && options.validation_trials >= 0, "split",
        "the numbers of validation subjects and trials must not be negative; got ",
        options.validation_subjects, " and ", options.validation_trials);
  const std::vector<index_t> all_sessions = detail::distinct(data, &Recording::session);
  const std::vector<index_t> all_subjects = detail::distinct(data, &Recording::subject);
  const std::vector<index_t> sessions = detail::wanted("session", all_sessions, options.sessions);
  const std::vector<index_t> subjects = detail::wanted("subject", all_subjects, options.subjects);
  auto chosen = [](const std::vector<index_t>& list, index_t v) {
    return std::binary_search(list.begin(), list.end(), v);
  };
  for (std::size_t i = 0; i < data.recordings.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const Recording &a = data.recordings[i], &b = data.recordings[j];
      if (a.subject == b.subject && a.session == b.session)
        fail("split", "one recording of a subject and session is needed; got ", b.source, " and ", a.source,
             " for subject ", a.subject, ", session ", a.session);
    }

  std::vector<FoldPlan> plans;
  auto add = [&](std::string name, auto is_target, auto is_source) {
    FoldPlan plan{std::move(name), protocol, {}, {}, {}};
    for (std::size_t i = 0; i < data.recordings.size(); ++i) {
      const Recording& r = data.recordings[i];
      if (is_target(r)) plan.target.push_back(detail::whole(data, i));
      else if (is_source(r)) plan.source.push_back(detail::whole(data, i));
    }
    if (plan.target.empty()) return;
    if (plan.source.empty())
      fail("split", "fold ", plan.name, " of protocol ", protocol, " has no source: another ",
           protocol == Protocol::cross_subject ? "subject" : "session", " is needed");
    detail::hold_out(data, options, plan);
    plans.push_back(std::move(plan));
  };
  for (index_t session : sessions) {
    const std::string session_name = "session" + std::to_string(session);
    if (protocol == Protocol::cross_session_pooled) {
      add(
          session_name,
          [&](const Recording& r) { return r.session == session && chosen(subjects, r.subject); },
          [&](const Recording& r) { return r.session != session; });
      continue;
    }
    for (index_t subject : subjects)
      add(
          session_name + "-subject" + detail::two_digits(subject),
          [&](const Recording& r) { return r.session == session && r.subject == subject; },
          [&](const Recording& r) {
            return protocol == Protocol::cross_subject ? r.session == session : r.subject == subject;
          });
  }
  check(!plans.empty(), "split", "at least one fold is needed; the data has none for protocol ", protocol);
  return plans;
}

}  // namespace limbic::data
