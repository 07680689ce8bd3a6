// SPDX-License-Identifier: Apache-2.0
// The packet path of a whole datapath, in a network namespace of the test's own: when it begins, what keeps it going,
// what is left of it. What packets meet is tested in tests/packets.
#include "userspace/datapath/kernel/packets/packet_path.h"

#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "userspace/datapath/codec.h"
#include "userspace/datapath/kernel/attach/cleanup.h"
#include "userspace/datapath/kernel/devices/tc_filter.h"
#include "userspace/datapath/kernel/devices/tcx_link.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/testing/datapath_fixture.h"
#include "userspace/datapath/kernel/testing/test_devices.h"
#include "userspace/datapath/kernel/testing/test_node.h"

namespace shunt::datapath {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint32_t kEth0 = 77;

class PacketPathTest : public DatapathFixture {
 protected:
  void SetUp() override {
    DatapathFixture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    absl::StatusOr<std::unique_ptr<testing::TestNode>> node = testing::TestNode::Create();
    ASSERT_TRUE(node.ok()) << node.status();
    node_ = *std::move(node);
    AddUplink("eth0", kEth0, "192.0.2.10");
  }
  void TearDown() override {
    datapath_.reset();
    if (!bpffs_.empty()) {
      std::vector<std::string> removed;
      EXPECT_TRUE(Cleanup(bpffs_, &removed).ok());
    }
    node_.reset();
    DatapathFixture::TearDown();
  }

  void AddUplink(const std::string& name, uint32_t index, const char* address) {
    ASSERT_TRUE(node_->AddDevice(name, index).ok());
    ASSERT_TRUE(testing::AddAddress(index, *model::IpAddress::Parse(address), 24).ok());
  }

  KernelOptions WithPackets() const {
    KernelOptions options = Options();
    options.limits.flows = 1024;
    options.packets = PacketOptions{.devices = {.external = {"auto"}, .pods = {}}};
    return options;
  }

  // Of both kinds.
  static size_t ProgramsOn(uint32_t device) {
    size_t count = 0;
    for (const Direction direction : kDirections) {
      if (HasTcx()) count += TcxLinksOn(device, direction)->size();
      for (const TcFilter& filter : *FiltersOn(device, direction)) count += filter.is_ours ? 1 : 0;
    }
    return count;
  }

  std::string Sweeper() const { return datapath_->pins().MapPath("sweeper"); }
  uint32_t SweeperId() const {
    const absl::StatusOr<posix::FileDescriptor> map = OpenPin(Sweeper(), BpfKind::kMap);
    EXPECT_TRUE(map.ok()) << map.status();
    return map.ok() ? DescribeMap(map->get(), Sweeper())->id : 0;
  }
  uint32_t Tick() const {
    shunt_flow_level level{};
    EXPECT_TRUE(datapath_->tables().flow_level->Load(0, MutableBytesOf(level)).ok());
    return level.tick;
  }
  bool Ticks() const {
    const uint32_t before = Tick();
    for (int i = 0; i < 1000 && Tick() == before; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return Tick() != before;
  }
  uint64_t Features() const {
    shunt_meta meta{};
    EXPECT_TRUE(datapath_->tables().meta->Load(0, MutableBytesOf(meta)).ok());
    return meta.features;
  }

  static std::string ReservedPorts() {
    std::ifstream file("/proc/sys/net/ipv4/ip_local_reserved_ports");
    std::string list;
    std::getline(file, list);
    return list;
  }
  uint64_t TranslatingSince() const {
    shunt_flow_level level{};
    EXPECT_TRUE(datapath_->tables().flow_level->Load(0, MutableBytesOf(level)).ok());
    return level.translating_since;
  }

  std::unique_ptr<testing::TestNode> node_;
};

TEST_F(PacketPathTest, ItBeginsWhenEverythingIsApplied) {
  datapath_ = Open(WithPackets());
  ASSERT_NE(datapath_, nullptr);
  EXPECT_EQ(ProgramsOn(kEth0), 0u);
  EXPECT_LT(datapath_->announcements(), 0);
  EXPECT_EQ(Features() & SHUNT_FEATURE_PACKETS, 0u);
  std::vector<std::string> attached;
  datapath_->ListenForDevices([&](const DeviceHookChanges& changes) { attached = changes.attached; });
  Serve(*datapath_);
  EXPECT_THAT(attached, ElementsAre("eth0"));
  EXPECT_EQ(ProgramsOn(kEth0), 2u);
  EXPECT_NE(Features() & SHUNT_FEATURE_PACKETS, 0u);
  EXPECT_TRUE(Ticks());
  EXPECT_THAT(datapath_->problems(), IsEmpty());

  AddUplink("eth1", 78, "198.51.100.7");
  EXPECT_GE(datapath_->announcements(), 0);
  datapath_->FollowAnnouncements();
  EXPECT_EQ(ProgramsOn(78), 2u);
  EXPECT_EQ(datapath_->devices().devices.back().name, "eth1");
}

TEST_F(PacketPathTest, TheCollectorOutlivesAgentsWhichShareOne) {
  datapath_ = Open(WithPackets());
  ASSERT_NE(datapath_, nullptr);
  Serve(*datapath_);
  const uint32_t collector = SweeperId();
  ASSERT_NO_FATAL_FAILURE(Restart(WithPackets()));
  EXPECT_TRUE(Ticks()) << "that of the agent before it goes on";
  Serve(*datapath_);
  EXPECT_EQ(SweeperId(), collector);
  EXPECT_TRUE(Ticks());
}

TEST_F(PacketPathTest, WhileTheNextAgentStartsItIsInForceAndSaysSo) {
  datapath_ = Open(WithPackets());
  ASSERT_NE(datapath_, nullptr);
  Serve(*datapath_);
  ASSERT_NO_FATAL_FAILURE(Restart(WithPackets()));
  EXPECT_EQ(ProgramsOn(kEth0), 2u);
  EXPECT_NE(Features() & SHUNT_FEATURE_PACKETS, 0u);
}

// The agent before was killed after it had pinned the link beside its place.
TEST_F(PacketPathTest, ALinkThatHasNotReachedItsNameStaysInForce) {
  if (!HasTcx()) GTEST_SKIP() << "a filter has no pin";
  datapath_ = Open(WithPackets());
  ASSERT_NE(datapath_, nullptr);
  Serve(*datapath_);
  datapath_.reset();
  const std::string pin = bpffs_ + "/shunt/links/device_77_ingress";
  ASSERT_EQ(rename(pin.c_str(), (pin + "_next").c_str()), 0);
  datapath_ = Open(WithPackets());
  ASSERT_NE(datapath_, nullptr);
  EXPECT_EQ(ProgramsOn(kEth0), 2u);
  EXPECT_EQ(access(pin.c_str(), F_OK), 0);
}

TEST_F(PacketPathTest, WhatHasGoneWithItsPinIsBroughtBack) {
  datapath_ = Open(WithPackets());
  ASSERT_NE(datapath_, nullptr);
  Serve(*datapath_);
  ASSERT_TRUE(Ticks());
  ASSERT_EQ(unlink(Sweeper().c_str()), 0);
  for (int i = 0; i < 200 && access(Sweeper().c_str(), F_OK) != 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    datapath_->Reclaim();
  }
  EXPECT_EQ(access(Sweeper().c_str(), F_OK), 0);
  EXPECT_TRUE(Ticks());
}

TEST_F(PacketPathTest, WhatAnEarlierPlanServesMeanwhileIsNotCalledFresh) {
  datapath_ = Open(WithPackets());
  ASSERT_NE(datapath_, nullptr);
  Serve(*datapath_);
  const std::string sweeper = Sweeper();
  // In the way of the collector's pin.
  ASSERT_EQ(unlink(sweeper.c_str()), 0);
  ASSERT_EQ(mkdir(sweeper.c_str(), 0700), 0);
  KernelOptions other = WithPackets();
  other.limits.pools *= 2;
  ASSERT_NO_FATAL_FAILURE(Restart(other));
  Serve(*datapath_);
  EXPECT_EQ(ProgramsOn(kEth0), 2u);
  EXPECT_THAT(datapath_->problems(), ElementsAre(HasSubstr("by an earlier agent's programs")));
  shunt_meta before{}, after{};
  ASSERT_TRUE(datapath_->tables().meta->Load(0, MutableBytesOf(before)).ok());
  const std::chrono::milliseconds later(before.applied_ms + 5000);
  EXPECT_TRUE(datapath_->GiveSignOfLife(later).ok());
  ASSERT_TRUE(datapath_->tables().meta->Load(0, MutableBytesOf(after)).ok());
  EXPECT_EQ(after.applied_ms, before.applied_ms);

  ASSERT_EQ(rmdir(sweeper.c_str()), 0);
  for (int i = 0; i < 200 && !datapath_->problems().empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    datapath_->Reclaim();
  }
  EXPECT_THAT(datapath_->problems(), IsEmpty());
  EXPECT_TRUE(datapath_->GiveSignOfLife(later).ok());
  ASSERT_TRUE(datapath_->tables().meta->Load(0, MutableBytesOf(after)).ok());
  EXPECT_NE(after.applied_ms, before.applied_ms);
}

TEST_F(PacketPathTest, OffItLeavesNoProgramAtADevice) {
  datapath_ = Open(WithPackets());
  ASSERT_NE(datapath_, nullptr);
  Serve(*datapath_);
  datapath_.reset();
  EXPECT_EQ(ProgramsOn(kEth0), 2u) << "without an agent they stay";
  datapath_ = Open(Options());
  ASSERT_NE(datapath_, nullptr);
  EXPECT_EQ(ProgramsOn(kEth0), 0u);
  EXPECT_EQ(Features() & SHUNT_FEATURE_PACKETS, 0u);
  EXPECT_THAT(datapath_->notes(), ::testing::Contains(HasSubstr("an earlier agent had the packet path")));
}

// That of an agent with other pins, which is being restarted and so has no lock of the network.
TEST_F(PacketPathTest, OffFromTheStartItLeavesAFilterOfAnotherAgent) {
  const bpf_insn pass[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = TC_ACT_UNSPEC},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  const posix::FileDescriptor program(
      bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "shunt_ingress", "GPL", pass, std::size(pass), nullptr));
  ASSERT_TRUE(program.ok());
  ASSERT_TRUE(PutFilter(program.get(), kEth0, Direction::kIngress).ok());
  ASSERT_EQ(ProgramsOn(kEth0), 1u);
  datapath_ = Open(Options());
  ASSERT_NE(datapath_, nullptr);
  EXPECT_EQ(ProgramsOn(kEth0), 1u);

  // Once an agent with these pins has had the packet path, what is left there is its own.
  ASSERT_NO_FATAL_FAILURE(Restart(WithPackets()));
  Serve(*datapath_);
  ASSERT_TRUE(PutFilter(program.get(), kEth0, Direction::kIngress).ok());
  ASSERT_NO_FATAL_FAILURE(Restart(Options()));
  EXPECT_EQ(ProgramsOn(kEth0), 0u);
}

TEST_F(PacketPathTest, ThePortsOfFlowsAreReservedForAsLongAsItIsOn) {
  datapath_ = Open(WithPackets());
  ASSERT_NE(datapath_, nullptr);
  EXPECT_EQ(ReservedPorts(), "");
  Serve(*datapath_);
  EXPECT_EQ(ReservedPorts(), "49152-65535");
  datapath_.reset();
  EXPECT_EQ(ReservedPorts(), "49152-65535") << "the programs go on lending them";
  datapath_ = Open(Options());
  ASSERT_NE(datapath_, nullptr);
  EXPECT_EQ(ReservedPorts(), "");
  KernelOptions observing = WithPackets();
  observing.observe = true;
  ASSERT_NO_FATAL_FAILURE(Restart(observing));
  Serve(*datapath_);
  EXPECT_EQ(ReservedPorts(), "") << "an observer changes nothing";
}

// That day, what has no flow may be another proxy's.
TEST_F(PacketPathTest, ItsFirstDayBeginsWhenItIsSwitchedOnAndNotWhenAnAgentStarts) {
  datapath_ = Open(WithPackets());
  ASSERT_NE(datapath_, nullptr);
  Serve(*datapath_);
  ASSERT_TRUE(Ticks()) << "the first step of all would take it for a pause";
  constexpr uint32_t kWord = offsetof(shunt_flow_level, translating_since) / sizeof(uint64_t);
  ASSERT_TRUE(datapath_->tables().flow_level->StoreWord(0, kWord, 7).ok());
  ASSERT_NO_FATAL_FAILURE(Restart(WithPackets()));
  Serve(*datapath_);
  EXPECT_EQ(TranslatingSince(), 7u);
  KernelOptions off = WithPackets();
  off.packets.reset();
  ASSERT_NO_FATAL_FAILURE(Restart(off));
  Serve(*datapath_);
  ASSERT_NO_FATAL_FAILURE(Restart(WithPackets()));
  Serve(*datapath_);
  EXPECT_EQ(TranslatingSince(), 0u);
}

// No pin tells whose a filter is: it is the agent's that has the network.
TEST_F(PacketPathTest, CleaningUpAfterAnotherAgentLeavesTheFiltersOfOneThatRuns) {
  datapath_ = Open(WithPackets());
  ASSERT_NE(datapath_, nullptr);
  Serve(*datapath_);
  const posix::FileDescriptor ingress = testing::LoadPassing();
  ASSERT_TRUE(PutFilter(ingress.get(), kEth0, Direction::kIngress).ok());
  const size_t programs = ProgramsOn(kEth0);
  const absl::StatusOr<std::string> other = world_->NewBpffs();
  ASSERT_TRUE(other.ok() && PinDirectory::OpenOrCreate(*other).ok());
  std::vector<std::string> removed;
  EXPECT_TRUE(Cleanup(*other, &removed).ok());
  EXPECT_EQ(ProgramsOn(kEth0), programs);
  datapath_.reset();
  ASSERT_TRUE(PinDirectory::OpenOrCreate(*other).ok());
  EXPECT_TRUE(Cleanup(*other, &removed).ok());
  EXPECT_EQ(ProgramsOn(kEth0), HasTcx() ? 2u : 0u) << "without an agent, only links tell whose they are";
  EXPECT_TRUE(RemoveFilter(kEth0, Direction::kIngress).ok());
}

TEST_F(PacketPathTest, TwoAgentsOfOneNetworkAreOneTooMany) {
  datapath_ = Open(WithPackets());
  ASSERT_NE(datapath_, nullptr);
  KernelOptions second = WithPackets();
  second.bpffs = *world_->NewBpffs();
  second.cgroup = *world_->NewCgroup();
  const absl::Status refused = KernelDatapath::Open(second).status();
  EXPECT_THAT(refused.message(), HasSubstr("has the packet path of this network namespace"));
}

}  // namespace
}  // namespace shunt::datapath
