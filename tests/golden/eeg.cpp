// Raw EEG to features, and features to images.
#include <limbic/data/eeg_stream.hpp>
#include <limbic/data/topography.hpp>

#include "golden/case.hpp"

namespace limbic::golden {

void add_eeg(Registry& r) {
  r.add("eeg.features_4d", [](auto& c) {
    data::EegOptions options;
    options.order = static_cast<int>(c.integer("order"));
    options.rate = c.number("fs");
    c.out("y", data::eeg_features(c.tensor("raw"), options));
  });
  r.add("eeg.topography", [](auto& c) {
    using T = typename std::decay_t<decltype(c)>::value_type;
    data::Topography<T> topography({}, c.integer("size"), c.integer("size"));
    const Tensor<T> values = c.tensor("values");
    c.out("grid", topography.grids(values));
    c.out("y", topography.images(values));
  });
}

}  // namespace limbic::golden
