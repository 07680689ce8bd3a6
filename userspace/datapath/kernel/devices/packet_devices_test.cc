// SPDX-License-Identifier: Apache-2.0
// Rows and programs follow devices that come, change and go, in a network namespace of the test's own. The map is
// memory, so that it can refuse rows, and so that the order of rows and programs shows.
#include "userspace/datapath/kernel/devices/packet_devices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <poll.h>

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/kernel/devices/tc_filter.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"
#include "userspace/datapath/kernel/testing/test_devices.h"
#include "userspace/datapath/kernel/testing/test_node.h"
#include "userspace/datapath/testing/memory_table.h"

namespace shunt::datapath {
namespace {

using model::IpAddress;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PacketDevicesTest : public SandboxTest {
 protected:
  void SetUp() override {
    SandboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    absl::StatusOr<PinDirectory> pins = PinDirectory::OpenOrCreate(bpffs_);
    ASSERT_TRUE(pins.ok()) << pins.status();
    pins_ = *pins;
    absl::StatusOr<std::unique_ptr<testing::TestNode>> node = testing::TestNode::Create();
    ASSERT_TRUE(node.ok()) << node.status();
    node_ = *std::move(node);
    program_ = testing::LoadPassing();
    ASSERT_TRUE(program_.ok());
    rows_.name = "devices";
    rows_.kind = TableKind::kHash;
    rows_.value_size = sizeof(shunt_device);
    rows_.capacity = 16;
  }
  void TearDown() override {
    node_.reset();
    SandboxTest::TearDown();
  }

  void AddUplink(const std::string& name, uint32_t index, const char* address) {
    ASSERT_TRUE(node_->AddDevice(name, index).ok());
    ASSERT_TRUE(testing::AddAddress(index, *IpAddress::Parse(address), 24).ok());
  }

  // Filters, because their order with the rows can be asked for on every kernel.
  PacketDevices Open(DeviceSettings settings) {
    absl::StatusOr<DeviceHooks> hooks =
        DeviceHooks::Open(*pins_, DeviceHookKind::kClsact, program_.get(), program_.get());
    EXPECT_TRUE(hooks.ok()) << hooks.status();
    absl::StatusOr<PacketDevices> devices = PacketDevices::Open(*std::move(hooks), table_, std::move(settings), [this] {
      ++graces_;
      return grace_;
    });
    EXPECT_TRUE(devices.ok()) << devices.status();
    return *std::move(devices);
  }

  static DeviceHookChanges Follow(PacketDevices& devices) {
    absl::StatusOr<DeviceHookChanges> changes = devices.Follow();
    EXPECT_TRUE(changes.ok()) << changes.status();
    return *std::move(changes);
  }

  static bool IsReadable(const PacketDevices& devices) {
    pollfd readable{.fd = devices.fd(), .events = POLLIN, .revents = 0};
    return poll(&readable, 1, 0) == 1;
  }

  std::optional<shunt_device> Row(uint32_t index) const {
    std::optional<shunt_device> found;
    EXPECT_TRUE(table_
                    .ForEach([&](Bytes key, Bytes value) {
                      if (FromBytes<uint32_t>(key) == index) found = FromBytes<shunt_device>(value);
                    })
                    .ok());
    return found;
  }
  static std::string SourceOf(const std::optional<shunt_device>& row) {
    return row.has_value() ? DecodeAddress(row->source_v4).ToString() : "no row";
  }
  static size_t ProgramsOn(uint32_t index) {
    return FiltersOn(index, Direction::kIngress)->size() + FiltersOn(index, Direction::kEgress)->size();
  }
  static DeviceState StateOf(const PacketDevices& devices, const std::string& name) {
    for (const DeviceState& state : devices.devices()) {
      if (state.name == name) return state;
    }
    ADD_FAILURE() << "there is no " << name;
    return {};
  }

  int graces_ = 0;      // how many there have been
  absl::Status grace_;  // what the next ones return
  std::optional<PinDirectory> pins_;
  std::unique_ptr<testing::TestNode> node_;
  posix::FileDescriptor program_;
  MemoryRows rows_;
  WriteHooks write_hooks_;
  MemoryTable table_{rows_, write_hooks_};
};

TEST_F(PacketDevicesTest, ChosenDevicesHaveProgramsAndEveryDeviceSaysWhyNot) {
  AddUplink("eth0", 77, "192.0.2.10");
  ASSERT_TRUE(node_->AddDevice("cali1", 78).ok());
  PacketDevices devices = Open({{"auto"}, {}});
  EXPECT_THAT(Follow(devices).attached, ElementsAre("eth0"));
  EXPECT_TRUE(StateOf(devices, "eth0").in_force);
  EXPECT_EQ(StateOf(devices, "eth0").why_not, "");
  EXPECT_EQ(ProgramsOn(77), 2u);
  EXPECT_FALSE(StateOf(devices, "cali1").in_force);
  EXPECT_THAT(StateOf(devices, "cali1").why_not, HasSubstr("not among"));
  EXPECT_EQ(SourceOf(Row(78)), "192.0.2.10") << "packets may leave by it";
  EXPECT_EQ(ProgramsOn(78), 0u);
  EXPECT_THAT(StateOf(devices, "lo").why_not, HasSubstr("loopback"));
  EXPECT_FALSE(Row(1).has_value());
  EXPECT_THAT(devices.Problems(), IsEmpty());
}

TEST_F(PacketDevicesTest, ARowIsThereBeforeTheProgramsAndAfterThem) {
  AddUplink("eth0", 77, "192.0.2.10");
  int writes = 0;
  write_hooks_.before = [&](absl::string_view) {
    ++writes;
    EXPECT_EQ(ProgramsOn(77), 0u);
    return absl::OkStatus();
  };
  {
    PacketDevices devices = Open({{"eth0"}, {}});
    Follow(devices);
  }
  EXPECT_EQ(writes, 1);
  EXPECT_EQ(ProgramsOn(77), 2u) << "they stay without their agent";
  // As a port of a bond, a device of this name has neither.
  ASSERT_TRUE(testing::Rename(77, "kube-ipvs0").ok());
  PacketDevices devices = Open({{"eth0"}, {}});
  EXPECT_THAT(Follow(devices).detached, ElementsAre("kube-ipvs0"));
  EXPECT_EQ(writes, 2);
  EXPECT_FALSE(Row(77).has_value());
}

TEST_F(PacketDevicesTest, DevicesComeChangeAndGo) {
  PacketDevices devices = Open({{"auto"}, {"cali*"}});
  Follow(devices);
  EXPECT_FALSE(IsReadable(devices));
  AddUplink("eth0", 77, "192.0.2.10");
  ASSERT_TRUE(IsReadable(devices));
  EXPECT_THAT(Follow(devices).attached, ElementsAre("eth0"));
  EXPECT_FALSE(IsReadable(devices));
  EXPECT_EQ(SourceOf(Row(77)), "192.0.2.10");

  ASSERT_TRUE(node_->AddDevice("cali1", 78).ok());
  ASSERT_TRUE(IsReadable(devices));
  EXPECT_THAT(Follow(devices).attached, ElementsAre("cali1"));

  ASSERT_TRUE(testing::DeleteAddress(77, *IpAddress::Parse("192.0.2.10"), 24).ok());
  ASSERT_TRUE(testing::AddAddress(77, *IpAddress::Parse("198.51.100.7"), 24).ok());
  ASSERT_TRUE(IsReadable(devices));
  EXPECT_THAT(Follow(devices).attached, IsEmpty());
  EXPECT_EQ(SourceOf(Row(77)), "198.51.100.7");
  EXPECT_EQ(SourceOf(Row(78)), "198.51.100.7") << "it uses the node's";

  ASSERT_TRUE(testing::Rename(78, "other").ok());
  EXPECT_THAT(Follow(devices).detached, ElementsAre("other")) << "it has no name of the settings";
  EXPECT_EQ(ProgramsOn(78), 0u);
  ASSERT_TRUE(testing::DeleteDevice(77).ok());
  ASSERT_TRUE(IsReadable(devices));
  Follow(devices);
  EXPECT_FALSE(Row(77).has_value());
}

TEST_F(PacketDevicesTest, MemoryThatARowHasGivenBackRestsBeforeTheNextRow) {
  PacketDevices devices = Open({{"auto"}, {}});
  AddUplink("eth0", 77, "192.0.2.10");
  ASSERT_TRUE(node_->AddDevice("cali1", 78).ok());
  Follow(devices);
  EXPECT_EQ(graces_, 0) << "new rows replace none";
  ASSERT_TRUE(testing::DeleteAddress(77, *IpAddress::Parse("192.0.2.10"), 24).ok());
  ASSERT_TRUE(testing::AddAddress(77, *IpAddress::Parse("198.51.100.7"), 24).ok());
  Follow(devices);
  EXPECT_EQ(SourceOf(Row(78)), "198.51.100.7");
  EXPECT_EQ(graces_, 1) << "between the two rows that are replaced";
  ASSERT_TRUE(testing::DeleteDevice(78).ok());
  Follow(devices);
  EXPECT_EQ(graces_, 1);

  grace_ = absl::UnavailableError("no grace period");
  AddUplink("eth1", 79, "192.0.2.11");
  EXPECT_THAT(Follow(devices).attached, IsEmpty());
  EXPECT_FALSE(Row(79).has_value());
  EXPECT_THAT(devices.Problems(), ElementsAre(AllOf(HasSubstr("device eth1"), HasSubstr("no grace period"))));
  grace_ = absl::OkStatus();
  EXPECT_THAT(Follow(devices).attached, ElementsAre("eth1"));
}

TEST_F(PacketDevicesTest, WhatAnotherProcessChangesIsPutRight) {
  AddUplink("eth0", 77, "192.0.2.10");
  PacketDevices devices = Open({{"auto"}, {}});
  Follow(devices);
  ASSERT_EQ(*RemoveFilter(77, Direction::kIngress), true);
  const uint32_t eth0 = 77, gone = 99;
  const shunt_device other{};
  ASSERT_TRUE(table_.Put(BytesOf(eth0), BytesOf(other)).ok());
  ASSERT_TRUE(table_.Put(BytesOf(gone), BytesOf(other)).ok());
  EXPECT_THAT(Follow(devices).healed, ElementsAre("eth0"));
  EXPECT_EQ(ProgramsOn(77), 2u);
  EXPECT_EQ(SourceOf(Row(77)), "192.0.2.10");
  EXPECT_FALSE(Row(99).has_value());
}

TEST_F(PacketDevicesTest, ADeviceWithoutARowHasNoProgramsAndThatIsAProblem) {
  AddUplink("eth0", 77, "192.0.2.10");
  write_hooks_.before = [](absl::string_view) { return absl::ResourceExhaustedError("devices: it is full"); };
  PacketDevices devices = Open({{"auto"}, {}});
  EXPECT_THAT(Follow(devices).attached, IsEmpty());
  EXPECT_EQ(ProgramsOn(77), 0u);
  EXPECT_THAT(devices.Problems(),
              ElementsAre(AllOf(HasSubstr("device eth0 is without the packet path"), HasSubstr("it is full"))));
  write_hooks_.before = nullptr;
  EXPECT_THAT(Follow(devices).attached, ElementsAre("eth0"));
  EXPECT_THAT(devices.Problems(), IsEmpty());
}

TEST_F(PacketDevicesTest, ANameThatNoDeviceHasIsAProblemUntilItComes) {
  PacketDevices devices = Open({{"eth*"}, {}});
  Follow(devices);
  EXPECT_THAT(devices.Problems(), ElementsAre(HasSubstr("no device has the name eth*")));
  AddUplink("eth0", 77, "192.0.2.10");
  Follow(devices);
  EXPECT_THAT(devices.Problems(), IsEmpty());
}

}  // namespace
}  // namespace shunt::datapath
