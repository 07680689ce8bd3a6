// SPDX-License-Identifier: Apache-2.0
// What a host says of itself for the check of the packet path, in a network namespace of the test's own.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/if_link.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/kernel/attach/firewall_chains.h"
#include "userspace/datapath/kernel/attach/packet_check.h"
#include "userspace/datapath/kernel/attach/reserved_ports.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"
#include "userspace/datapath/kernel/testing/test_devices.h"
#include "userspace/datapath/kernel/testing/test_node.h"
#include "userspace/model/ip_address.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr uint32_t kUplink = 77;
constexpr PortRange kPorts = {49152, 65535};

void Write(const std::string& sysctl, const std::string& value) {
  std::ofstream file("/proc/sys/net/" + sysctl);
  ASSERT_TRUE(file << value << std::flush) << sysctl;
}

// Runs a command of the shell in this thread's namespace. Returns whether it succeeded.
bool Shell(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

class PacketFactsTest : public SandboxTest {
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
    ASSERT_TRUE(node_->AddDevice("eth7", kUplink).ok());
    ASSERT_TRUE(testing::SetUp(kUplink, true).ok());
  }
  void TearDown() override {
    node_.reset();
    SandboxTest::TearDown();
  }

  PacketFacts Read() { return ReadPacketFacts(*pins_, {.external = {"eth*"}, .pods = {}}, kPorts); }
  PacketDeviceFacts Uplink() {
    for (const PacketDeviceFacts& device : Read().devices) {
      if (device.name == "eth7") return device;
    }
    ADD_FAILURE() << "no facts of eth7";
    return {};
  }

  std::optional<PinDirectory> pins_;
  std::unique_ptr<testing::TestNode> node_;
};

TEST_F(PacketFactsTest, SettingsAreThoseOfTheNamespace) {
  Write("ipv4/ip_forward", "0");
  EXPECT_FALSE(Read().forwards_v4);
  EXPECT_FALSE(Uplink().forwards_v4);
  Write("ipv4/ip_forward", "1");
  EXPECT_TRUE(Read().forwards_v4);
  Write("ipv4/conf/eth7/forwarding", "1");
  Write("ipv6/conf/all/forwarding", "1");
  Write("ipv4/conf/all/rp_filter", "0");
  Write("ipv4/conf/eth7/rp_filter", "0");
  EXPECT_TRUE(Uplink().forwards_v4);
  EXPECT_TRUE(Uplink().attach);
  EXPECT_EQ(Uplink().role, SHUNT_DEVICE_EXTERNAL);
  EXPECT_EQ(Uplink().mtu, 1500u);
  EXPECT_FALSE(Uplink().strict_rp_filter);
  EXPECT_TRUE(Read().forwards_v6);
  EXPECT_EQ(Read().missing_ports, "49152-65535");

  Write("ipv4/conf/eth7/forwarding", "0");
  Write("ipv6/conf/all/forwarding", "0");
  Write("ipv4/conf/eth7/rp_filter", "1");
  ASSERT_TRUE(ReservePorts(*pins_, kPorts).ok());
  EXPECT_FALSE(Uplink().forwards_v4);
  EXPECT_TRUE(Uplink().strict_rp_filter);
  EXPECT_FALSE(Read().forwards_v6);
  EXPECT_EQ(Read().missing_ports, "");

  Write("ipv4/conf/all/rp_filter", "2");
  EXPECT_FALSE(Uplink().strict_rp_filter) << "the higher of the two counts, and 2 is loose";
}

TEST_F(PacketFactsTest, TheDefaultRoutesDeviceIsKnown) {
  EXPECT_FALSE(Uplink().has_default_route);
  ASSERT_TRUE(testing::AddAddress(kUplink, *model::IpAddress::Parse("192.0.2.10"), 24).ok());
  EXPECT_FALSE(Uplink().has_default_route);
  ASSERT_TRUE(Shell("ip route add default via 192.0.2.1"));
  EXPECT_TRUE(Uplink().has_default_route);
}

TEST_F(PacketFactsTest, AnXdpProgramGetsPacketsFirst) {
  EXPECT_THAT(Uplink().before_us, IsEmpty());
  const bpf_insn pass[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = XDP_PASS},
                           {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  const posix::FileDescriptor program(bpf_prog_load(BPF_PROG_TYPE_XDP, "other", "GPL", pass, std::size(pass), nullptr));
  ASSERT_TRUE(program.ok());
  ASSERT_EQ(bpf_xdp_attach(kUplink, program.get(), XDP_FLAGS_SKB_MODE, nullptr), 0);
  EXPECT_THAT(Uplink().before_us, ElementsAre(StartsWith("the XDP program ")));
}

TEST_F(PacketFactsTest, ChainsOfNftablesAreListedWithTheirPolicy) {
  EXPECT_THAT(Read().chains, IsEmpty());
  if (!Shell("command -v nft")) GTEST_SKIP() << "the program nft is missing: install nftables";
  ASSERT_TRUE(Shell("nft add table ip6 kube-proxy && nft add chain ip6 kube-proxy services"));
  ASSERT_TRUE(
      Shell("nft add table inet filter && nft \"add chain inet filter forward "
            "{ type filter hook forward priority 0; policy drop; }\""));
  ASSERT_TRUE(Shell("nft \"add chain inet filter input { type filter hook input priority 0; policy drop; }\""));
  EXPECT_THAT(Read().chains,
              ::testing::UnorderedElementsAre(
                  FirewallChain{.family = "ip6", .table = "kube-proxy", .name = "services"},
                  FirewallChain{.family = "inet", .table = "filter", .name = "forward", .drops_forwarded = true},
                  FirewallChain{.family = "inet", .table = "filter", .name = "input"}));
}

TEST_F(PacketFactsTest, ChainsOfTheOlderIptablesAreListed) {
  if (!Shell("iptables-legacy -t nat -N KUBE-SERVICES")) GTEST_SKIP() << "no iptables-legacy, or not in this kernel";
  ASSERT_TRUE(Shell("iptables-legacy -t nat -A PREROUTING -j KUBE-SERVICES"));
  EXPECT_THAT(Read().chains, Contains(FirewallChain{.family = "ip", .table = "nat", .name = "KUBE-SERVICES"}));
}

}  // namespace
}  // namespace shunt::datapath
