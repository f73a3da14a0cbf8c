// Values of electrodes as images: z-scored, laid on the grid of the scalp, enlarged.
//
//   z     = (v - mean) / std over the electrodes, std of the population; all 0 where all v are the same
//   grid  = z at the electrodes' cells, 0 in the empty ones                                   (rows, columns)
//   image = My grid Mx^T                                                                      (height, width)
//
// My and Mx interpolate bicubically: pixel p lies at (p + 1/2) n / N - 1/2 on a side of n cells, Keys' kernel
// with a = -1/2 weighs the cells within 2 (R. Keys, "Cubic convolution interpolation for digital image
// processing", 1981), and the weights that are left at an edge are scaled to sum 1.
#pragma once

#include <limbic/core/tensor.hpp>
#include <limbic/data/electrodes.hpp>

#include <cmath>
#include <span>
#include <string>
#include <vector>

namespace limbic::data {

// Where electrodes lie on a grid, one cell each.
struct ElectrodeGrid {
  index_t rows = kGridSize, columns = kGridSize;
  std::vector<GridCell> cells{kElectrodeGrid.begin(), kElectrodeGrid.end()};  // of the 62-channel cap
};

// The cells of electrodes named in the order of the channels, on the 9 x 9 grid. Throws for a name that the
// 62-channel cap does not have, and one that comes twice.
inline ElectrodeGrid electrode_grid(std::span<const std::string> names) {
  ElectrodeGrid grid;
  grid.cells.clear();
  std::array<bool, kElectrodes> seen{};
  for (const std::string& name : names) {
    const auto i = static_cast<std::size_t>(electrode_index(name));
    check(!std::exchange(seen[i], true), "electrodes", "each electrode must be named once; got ",
          kElectrodeNames[i], " twice");
    grid.cells.push_back(kElectrodeGrid[i]);
  }
  return grid;
}

// The weights of n cells in each of N >= n pixels: (N, n), row-major; at most 4 in a row are not 0. Throws
// unless 1 <= n <= N <= 65536.
inline std::vector<double> bicubic_weights(index_t n, index_t N) {
  check(n >= 1 && N >= n && N <= 65536, "bicubic",
        "at least one cell and as many pixels or more, up to 65536, are needed; got ", n, " and ", N);
  const auto kernel = [](double x) {
    constexpr double a = -0.5;
    x = std::fabs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0.0;
  };
  std::vector<double> weights(static_cast<std::size_t>(n * N));
  for (index_t p = 0; p < N; ++p) {
    double* row = weights.data() + p * n;
    const double at = (static_cast<double>(p) + 0.5) * static_cast<double>(n) / static_cast<double>(N) - 0.5;
    double sum = 0;
    for (index_t i = 0; i < n; ++i) sum += row[i] = kernel(static_cast<double>(i) - at);
    for (index_t i = 0; i < n; ++i) row[i] /= sum;
  }
  return weights;
}

// Makes the images. Weights are computed once; a map of 62 electrodes costs some microseconds. Not to be
// shared by threads (copies may be).
template <class T>
class Topography {
 public:
  // Sizes of images in pixels. Throws for a grid without cells or with sides above 4096, electrodes outside
  // it or two in one cell, and images smaller than the grid or with sides above 65536.
  explicit Topography(ElectrodeGrid grid = {}, index_t height = 64, index_t width = 64)
      : grid_(std::move(grid)), height_(height), width_(width) {
    check(grid_.rows >= 1 && grid_.columns >= 1 && grid_.rows <= 4096 && grid_.columns <= 4096, "topography",
          "a grid of 1 to 4096 rows and columns is needed; got ", grid_.rows, " x ", grid_.columns);
    check(!grid_.cells.empty(), "topography", "at least one electrode is needed; got none");
    std::vector<bool> taken(static_cast<std::size_t>(grid_.rows * grid_.columns));
    for (const GridCell& c : grid_.cells) {
      check(c.row >= 0 && c.row < grid_.rows && c.column >= 0 && c.column < grid_.columns, "topography",
            "electrodes must lie on the grid of ", grid_.rows, " x ", grid_.columns, "; got row ", c.row,
            ", column ", c.column);
      const auto at = static_cast<std::size_t>(c.row * grid_.columns + c.column);
      check(!taken[at], "topography", "a cell holds one electrode; got two in row ", c.row, ", column ",
            c.column);
      taken[at] = true;
      cells_.push_back(at);
    }
    const std::vector<double> across = bicubic_weights(grid_.columns, width),
                              down = bicubic_weights(grid_.rows, height);
    across_.resize(across.size());
    for (index_t x = 0; x < width; ++x)
      for (index_t c = 0; c < grid_.columns; ++c)
        across_[static_cast<std::size_t>(c * width + x)] =
            static_cast<T>(across[static_cast<std::size_t>(x * grid_.columns + c)]);
    for (index_t y = 0; y < height; ++y) {
      const double* row = down.data() + y * grid_.rows;
      Taps taps;
      for (index_t r = 0, used = 0; r < grid_.rows && used < 4; ++r)
        if (row[r] != 0) {
          taps.row[used] = r;
          taps.weight[used++] = static_cast<T>(row[r]);
        }
      down_.push_back(taps);
    }
    laid_.resize(taken.size());
    wide_.resize(static_cast<std::size_t>(grid_.rows * width));
  }

  index_t electrodes() const { return static_cast<index_t>(cells_.size()); }
  index_t height() const { return height_; }
  index_t width() const { return width_; }

  // z-scores `electrodes()` values and lays them on the grid, `laid` of rows * columns. Allocates nothing.
  template <class V>
  void lay(const V* values, T* laid) const {
    const auto n = static_cast<double>(cells_.size());
    double mean = 0, square = 0;
    bool same = true;
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      mean += static_cast<double>(values[i]);
      same = same && values[i] == values[0];
    }
    mean /= n;
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      const double d = static_cast<double>(values[i]) - mean;
      square += d * d;
    }
    const double scale = same ? 0 : 1 / std::sqrt(square / n);
    std::fill_n(laid, grid_.rows * grid_.columns, T(0));
    for (std::size_t i = 0; i < cells_.size(); ++i)
      laid[cells_[i]] = static_cast<T>((static_cast<double>(values[i]) - mean) * scale);
  }
  // One image of height() * width() from `electrodes()` values. Allocates nothing.
  template <class V>
  void draw(const V* values, T* image) {
    lay(values, laid_.data());
    std::fill(wide_.begin(), wide_.end(), T(0));
    for (index_t r = 0; r < grid_.rows; ++r)
      for (index_t c = 0; c < grid_.columns; ++c)
        if (const T v = laid_[static_cast<std::size_t>(r * grid_.columns + c)]; v != T(0)) {
          T* wide = wide_.data() + r * width_;
          const T* weight = across_.data() + c * width_;
          for (index_t x = 0; x < width_; ++x) wide[x] += v * weight[x];
        }
    for (const Taps& taps : down_) {
      const T *a = wide_.data() + taps.row[0] * width_, *b = wide_.data() + taps.row[1] * width_,
              *c = wide_.data() + taps.row[2] * width_, *d = wide_.data() + taps.row[3] * width_;
      for (index_t x = 0; x < width_; ++x)
        image[x] =
            (taps.weight[0] * a[x] + taps.weight[1] * b[x]) + (taps.weight[2] * c[x] + taps.weight[3] * d[x]);
      image += width_;
    }
  }

  // The images of as many maps as `values` holds, one after the other, such as an EegWindow's features.
  // Throws where the sizes do not fit; allocates nothing.
  template <class V>
  void draw(std::span<const V> values, std::span<T> images) {
    const auto n = cells_.size(), pixels = static_cast<std::size_t>(height_ * width_);
    check(values.size() % n == 0 && images.size() == values.size() / n * pixels, "topography", "maps of ", n,
          " electrodes and images of ", pixels, " pixels each are needed; got ", values.size(),
          " values and ", images.size(), " pixels");
    for (std::size_t i = 0; i < values.size() / n; ++i)
      draw(values.data() + i * n, images.data() + i * pixels);
  }

  // The grids of values (..., electrodes): (..., rows, columns). Throws for other numbers of electrodes.
  Tensor<T> grids(const Tensor<T>& values) const {
    return each(values, grid_.rows, grid_.columns, [this](const T* v, T* out) { lay(v, out); });
  }
  // The images of values (..., electrodes): (..., height, width). Throws for other numbers of electrodes.
  Tensor<T> images(const Tensor<T>& values) {
    return each(values, height_, width_, [this](const T* v, T* out) { draw(v, out); });
  }

 private:
  // The rows of the grid that make a row of the image; those that are not needed have weight 0.
  struct Taps {
    index_t row[4] = {};
    T weight[4] = {};
  };

  template <class F>
  Tensor<T> each(const Tensor<T>& values, index_t rows, index_t columns, F&& f) const {
    if (values.rank() < 1 || values.size(-1) != electrodes())
      fail("topography", "values (..., ", electrodes(), " electrodes) are needed; got ", values.shape());
    Shape shape = values.shape();
    shape[shape.rank() - 1] = rows;
    shape.push_back(columns);
    Tensor<T> out = Tensor<T>::empty(shape);
    const Tensor<T> from = values.contiguous();
    T* to = out.mutable_data();
    for (index_t i = 0; i < from.numel(); i += electrodes(), to += rows * columns) f(from.data() + i, to);
    return out;
  }

  ElectrodeGrid grid_;
  index_t height_, width_;
  std::vector<std::size_t> cells_;  // places of the electrodes in the grid
  std::vector<T> across_;           // (columns, width)
  std::vector<Taps> down_;          // (height)
  std::vector<T> laid_, wide_;      // room: (rows, columns) and (rows, width)
};

}  // namespace limbic::data
