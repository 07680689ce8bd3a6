// SPDX-License-Identifier: Apache-2.0
// Programs at devices, by links and by filters: put in force, taken over, healed and removed, beside those of others.
// Packets between the ends of a veth in namespaces of the test's own say which program runs.
#include "userspace/datapath/kernel/devices/device_hooks.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <iterator>
#include <memory>
#include <optional>
#include <thread>

#include "tests/sandbox/network_namespace.h"
#include "userspace/datapath/kernel/attach/cleanup.h"
#include "userspace/datapath/kernel/devices/link_list.h"
#include "userspace/datapath/kernel/devices/tc_filter.h"
#include "userspace/datapath/kernel/devices/tcx_link.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"
#include "userspace/datapath/kernel/testing/test_devices.h"
#include "userspace/datapath/kernel/testing/test_node.h"

namespace shunt::datapath {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A program that counts packets and lets the next program, or the kernel, have them, unless another verdict is given.
class CountingProgram {
 public:
  explicit CountingProgram(int verdict = TC_ACT_UNSPEC, const char* map_name = "count") {
    LIBBPF_OPTS(bpf_map_create_opts, map_options);
    map_ = posix::FileDescriptor(bpf_map_create(BPF_MAP_TYPE_ARRAY, map_name, 4, 8, 1, &map_options));
    // r1 = &count[0]; r2 = 1; *r1 += r2, atomically; return verdict
    const bpf_insn code[] = {
        {.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_VALUE, .off = 0, .imm = map_.get()},
        {.code = 0, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .src_reg = 0, .off = 0, .imm = 1},
        {.code = BPF_STX | BPF_ATOMIC | BPF_DW, .dst_reg = 1, .src_reg = 2, .off = 0, .imm = BPF_ADD},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = verdict},
        {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
    LIBBPF_OPTS(bpf_prog_load_opts, options);
    program_ = posix::FileDescriptor(
        bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "counting", "GPL", code, std::size(code), &options));
    EXPECT_TRUE(map_.ok() && program_.ok());
  }

  int fd() const { return program_.get(); }
  uint64_t count() const {
    const uint32_t row = 0;
    uint64_t count = 0;
    EXPECT_EQ(bpf_map_lookup_elem(map_.get(), &row, &count), 0);
    return count;
  }

 private:
  posix::FileDescriptor map_, program_;
};

struct Programs {
  CountingProgram ingress, egress;
};

constexpr uint32_t kDevice = 77;

class DeviceHooksTest : public SandboxTest, public ::testing::WithParamInterface<DeviceHookKind> {
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
    AddDevice("veth7", kDevice);
  }
  void TearDown() override {
    node_.reset();
    SandboxTest::TearDown();
  }

  static bool IsTcx() { return GetParam() == DeviceHookKind::kTcx; }

  void AddDevice(const std::string& name, uint32_t index) {
    absl::Status status = node_->AddDevice(name, index);
    ASSERT_TRUE(status.ok()) << status;
    BringUp(name, index);
  }
  void BringUp(const std::string& name, uint32_t index) {
    ASSERT_TRUE(testing::SetUp(index, true).ok());
    const sandbox::InNamespace in_pod(node_->outside());
    ASSERT_TRUE(testing::SetUp(if_nametoindex(name.c_str()), true).ok());
  }

  DeviceHooks Open(const Programs& programs) {
    absl::StatusOr<DeviceHooks> hooks =
        DeviceHooks::Open(*pins_, GetParam(), programs.ingress.fd(), programs.egress.fd());
    EXPECT_TRUE(hooks.ok()) << hooks.status();
    return *std::move(hooks);
  }

  // As the agent does, with all devices that there are.
  static DeviceHookChanges Follow(DeviceHooks& hooks, const std::vector<HookedDevice>& wanted) {
    const absl::StatusOr<std::vector<Link>> links = ReadLinks();
    EXPECT_TRUE(links.ok()) << links.status();
    std::vector<HookedDevice> present;
    for (const Link& link : *links) present.push_back(HookedDevice{link.index, link.name});
    DeviceHookChanges changes = hooks.Follow(wanted, present);
    for (const auto& [device, failure] : changes.failures) ADD_FAILURE() << device << ": " << failure;
    return changes;
  }

  // Sends a packet of a protocol that nothing else uses out of the device.
  static void Send(uint32_t device) {
    const posix::FileDescriptor fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    ASSERT_TRUE(fd.ok());
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = static_cast<int>(device);
    std::array<uint8_t, 64> frame{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};
    EXPECT_EQ(sendto(fd.get(), frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof(to)),
              static_cast<ssize_t>(frame.size()));
  }

  // Returns whether the program counts what a device gets or sends. Packets arrive some time after they were sent.
  template <typename SendOne>
  static bool Counts(const CountingProgram& program, const SendOne& send) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    const uint64_t before = program.count();
    send();
    while (program.count() == before && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return program.count() > before;
  }
  void SendFromPod(const std::string& name = "veth7") {
    const sandbox::InNamespace in_pod(node_->outside());
    Send(if_nametoindex(name.c_str()));
  }
  void ExpectInForce(const Programs& programs) {
    EXPECT_TRUE(Counts(programs.ingress, [&] { SendFromPod(); }));
    EXPECT_TRUE(Counts(programs.egress, [] { Send(kDevice); }));
  }
  // `witness` has to be at the device.
  void ExpectNotInForce(const Programs& programs, const Programs& witness) {
    const uint64_t ingress = programs.ingress.count(), egress = programs.egress.count();
    ExpectInForce(witness);
    EXPECT_EQ(programs.ingress.count(), ingress);
    EXPECT_EQ(programs.egress.count(), egress);
  }

  // At the place of clsact, which takes qdiscs of two kinds.
  static tcmsg QdiscPlace() {
    tcmsg place{};
    place.tcm_ifindex = kDevice;
    place.tcm_parent = TC_H_CLSACT;
    place.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
    return place;
  }
  static void AddQdiscOfAnother(const std::string& kind) {
    RouteRequest request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, QdiscPlace());
    request.AddText(TCA_KIND, kind);
    ASSERT_TRUE(ChangeRoute("add a qdisc", request).ok());
  }
  // A filter at the device's ingress hook, as another program would add it.
  static void AddFilterOfAnother(int program_fd, uint32_t priority, uint32_t handle) {
    AddQdiscOfAnother("clsact");
    tcmsg place = QdiscPlace();
    place.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
    place.tcm_handle = handle;
    place.tcm_info = TC_H_MAKE(priority << 16, htons(ETH_P_ALL));
    RouteRequest request(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, place);
    request.AddText(TCA_KIND, "bpf");
    const size_t options = request.BeginNest(TCA_OPTIONS);
    request.AddValue<int32_t>(TCA_BPF_FD, program_fd);
    request.AddText(TCA_BPF_NAME, "theirs");
    request.AddValue<uint32_t>(TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
    request.EndNest(options);
    absl::Status status = ChangeRoute("add a filter", request);
    ASSERT_TRUE(status.ok()) << status;
  }

  // How many programs are at a hook of the device, whosever they are.
  size_t ProgramsAt(Direction direction, uint32_t device = kDevice) {
    return IsTcx() ? TcxLinksOn(device, direction)->size() : FiltersOn(device, direction)->size();
  }
  std::string Pin(Direction direction) const {
    return pins_->LinkPath(std::string("device_77_") + DirectionName(direction));
  }
  // As another process does it.
  void TakeAway(Direction direction) {
    if (IsTcx()) {
      DetachPinnedLink(Pin(direction));
    } else {
      EXPECT_EQ(*RemoveFilter(kDevice, direction), true);
    }
  }

  const HookedDevice veth_{kDevice, "veth7"};
  std::optional<PinDirectory> pins_;
  std::unique_ptr<testing::TestNode> node_;
};

class DeviceLinksTest : public DeviceHooksTest {};
class DeviceFiltersTest : public DeviceHooksTest {};

// The kinds that this kernel has: every kernel has filters.
std::vector<DeviceHookKind> KindsHere() {
  std::vector<DeviceHookKind> kinds = {DeviceHookKind::kClsact};
  if (BestDeviceHookKind() == DeviceHookKind::kTcx) kinds.push_back(DeviceHookKind::kTcx);
  return kinds;
}

std::string KindName(const ::testing::TestParamInfo<DeviceHookKind>& kind) {
  return DeviceHookKindName(kind.param);
}

std::vector<DeviceHookKind> LinksIfHere() {
  std::vector<DeviceHookKind> kinds = KindsHere();
  std::erase(kinds, DeviceHookKind::kClsact);
  return kinds;
}

INSTANTIATE_TEST_SUITE_P(Kinds, DeviceHooksTest, ::testing::ValuesIn(KindsHere()), KindName);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DeviceLinksTest);
INSTANTIATE_TEST_SUITE_P(Kinds, DeviceLinksTest, ::testing::ValuesIn(LinksIfHere()), KindName);
INSTANTIATE_TEST_SUITE_P(Kinds, DeviceFiltersTest, ::testing::Values(DeviceHookKind::kClsact), KindName);

TEST_P(DeviceHooksTest, EveryPacketMeetsItsProgram) {
  const Programs programs;
  DeviceHooks hooks = Open(programs);
  EXPECT_THAT(Follow(hooks, {veth_}).attached, ElementsAre("veth7"));
  ExpectInForce(programs);
  const DeviceHookChanges again = Follow(hooks, {veth_});
  EXPECT_THAT(again.attached, IsEmpty());
  EXPECT_THAT(again.replaced, IsEmpty());
  EXPECT_THAT(again.healed, IsEmpty());
  EXPECT_EQ(ProgramsAt(Direction::kIngress), 1u);
  EXPECT_EQ(ProgramsAt(Direction::kEgress), 1u);
}

TEST_P(DeviceHooksTest, TheNextAgentReplacesThemInPlace) {
  const Programs older, newer;
  {
    DeviceHooks hooks = Open(older);
    Follow(hooks, {veth_});
  }
  ExpectInForce(older);
  const std::vector<uint32_t> links = IsTcx() ? *TcxLinksOn(kDevice, Direction::kIngress) : std::vector<uint32_t>{};
  DeviceHooks hooks = Open(newer);
  const DeviceHookChanges changes = Follow(hooks, {veth_});
  EXPECT_THAT(changes.replaced, ElementsAre("veth7"));
  EXPECT_THAT(changes.attached, IsEmpty());
  EXPECT_THAT(changes.healed, IsEmpty());
  ExpectNotInForce(older, newer);
  EXPECT_EQ(ProgramsAt(Direction::kIngress), 1u);
  if (IsTcx()) {
    EXPECT_EQ(*TcxLinksOn(kDevice, Direction::kIngress), links) << "the same link";
  }
}

// The kernel refuses a program of another type at a device's hook.
TEST_P(DeviceHooksTest, WhatCannotBeReplacedStaysUnlessItReadsAnotherPlan) {
  const bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
                           {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  const posix::FileDescriptor refused(
      bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "refused", "GPL", code, std::size(code), nullptr));
  ASSERT_TRUE(refused.ok());
  for (const bool of_another_plan : {false, true}) {
    const char* map = of_another_plan ? "pools" : "count";
    const CountingProgram ingress(TC_ACT_UNSPEC, map), egress(TC_ACT_UNSPEC, map);
    {
      absl::StatusOr<DeviceHooks> older = DeviceHooks::Open(*pins_, GetParam(), ingress.fd(), egress.fd());
      ASSERT_TRUE(older.ok());
      Follow(*older, {veth_});
    }
    EXPECT_EQ(AnyReadsAnotherPlan(*pins_, refused.get()), of_another_plan);
    absl::StatusOr<DeviceHooks> newer = DeviceHooks::Open(*pins_, GetParam(), refused.get(), refused.get());
    ASSERT_TRUE(newer.ok());
    const std::vector<HookedDevice> devices = {veth_};
    const DeviceHookChanges changes = newer->Follow(devices, devices);
    EXPECT_THAT(changes.failures, SizeIs(1));
    EXPECT_THAT(changes.detached, SizeIs(of_another_plan ? 1 : 0));
    EXPECT_EQ(ProgramsAt(Direction::kIngress), of_another_plan ? 0u : 1u);
    EXPECT_EQ(ProgramsAt(Direction::kEgress), of_another_plan ? 0u : 1u);
  }
}

TEST_P(DeviceHooksTest, TheSameAgentAgainFindsThemInOrder) {
  const Programs programs;
  {
    DeviceHooks hooks = Open(programs);
    Follow(hooks, {veth_});
  }
  DeviceHooks hooks = Open(programs);
  const DeviceHookChanges changes = Follow(hooks, {veth_});
  EXPECT_THAT(changes.attached, IsEmpty());
  EXPECT_THAT(changes.replaced, IsEmpty());
}

TEST_P(DeviceHooksTest, WhatIsTakenAwayIsHealed) {
  const Programs programs, other;
  DeviceHooks hooks = Open(programs);
  Follow(hooks, {veth_});
  for (const Direction direction : kDirections) {
    TakeAway(direction);
    ASSERT_EQ(ProgramsAt(direction), 0u);
    const DeviceHookChanges changes = Follow(hooks, {veth_});
    EXPECT_THAT(changes.healed, ElementsAre("veth7")) << DirectionName(direction);
    EXPECT_THAT(changes.attached, IsEmpty());
    ExpectInForce(programs);
  }
  // Another program in the place of ours.
  if (IsTcx()) {
    absl::StatusOr<posix::FileDescriptor> link = OpenPin(Pin(Direction::kEgress), BpfKind::kLink);
    ASSERT_TRUE(link.ok() && UpdateTcxLink(link->get(), other.egress.fd()).ok());
  } else {
    ASSERT_TRUE(PutFilter(other.egress.fd(), kDevice, Direction::kEgress).ok());
  }
  EXPECT_THAT(Follow(hooks, {veth_}).healed, ElementsAre("veth7"));
  ExpectNotInForce(other, programs);
}

TEST_P(DeviceLinksTest, ALostPinIsPutBackWithoutAGap) {
  const Programs programs;
  DeviceHooks hooks = Open(programs);
  Follow(hooks, {veth_});
  const std::vector<uint32_t> links = *TcxLinksOn(kDevice, Direction::kIngress);
  ASSERT_EQ(unlink(Pin(Direction::kIngress).c_str()), 0);
  EXPECT_THAT(Follow(hooks, {veth_}).healed, ElementsAre("veth7"));
  EXPECT_EQ(access(Pin(Direction::kIngress).c_str(), F_OK), 0);
  EXPECT_EQ(*TcxLinksOn(kDevice, Direction::kIngress), links) << "the same link";
}

// Theirs was there first, and what it lets pass no later program sees.
TEST_P(DeviceHooksTest, ThoseOfOthersStayAndHideNothingFromOurs) {
  const Programs programs;
  const CountingProgram theirs(TC_ACT_OK);
  posix::FileDescriptor link;
  if (IsTcx()) {
    absl::StatusOr<posix::FileDescriptor> created = CreateTcxLink(theirs.fd(), kDevice, Direction::kIngress);
    ASSERT_TRUE(created.ok()) << created.status();
    link = *std::move(created);
  } else {
    AddFilterOfAnother(theirs.fd(), 49152, 1);
  }
  {
    DeviceHooks hooks = Open(programs);
    Follow(hooks, {veth_});
    EXPECT_TRUE(Counts(programs.ingress, [&] { SendFromPod(); }));
    EXPECT_TRUE(Counts(theirs, [&] { SendFromPod(); }));
    EXPECT_EQ(ProgramsAt(Direction::kIngress), 2u);
    EXPECT_THAT(Follow(hooks, {}).detached, ElementsAre("veth7"));
  }
  EXPECT_EQ(ProgramsAt(Direction::kIngress), 1u);
  EXPECT_TRUE(Counts(theirs, [&] { SendFromPod(); }));
  std::vector<std::string> removed;
  EXPECT_TRUE(RemoveDeviceHooks(*pins_, Filters::kRemove, &removed).ok());
  EXPECT_THAT(removed, IsEmpty());
  EXPECT_TRUE(Counts(theirs, [&] { SendFromPod(); }));
}

TEST_P(DeviceHooksTest, ADeviceThatIsNoLongerWantedIsLeft) {
  const Programs programs, witness;
  AddDevice("veth8", 78);
  DeviceHooks hooks = Open(programs);
  Follow(hooks, {veth_, {78, "veth8"}});
  EXPECT_EQ(ProgramsAt(Direction::kIngress, 78), 1u);
  EXPECT_THAT(Follow(hooks, {veth_}).detached, ElementsAre("veth8"));
  EXPECT_EQ(ProgramsAt(Direction::kIngress, 78), 0u);
  EXPECT_EQ(ProgramsAt(Direction::kEgress, 78), 0u);
  ExpectInForce(programs);
  EXPECT_EQ(pins_->LinkNames().size(), IsTcx() ? 2u : 0u);
  // Also by an agent that has never wanted it.
  DeviceHooks next = Open(witness);
  EXPECT_THAT(Follow(next, {}).detached, ElementsAre("veth7"));
  EXPECT_EQ(ProgramsAt(Direction::kIngress), 0u);
  EXPECT_THAT(pins_->LinkNames(), IsEmpty());
  EXPECT_THAT(Follow(next, {veth_}).healed, IsEmpty()) << "attached, for the first time";
}

TEST_P(DeviceHooksTest, ARenamedDeviceKeepsThem) {
  const Programs programs;
  DeviceHooks hooks = Open(programs);
  Follow(hooks, {veth_});
  ASSERT_TRUE(testing::SetUp(kDevice, false).ok());
  ASSERT_TRUE(testing::Rename(kDevice, "renamed").ok());
  ASSERT_TRUE(testing::SetUp(kDevice, true).ok());
  const DeviceHookChanges changes = Follow(hooks, {{kDevice, "renamed"}});
  EXPECT_THAT(changes.attached, IsEmpty());
  EXPECT_THAT(changes.healed, IsEmpty());
  EXPECT_THAT(changes.detached, IsEmpty());
  ExpectInForce(programs);
}

TEST_P(DeviceHooksTest, AnotherDeviceWithTheSameIndexGetsItsOwn) {
  const Programs programs;
  {
    DeviceHooks hooks = Open(programs);
    Follow(hooks, {veth_});
  }
  ASSERT_TRUE(testing::DeleteDevice(kDevice).ok());
  AddDevice("veth7", kDevice);
  DeviceHooks hooks = Open(programs);
  EXPECT_THAT(Follow(hooks, {veth_}).attached, ElementsAre("veth7"));
  ExpectInForce(programs);
  EXPECT_EQ(pins_->LinkNames().size(), IsTcx() ? 2u : 0u);
}

// While no agent was there, a device with a link of ours has moved to a pod, and another one has its index.
TEST_P(DeviceHooksTest, ADeviceThatHasMovedAwayIsNotMistakenForTheOneWithItsIndex) {
  const Programs programs;
  const absl::StatusOr<sandbox::NetworkNamespace> elsewhere = sandbox::NetworkNamespace::Create();
  ASSERT_TRUE(elsewhere.ok());
  {
    DeviceHooks hooks = Open(programs);
    Follow(hooks, {veth_});
  }
  ASSERT_TRUE(testing::MoveTo(kDevice, elsewhere->fd()).ok());
  {
    const sandbox::InNamespace in_pod(node_->outside());
    ASSERT_TRUE(testing::Rename(if_nametoindex("veth7"), "older").ok());
  }
  AddDevice("veth7", kDevice);
  DeviceHooks hooks = Open(programs);
  EXPECT_THAT(Follow(hooks, {veth_}).attached, ElementsAre("veth7"));
  ExpectInForce(programs);
  const sandbox::InNamespace there(*elsewhere);
  ASSERT_NE(if_nametoindex("veth7"), 0u);
  EXPECT_EQ(ProgramsAt(Direction::kIngress, if_nametoindex("veth7")), 0u) << "the pod's device is left alone";
  EXPECT_EQ(ProgramsAt(Direction::kEgress, if_nametoindex("veth7")), 0u);
}

TEST_P(DeviceHooksTest, ADeviceThatHasGoneIsNoFailure) {
  const Programs programs;
  DeviceHooks hooks = Open(programs);
  Follow(hooks, {veth_});
  ASSERT_TRUE(testing::DeleteDevice(kDevice).ok());
  // It went after the list was made, and then it is not in the list.
  const DeviceHookChanges late = hooks.Follow({veth_}, {veth_});
  EXPECT_THAT(late.failures, IsEmpty());
  EXPECT_THAT(Follow(hooks, {}).failures, IsEmpty());
  EXPECT_THAT(pins_->LinkNames(), IsEmpty());
}

TEST_P(DeviceHooksTest, AReaderBesideTheAgentFindsThemOnlyIfBothAreThere) {
  EXPECT_EQ(FindDeviceHooks(*pins_, kDevice), std::nullopt);
  EXPECT_FALSE(HasDeviceHooks(*pins_));
  const Programs programs;
  DeviceHooks hooks = Open(programs);
  Follow(hooks, {veth_});
  EXPECT_EQ(FindDeviceHooks(*pins_, kDevice), GetParam());
  EXPECT_TRUE(HasDeviceHooks(*pins_));
  EXPECT_EQ(FindDeviceHooks(*pins_, kDevice + 1), std::nullopt);
  TakeAway(Direction::kEgress);
  EXPECT_EQ(FindDeviceHooks(*pins_, kDevice), std::nullopt);
  Follow(hooks, {veth_});
  EXPECT_EQ(FindDeviceHooks(*pins_, kDevice), GetParam());
}

TEST_P(DeviceHooksTest, CleanupRemovesThem) {
  const Programs programs;
  {
    DeviceHooks hooks = Open(programs);
    Follow(hooks, {veth_});
  }
  std::vector<std::string> removed;
  ASSERT_TRUE(Cleanup(bpffs_, &removed).ok());
  EXPECT_EQ(ProgramsAt(Direction::kIngress), 0u);
  EXPECT_EQ(ProgramsAt(Direction::kEgress), 0u);
  const std::string first = IsTcx() ? Pin(Direction::kIngress) : "the ingress filter of device veth7";
  EXPECT_EQ(removed.front(), first) << "what translates goes before what undoes it";
}

TEST_P(DeviceFiltersTest, AFilterOfAnotherInOurPlaceIsNotReplaced) {
  const Programs programs, others;
  AddFilterOfAnother(others.ingress.fd(), kFilterPriority, kFilterHandle);
  AddDevice("veth8", 78);
  DeviceHooks hooks = Open(programs);
  const DeviceHookChanges changes = hooks.Follow({veth_, {78, "veth8"}}, {veth_, {78, "veth8"}});
  ASSERT_THAT(changes.failures, SizeIs(1));
  EXPECT_THAT(std::string(changes.failures.at(kDevice).message()), HasSubstr("filter \"theirs\" of another program"));
  EXPECT_TRUE(Counts(others.ingress, [&] { SendFromPod(); })) << "theirs runs as before";
  EXPECT_EQ(ProgramsAt(Direction::kIngress, 78), 1u) << "other devices have their programs";
}

// It would take the program for egress and run it at ingress.
TEST_P(DeviceFiltersTest, AnIngressQdiscIsLeftAlone) {
  const Programs programs;
  AddQdiscOfAnother("ingress");
  DeviceHooks hooks = Open(programs);
  const DeviceHookChanges changes = hooks.Follow({veth_}, {veth_});
  ASSERT_THAT(changes.failures, SizeIs(1));
  EXPECT_THAT(std::string(changes.failures.at(kDevice).message()), HasSubstr("has the qdisc ingress"));
  EXPECT_THAT(changes.attached, IsEmpty());
  EXPECT_EQ(ProgramsAt(Direction::kIngress), 0u);
  EXPECT_EQ(ProgramsAt(Direction::kEgress), 0u);
}

TEST(IsDeviceLink, KnowsTheNamesOfPins) {
  EXPECT_TRUE(IsDeviceLink("device_7_ingress"));
  EXPECT_TRUE(IsDeviceLink("device_12_egress"));
  for (const char* other :
       {"sock_connect4", "device_7", "device_x_ingress", "device_7_ingress_next", "device_7_", ""}) {
    EXPECT_FALSE(IsDeviceLink(other)) << other;
  }
}

}  // namespace
}  // namespace shunt::datapath
