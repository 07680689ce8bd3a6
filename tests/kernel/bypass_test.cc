// SPDX-License-Identifier: Apache-2.0
// Sockets of chosen cgroups and network namespaces are left alone: what they dial stays what they dialled, for the
// packet path to serve. In this world a server answers at the Service's own address too, by that name.
#include <sys/socket.h>

#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/kernel/kernel_test.h"
#include "tests/sandbox/cgroup.h"
#include "userspace/datapath/kernel/kernel_datapath.h"

namespace shunt::kernel_test {
namespace {

using datapath::CgroupPattern;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kService[] = "10.96.0.10:80";
constexpr char kServiceV6[] = "[fd00:96::10]:80";
constexpr char kPod[] = "10.244.1.1:8080";

class BypassTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    Apply({Web(), Api(), Empty()});
  }
  // The process leaves a cgroup that a test has made before the fixture removes it.
  void TearDown() override {
    if (!cgroup().empty()) {
      EXPECT_TRUE(sandbox::EnterCgroup(cgroup()).ok());
    }
    KernelTest::TearDown();
  }

  datapath::KernelOptions Bypassing(const std::vector<std::string>& patterns) const {
    datapath::KernelOptions options = KernelTest::Options();
    for (const std::string& pattern : patterns) options.bypass.cgroups.push_back(*CgroupPattern::Parse(pattern));
    return options;
  }
  std::string Below(const std::string& path) const { return absl::StrCat(cgroup(), "/", path); }
  void Make(const std::string& path) {
    const absl::Status made = sandbox::MakeCgroup(Below(path));
    ASSERT_TRUE(made.ok()) << made;
  }
  void Enter(const std::string& path) {
    const absl::Status entered = sandbox::EnterCgroup(Below(path));
    ASSERT_TRUE(entered.ok()) << entered;
  }
  // Returns which server a connect to `service` has reached, and expects the peer's name to be what was dialled.
  std::string Reached(const char* service) {
    const ClientSocket socket = PodSocket(service[0] == '[' ? AF_INET6 : AF_INET, SOCK_STREAM);
    EXPECT_EQ(socket.Connect(At(service)), 0);
    EXPECT_EQ(socket.PeerName().from, At(service));
    return socket.Receive().text;
  }
  std::vector<std::string> ListScopes() {
    std::vector<std::string> scopes;
    const absl::Status dumped = maps().Dump("scopes", [&](const report::MapRow& row) {
      const auto& scope = std::get<report::ScopeRow>(row);
      scopes.push_back(absl::StrCat(report::ScopeKindName(scope.kind), " ", scope.name,
                                    scope.configured ? " configured" : "", scope.added ? " added" : ""));
      return true;
    });
    EXPECT_TRUE(dumped.ok()) << dumped;
    return scopes;
  }
};

TEST_F(BypassTest, WithoutAScopeEverySocketIsTranslated) {
  Make("a");
  Enter("a");
  EXPECT_EQ(Reached(kService), kPod);
  EXPECT_EQ(Reason("bypassed"), 0u);
}

TEST_F(BypassTest, SocketsOfACgroupThatMatchesAreLeftAloneAndOthersAreNot) {
  Make("mesh-1");
  Make("plain");
  Reopen(Bypassing({"mesh-*"}));
  Enter("plain");
  EXPECT_EQ(Reached(kService), kPod);
  Enter("mesh-1");
  EXPECT_EQ(Reached(kService), kService);
  EXPECT_EQ(Reached(kServiceV6), kServiceV6);
  EXPECT_EQ(Reason("bypassed"), 2u);
  EXPECT_THAT(Sockets(), IsEmpty()) << "a socket that is left alone needs no memory";
}

TEST_F(BypassTest, CgroupsBelowInherit) {
  Make("pods");
  Make("pods/pod1");
  Make("pods/pod1/container");
  Make("pods/pod2");
  Reopen(Bypassing({"pods/pod1"}));
  Enter("pods/pod1/container");
  EXPECT_EQ(Reached(kService), kService);
  Make("pods/pod1/container/made-later");
  Enter("pods/pod1/container/made-later");
  EXPECT_EQ(Reached(kService), kService);
  Enter("pods/pod2");
  EXPECT_EQ(Reached(kService), kPod);
}

TEST_F(BypassTest, AConnectToNoServiceIsNotAsked) {
  Make("mesh");
  Reopen(Bypassing({"mesh"}));
  Enter("mesh");
  const ClientSocket socket = PodSocket(AF_INET, SOCK_STREAM);
  ASSERT_EQ(socket.Connect(At("198.51.100.1:80")), 0);
  EXPECT_EQ(Reason("bypassed"), 0u);
}

TEST_F(BypassTest, AServiceWithoutEndpointsRefusesNothing) {
  Make("mesh");
  Reopen(Bypassing({"mesh"}));
  Enter("mesh");
  EXPECT_EQ(Reached("10.96.0.30:80"), "10.96.0.30:80") << "to refuse is up to the packet path";
  EXPECT_EQ(Reached("10.96.0.10:443"), "10.96.0.10:443");
}

TEST_F(BypassTest, DatagramsGoWhereTheyAreSent) {
  Make("mesh");
  Reopen(Bypassing({"mesh"}));
  Enter("mesh");
  const ClientSocket sends = PodSocket(AF_INET, SOCK_DGRAM), connects = PodSocket(AF_INET6, SOCK_DGRAM);
  ASSERT_EQ(sends.SendTo(At("10.96.0.10:53"), "hello"), 0);
  const Received answer = sends.Receive();
  EXPECT_EQ(answer.text, "10.96.0.10:53 hello");
  EXPECT_EQ(answer.from, At("10.96.0.10:53"));
  ASSERT_EQ(connects.Connect(At("[fd00:96::10]:53")), 0);
  ASSERT_EQ(connects.Send("hello"), 0);
  EXPECT_EQ(connects.Receive().text, "[fd00:96::10]:53 hello");
  EXPECT_THAT(Sockets(), IsEmpty());
}

TEST_F(BypassTest, WhatIsTranslatedStaysSoWhenAScopeBegins) {
  Make("mesh");
  Enter("mesh");
  const ClientSocket connected = PodSocket(AF_INET, SOCK_STREAM), sends = PodSocket(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(connected.Connect(At(kService)), 0);
  ASSERT_EQ(sends.SendTo(At("10.96.0.10:53"), "one"), 0);
  EXPECT_EQ(sends.Receive().text, "10.244.1.1:8081 one");
  ASSERT_TRUE(kernel_datapath().scopes().Add({.cgroup = "mesh"}).ok());

  EXPECT_EQ(connected.PeerName().from, At(kService));
  EXPECT_EQ(connected.Receive().text, kPod);
  ASSERT_EQ(sends.SendTo(At("10.96.0.10:53"), "two"), 0);
  const Received goes_on = sends.Receive();
  EXPECT_EQ(goes_on.text, "10.244.1.1:8081 two");
  EXPECT_EQ(goes_on.from, At("10.96.0.10:53"));
  ASSERT_EQ(sends.SendTo(At("10.96.0.20:53"), "new"), 0);
  EXPECT_EQ(sends.Receive().text, "10.96.0.20:53 new") << "where it has not sent before, it is left alone";
  EXPECT_EQ(Reached(kService), kService);
}

TEST_F(BypassTest, ASocketThatConnectsAgainForgetsItsBackend) {
  Make("mesh");
  Enter("mesh");
  const ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(At("10.96.0.10:53")), 0);
  ASSERT_TRUE(kernel_datapath().scopes().Add({.cgroup = "mesh"}).ok());
  ASSERT_EQ(socket.Connect(At("10.96.0.10:53")), 0);
  ASSERT_EQ(socket.Send("hello"), 0);
  EXPECT_EQ(socket.Receive().text, "10.96.0.10:53 hello");
  EXPECT_EQ(socket.PeerName().from, At("10.96.0.10:53"));
}

TEST_F(BypassTest, ANewCgroupIsFoundByItsEvent) {
  Make("pods");
  Reopen(Bypassing({"pods/pod*"}));
  Make("pods/pod1");
  kernel_datapath().scopes().Follow();
  EXPECT_THAT(ListScopes(), ElementsAre("cgroup /pods/pod1 configured"));
  Enter("pods/pod1");
  EXPECT_EQ(Reached(kService), kService);
  Enter("pods");
  ASSERT_TRUE(sandbox::RemoveCgroup(Below("pods/pod1")).ok());
  kernel_datapath().scopes().Follow();
  EXPECT_THAT(ListScopes(), IsEmpty());
}

TEST_F(BypassTest, WhatWasAddedStaysAcrossAgentsUntilItIsDeletedOrItsCgroupIsGone) {
  Make("a");
  Make("b");
  Make("c");
  for (const char* cgroup : {"a", "/b", "c/"}) {
    const absl::Status added = kernel_datapath().scopes().Add({.cgroup = cgroup});
    ASSERT_TRUE(added.ok()) << added;
  }
  ASSERT_TRUE(sandbox::RemoveCgroup(Below("c")).ok());
  Make("c");  // another one
  Reopen(Bypassing({"b"}));
  EXPECT_THAT(ListScopes(), ElementsAre("cgroup /a added", "cgroup /b configured added"));
  Enter("a");
  EXPECT_EQ(Reached(kService), kService);
  EXPECT_TRUE(kernel_datapath().scopes().Delete({.cgroup = "a"}).ok());
  EXPECT_TRUE(kernel_datapath().scopes().Delete({.cgroup = "b"}).ok());
  EXPECT_EQ(kernel_datapath().scopes().Delete({.cgroup = "b"}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(kernel_datapath().scopes().Delete({.cgroup = "a"}).code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(ListScopes(), ElementsAre("cgroup /b configured"));
  EXPECT_EQ(Reached(kService), kPod);
}

TEST_F(BypassTest, ANewPlanHasWhatWasAdded) {
  Make("a");
  ASSERT_TRUE(kernel_datapath().scopes().Add({.cgroup = "a"}).ok());
  const std::string before = kernel_datapath().pin_directory();
  datapath::KernelOptions other = KernelTest::Options();
  other.limits.frontends /= 2;
  Reopen(other);
  ASSERT_NE(kernel_datapath().pin_directory(), before);
  EXPECT_THAT(ListScopes(), ElementsAre("cgroup /a added"));
  Enter("a");
  EXPECT_EQ(Reached(kService), kService);
}

TEST_F(BypassTest, SettingsThatAreGoneLeaveNoScope) {
  Make("a");
  Reopen(Bypassing({"a"}));
  Reopen(Bypassing({}));
  EXPECT_THAT(ListScopes(), IsEmpty());
  Enter("a");
  EXPECT_EQ(Reached(kService), kPod);
}

TEST_F(BypassTest, SocketsOfANetworkNamespaceAreLeftAlone) {
  const uint64_t cookie = world().pod().Cookie();
  ASSERT_NE(cookie, 0u);
  ASSERT_TRUE(kernel_datapath().scopes().Add({.network_namespace = cookie, .name = "/run/netns/pod"}).ok());
  EXPECT_THAT(ListScopes(), ElementsAre("network_namespace /run/netns/pod added"));
  EXPECT_EQ(Reached(kService), kService);
  const ClientSocket other = HostSocket(AF_INET, SOCK_STREAM);
  ASSERT_EQ(other.Connect(At(kService)), 0);
  EXPECT_EQ(other.Receive().text, kPod) << "another namespace's";
  ASSERT_TRUE(kernel_datapath().scopes().Delete({.network_namespace = cookie}).ok());
  EXPECT_EQ(Reached(kService), kPod);
}

TEST_F(BypassTest, AllPodsAreBypassedAndTheHostIsNot) {
  datapath::KernelOptions options = KernelTest::Options();
  options.bypass.pods = true;
  Reopen(options);
  EXPECT_THAT(ListScopes(), ElementsAre("pods  configured"));
  EXPECT_EQ(Reached(kService), kService);
  const ClientSocket host = HostSocket(AF_INET, SOCK_STREAM);
  ASSERT_EQ(host.Connect(At(kService)), 0);
  EXPECT_EQ(host.Receive().text, kPod);
}

}  // namespace
}  // namespace shunt::kernel_test
