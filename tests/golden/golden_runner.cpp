// golden_runner [--device cpu|cuda] [--dtype f64|f32] [--out DIR] FILE_OR_DIR...
//
// Computes what each golden file describes and compares: a line a file, then "N passed, N failed"; exit
// status 1 on any failure, 2 for a wrong command line. With --out it writes its own results under the same
// names.
#include <limbic/core/compare.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "golden/case.hpp"
#ifdef LIMBIC_GOLDEN_HAS_CUDA
#include <limbic/backend/cuda/copy.hpp>
#endif

namespace fs = std::filesystem;
using namespace limbic;
using namespace limbic::golden;

namespace {

struct Worst {
  double error = 0;
  std::string tensor = "none";
  bool ok = true;
};

void note(Worst& worst, const std::string& name, double error, double limit) {
  if (!(error <= limit)) worst.ok = false;
  if (!(error <= worst.error) || worst.tensor == "none") {
    worst.error = error;
    worst.tensor = name;
  }
}

// |x - ref|_max / max(1, |ref|_max); infinite for another shape or a NaN.
template <class T>
double error_of(const Tensor<T>& x, const Tensor<double>& ref) {
  if (!(x.shape() == ref.shape())) return INFINITY;
  const auto a = x.to_vector();
  const auto b = ref.to_vector();
  double difference = 0, size = 1;
  for (std::size_t i = 0; i < b.size(); ++i) {
    const double d = std::fabs(static_cast<double>(a[i]) - b[i]);
    if (!(d <= difference)) difference = std::isnan(d) ? INFINITY : d;
    size = std::max(size, std::fabs(b[i]));
  }
  return difference / size;
}

template <class T, class D>
Worst run(const DeviceRegistry<D>& registry, const SafetensorsFile& file, const std::string& out) {
  const std::string op = file.metadata().at("op");
  const auto* compute = registry.template find<T>(op);
  if (!compute) fail("golden", "unknown op '", op, "'");
  Case<T, D> c(file);
  (*compute)(c);
  c.differentiate();

  // The images' reference was itself computed in float.
  const double limit = op == "eeg.topography"      ? 1e-5
                       : std::is_same_v<T, double> ? 1e-9
                       : op.starts_with("model.")  ? 2e-3
                                                   : 2e-4;
  Worst worst;
  for (const auto& [name, entry] : file.entries()) {
    if (!name.starts_with("out.") && !name.starts_with("grad.")) continue;
    double error = INFINITY;  // a tensor that was not computed
    if (entry.dtype == Dtype::i64) {
      const auto it = c.integers().find(name);
      if (it != c.integers().end() && equal(it->second, file.load<index_t>(name))) error = 0;
    } else {
      const auto it = c.floats().find(name);
      if (it != c.floats().end()) error = error_of(it->second, file.load<double>(name));
    }
    note(worst, name, error, limit);
  }
  if (worst.tensor == "none") fail("golden", "the file holds nothing to compare with");
  if (!out.empty()) {
    NamedTensors all;
    for (const auto& [name, t] : c.floats()) all.push_back({name, t.contiguous()});
    for (const auto& [name, t] : c.integers()) all.push_back({name, t.contiguous()});
    fs::create_directories(out);
    save_safetensors(out + "/" + fs::path(file.source()).filename().string(), all, file.metadata());
  }
  return worst;
}

template <class D>
DeviceRegistry<D> operations() {
  DeviceRegistry<D> registry;
  add_elementwise(registry);
  add_shape(registry);
  add_network(registry);
  add_losses(registry);
  add_optimizers(registry);
  add_uf_ama(registry);
  add_emotion_clip(registry);
  add_clip_text(registry);
  return registry;
}

Registry cpu_registry() {
  Registry registry = operations<Cpu>();
  add_eeg(registry);
  return registry;
}
#ifdef LIMBIC_GOLDEN_HAS_CUDA
DeviceRegistry<Cuda> cuda_registry() { return operations<Cuda>(); }
#endif

int usage(const char* complaint) {
  std::fprintf(stderr,
               "%s\nusage: golden_runner [--device cpu|cuda] [--dtype f64|f32] [--out DIR] FILE_OR_DIR...\n",
               complaint);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::string device = "cpu", dtype = "f64", out;
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    std::string* option = arg == "--device"  ? &device
                          : arg == "--dtype" ? &dtype
                          : arg == "--out"   ? &out
                                             : nullptr;
    if (option) {
      if (++i == argc) return usage("an option lacks its value");
      *option = argv[i];
    } else if (arg.starts_with("--")) {
      return usage(("unknown option " + arg).c_str());
    } else if (fs::is_directory(arg)) {
      for (const auto& entry : fs::directory_iterator(arg))
        if (entry.path().extension() == ".safetensors") files.push_back(entry.path().string());
    } else {
      files.push_back(arg);
    }
  }
  if (files.empty()) return usage("no files");
  if (dtype != "f64" && dtype != "f32") return usage("--dtype must be f64 or f32");
  if (device != "cpu" && device != "cuda") return usage("--device must be cpu or cuda");
#ifndef LIMBIC_GOLDEN_HAS_CUDA
  if (device == "cuda") return usage("this build has no CUDA backend");
#endif
  std::sort(files.begin(), files.end());

  const Registry on_cpu = cpu_registry();
#ifdef LIMBIC_GOLDEN_HAS_CUDA
  const DeviceRegistry<Cuda> on_cuda = cuda_registry();
#endif

  int passed = 0, failed = 0;
  for (const std::string& path : files) {
    const std::string name = fs::path(path).stem().string();
    try {
      const auto file = SafetensorsFile::open(path);
      // Signals are prepared on the host, whatever the device.
      const bool on_host = device == "cpu" || file.metadata().at("op").starts_with("eeg.");
      Worst w;
      if (on_host) w = dtype == "f64" ? run<double>(on_cpu, file, out) : run<float>(on_cpu, file, out);
#ifdef LIMBIC_GOLDEN_HAS_CUDA
      else w = dtype == "f64" ? run<double>(on_cuda, file, out) : run<float>(on_cuda, file, out);
#endif
      std::printf("%-4s %-40s %.3g %s\n", w.ok ? "ok" : "FAIL", name.c_str(), w.error, w.tensor.c_str());
      ++(w.ok ? passed : failed);
    } catch (const std::exception& e) {
      std::printf("FAIL %-40s %s\n", name.c_str(), e.what());
      ++failed;
    }
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed ? 1 : 0;
}
