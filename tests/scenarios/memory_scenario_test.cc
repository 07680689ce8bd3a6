// SPDX-License-Identifier: Apache-2.0
// Plays every story on tables in memory: once as it is, and several times with writes that fail at random.
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/scenarios/play.h"
#include "tests/seeds.h"
#include "userspace/datapath/table_datapath.h"
#include "userspace/datapath/testing/manual_grace.h"
#include "userspace/datapath/testing/memory_table.h"

namespace shunt::scenarios {
namespace {

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
  const datapath::Tables& tables() const override { return tables_; }
  void LetGracePass() override { grace_.Pass(); }
  // Returns whether any row differs from its initial value. Reads the rows, because the hooks are what is tested.
  bool IsTouched() {
    const auto differs = [this](const char* table) {
      const datapath::MemoryRows &now = *maps_.rows(table), &then = *fresh_->rows(table);
      return now.array != then.array || now.hash != then.hash;
    };
    return differs("frontend_rows") || differs("pools") || differs("prefix_filter") || differs("service_ports");
  }

 protected:
  datapath::MemoryMaps maps_{kLimits};
  const std::unique_ptr<datapath::MemoryMaps> fresh_ = maps_.Clone();
  const datapath::Tables tables_ = maps_.Open();  // the same rows as every datapath's
  datapath::ManualGrace grace_;
};

// Makes one write in `odds` fail, as a kernel's write may.
class UnreliableFloor final : public MemoryFloor {
 public:
  UnreliableFloor(uint32_t seed, uint32_t odds) : random_(seed) {
    maps_.hooks().before = [this, odds](absl::string_view table) {
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

TEST_P(MemoryScenario, ComesOutAsToldAlthoughWritesFail) {
  int failed = 0;
  bool wrote = false;
  const std::vector<uint32_t> seeds = seeds::UpTo(20);
  for (const uint32_t seed : seeds) {
    SCOPED_TRACE(seeds::Trace(seed));
    UnreliableFloor floor(seed, 6 + seed % 8);
    PlayStory(GetParam(), floor, Goldens::kCompare);
    if (HasFailure()) return;
    failed += floor.failed();
    wrote |= floor.IsTouched();
  }
  // One play may happen to have no failure, but not all of them.
  if (seeds.size() > 1 && wrote) {
    EXPECT_GT(failed, 0) << "every write succeeded: was it a test?";
  }
}

INSTANTIATE_TEST_SUITE_P(Stories, MemoryScenario, testing::ValuesIn(AllStories()), TestName);

TEST(Stories, AreThere) {
  EXPECT_GE(AllStories().size(), 40u);
}

}  // namespace
}  // namespace shunt::scenarios
