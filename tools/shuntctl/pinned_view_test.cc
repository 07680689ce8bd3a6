// SPDX-License-Identifier: Apache-2.0
// shuntctl --offline on real pins in a sandbox: an agent's datapath writes them and ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/shuntctl/map_table.h"
#include "tools/shuntctl/run.h"
#include "userspace/admin/testing/scripted_agent.h"
#include "userspace/datapath/kernel/kernel_datapath.h"
#include "userspace/datapath/kernel/maps/map_set.h"
#include "userspace/datapath/kernel/object/bpf_object.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"
#include "userspace/datapath/map_reader.h"
#include "userspace/datapath/testing/written_flows.h"

namespace shunt::shuntctl {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class PinnedViewTest : public datapath::SandboxTest {
 protected:
  struct Outcome {
    int status;
    std::string out;
    std::string err;
  };

  Outcome Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--offline", "--bpffs", bpffs_});
    std::ostringstream out;
    std::ostringstream err;
    const Environment environment{.out = out, .err = err, .wait = [](absl::Duration) { return false; }};
    const int status = RunShuntctl(arguments, environment);
    return {status, out.str(), err.str()};
  }

  // The Services of SmallCluster that an agent would have applied, then no agent.
  void WritePins(bool observe = false, uint32_t flows = 0) {
    datapath::Limits limits = TinyLimits();
    limits.flows = flows;
    auto datapath =
        datapath::KernelDatapath::Open({.bpffs = bpffs_, .cgroup = cgroup_, .limits = limits, .observe = observe});
    ASSERT_TRUE(datapath.ok()) << datapath.status();
    const admin::testing::ScriptedAgent agent = admin::testing::SmallCluster();
    const auto failures =
        (*datapath)->Apply({&agent.services[0].plan, &agent.services[1].plan}, datapath::ApplyScope::kAll);
    ASSERT_TRUE(failures.empty()) << failures[0].status;
  }
};

TEST_F(PinnedViewTest, WithoutPinsItSaysWhereItLooked) {
  const Outcome outcome = Run({"service", "list"});
  EXPECT_EQ(outcome.status, kExitFailed);
  EXPECT_THAT(outcome.err, HasSubstr(bpffs_));
  EXPECT_THAT(outcome.err, HasSubstr("--bpffs"));
}

TEST_F(PinnedViewTest, AMissingMapIsNotThatNothingIsPinned) {
  WritePins();
  ASSERT_EQ(unlink(absl::StrCat(bpffs_, "/shunt/current/pools").c_str()), 0);
  for (const Outcome& outcome : {Run({"status"}), Run({"map", "dump", "slots"})}) {
    EXPECT_EQ(outcome.status, kExitFailed);
    EXPECT_THAT(outcome.err, HasSubstr("pools; start shuntd again, which makes them"));
    EXPECT_THAT(outcome.err, Not(HasSubstr("no agent has run here")));
  }
}

TEST_F(PinnedViewTest, ReadsServicesBackWithTheirShares) {
  WritePins();
  const Outcome list = Run({"service", "list"});
  ASSERT_EQ(list.status, kExitOk) << list.err;
  EXPECT_THAT(list.out, HasSubstr("kubernetes"));
  EXPECT_THAT(list.out, HasSubstr("ClusterIP 10.96.12.4:80,NodePort *:30080,LoadBalancer 203.0.113.7:80"));
  const Outcome show = Run({"service", "show", "shop/cart:80"});
  ASSERT_EQ(show.status, kExitOk) << show.err;
  EXPECT_THAT(show.out, HasSubstr("10.244.1.5:8080   75.00%"));
  EXPECT_THAT(show.out, HasSubstr("10.244.2.5:8080   25.00%"));
  EXPECT_THAT(show.out, HasSubstr("10.244.2.6:8080   no share"));
  EXPECT_THAT(show.out, HasSubstr("stays with its backend for 10800 s"));
  EXPECT_EQ(Run({"service", "show", "shop/search"}).status, kExitFailed);
}

TEST_F(PinnedViewTest, SaysOfAFrontendWithSourceRangesThatItIsRestricted) {
  WritePins();
  const Outcome show = Run({"service", "show", "shop/cart:80"});
  ASSERT_EQ(show.status, kExitOk) << show.err;
  EXPECT_THAT(show.out, ContainsRegex("LoadBalancer +203.0.113.7:80 .* restricted +<none>"));
  EXPECT_THAT(show.out, ContainsRegex("ClusterIP +10.96.12.4:80 .* any +<none>"));
}

TEST_F(PinnedViewTest, StatusNamesTheCgroupAndClaimsNothingOfAnAgent) {
  WritePins();
  const Outcome status = Run({"-j", "status"});
  ASSERT_EQ(status.status, kExitOk) << status.err;
  const auto document = nlohmann::json::parse(status.out);
  EXPECT_EQ(document["cgroup"], cgroup_);
  EXPECT_EQ(document["pid"], 0);
  EXPECT_TRUE(document["problems"].empty()) << document["problems"];
  ASSERT_EQ(unlink(absl::StrCat(bpffs_, "/shunt/links/sock_connect4").c_str()), 0);
  EXPECT_EQ(nlohmann::json::parse(Run({"-j", "status"}).out)["cgroup"], "")
      << "no complete set of programs is in force";
}

TEST_F(PinnedViewTest, KnowsASetThatOnlyObserves) {
  WritePins(/*observe=*/true);
  EXPECT_THAT(Run({"status"}).out, HasSubstr("Mode:      observing: nothing is translated"));
  EXPECT_THAT(Run({"check"}).out, HasSubstr("the programs only observe"));
  WritePins();
  EXPECT_THAT(Run({"status"}).out, Not(HasSubstr("Mode:")));
  EXPECT_THAT(Run({"check"}).out, Not(HasSubstr("observe")));
}

TEST_F(PinnedViewTest, DumpsEveryMapThatItsHelpNames) {
  WritePins();
  EXPECT_EQ(DumpableMaps(), datapath::MapReader::MapNames());
  for (const std::string& map : DumpableMaps()) {
    const Outcome dump = Run({"map", "dump", map});
    EXPECT_EQ(dump.status, kExitOk) << map << ": " << dump.err;
  }
  EXPECT_THAT(Run({"map", "dump", "backends"}).out, HasSubstr("10.244.1.5:8080"));
  EXPECT_THAT(Run({"map", "dump", "service_ports"}).out, HasSubstr("shop"));
  EXPECT_THAT(Run({"map", "list"}).out, HasSubstr("socket_state"));
}

// The pins tell what the programs of the packet path have written, and which devices these know.
TEST_F(PinnedViewTest, ShowsFlowsSourcePortsAndDevices) {
  WritePins();
  EXPECT_THAT(Run({"status"}).out, Not(HasSubstr("Packets:")));
  EXPECT_THAT(Run({"flow", "list"}).err, HasSubstr("No flows found."));
  EXPECT_THAT(Run({"snat", "list"}).err, HasSubstr("No source ports are lent."));
  EXPECT_THAT(Run({"device", "list"}).err, HasSubstr("packets are not translated on this node"));
  WritePins(/*observe=*/false, /*flows=*/1024);
  const auto pins = datapath::PinDirectory::Open(bpffs_);
  ASSERT_TRUE(pins.ok()) << pins.status();
  const auto layout = datapath::BpfObject::OpenBuiltIn();
  ASSERT_TRUE(layout.ok()) << layout.status();
  std::vector<std::string> missing;
  const auto maps =
      datapath::MapSet::OpenPinned(**pins->Current(), layout->Maps(), datapath::PinAccess::kReadWrite, &missing);
  ASSERT_TRUE(maps.ok()) << maps.status();
  const auto tables = maps->OpenTables();
  ASSERT_TRUE(tables.ok()) << tables.status();
  datapath::WriteFlows(*tables);
  datapath::WriteDevice(*tables, 1);
  EXPECT_THAT(Run({"status"}).out, HasSubstr("Packets:   programs at 0 devices; 3 of 1024 flows (0.29%)"));
  EXPECT_THAT(Run({"flow", "list"}).out, ContainsRegex("192.0.2.9:40000 .* shop/cart:80 .* open"));
  EXPECT_THAT(Run({"flow", "count"}).out, ContainsRegex("total .* 3 .* opening=2,open=1"));
  EXPECT_THAT(Run({"snat", "list"}).out, ContainsRegex("1 +2 +16384 .* 10.244.2.5:8080/TCP from 203.0.113.5 .2."));
  EXPECT_THAT(Run({"device", "list"}).out, ContainsRegex("lo +1 +external"));
}

TEST_F(PinnedViewTest, CheckSeesWhetherProgramsAreInForce) {
  WritePins();
  const Outcome good = Run({"check"});
  EXPECT_EQ(good.status, kExitOk) << good.out << good.err;
  EXPECT_THAT(good.out, HasSubstr("all 9 attached"));
  EXPECT_THAT(Run({"prog", "list"}).out, HasSubstr("cgroup/connect4"));
  // The kernel detaches a link when nothing holds it.
  ASSERT_EQ(unlink(absl::StrCat(bpffs_, "/shunt/links/sock_connect4").c_str()), 0);
  const Outcome broken = Run({"check"});
  EXPECT_EQ(broken.status, kExitFailed) << broken.out;
  EXPECT_THAT(broken.out, HasSubstr("WRONG"));
  EXPECT_THAT(broken.out, Not(HasSubstr("all 9 attached")));
}

}  // namespace
}  // namespace shunt::shuntctl
