// SPDX-License-Identifier: Apache-2.0
// Devices of a network namespace of the test's own: what is read of them, and which changes are announced.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <memory>

#include "userspace/datapath/kernel/devices/link_list.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"
#include "userspace/datapath/kernel/testing/test_devices.h"
#include "userspace/datapath/kernel/testing/test_node.h"

namespace shunt::datapath {
namespace {

using model::IpAddress;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LinkWatchTest : public SandboxTest {
 protected:
  void SetUp() override {
    SandboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    absl::StatusOr<std::unique_ptr<testing::TestNode>> node = testing::TestNode::Create();
    ASSERT_TRUE(node.ok()) << node.status();
    node_ = *std::move(node);
  }

  Link Read(uint32_t index) {
    const absl::StatusOr<std::vector<Link>> links = ReadLinks();
    EXPECT_TRUE(links.ok()) << links.status();
    for (const Link& link : *links) {
      if (link.index == index) return link;
    }
    return {};
  }

  std::unique_ptr<testing::TestNode> node_;
};

TEST_F(LinkWatchTest, ReadsDevicesWithTheirAddresses) {
  ASSERT_TRUE(node_->AddDevice("veth7", 77).ok());
  const absl::StatusOr<std::vector<Link>> before = ReadLinks();
  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_TRUE(std::is_sorted(before->begin(), before->end(), [](auto& a, auto& b) { return a.index < b.index; }));
  EXPECT_TRUE(Read(1).loopback);
  EXPECT_THAT(Read(1).addresses, IsEmpty()) << "loopback addresses are nothing for others";
  const Link veth = Read(77);
  EXPECT_EQ(veth.name, "veth7");
  EXPECT_EQ(veth.kind, "veth");
  EXPECT_EQ(veth.mtu, 1500u);
  EXPECT_NE(veth.mac, (std::array<uint8_t, 6>{}));
  EXPECT_FALSE(veth.up);
  EXPECT_TRUE(veth.peer_elsewhere);

  ASSERT_TRUE(testing::SetUp(77, true).ok());
  ASSERT_TRUE(testing::AddAddress(77, *IpAddress::Parse("192.0.2.9"), 24).ok());
  ASSERT_TRUE(testing::AddAddress(77, *IpAddress::Parse("192.0.2.1"), 24).ok());
  ASSERT_TRUE(testing::AddAddress(77, *IpAddress::Parse("169.254.1.1"), 16).ok());
  ASSERT_TRUE(testing::AddAddress(77, *IpAddress::Parse("2001:db8::9"), 64).ok());
  EXPECT_TRUE(Read(77).up);
  EXPECT_THAT(Read(77).addresses,
              ::testing::UnorderedElementsAre(LinkAddress{*IpAddress::Parse("192.0.2.9"), 24, false},
                                              LinkAddress{*IpAddress::Parse("192.0.2.1"), 24, true},
                                              LinkAddress{*IpAddress::Parse("2001:db8::9"), 64, false}))
      << "link-local ones are left out";
}

TEST_F(LinkWatchTest, APortKnowsItsBridge) {
  ASSERT_TRUE(node_->AddDevice("veth7", 77).ok());
  ASSERT_TRUE(testing::AddBridge("cni0").ok());
  const uint32_t bridge = if_nametoindex("cni0");
  ASSERT_TRUE(testing::SetMaster(77, bridge).ok());
  EXPECT_EQ(Read(77).master, bridge);
  EXPECT_EQ(Read(77).master_kind, "bridge");
  EXPECT_EQ(Read(bridge).kind, "bridge");
  EXPECT_EQ(Read(bridge).master_kind, "");
}

TEST_F(LinkWatchTest, EveryChangeIsAnnounced) {
  absl::StatusOr<LinkWatch> watch = LinkWatch::Open();
  ASSERT_TRUE(watch.ok()) << watch.status();
  const auto announced = [&] {
    pollfd readable{.fd = watch->fd(), .events = POLLIN, .revents = 0};
    const bool is_readable = poll(&readable, 1, 0) == 1;
    const absl::StatusOr<bool> changed = watch->Drain();
    EXPECT_TRUE(changed.ok()) << changed.status();
    EXPECT_EQ(is_readable, *changed);
    return *changed;
  };
  EXPECT_FALSE(announced()) << "nothing has changed";
  ASSERT_TRUE(node_->AddDevice("veth7", 77).ok());
  EXPECT_TRUE(announced()) << "a device has come";
  ASSERT_TRUE(testing::Rename(77, "uplink").ok());
  EXPECT_TRUE(announced()) << "it is renamed";
  ASSERT_TRUE(testing::SetUp(77, true).ok());
  EXPECT_TRUE(announced()) << "it is up";
  ASSERT_TRUE(testing::AddAddress(77, *IpAddress::Parse("192.0.2.9"), 24).ok());
  EXPECT_TRUE(announced()) << "it has an address";
  ASSERT_TRUE(testing::DeleteDevice(77).ok());
  EXPECT_TRUE(announced()) << "it has gone";
}

}  // namespace
}  // namespace shunt::datapath
