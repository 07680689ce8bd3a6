// SPDX-License-Identifier: Apache-2.0
// Commands about flows, answered by an agent and by the pins alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tools/shuntctl/pinned_view.h"
#include "tools/shuntctl/run.h"
#include "tools/shuntctl/testing/memory_pins.h"
#include "userspace/admin/testing/scripted_agent.h"

namespace shunt::shuntctl {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

class FlowTest : public ::testing::Test {
 protected:
  Outcome Run(const std::string& line) {
    std::ostringstream out;
    std::ostringstream err;
    const Environment environment{.out = out, .err = err, .open = [this](const Options& options) {
                                    if (!options.offline)
                                      return ReadView(std::make_unique<admin::testing::ScriptedAgent>(agent_));
                                    return ReadView(std::make_unique<PinnedView>([this] { return pins_.Open(); }));
                                  }};
    const int status = RunShuntctl(absl::StrSplit(line, ' '), environment);
    return {status, out.str(), err.str()};
  }

  admin::testing::ScriptedAgent agent_ = admin::testing::SmallCluster();
  const testing::MemoryPins pins_{agent_.services};
};

// The pins hold what the agent would read, so both give the same rows.
TEST_F(FlowTest, FlowsAreTheSameFromTheAgentAndFromThePins) {
  const auto pins = pins_.Open();
  for (const char* map : {"service_ports", "flow_rows", "snat_ports"}) {
    std::vector<report::MapRow>& rows = agent_.maps[map];
    rows.clear();
    ASSERT_TRUE(pins->DumpMap(map,
                              [&rows](const report::MapRow& row) {
                                rows.push_back(row);
                                return true;
                              })
                    .ok());
    EXPECT_THAT(rows, Not(IsEmpty())) << map;
  }
  for (const char* line : {"flow list -o wide", "-p flow list", "flow count", "-p flow count", "-p snat list",
                           "flow list --service shop/cart", "-p flow show tcp 192.0.2.9:40000 203.0.113.5:30080"}) {
    const Outcome asked = Run(line);
    EXPECT_EQ(asked.status, kExitOk) << line << asked.err;
    EXPECT_THAT(asked.out, Not(IsEmpty())) << line;
    EXPECT_EQ(Run(absl::StrCat("--offline ", line)).out, asked.out) << line;
  }
}

TEST_F(FlowTest, AFlowThatFollowsARetiredOneIsTheOneShown) {
  std::vector<report::MapRow>& rows = agent_.maps["flow_rows"];
  report::FlowRow old = std::get<report::FlowRow>(rows[0]);
  old.row = 3;
  old.kind = report::FlowKind::kRetired;
  for (const bool before : {true, false}) {
    std::vector<report::MapRow> both = rows;
    both.insert(before ? both.begin() : both.end(), old);
    const std::vector<report::MapRow> kept = std::exchange(rows, both);
    EXPECT_THAT(Run("flow show tcp 192.0.2.9:40000 203.0.113.5:30080").out, HasSubstr("flow_rows 7")) << before;
    rows = kept;
  }
  rows = {old};
  EXPECT_THAT(Run("flow show tcp 192.0.2.9:40000 203.0.113.5:30080").out, HasSubstr("retired"));
}

}  // namespace
}  // namespace shunt::shuntctl
