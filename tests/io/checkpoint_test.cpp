// Checkpoints: bit for bit round trips, and no damage that goes unseen.
#include <limbic/io/checkpoint.hpp>

#include "temporary_folder.hpp"

#include <doctest/doctest.h>

#include <cmath>

using limbic::Checkpoint;
using limbic::Error;
using limbic::Hash64;
using limbic::index_t;
using limbic::Tensor;

namespace {

std::string seed(const std::string& name) {
  return LIMBIC_SOURCE_DIR "/tests/fuzz/seeds/safetensors/" + name;
}

Checkpoint sample() {
  Checkpoint c;
  c.state.put("model.w", Tensor<float>::from({2, 2}, {1, -0.0f, std::nanf(""), 1e-42f}));
  c.state.put("model.b", Tensor<double>::from({2}, {0.1, 1e-310}));
  c.state.put("ids", Tensor<index_t>::from({2}, {1, std::numeric_limits<index_t>::min()}));
  c.state.put("mask", Tensor<bool>::from({3}, {true, false, true}));
  c.state.put_u64("random.seed", 0xfedcba9876543210u);
  c.metadata["name"] = "run 1";
  return c;
}

// Bit for bit, by way of the bytes of a file.
bool same(const Checkpoint& a, const Checkpoint& b) { return a.bytes() == b.bytes(); }

}  // namespace

TEST_CASE("what is saved is loaded bit for bit") {
  const TemporaryFolder folder;
  const Checkpoint c = sample();
  c.save(folder / "a");
  const Checkpoint d = Checkpoint::load(folder / "a");
  CHECK(same(c, d));
  CHECK(d.metadata == limbic::SafetensorsFile::Metadata{{"name", "run 1"}});
  CHECK(d.state.size() == 5);
  CHECK(std::signbit(d.state.get<float>("model.w").at(0, 1)));
  CHECK(d.state.get<double>("model.b").at(1) == 1e-310);
  CHECK(d.state.get_u64("random.seed") == 0xfedcba9876543210u);
  CHECK(d.state.get<bool>("mask", {3}).at(2));
  CHECK(folder.files() == 1);
  CHECK(Checkpoint::parse(Checkpoint().bytes()).state.empty());
}

TEST_CASE("one made by an independent program with the checksum as described") {
  const Checkpoint c = Checkpoint::load(seed("checkpoint"));
  CHECK(c.state.get_u64("step") == ~std::uint64_t{0});
  CHECK(c.state.get<float>("model.w", {1, 2}).at(0, 1) == 2);
  CHECK(c.state.get<bool>("mask", {2}).at(0));
  CHECK(c.state.get<index_t>("ids", {2}).at(1) == -4);
  CHECK(c.metadata.at("name") == "run 1");
}

TEST_CASE("any damage is seen: every bit flipped, every length") {
  const Checkpoint c = sample();
  const std::vector<std::byte> good = c.bytes();
  int refused = 0;
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    auto bytes = good;
    bytes[bit / 8] ^= std::byte(1u << (bit % 8));
    bool accepted = true;
    Checkpoint got;
    try {
      got = Checkpoint::parse(bytes);
    } catch (const Error&) {
      accepted = false;
      ++refused;
    }
    // Accepted only where nothing is lost: a space of the header's padding that became another, say.
    if (accepted) REQUIRE(same(got, c));
  }
  CHECK(refused > 8 * static_cast<int>(good.size()) - 64);
  for (std::size_t n = 0; n < good.size(); ++n)
    CHECK_THROWS_AS(Checkpoint::parse(std::span(good).first(n)), Error);
}

TEST_CASE("texts say what is wrong") {
  std::vector<std::byte> bytes = sample().bytes();
  bytes.back() ^= std::byte{1};
  CHECK_THROWS_WITH_AS(Checkpoint::parse(bytes, "m"),
                       "[checkpoint] 'm' is damaged: the checksum of tensor 'mask' is wrong", Error);

  bytes = sample().bytes();
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    const auto at = changed.find(from);
    REQUIRE(at != changed.npos);
    changed.replace(at, from.size(), to);
    return std::vector<std::byte>(reinterpret_cast<const std::byte*>(changed.data()),
                                  reinterpret_cast<const std::byte*>(changed.data()) + changed.size());
  };
  CHECK_THROWS_WITH_AS(Checkpoint::parse(with("run 1", "run 2"), "m"),
                       "[checkpoint] 'm' is damaged: the checksum of its metadata is wrong", Error);
  CHECK_THROWS_WITH_AS(Checkpoint::parse(with("model.w", "model.v"), "m"),
                       "[checkpoint] 'm' is damaged: the checksum of tensor 'model.v' is wrong", Error);
  CHECK_THROWS_WITH_AS(Checkpoint::parse(with("[2,2]", "[4,1]"), "m"),
                       "[checkpoint] 'm' is damaged: the checksum of tensor 'model.w' is wrong", Error);
  CHECK_THROWS_WITH_AS(Checkpoint::parse(with("checkpoint\":\"1\"", "checkpoint\":\"2\""), "m"),
                       "[checkpoint] 'm' must be of version 1; got '2'", Error);
  const auto plain = limbic::safetensors_bytes({{"w", Tensor<float>::ones({1})}});
  CHECK_THROWS_WITH_AS(
      Checkpoint::parse(plain, "m"),
      "[checkpoint] 'm' is a safetensors file but not a checkpoint: it has no metadata 'limbic.checkpoint'",
      Error);
  Checkpoint c = sample();
  c.metadata["limbic.x"] = "";
  CHECK_THROWS_WITH_AS((void)c.bytes(),
                       "[checkpoint] metadata keys must not begin with 'limbic.'; got 'limbic.x'", Error);
}

TEST_CASE("the state of any safetensors file") {
  const auto state = limbic::read_state_dict(limbic::SafetensorsFile::open(seed("everything")));
  CHECK(state.size() == 15);
  CHECK(state.get<float>("BF16", {12}).at(0) == -2);
  CHECK(state.get<double>("F64", {3, 4}).at(0, 0) == -2);
  CHECK(state.get<index_t>("U8", {3}).at(1) == 255);
  CHECK(state.get<index_t>("U64", {2}).at(0) == 0);
}

TEST_CASE("Hash64 tells ranges and their cuts apart") {
  CHECK(Hash64().text().size() == 16);
  CHECK(Hash64().add("ab").add("c").value() != Hash64().add("a").add("bc").value());
  CHECK(Hash64().add("").value() != Hash64().value());
  CHECK(Hash64().add("a").value() != Hash64().add(std::string("a\0", 2)).value());
  const std::string text(100, 'x');
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = 'y';
    CHECK(Hash64().add(text).value() != Hash64().add(other).value());
  }
}
