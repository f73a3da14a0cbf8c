// How a text tower gets its parameters: each by its full name and shape, from wherever a WeightSource takes
// them. Nothing is allocated by what a configuration claims, only by what the source has.
#pragma once

#include <limbic/io/safetensors.hpp>
#include <limbic/nn/embedding.hpp>
#include <limbic/nn/linear.hpp>
#include <limbic/nn/norm.hpp>

#include <functional>

namespace limbic::text {

// Gives the parameter of that name, in that shape, or throws.
template <class T>
using WeightSource = std::function<Tensor<T>(const std::string& name, const Shape& shape)>;

// Names that begin so may be in a file without being asked for.
using IgnoredNames = std::vector<std::string>;

// Parameters of a safetensors file whose names begin with `prefix`, half precision widened. done() throws
// when the file has parameters that nobody asked for: those of a bigger model.
template <class T>
class FileWeights {
 public:
  FileWeights(SafetensorsFile file, std::string prefix = "")
      : file_(std::move(file)), prefix_(std::move(prefix)) {}

  // The parameter prefix + name. Throws when it is missing or of another shape.
  Tensor<T> operator()(const std::string& name, const Shape& shape) {
    const std::string full = prefix_ + name;
    const std::string where = limbic::detail::quoted(file_.source());
    if (!file_.contains(full))
      fail("text_weights", where, ": tensor '", full, "' ", shape, " is missing; there are ",
           file_.entries().size(), " (hint: the file must hold the model that config.json describes)");
    const Shape& found = file_.entry(full).shape;
    if (!(found == shape))
      fail("text_weights", where, ": tensor '", full, "' must be ", shape, " by config.json; got ", found);
    asked_.push_back(full);
    return file_.load<T>(full);
  }
  // Of names that begin as one of `ignored`, with the prefix or without, nothing is said.
  void done(const IgnoredNames& ignored) const {
    for (const auto& entry : file_.entries()) {
      const std::string& name = entry.first;
      const bool known = std::find(asked_.begin(), asked_.end(), name) != asked_.end() ||
                         std::any_of(ignored.begin(), ignored.end(), [&](const std::string& start) {
                           return name.starts_with(start) || name.starts_with(prefix_ + start);
                         });
      if (!known)
        fail("text_weights", limbic::detail::quoted(file_.source()), ": tensor ",
             limbic::detail::quoted(name), " ", entry.second.shape,
             " has no place in the model that config.json describes");
    }
  }

 private:
  SafetensorsFile file_;
  std::string prefix_;
  std::vector<std::string> asked_;
};

namespace detail {

// Fills the parts that a module names with their sizes; the same list serves visit().
template <class T, class D = Cpu>
struct Fill {
  const WeightSource<T>& source;
  std::string prefix{};

  void operator()(const std::string& name, Linear<T, D>& part, index_t in, index_t out,
                  bool bias = true) const {
    part.weight = parameter(name + ".weight", {out, in});
    if (bias) part.bias = parameter(name + ".bias", {out});
  }
  void operator()(const std::string& name, Embedding<T, D>& part, index_t count, index_t width) const {
    part.weight = parameter(name + ".weight", {count, width});
  }
  void operator()(const std::string& name, LayerNorm<T, D>& part, index_t width) const {
    part.weight = parameter(name + ".weight", {width});
    part.bias = parameter(name + ".bias", {width});
  }
  template <class Layer, class Config>
  void operator()(const std::string& name, std::vector<Layer>& layers, const Config& config) const {
    for (index_t i = 0; i < config.layers; ++i) {
      layers.emplace_back(config);
      layers.back().parts(Fill{source, prefix + name + "." + std::to_string(i) + "."});
    }
  }

 private:
  Var<T, D> parameter(const std::string& name, const Shape& shape) const {
    return Var<T, D>::leaf(source(prefix + name, shape).template on<D>());
  }
};

// Hands the names and parts of such a list to a visitor, without the sizes.
template <class M, class V>
void visit_named(M& module, V&& v) {
  module.parts([&](const std::string& name, auto& part, const auto&...) { v(name, part); });
}

}  // namespace detail

}  // namespace limbic::text
