// One golden file: its inputs as tensors and variables, and what was computed from them.
#pragma once

#include <limbic/autograd/engine.hpp>
#include <limbic/io/json.hpp>
#include <limbic/io/safetensors.hpp>

#include <functional>
#include <map>
#include <string>

// Files that are about operations are compiled once a device.
#ifdef LIMBIC_GOLDEN_CUDA
#include <limbic/cuda.hpp>
#define LIMBIC_GOLDEN_DEVICE Cuda
#else
#define LIMBIC_GOLDEN_DEVICE Cpu
#endif

namespace limbic::golden {

template <class T, class D = Cpu>
class Case {
 public:
  using value_type = T;
  using device_type = D;

  explicit Case(const SafetensorsFile& file)
      : file_(file), attrs_(Json::parse(file.metadata().at("attrs"))) {}

  // ---- inputs ------------------------------------------------------------------------------------

  bool has(const std::string& name) const { return file_.contains("in." + name); }
  // A leaf when the file holds a gradient for it, else a constant.
  Var<T, D> x(const std::string& name) {
    const Tensor<T, D> value = tensor(name);
    if (!file_.contains("grad." + name)) return Var<T, D>(value);
    const Var<T, D> v = Var<T, D>::leaf(value);
    leaves_.emplace(name, v);
    return v;
  }
  Tensor<T, D> tensor(const std::string& name) const {
    return file_.load<T>("in." + name).clone().template on<D>();
  }
  Tensor<index_t, D> index(const std::string& name) const {
    return file_.load<index_t>("in." + name).clone().template on<D>();
  }
  Tensor<bool, D> mask(const std::string& name) const {
    const auto values = index(name).to_vector();
    return Tensor<bool, D>::from(file_.entry("in." + name).shape,
                                 std::vector<bool>(values.begin(), values.end()));
  }
  bool is_index(const std::string& name) const { return file_.entry("in." + name).dtype == Dtype::i64; }

  // ---- attributes ---------------------------------------------------------------------------------

  bool has_attr(const char* key) const { return attrs_.find(key) != nullptr; }
  double number(const char* key) const { return attrs_.at(key).as_number(); }
  index_t integer(const char* key) const { return attrs_.at(key).as_integer(); }
  bool flag(const char* key) const { return attrs_.at(key).as_bool(); }
  std::string text(const char* key) const { return attrs_.at(key).as_string(); }
  Dims dims(const char* key) const {
    Dims d;
    for (const Json& v : attrs_.at(key).as_array()) d.push_back(v.as_integer());
    return d;
  }

  // ---- results ------------------------------------------------------------------------------------

  void y(const Var<T, D>& value) {
    y_ = value;
    out("y", value.value());
  }
  void y(const Tensor<index_t, D>& value) { out("y", value); }
  void out(const std::string& name, const Tensor<T, D>& value) {
    floats_["out." + name] = value.template on<Cpu>();
  }
  void out(const std::string& name, const Tensor<index_t, D>& value) {
    integers_["out." + name] = value.template on<Cpu>();
  }

  // Gradients of sum(y * gy) with respect to the leaves that were asked for.
  void differentiate() {
    if (leaves_.empty()) return;
    const Var<T, D> gy(file_.load<T>("gy").clone().template on<D>());
    std::vector<Var<T, D>> x;
    for (const auto& leaf : leaves_) x.push_back(leaf.second);
    const auto g = grad(y_, x, gy);
    std::size_t i = 0;
    for (const auto& leaf : leaves_) floats_["grad." + leaf.first] = g[i++].value().template on<Cpu>();
  }

  const std::map<std::string, Tensor<T>>& floats() const { return floats_; }
  const std::map<std::string, Tensor<index_t>>& integers() const { return integers_; }

 private:
  const SafetensorsFile& file_;
  Json attrs_;
  std::map<std::string, Var<T, D>> leaves_;
  Var<T, D> y_;
  std::map<std::string, Tensor<T>> floats_;
  std::map<std::string, Tensor<index_t>> integers_;
};

// What computes each operation on a device, in both precisions.
template <class D>
class DeviceRegistry {
 public:
  template <class F>
  void add(const std::string& op, F f) {
    f32_[op] = [f](Case<float, D>& c) { f(c); };
    f64_[op] = [f](Case<double, D>& c) { f(c); };
  }
  template <class T>
  const std::function<void(Case<T, D>&)>* find(const std::string& op) const {
    const auto& all = table<T>();
    const auto it = all.find(op);
    return it == all.end() ? nullptr : &it->second;
  }

 private:
  template <class T>
  const auto& table() const {
    if constexpr (std::is_same_v<T, float>) return f32_;
    else return f64_;
  }
  std::map<std::string, std::function<void(Case<float, D>&)>> f32_;
  std::map<std::string, std::function<void(Case<double, D>&)>> f64_;
};
using Registry = DeviceRegistry<Cpu>;

template <class D>
void add_elementwise(DeviceRegistry<D>& r);
template <class D>
void add_shape(DeviceRegistry<D>& r);
template <class D>
void add_network(DeviceRegistry<D>& r);
template <class D>
void add_losses(DeviceRegistry<D>& r);
template <class D>
void add_optimizers(DeviceRegistry<D>& r);
template <class D>
void add_uf_ama(DeviceRegistry<D>& r);
template <class D>
void add_emotion_clip(DeviceRegistry<D>& r);
template <class D>
void add_clip_text(DeviceRegistry<D>& r);
void add_eeg(Registry& r);

}  // namespace limbic::golden
