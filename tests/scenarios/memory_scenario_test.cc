// SPDX-License-Identifier: Apache-2.0
// Every story on tables in memory: once as it is, and several times with writes that fail at random.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/scenarios/play.h"
#include "userspace/datapath/memory_table.h"
#include "userspace/datapath/table_datapath.h"
#include "userspace/datapath/testing/manual_grace.h"

namespace shunt::scenarios {
namespace {

using datapath::WriteOperation;

constexpr datapath::Limits kLimits = {.frontends = 512,
                                      .service_ports = 128,
                                      .pools = 256,
                                      .slots = 1024,
                                      .backends = 256,
                                      .sockets = 64,
                                      .socket_peers = 8,
                                      .affinities = 8};

class MemoryFloor : public Floor {
 public:
  absl::StatusOr<std::unique_ptr<datapath::Datapath>> Open() override {
    return datapath::TableDatapath::Open(maps_.Open(), grace_);
  }
  void LetGracePass() override { grace_.Pass(); }

 protected:
  datapath::MemoryMaps maps_{kLimits};
  datapath::ManualGrace grace_;
};

// One write in `odds` fails, as a kernel's may.
class UnreliableFloor final : public MemoryFloor {
 public:
  UnreliableFloor(uint32_t seed, uint32_t odds) : random_(seed) {
    maps_.hooks().before = [this, odds](WriteOperation, absl::string_view table) {
      if (random_() % odds != 0) return absl::OkStatus();
      ++failed_;
      return absl::UnavailableError(absl::StrCat("write to ", table, ": EAGAIN, on purpose"));
    };
  }
  bool has_errors() const override { return true; }
  int failed() const { return failed_; }

 private:
  std::mt19937 random_;
  int failed_ = 0;
};

class MemoryScenario : public testing::TestWithParam<std::string> {};

TEST_P(MemoryScenario, ComesOutAsTold) {
  MemoryFloor floor;
  PlayStory(GetParam(), floor, UpdatesGoldens() ? Goldens::kRewrite : Goldens::kCompare);
}

// SHUNT_SEED=N plays only that one again.
TEST_P(MemoryScenario, ComesOutAsToldAlthoughWritesFail) {
  const char* chosen = std::getenv("SHUNT_SEED");
  const uint32_t first = chosen != nullptr ? static_cast<uint32_t>(std::strtoul(chosen, nullptr, 10)) : 1;
  const uint32_t last = chosen != nullptr ? first : 20;
  int failed = 0;
  for (uint32_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE(absl::StrCat("SHUNT_SEED=", seed));
    UnreliableFloor floor(seed, 4 + seed % 8);
    PlayStory(GetParam(), floor, Goldens::kCompare);
    if (HasFailure()) break;
    failed += floor.failed();
  }
  RecordProperty("writes_failed", failed);
}

INSTANTIATE_TEST_SUITE_P(Stories, MemoryScenario, testing::ValuesIn(AllStories()), TestName);

TEST(Stories, AreThere) {
  EXPECT_GE(AllStories().size(), 40u);
}

}  // namespace
}  // namespace shunt::scenarios
