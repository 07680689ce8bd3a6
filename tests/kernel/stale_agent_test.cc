// SPDX-License-Identifier: Apache-2.0
// With --stale-after, the programs translate nothing once the agent has been silent for too long.
#include <time.h>

#include <chrono>
#include <string>

#include "tests/kernel/kernel_test.h"
#include "userspace/datapath/kernel/kernel_datapath.h"
#include "userspace/datapath/kernel/pinned_reader.h"

namespace shunt::kernel_test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

milliseconds BootTime() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::duration_cast<milliseconds>(std::chrono::seconds(now.tv_sec) +
                                                  std::chrono::nanoseconds(now.tv_nsec));
}

class StaleAgentTest : public KernelTest {
 protected:
  datapath::KernelOptions Options() const override {
    datapath::KernelOptions options = KernelTest::Options();
    options.stale_after = hours(1);
    return options;
  }

  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const model::ServicePlan web = Web().Plan();
    const model::ServicePlan* const all[] = {&web};
    ASSERT_TRUE(datapath().Apply(all, datapath::ApplyScope::kAll).empty());
  }

  void SignOfLife(milliseconds ago) { ASSERT_TRUE(datapath().GiveSignOfLife(BootTime() - ago).ok()); }

  std::string DialTcp() {
    ClientSocket socket = PodSocket(AF_INET, SOCK_STREAM);
    EXPECT_EQ(socket.Connect(At("10.96.0.10:80")), 0);
    EXPECT_EQ(socket.PeerName().from, At("10.96.0.10:80"));
    return socket.Receive().text;
  }
};

TEST_F(StaleAgentTest, NewMapsWaitForNoSign) {
  EXPECT_EQ(DialTcp(), "10.244.1.1:8080");
  EXPECT_EQ(Reason("stale_agent"), 0u);
}

TEST_F(StaleAgentTest, ASilentAgentsServicesAreLeftAloneUntilAnAgentLivesAgain) {
  SignOfLife(milliseconds(0));
  EXPECT_EQ(DialTcp(), "10.244.1.1:8080");

  SignOfLife(hours(2));
  EXPECT_EQ(DialTcp(), "10.96.0.10:80") << "untranslated";
  ClientSocket connected = PodSocket(AF_INET6, SOCK_DGRAM);
  ASSERT_EQ(connected.Connect(At("[fd00:96::10]:53")), 0);
  ASSERT_EQ(connected.Send("x"), 0);
  EXPECT_EQ(connected.Receive().text, "[fd00:96::10]:53 x");
  ClientSocket unconnected = PodSocket(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(unconnected.SendTo(At("10.96.0.10:53"), "x"), 0);
  EXPECT_EQ(unconnected.Receive().text, "10.96.0.10:53 x");
  EXPECT_EQ(Reason("stale_agent"), 3u);

  SignOfLife(milliseconds(0));
  EXPECT_EQ(DialTcp(), "10.244.1.1:8080");
  ASSERT_EQ(unconnected.SendTo(At("10.96.0.10:53"), "x"), 0);
  EXPECT_EQ(unconnected.Receive().text, "10.244.1.1:8081 x");
  EXPECT_EQ(Reason("stale_agent"), 3u);
}

TEST_F(StaleAgentTest, ASilentAgentsSocketsKeepTheNamesThatTheyDialled) {
  SignOfLife(milliseconds(0));
  ClientSocket tcp = PodSocket(AF_INET, SOCK_STREAM);
  ASSERT_EQ(tcp.Connect(At("10.96.0.10:80")), 0);
  ClientSocket udp = PodSocket(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(udp.SendTo(At("10.96.0.10:53"), "x"), 0);

  SignOfLife(hours(2));
  EXPECT_EQ(tcp.PeerName().from, At("10.96.0.10:80"));
  const Received late = udp.Receive();
  EXPECT_EQ(late.text, "10.244.1.1:8081 x");
  EXPECT_EQ(late.from, At("10.96.0.10:53"));
  ASSERT_EQ(udp.SendTo(At("10.96.0.10:53"), "y"), 0) << "a datagram more is decided again";
  EXPECT_EQ(udp.Receive().text, "10.96.0.10:53 y");
}

TEST_F(StaleAgentTest, OtherDestinationsAreCountedAsBefore) {
  SignOfLife(hours(2));
  ClientSocket socket = PodSocket(AF_INET, SOCK_STREAM);
  ASSERT_EQ(socket.Connect(At("10.244.1.1:8080")), 0);
  EXPECT_EQ(Reason("stale_agent"), 0u);
}

// An agent that restarts in time takes over at once, also if its source cannot be reached for a while.
TEST_F(StaleAgentTest, AnAgentThatFollowsAnotherInTimeKeepsItsServicesServed) {
  SignOfLife(std::chrono::minutes(59));
  Reopen(Options());
  SignOfLife(milliseconds(0));
  EXPECT_EQ(DialTcp(), "10.244.1.1:8080");
}

// After a longer time the rows may be about endpoints that are gone, so it has to hear of them first.
TEST_F(StaleAgentTest, AnAgentThatComesTooLateServesOnceItHasAppliedEverything) {
  SignOfLife(hours(2));
  Reopen(Options());
  SignOfLife(milliseconds(0));
  EXPECT_EQ(DialTcp(), "10.96.0.10:80") << "untranslated";
  const model::ServicePlan web = Web().Plan();
  const model::ServicePlan* const all[] = {&web};
  ASSERT_TRUE(datapath().Apply(all, datapath::ApplyScope::kAll).empty());
  SignOfLife(milliseconds(0));
  EXPECT_EQ(DialTcp(), "10.244.1.1:8080");
}

TEST_F(StaleAgentTest, ThePinsTellTheSwitchAndTheAgeOfTheSign) {
  SignOfLife(std::chrono::minutes(5));
  const auto pins = datapath::PinnedReader::Open(bpffs());
  ASSERT_TRUE(pins.ok()) << pins.status();
  const report::SignOfLife sign = (*pins)->LastSignOfLife();
  EXPECT_EQ(sign.stale_after_ms, milliseconds(hours(1)).count());
  EXPECT_GE(sign.age_ms, milliseconds(std::chrono::minutes(5)).count());
  EXPECT_LT(sign.age_ms, milliseconds(hours(1)).count());
  datapath::KernelOptions off = Options();
  off.stale_after = milliseconds(0);
  Reopen(off);
  EXPECT_EQ((*datapath::PinnedReader::Open(bpffs()))->LastSignOfLife().stale_after_ms, 0);
  SignOfLife(hours(2));
  EXPECT_EQ(DialTcp(), "10.244.1.1:8080") << "nothing asks for it";
}

}  // namespace
}  // namespace shunt::kernel_test
