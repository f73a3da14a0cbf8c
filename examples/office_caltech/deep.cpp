#include <office_caltech/deep.hpp>

#include <limbic/loss/alignment_modules.hpp>
#include <limbic/loss/class_confusion.hpp>
#include <limbic/loss/cross_entropy.hpp>
#include <limbic/nn/activation.hpp>
#include <limbic/nn/dropout.hpp>
#include <limbic/nn/linear.hpp>
#include <limbic/nn/sequential.hpp>
#include <limbic/ops/arg.hpp>
#include <limbic/ops/index_select.hpp>
#include <limbic/optim/adam.hpp>

namespace office_caltech {

namespace {

constexpr index_t kHidden = 256, kWidth = 64, kDiscriminator = 64;
constexpr double kCoralWeight = 100, kMmdWeight = 1, kLmmdWeight = 0.5, kAdversarialWeight = 1,
                 kMccWeight = 1;

struct Network {
  Linear<float> first, second, head;
  Dropout drop_first, drop_second;

  explicit Network(const RandomStream& random) {
    RandomStream weights = random.stream("weights"), drops = random.stream("drops");
    first = Linear<float>(kFeatures, kHidden, weights);
    second = Linear<float>(kHidden, kWidth, weights);
    head = Linear<float>(kWidth, kClasses, weights);
    drop_first = Dropout(0.5, drops);
    drop_second = Dropout(0.5, drops);
  }
  template <class V>
  void visit(V&& v) {
    v("first", first);
    v("second", second);
    v("head", head);
    v("drop_first", drop_first);
    v("drop_second", drop_second);
  }
  template <class X>
  Var<float> features(const X& x) {
    return drop_second(relu(second(drop_first(relu(first(x))))));
  }
};

using Discriminator = Sequential<Linear<float>, Relu, Linear<float>>;
Discriminator discriminator(index_t in, const RandomStream& random) {
  RandomStream weights = random.stream("discriminator");
  auto first = Linear<float>(in, kDiscriminator, weights);
  return Discriminator(std::move(first), Relu(), Linear<float>(kDiscriminator, 1, weights));
}

// Everything that an alignment loss may look at.
struct Batch {
  Var<float> source, target;  // features
  Var<float> source_logits, target_logits;
  Tensor<index_t> source_labels;
  double progress;
};

// The alignment losses, of which one is used.
struct Alignment {
  CoralLoss coral;
  MmdLoss mmd;
  LmmdLoss lmmd;
  DannLoss<Discriminator> dann;
  CdanLoss<Discriminator> cdan;

  explicit Alignment(const RandomStream& random)
      : dann{.discriminator = discriminator(kWidth, random)},
        cdan{.discriminator = discriminator(kWidth * kClasses, random)} {}

  // What the optimiser is to train beside the network.
  std::vector<Var<float>> parameters_of(Method m) {
    if (m == Method::dann) return parameters<float>(dann);
    if (m == Method::cdan) return parameters<float>(cdan);
    return {};
  }
  Var<float> operator()(Method m, const Batch& b) {
    switch (m) {
      case Method::deep_coral: return coral(b.source, b.target);
      case Method::mmd: return mmd(b.source, b.target);
      case Method::lmmd:
        return lmmd(b.source, b.target, b.source_labels, softmax(b.target_logits.value(), 1));
      case Method::dann: return dann(b.source, b.target, b.progress);
      case Method::cdan: return cdan(b.source, b.source_logits, b.target, b.target_logits, b.progress);
      case Method::mcc: return minimum_class_confusion(b.target_logits);
      case Method::source_only: break;
    }
    return {};
  }
};

// Those of the adversarial losses have their ramp in the reversal.
bool ramped(Method m) { return m != Method::dann && m != Method::cdan; }

double weight_of(Method m) {
  switch (m) {
    case Method::deep_coral: return kCoralWeight;
    case Method::mmd: return kMmdWeight;
    case Method::lmmd: return kLmmdWeight;
    case Method::dann:
    case Method::cdan: return kAdversarialWeight;
    case Method::mcc: return kMccWeight;
    case Method::source_only: break;
  }
  return 0;
}

// Rows in random order, again and again.
class Draw {
 public:
  Draw(index_t rows, RandomStream random) : rows_(rows), random_(std::move(random)) {}
  Tensor<index_t> next(index_t count) {
    std::vector<index_t> out;
    while (static_cast<index_t>(out.size()) < count) {
      if (at_ == order_.size()) order_ = random_.permutation(rows_).to_vector(), at_ = 0;
      out.push_back(order_[at_++]);
    }
    return Tensor<index_t>::from({count}, out);
  }

 private:
  index_t rows_;
  RandomStream random_;
  std::vector<index_t> order_;
  std::size_t at_ = 0;
};

}  // namespace

const char* name_of(Method m) {
  constexpr const char* kNames[] = {"source only", "Deep CORAL", "MMD", "LMMD", "DANN", "CDAN", "MCC"};
  return kNames[static_cast<int>(m)];
}

std::string describe(Method m) {
  const Alignment losses(Random(0).stream("text"));
  std::string loss;
  switch (m) {
    case Method::source_only: return "cross-entropy of the source alone";
    case Method::deep_coral: loss = losses.coral.describe(); break;
    case Method::mmd: loss = losses.mmd.describe(); break;
    case Method::lmmd: loss = losses.lmmd.describe(); break;
    case Method::dann: loss = losses.dann.describe(); break;
    case Method::cdan: loss = losses.cdan.describe(); break;
    case Method::mcc: loss = to_text(ClassConfusionOptions{}); break;
  }
  return loss + ", weight " + to_text(weight_of(m)) + (ramped(m) ? " x ramp" : "");
}

DeepResult train_deep(const Source& source, const Target& target, Method method, const DeepOptions& o,
                      const std::string& pair, const std::function<void(index_t)>& tick) {
  check(o.steps >= 1 && o.batch >= 2, "office_caltech", "at least one step of two samples is needed; got ",
        o.steps, " of ", o.batch);
  const RandomStream random = Random(o.seed).stream("office_caltech").stream(pair);
  Network net(random);
  Alignment align(random);
  std::vector<Var<float>> trained = parameters<float>(net);
  for (const auto& p : align.parameters_of(method)) trained.push_back(p);
  AdamW<float> optimizer(trained, AdamWOptions{.lr = o.learning_rate, .weight_decay = o.weight_decay});
  const Tensor<float> xs = source.x.to<float>(), xt = target.x.to<float>();
  Draw from_source(xs.size(0), random.stream("source")), from_target(xt.size(0), random.stream("target"));

  DeepResult out;
  const index_t tail = std::max(index_t{1}, o.steps / 10);
  for (index_t step = 0; step < o.steps; ++step) {
    const auto rows = from_source.next(o.batch), others = from_target.next(o.batch);
    Batch b;
    b.source_labels = index_select(source.labels, 0, rows);
    b.progress = static_cast<double>(step) / static_cast<double>(o.steps);
    b.source = net.features(index_select(xs, 0, rows));
    b.source_logits = net.head(b.source);
    const Var<float> class_loss = cross_entropy(b.source_logits, b.source_labels);
    Var<float> loss = class_loss, alignment;
    if (method != Method::source_only) {
      b.target = net.features(index_select(xt, 0, others));
      b.target_logits = net.head(b.target);
      alignment = align(method, b);
      const double ramp = ramped(method) ? dann_coefficient(b.progress) : 1;
      loss = loss + alignment * static_cast<float>(weight_of(method) * ramp);
    }
    if (!std::isfinite(loss.item()))
      fail("office_caltech", name_of(method), " on ", pair, ": the loss is ",
           static_cast<double>(loss.item()), " in step ", step);
    optimizer.zero_grad();
    backward(loss);
    optimizer.step();
    if (step >= o.steps - tail) {
      out.class_loss += static_cast<double>(class_loss.item()) / static_cast<double>(tail);
      if (alignment.defined())
        out.alignment_loss += static_cast<double>(alignment.item()) / static_cast<double>(tail);
    }
    if (tick) tick(step + 1);
  }
  NoGrad off;
  eval(net);
  out.predictions = argmax(net.head(net.features(xt)).value(), 1);
  return out;
}

}  // namespace office_caltech
