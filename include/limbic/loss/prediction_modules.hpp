// The losses of predictions, distillation and contrast as modules, in the manner of alignment_modules.hpp:
// options, a call, describe() for logs, visit() for parameters and buffers. Shapes, sources and errors are
// those of the functions.
#pragma once

#include <limbic/backend/cpu/random.hpp>
#include <limbic/core/random.hpp>
#include <limbic/loss/attention_transfer.hpp>
#include <limbic/loss/class_confusion.hpp>
#include <limbic/loss/contrastive.hpp>
#include <limbic/loss/distillation.hpp>
#include <limbic/loss/relational.hpp>

namespace limbic {

// entropy().
struct EntropyLoss {
  Reduction reduction = Reduction::mean;

  template <Operand X>
  X operator()(const X& logits, const WeightsFor<X>& weights = {}, Site site = Site::here()) const {
    return entropy(logits, reduction, weights, site);
  }
  template <class V>
  void visit(V&&) {}
  std::string describe() const { return "entropy(reduction " + to_text(reduction) + ")"; }
};

// minimum_class_confusion().
struct ClassConfusionLoss {
  ClassConfusionOptions options{};

  template <Operand X>
  X operator()(const X& logits, const WeightsFor<X>& weights = {}, Site site = Site::here()) const {
    return minimum_class_confusion(logits, options, weights, site);
  }
  template <class V>
  void visit(V&&) {}
  std::string describe() const { return to_text(options); }
};

// distillation().
struct DistillationLoss {
  DistillationOptions options{};

  template <Operand A, Operand B>
  A operator()(const A& student, const B& teacher, const WeightsFor<A>& weights = {},
               Site site = Site::here()) const {
    return distillation(student, teacher, options, weights, site);
  }
  template <class V>
  void visit(V&&) {}
  std::string describe() const { return to_text(options); }
};

// mutual_distillation().
struct MutualDistillationLoss {
  DistillationOptions options{.temperature = 1};

  template <Operand A, Operand B>
  result_of<A, B> operator()(const A& a, const B& b, const WeightsFor<A>& weights = {},
                             Site site = Site::here()) const {
    return mutual_distillation(a, b, options, weights, site);
  }
  template <class V>
  void visit(V&&) {}
  std::string describe() const { return "mutual_" + to_text(options); }
};

// decoupled_kd().
struct DecoupledKdLoss {
  DecoupledKdOptions options{};

  template <Operand A, Operand B>
  A operator()(const A& student, const B& teacher, const Tensor<index_t, device_of<A>>& labels,
               const WeightsFor<A>& weights = {}, Site site = Site::here()) const {
    return decoupled_kd(student, teacher, labels, options, weights, site);
  }
  template <class V>
  void visit(V&&) {}
  std::string describe() const { return to_text(options); }
};

// similarity_preserving().
struct SimilarityPreservingLoss {
  template <Operand A, Operand B>
  A operator()(const A& student, const B& teacher, const WeightsFor<A>& weights = {},
               Site site = Site::here()) const {
    return similarity_preserving(student, teacher, weights, site);
  }
  template <class V>
  void visit(V&&) {}
  std::string describe() const { return "similarity_preserving"; }
};

// relational_kd().
struct RelationalKdLoss {
  RelationalKdOptions options{};

  template <Operand A, Operand B>
  A operator()(const A& student, const B& teacher, const WeightsFor<A>& weights = {},
               Site site = Site::here()) const {
    return relational_kd(student, teacher, options, weights, site);
  }
  template <class V>
  void visit(V&&) {}
  std::string describe() const { return to_text(options); }
};

// attention_transfer().
struct AttentionTransferLoss {
  template <Operand A, Operand B>
  A operator()(const A& student, const B& teacher, const WeightsFor<A>& weights = {},
               Site site = Site::here()) const {
    return attention_transfer(student, teacher, weights, site);
  }
  template <class V>
  void visit(V&&) {}
  std::string describe() const { return "attention_transfer"; }
};

// fitnets() with its learned map, weight (teacher, student) and bias (teacher), initialised as Linear's.
template <class T, class D = Cpu>
struct FitnetsLoss {
  Var<T, D> weight, bias;

  FitnetsLoss() = default;
  // Widths of the features. Throws unless both are positive.
  FitnetsLoss(index_t student, index_t teacher, RandomStream& random) {
    check(student > 0 && teacher > 0, "fitnets", "sizes must be positive; got ", student, " -> ", teacher);
    const T bound = static_cast<T>(1 / std::sqrt(static_cast<double>(student)));
    weight = Var<T, D>::leaf(random.uniform<T, D>({teacher, student}, -bound, bound));
    bias = Var<T, D>::leaf(random.uniform<T, D>({teacher}, -bound, bound));
  }
  template <Operand A, Operand B>
  Var<T, D> operator()(const A& student, const B& teacher, const WeightsFor<A>& weights = {},
                       Site site = Site::here()) const {
    return fitnets(student, teacher, weight, bias, weights, site);
  }
  template <class V>
  void visit(V&& v) {
    v("weight", weight);
    v("bias", bias);
  }
  std::string describe() const {
    return "fitnets(" +
           (weight.defined() ? to_text(weight.size(1)) + " -> " + to_text(weight.size(0)) : "no map") + ")";
  }
};

// clip_loss() with its learned scale: log_scale () starts at log(1 / 0.07), as published.
template <class T, class D = Cpu>
struct ClipLoss {
  Var<T, D> log_scale = Var<T, D>::leaf(Tensor<T, D>::scalar(static_cast<T>(-std::log(0.07))));

  template <Operand A, Operand B>
  Var<T, D> operator()(const A& a, const B& b, const WeightsFor<A>& weights = {},
                       Site site = Site::here()) const {
    return clip_loss(a, b, log_scale, weights, site);
  }
  template <class V>
  void visit(V&& v) {
    v("log_scale", log_scale);
  }
  std::string describe() const {
    return "clip_loss(scale " + to_text(std::exp(static_cast<double>(log_scale.item()))) + ", learned)";
  }
};

// info_nce().
struct InfoNceLoss {
  double temperature = 0.1;

  template <Operand A, Operand B>
  result_of<A, B> operator()(const A& query, const B& key, const WeightsFor<A>& weights = {},
                             Site site = Site::here()) const {
    return info_nce(query, key, temperature, weights, site);
  }
  template <class V>
  void visit(V&&) {}
  std::string describe() const { return "info_nce(temperature " + to_text(temperature) + ")"; }
};

// supcon().
struct SupConLoss {
  double temperature = 0.1;

  template <Operand X>
  X operator()(const X& x, const Tensor<index_t, device_of<X>>& labels, const WeightsFor<X>& weights = {},
               Site site = Site::here()) const {
    return supcon(x, labels, temperature, weights, site);
  }
  template <class V>
  void visit(V&&) {}
  std::string describe() const { return "supcon(temperature " + to_text(temperature) + ")"; }
};

// class_structure().
struct ClassStructureLoss {
  double eta = 1e-3;

  template <Operand X>
  X operator()(const X& logits, const Tensor<index_t, device_of<X>>& labels,
               const WeightsFor<X>& weights = {}, Site site = Site::here()) const {
    return class_structure(logits, labels, eta, weights, site);
  }
  template <class V>
  void visit(V&&) {}
  std::string describe() const { return "class_structure(eta " + to_text(eta) + ")"; }
};

}  // namespace limbic
