// StateDict: named values of several types, what modules, optimisers, schedules and random streams hand
// over to be saved and take back to go on.
//
// A value is a tensor of float, double, index_t or bool, or an unsigned 64-bit number (counters, seeds),
// kept bit for bit. Names are unique and in lexicographic order; parts join by dots, as in
// "encoder.0.weight".
#pragma once

#include <limbic/core/tensor.hpp>

#include <map>
#include <variant>

namespace limbic {

// Values by name. Copies share the tensors' memory.
class StateDict {
 public:
  using Value = std::variant<Tensor<float>, Tensor<double>, Tensor<index_t>, Tensor<bool>, std::uint64_t>;
  using Map = std::map<std::string, Value, std::less<>>;

  // ---- putting in --------------------------------------------------------------------------------

  // The tensor shares its memory with the caller's; clone() where it will be modified before it is saved.
  // Throws when the name is empty or taken, or the tensor has no memory.
  template <class T>
  void put(std::string_view name, const Tensor<T>& tensor) {
    check_new(name);
    if (!tensor.defined()) fail("state_dict", "a tensor with memory is needed; got none for '", name, "'");
    values_.emplace(name, tensor);
  }
  // A number. Throws when the name is empty or taken.
  void put_u64(std::string_view name, std::uint64_t value) {
    check_new(name);
    values_.emplace(name, value);
  }
  // All entries of `other`, each named prefix + its name; the prefix ends in a dot if parts are to join so.
  // Throws when a name is taken; nothing is changed then.
  void merge(std::string_view prefix, const StateDict& other) {
    StateDict all = *this;
    for (const auto& [name, value] : other.values_) {
      const std::string full = std::string(prefix) + name;
      all.check_new(full);
      all.values_.emplace(full, value);
    }
    values_.swap(all.values_);
  }

  // ---- taking out --------------------------------------------------------------------------------

  // The tensor of that name, not copied. Throws when there is none or it is of another type.
  template <class T>
  Tensor<T> get(std::string_view name) const {
    const Value& value = at(name);
    const auto* tensor = std::get_if<Tensor<T>>(&value);
    if (!tensor) fail("state_dict", "'", name, "' must be ", dtype_name<T>, "; got ", to_text(value));
    return *tensor;
  }
  // The same; throws also when the shape is another.
  template <class T>
  Tensor<T> get(std::string_view name, const Shape& shape) const {
    const Value& value = at(name);
    const auto* tensor = std::get_if<Tensor<T>>(&value);
    if (!tensor || !(tensor->shape() == shape))
      fail("state_dict", "'", name, "' must be ", dtype_name<T>, " ", shape, "; got ", to_text(value));
    return *tensor;
  }
  // The same for float or double, converted (a copy) where it is the other of the two: weights of one
  // precision for a model of another.
  template <class T>
  Tensor<T> get_float(std::string_view name, const Shape& shape) const {
    using Other = std::conditional_t<std::is_same_v<T, float>, double, float>;
    const auto* other = std::get_if<Tensor<Other>>(&at(name));
    return other && other->shape() == shape ? other->template to<T>() : get<T>(name, shape);
  }
  // The number of that name. Throws when there is none or it is a tensor, of whatever type.
  std::uint64_t get_u64(std::string_view name) const {
    const Value& value = at(name);
    const auto* number = std::get_if<std::uint64_t>(&value);
    if (!number) fail("state_dict", "'", name, "' must be a 64-bit number; got ", to_text(value));
    return *number;
  }
  // The entries whose names start with the prefix, without it; an entry of that very name is left out.
  StateDict part(std::string_view prefix) const {
    StateDict out;
    for (auto it = values_.lower_bound(prefix); it != values_.end() && it->first.starts_with(prefix); ++it)
      if (it->first.size() > prefix.size()) out.values_.emplace(it->first.substr(prefix.size()), it->second);
    return out;
  }

  // ---- asking ------------------------------------------------------------------------------------

  const Map& values() const { return values_; }
  std::size_t size() const { return values_.size(); }
  bool empty() const { return values_.empty(); }
  bool contains(std::string_view name) const { return values_.find(name) != values_.end(); }
  // Throws unless exactly these names are here, and says which are missing and which are not expected.
  void require_names(std::span<const std::string> expected) const {
    std::string missing, unexpected;
    Map left = values_;
    for (const std::string& name : expected)
      if (left.erase(name) == 0 && !contains(name)) missing += (missing.empty() ? "" : ", ") + name;
    for (const auto& entry : left) unexpected += (unexpected.empty() ? "" : ", ") + entry.first;
    if (missing.empty() && unexpected.empty()) return;
    fail("state_dict", "the names must be those expected; missing: ", missing.empty() ? "none" : missing,
         "; not expected: ", unexpected.empty() ? "none" : unexpected);
  }

  // A copy whose tensors have memory of their own: a snapshot.
  StateDict clone() const {
    StateDict out;
    for (const auto& [name, value] : values_) {
      Value copy = value;
      std::visit([](auto& v) { own(v); }, copy);
      out.values_.emplace(name, std::move(copy));
    }
    return out;
  }

 private:
  template <class T>
  static void own(Tensor<T>& tensor) {
    tensor = tensor.clone();
  }
  static void own(std::uint64_t) {}

  static std::string to_text(const Value& value) {
    if (const auto* number = std::get_if<std::uint64_t>(&value))
      return "the number " + std::to_string(*number);
    return std::visit(
        [](const auto& v) {
          if constexpr (requires { v.shape(); }) return limbic::to_text(v);
          else return std::string();
        },
        value);
  }

  void check_new(std::string_view name) const {
    check(!name.empty(), "state_dict", "a name must not be empty");
    if (contains(name)) fail("state_dict", "names must be unique; got '", name, "' twice");
  }
  const Value& at(std::string_view name) const {
    if (auto it = values_.find(name); it != values_.end()) return it->second;
    std::string names;
    int count = 0;
    for (const auto& entry : values_) {
      if (++count > 8) {
        names += ", ...";
        break;
      }
      names += (names.empty() ? "" : ", ") + entry.first;
    }
    fail("state_dict", "no entry is named '", name, "'; there are ", values_.size(),
         names.empty() ? "" : ": ", names);
  }

  Map values_;
};

}  // namespace limbic
