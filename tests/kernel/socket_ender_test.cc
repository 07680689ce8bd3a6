// SPDX-License-Identifier: Apache-2.0
// Exactly the sockets whose backend is gone are ended, in every namespace that can be entered.
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>
#include <variant>

#include "absl/strings/str_cat.h"
#include "tests/kernel/kernel_test.h"
#include "userspace/datapath/kernel/kernel_datapath.h"

namespace shunt::kernel_test {
namespace {

using datapath::SocketEnder;
using datapath::SocketEnderOptions;

// A directory like /run/netns, which gives names to namespaces.
class Names {
 public:
  Names() {
    char path[] = "/tmp/shunt-netns-XXXXXX";
    path_ = mkdtemp(path);
  }
  ~Names() { std::filesystem::remove_all(path_); }
  void Add(const std::string& name, const sandbox::NetworkNamespace& of) const {
    std::filesystem::create_symlink(absl::StrCat("/proc/self/fd/", of.fd()), path_ + "/" + name);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// This thread's capability to enter namespaces.
void GiveUpSysAdmin() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3]{};
  ASSERT_EQ(syscall(SYS_capget, &header, sets), 0);
  sets[CAP_SYS_ADMIN / 32].effective &= ~(1u << CAP_SYS_ADMIN % 32);
  ASSERT_EQ(syscall(SYS_capset, &header, sets), 0);
}

class SocketEnderTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    Apply({Web(), Api(), Empty()});
    names_.Add("pod", world().pod());
    names_.Add("other", world().other_pod());
  }

  report::SocketSweep Sweep(SocketEnderOptions options = {}) {
    options.netlink |= netlink_;
    options.places = {.directories = {names_.path()}, .proc = ""};
    const auto ender = kernel_datapath().OpenSocketEnder(options);
    EXPECT_TRUE(ender.ok()) << ender.status();
    if (!ender.ok()) return {};
    if (netlink_) {
      EXPECT_EQ((*ender)->method(), "SOCK_DESTROY");
    }
    return (*ender)->Sweep();
  }

  // Returns the id of the backend in the map.
  std::optional<uint32_t> IdOf(const SocketAddress& backend) {
    std::optional<uint32_t> id;
    const absl::Status dumped = maps().Dump("backends", [&](const report::MapRow& row) {
      const auto& found = std::get<report::BackendRow>(row);
      if (found.address == backend) id = found.backend;
      return !id.has_value();
    });
    EXPECT_TRUE(dumped.ok()) << dumped;
    return id;
  }

  bool netlink_ = false;
  Names names_;
};

// Returns "web" with other endpoints on the same ports.
ServiceStory Moved() {
  return Web().NoEndpoints().Endpoints({"10.244.2.1", "fd00:244:2::1"});
}

// Runs with each way of ending and each way of dialling.
struct EndingCase {
  bool netlink;
  SocketMemory memory;
  Dialling dialling;
};
void PrintTo(const EndingCase& c, std::ostream* out) {
  *out << c.dialling.name << (c.netlink ? " by netlink" : " by program");
}

class EveryEndingTest : public SocketEnderTest, public ::testing::WithParamInterface<EndingCase> {
 protected:
  void SetUp() override {
    netlink_ = GetParam().netlink;
    SocketEnderTest::SetUp();
  }
  SocketMemory memory() const override { return GetParam().memory; }

  SocketAddress At(const char* address, uint16_t port) const { return {*model::IpAddress::Parse(address), port}; }
  SocketAddress Service(uint16_t port) const { return At(GetParam().dialling.cluster_ip, port); }
  SocketAddress OtherService(uint16_t port) const { return At(GetParam().dialling.other_ip, port); }
  SocketAddress Backend(uint16_t port) const { return At(GetParam().dialling.backend, port); }
  SocketAddress OtherBackend(uint16_t port) const { return At(GetParam().dialling.other_backend, port); }
  ClientSocket Open(int type) { return PodSocket(GetParam().dialling.socket_family, type); }
  // Checks that the socket can still talk to its peer.
  void ExpectAlive(const ClientSocket& socket, const SocketAddress& backend) {
    ASSERT_EQ(socket.Send("still"), 0);
    EXPECT_EQ(socket.Receive().text, absl::StrCat(NameOf(backend), " still"));
  }
};

TEST_P(EveryEndingTest, AUdpSocketIsEndedAndItsNextConnectFindsANewBackend) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(Service(53)), 0);
  ExpectAlive(socket, Backend(8081));
  Apply({Moved()});
  EXPECT_EQ(Sweep().ended_udp, 1u);
  EXPECT_EQ(socket.Send("hello"), EDESTADDRREQ);
  EXPECT_EQ(socket.Receive().error, ECONNABORTED);  // reported once
  ASSERT_EQ(socket.Connect(Service(53)), 0);
  ExpectAlive(socket, OtherBackend(8081));
  EXPECT_EQ(Sweep().ended_udp, 0u);
  ExpectAlive(socket, OtherBackend(8081));
}

TEST_P(EveryEndingTest, ASocketThatWaitsForAReplyIsWokenByTheEnd) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(Service(53)), 0);
  Apply({Moved()});
  EXPECT_EQ(Sweep().ended_udp, 1u);
  EXPECT_EQ(socket.Receive().error, ECONNABORTED);
}

TEST_P(EveryEndingTest, ASocketReconnectedMeanwhileIsItsNewBackends) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(Service(53)), 0);
  Apply({Moved()});
  ASSERT_EQ(socket.Connect(OtherService(53)), 0);
  EXPECT_EQ(Sweep().ended_udp, 0u);
  ExpectAlive(socket, OtherBackend(8081));
}

TEST_P(EveryEndingTest, ASocketThatNamesItsPeerAgainAndAgainIsEndedToo) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(Service(53)), 0);
  ASSERT_EQ(socket.SendTo(Service(53), "before"), 0);
  EXPECT_EQ(socket.Receive().text, absl::StrCat(NameOf(Backend(8081)), " before"));
  Apply({Moved()});
  ASSERT_EQ(socket.SendTo(Service(53), "after"), 0);
  EXPECT_EQ(Sweep().ended_udp, 1u);
  EXPECT_EQ(socket.Send("hello"), EDESTADDRREQ);
}

TEST_P(EveryEndingTest, ASocketThatFoundNoBackendIsEndedOnceThereIsOne) {
  const SocketAddress unserved = At(GetParam().dialling.unserved, 53);
  ClientSocket socket = Open(SOCK_DGRAM), moved_on = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(unserved), 0);
  ASSERT_EQ(moved_on.Connect(unserved), 0);
  ASSERT_EQ(moved_on.Connect(Service(53)), 0);
  EXPECT_EQ(Sweep().ended_udp, 0u);
  Apply({Empty().Endpoints({"10.244.2.1", "fd00:244:2::1"})});
  EXPECT_EQ(Sweep().ended_udp, 1u);
  EXPECT_EQ(socket.Send("hello"), EDESTADDRREQ);
  EXPECT_EQ(socket.Receive().error, ECONNABORTED);
  ASSERT_EQ(socket.Connect(unserved), 0);
  ExpectAlive(socket, OtherBackend(8081));
  ExpectAlive(moved_on, Backend(8081));
  EXPECT_EQ(Sweep().ended_udp, 0u);
}

// What it dialled has an endpoint now, but its next connect would be left alone as this one is.
TEST_P(EveryEndingTest, ASocketOnLoopbackThatFoundNoBackendStays) {
  const bool v4 = GetParam().dialling.cluster_ip[0] == '1';
  names_.Add("host", world().host());
  const datapath::NodeAddress addresses[] = {{*model::IpAddress::Parse("10.0.0.1"), false},
                                             {*model::IpAddress::Parse("fd00::1"), false}};
  ASSERT_TRUE(datapath().SetNodeAddresses(addresses).ok());
  const ServiceStory unserved =
      ServiceStory("unserved").ClusterIp("10.96.0.60").ClusterIp("fd00:96::60").Port(53, kUdp, 8081, 30080);
  Apply({unserved});
  const SocketAddress dialled = At(v4 ? "10.0.0.1" : "fd00::1", 30080);
  ClientSocket on_loopback = HostSocket(GetParam().dialling.socket_family, SOCK_DGRAM),
               anywhere = HostSocket(GetParam().dialling.socket_family, SOCK_DGRAM);
  ASSERT_EQ(on_loopback.Bind(At(v4 ? "127.0.0.1" : "::1", 0)), 0);
  ASSERT_EQ(on_loopback.Connect(dialled), 0);
  ASSERT_EQ(anywhere.Connect(dialled), 0);
  Apply({ServiceStory(unserved).Endpoints({"10.244.2.1", "fd00:244:2::1"})});
  EXPECT_EQ(Sweep().ended_udp, 1u) << "the one that is bound to nothing";
  EXPECT_EQ(anywhere.Receive().error, ECONNABORTED);
  ExpectAlive(on_loopback, dialled);
}

TEST_P(EveryEndingTest, ASocketThatDialledTheBackendItselfIsNotOurs) {
  ClientSocket socket = Open(SOCK_DGRAM), again = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(Backend(8081)), 0);
  ASSERT_EQ(again.Connect(Service(53)), 0);
  ASSERT_EQ(again.Connect(Backend(8081)), 0);
  Apply({Moved()});
  EXPECT_EQ(Sweep().ended_udp, 0u);
  ExpectAlive(socket, Backend(8081));
  ExpectAlive(again, Backend(8081));
}

TEST_P(EveryEndingTest, ASocketWhoseStateNamesAnotherPeerStays) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(Service(53)), 0);
  ASSERT_EQ(socket.Disconnect(), 0);
  // Its prefix belongs to no Service and no backend, so the state of the first connect is still there.
  const SocketAddress stranger =
      GetParam().dialling.cluster_ip[0] == 'f' ? At("2001:db8::9", 8081) : At("198.51.100.9", 8081);
  ASSERT_EQ(socket.Connect(stranger), 0);
  Apply({Moved()});
  EXPECT_EQ(Sweep().ended_udp, 0u);
  ExpectAlive(socket, stranger);
}

TEST_P(EveryEndingTest, TcpIsEndedOnlyIfAskedFor) {
  ClientSocket socket = Open(SOCK_STREAM), other = Open(SOCK_STREAM);
  ASSERT_EQ(socket.Connect(Service(80)), 0);
  ASSERT_EQ(other.Connect(OtherService(80)), 0);
  EXPECT_EQ(socket.Receive().text, NameOf(Backend(8080)));
  Apply({Moved()});
  EXPECT_EQ(Sweep().ended_tcp, 0u);
  ASSERT_EQ(socket.Send("still"), 0);
  EXPECT_EQ(socket.Receive().text, "still");
  EXPECT_EQ(Sweep({.tcp = true}).ended_tcp, 1u);
  EXPECT_EQ(socket.Receive().error, ECONNABORTED);
  EXPECT_EQ(other.Receive().text, NameOf(OtherBackend(8080)));
}

std::vector<EndingCase> EveryEnding() {
  std::vector<EndingCase> cases;
  for (const bool netlink : {false, true}) {
    for (const Dialling& dialling : kDiallings) cases.push_back({netlink, SocketMemory::kRow, dialling});
    cases.push_back({netlink, SocketMemory::kStorage, kDiallings[1]});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Ending, EveryEndingTest, ::testing::ValuesIn(EveryEnding()), [](const auto& param) {
  const EndingCase& c = param.param;
  return absl::StrCat(c.dialling.name, c.memory == SocketMemory::kStorage ? "Storage" : "Row",
                      c.netlink ? "ByNetlink" : "ByProgram");
});

TEST_F(SocketEnderTest, AMemberWithoutAShareKeepsItsSockets) {
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(At("10.96.0.10:53")), 0);
  Apply({Moved().Endpoint({.address = "10.244.1.1", .ready = false, .terminating = true})});
  EXPECT_EQ(Sweep().ended_udp, 0u);
  EXPECT_EQ(socket.Send("hello"), 0);
  Apply({Moved().Endpoint({.address = "10.244.1.1", .ready = false, .serving = false, .terminating = true})});
  EXPECT_EQ(Sweep().ended_udp, 1u);
}

TEST_F(SocketEnderTest, ABackendThatWentAndCameBackKeepsItsSockets) {
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(At("10.96.0.10:53")), 0);
  const std::optional<uint32_t> before = IdOf(At("10.244.1.1:8081"));
  Apply({Moved()});
  // After a grace period another backend has its id.
  while (IdOf(At("10.244.1.1:8081")).has_value()) datapath().Reclaim();
  Apply({Moved().Endpoints({"10.244.7.1", "10.244.7.2", "10.244.7.3", "10.244.7.4"})});
  Apply({Web()});
  ASSERT_NE(IdOf(At("10.244.1.1:8081")), before);
  EXPECT_EQ(Sweep().ended_udp, 0u);
  EXPECT_EQ(socket.Send("hello"), 0);
}

TEST_F(SocketEnderTest, AnUnconnectedFlowKeepsABackendThatWentAndCameBack) {
  std::vector<ClientSocket> sockets;
  for (int i = 0; i < 16; ++i) {
    sockets.push_back(PodSocket(AF_INET, SOCK_DGRAM));
    ASSERT_EQ(sockets.back().SendTo(At("10.96.0.10:53"), "first"), 0);
    EXPECT_EQ(sockets.back().Receive().text, "10.244.1.1:8081 first");
  }
  const std::optional<uint32_t> before = IdOf(At("10.244.1.1:8081"));
  Apply({Moved()});
  while (IdOf(At("10.244.1.1:8081")).has_value()) datapath().Reclaim();
  const std::vector<std::string> others = {"10.244.7.1", "10.244.7.2", "10.244.7.3", "10.244.7.4"};
  Apply({Moved().Endpoints(others)});
  Apply({Web().Endpoints(others)});
  ASSERT_NE(IdOf(At("10.244.1.1:8081")), before);
  for (const ClientSocket& socket : sockets) {
    ASSERT_EQ(socket.SendTo(At("10.96.0.10:53"), "again"), 0);
    EXPECT_EQ(socket.Receive().text, "10.244.1.1:8081 again");
  }
}

TEST_F(SocketEnderTest, NothingIsEndedWhileNobodyServes) {
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(At("10.96.0.10:53")), 0);
  Apply({Web().NoEndpoints()});
  EXPECT_EQ(Sweep().ended_udp, 0u);
  Apply({Moved()});
  EXPECT_EQ(Sweep().ended_udp, 1u);
}

TEST_F(SocketEnderTest, ADeletedServiceKeepsItsSocketsUntilAnotherHasItsAddress) {
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(At("10.96.0.10:53")), 0);
  Remove(Web());
  EXPECT_EQ(Sweep().ended_udp, 0u);
  EXPECT_EQ(socket.Send("hello"), 0);
  Apply({ServiceStory("heir").ClusterIp("10.96.0.10").Port(53, kUdp, 8081).Endpoints({"10.244.2.1"})});
  EXPECT_EQ(Sweep().ended_udp, 1u);
}

TEST_F(SocketEnderTest, AnUnconnectedSocketIsLeftAloneAndChoosesAgain) {
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(socket.SendTo(At("10.96.0.10:53"), "hello"), 0);
  EXPECT_EQ(socket.Receive().text, "10.244.1.1:8081 hello");
  Apply({Moved()});
  EXPECT_EQ(Sweep().ended_udp, 0u);
  ASSERT_EQ(socket.SendTo(At("10.96.0.10:53"), "hello"), 0);
  EXPECT_EQ(socket.Receive().text, "10.244.2.1:8081 hello");
}

TEST_F(SocketEnderTest, MoreSocketsThanOneReadHoldsAreEndedAndNoOther) {
  constexpr size_t kSockets = 1500;
  std::vector<ClientSocket> gone, stay;
  for (size_t i = 0; i < kSockets; ++i) {
    gone.push_back(PodSocket(AF_INET, SOCK_DGRAM));
    ASSERT_EQ(gone.back().Connect(At("10.96.0.10:53")), 0);
    stay.push_back(PodSocket(AF_INET, SOCK_DGRAM));
    ASSERT_EQ(stay.back().Connect(At("10.96.0.20:53")), 0);
  }
  Apply({Moved()});
  EXPECT_EQ(Sweep().ended_udp, kSockets);
  for (const ClientSocket& socket : gone) ASSERT_EQ(socket.PeerName().error, ENOTCONN);
  for (const ClientSocket& socket : stay) ASSERT_EQ(socket.PeerName().from, At("10.96.0.20:53"));
}

TEST_F(SocketEnderTest, EveryNamespaceIsSweptOnceAndTheThreadComesHome) {
  names_.Add("pod-again", world().pod());
  ClientSocket host = HostSocket(AF_INET, SOCK_DGRAM), pod = PodSocket(AF_INET, SOCK_DGRAM),
               other(world().other_pod(), AF_INET, SOCK_DGRAM);
  for (const ClientSocket* socket : {&host, &pod, &other}) ASSERT_EQ(socket->Connect(At("10.96.0.10:53")), 0);
  Apply({Moved()});
  const report::SocketSweep sweep = Sweep();
  EXPECT_EQ(sweep.namespaces, 3u);
  EXPECT_EQ(sweep.namespaces_not_entered, 0u);
  EXPECT_EQ(sweep.problem, "");
  EXPECT_EQ(sweep.ended_udp, 3u);
  const auto here = sandbox::NetworkNamespace::Current();
  ASSERT_TRUE(here.ok());
  EXPECT_EQ(here->Cookie(), world().host().Cookie());
}

TEST_F(SocketEnderTest, WithoutTheCapabilityTheOwnNamespaceIsServedAndTheOthersAreNamed) {
  ClientSocket host = HostSocket(AF_INET, SOCK_DGRAM), pod = PodSocket(AF_INET, SOCK_DGRAM);
  for (const ClientSocket* socket : {&host, &pod}) ASSERT_EQ(socket->Connect(At("10.96.0.10:53")), 0);
  Apply({Moved()});
  const auto ender = kernel_datapath().OpenSocketEnder({.places = {.directories = {names_.path()}, .proc = ""}});
  ASSERT_TRUE(ender.ok()) << ender.status();
  report::SocketSweep sweep;
  std::thread([&] {
    GiveUpSysAdmin();
    sweep = (*ender)->Sweep();
  }).join();
  EXPECT_EQ(sweep.ended_udp, 1u);
  EXPECT_EQ(sweep.namespaces, 1u);
  EXPECT_EQ(sweep.namespaces_not_entered, 2u);
  EXPECT_THAT(sweep.problem, ::testing::HasSubstr("Operation not permitted"));
  EXPECT_THAT(sweep.problem, ::testing::HasSubstr("CAP_SYS_ADMIN"));
  EXPECT_EQ(host.Send("hello"), EDESTADDRREQ);
  EXPECT_EQ(pod.Send("hello"), 0);
}

TEST_F(SocketEnderTest, AFileWithoutANamespaceIsToldWithItsRemedy) {
  std::ofstream(names_.path() + "/unmounted") << "";
  const report::SocketSweep sweep = Sweep();
  EXPECT_EQ(sweep.namespaces, 3u);
  EXPECT_EQ(sweep.namespaces_not_entered, 1u);
  EXPECT_THAT(sweep.problem, ::testing::HasSubstr("unmounted"));
  EXPECT_THAT(sweep.problem, ::testing::HasSubstr("HostToContainer"));
}

TEST_F(SocketEnderTest, ProcessesShowTheirNamespaces) {
  std::filesystem::create_directories(names_.path() + "/proc/17/ns");
  std::filesystem::create_symlink(absl::StrCat("/proc/self/fd/", world().pod().fd()),
                                  names_.path() + "/proc/17/ns/net");
  const auto ender =
      kernel_datapath().OpenSocketEnder({.places = {.directories = {}, .proc = names_.path() + "/proc"}});
  ASSERT_TRUE(ender.ok()) << ender.status();
  ClientSocket pod = PodSocket(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(pod.Connect(At("10.96.0.10:53")), 0);
  Apply({Moved()});
  EXPECT_EQ((*ender)->Sweep().ended_udp, 1u);
}

TEST_F(SocketEnderTest, AnExemptSocketStays) {
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  ASSERT_TRUE(kernel_datapath().ExemptSocket(socket.fd()).ok());
  ASSERT_EQ(socket.Connect(At("10.244.1.1:8081")), 0);
  Apply({Moved()});
  EXPECT_EQ(Sweep().ended_udp, 0u);
  EXPECT_EQ(socket.Send("hello"), 0);
}

TEST_F(SocketEnderTest, TheListenerHearsOfEveryApplyThatMayLeaveSocketsWithoutTheirBackend) {
  std::vector<std::string> heard;
  kernel_datapath().ListenForRemovals([&heard](const datapath::Removals& removals) {
    heard.push_back(absl::StrCat(removals.tcp ? "tcp " : "", removals.udp ? "udp" : ""));
  });
  Apply({Web().Endpoints({"10.244.7.1"})});  // one more
  EXPECT_THAT(heard, ::testing::IsEmpty());
  Apply({Moved()});
  EXPECT_THAT(heard, ::testing::ElementsAre("tcp udp"));
}

}  // namespace
}  // namespace shunt::kernel_test
