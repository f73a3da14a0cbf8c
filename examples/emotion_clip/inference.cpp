#include "emotion_clip/inference.hpp"

#include <limbic/ops/arg.hpp>
#include <limbic/ops/concat.hpp>
#include <limbic/ops/index_select.hpp>
#include <limbic/ops/softmax.hpp>

#include <numeric>

#include "emotion_clip/data_source.hpp"

namespace limbic::emotion_clip {

namespace {

constexpr index_t kBatch = 64;  // windows at a time

template <class F>
void batches(index_t n, index_t size, F&& f) {
  for (index_t begin = 0; begin < n; begin += size) {
    std::vector<index_t> rows(static_cast<std::size_t>(std::min(size, n - begin)));
    std::iota(rows.begin(), rows.end(), begin);
    f(rows);
  }
}

}  // namespace

Inferred infer(Tower& tower, const data::UnlabelledWindows& w, const Tensor<float>& text, index_t classes,
               double temperature) {
  check(w.size() > 0, "inference", "at least one window is needed; got none");
  const Config& c = tower.config();
  std::vector<Tensor<float>> features;
  batches(w.size(), kBatch, [&](const std::vector<index_t>& rows) {
    features.push_back(tower.features(images_of(w.eeg, rows, c.frames, c.image)));
  });
  Inferred out;
  out.features = concat(features, 0);
  Tensor<float> logits;
  if (text.defined()) {
    out.embeddings = tower.embeddings(out.features);
    float* row = out.embeddings.mutable_data();
    const index_t width = out.embeddings.size(1);
    for (index_t i = 0; i < w.size(); ++i, row += width) {
      double length = 0;
      for (index_t k = 0; k < width; ++k) length += static_cast<double>(row[k]) * static_cast<double>(row[k]);
      for (index_t k = 0; k < width; ++k)
        row[k] = static_cast<float>(static_cast<double>(row[k]) / std::sqrt(length));
    }
    logits = matching_logits(out.embeddings, text, classes, temperature);
  } else {
    logits = tower.head_logits(out.features);
  }
  out.probabilities = softmax(logits);
  out.label = argmax(logits, 1);
  return out;
}

Tensor<double> electrode_influence(Tower& tower, const data::UnlabelledWindows& w,
                                   const Tensor<index_t>& predicted, const Tensor<float>& text,
                                   double temperature) {
  const Config& c = tower.config();
  const data::ElectrodeGrid grid;
  const data::Topography<float> painter(grid, c.image, c.image);
  const std::vector<double> down = data::bicubic_weights(grid.rows, c.image),
                            across = data::bicubic_weights(grid.columns, c.image);
  const auto electrodes = static_cast<index_t>(grid.cells.size());
  std::vector<double> sum(static_cast<std::size_t>(c.maps * electrodes));
  batches(w.size(), 16, [&](const std::vector<index_t>& rows) {
    const Tensor<float> images = images_of(w.eeg, rows, c.frames, c.image);
    const auto count = static_cast<index_t>(rows.size());
    const Tensor<float> gradient =
        tower
            .image_gradient(images, predicted.slice(0, rows.front(), rows.front() + count), text, temperature)
            .contiguous();
    const Tensor<float> laid = painter.grids(w.eeg.slice(0, rows.front(), rows.front() + count));
    const float* g = gradient.data();
    for (index_t map = 0; map < count * c.frames * c.maps; ++map, g += c.image * c.image) {
      // The gradient of a cell is that of the pixels, each by the cell's weight in it.
      std::vector<double> cell(static_cast<std::size_t>(grid.rows * grid.columns));
      for (index_t y = 0; y < c.image; ++y)
        for (index_t col = 0; col < grid.columns; ++col) {
          double part = 0;
          for (index_t x = 0; x < c.image; ++x)
            part += across[static_cast<std::size_t>(x * grid.columns + col)] *
                    static_cast<double>(g[y * c.image + x]);
          for (index_t r = 0; r < grid.rows; ++r)
            cell[static_cast<std::size_t>(r * grid.columns + col)] +=
                down[static_cast<std::size_t>(y * grid.rows + r)] * part;
        }
      const float* z = laid.data() + map * grid.rows * grid.columns;
      for (index_t e = 0; e < electrodes; ++e) {
        const auto& place = grid.cells[static_cast<std::size_t>(e)];
        const auto at = static_cast<std::size_t>(place.row * grid.columns + place.column);
        sum[static_cast<std::size_t>(map % c.maps * electrodes + e)] +=
            std::abs(cell[at] * static_cast<double>(z[at]));
      }
    }
  });
  for (double& v : sum) v /= static_cast<double>(w.size() * c.frames);
  return Tensor<double>::from({c.maps, electrodes}, sum);
}

}  // namespace limbic::emotion_clip
