// SPDX-License-Identifier: Apache-2.0
// Frontends besides the ClusterIP: where they can be dialled from, and what they reach.
#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/kernel/dials.h"
#include "tests/kernel/kernel_test.h"

namespace shunt::kernel_test {
namespace {

using datapath::NodeAddress;

constexpr char kBackend4[] = "10.244.1.1:8080";
constexpr char kBackend6[] = "[fd00:244:1::1]:8080";

// Dials once by TCP. Returns the name that the server sends, or "errno N".
std::string Reach(const sandbox::NetworkNamespace& from, const std::string& dialled, int socket_family = AF_UNSPEC) {
  const int family = dialled[0] == '[' ? AF_INET6 : AF_INET;
  ClientSocket socket(from, socket_family == AF_UNSPEC ? family : socket_family, SOCK_STREAM);
  if (const int error = socket.Connect(At(dialled)); error != 0) return absl::StrCat("errno ", error);
  if (const Received peer = socket.PeerName(); peer.from != At(dialled)) return "another peer name";
  return socket.Receive().text;
}

// Does the same by one datagram on an unconnected socket.
std::string ReachByDatagram(const sandbox::NetworkNamespace& from, const std::string& dialled) {
  ClientSocket socket(from, dialled[0] == '[' ? AF_INET6 : AF_INET, SOCK_DGRAM);
  if (const int error = socket.SendTo(At(dialled), "x"); error != 0) return absl::StrCat("errno ", error);
  const Received answer = socket.Receive();
  if (answer.error != 0) return absl::StrCat("errno ", answer.error);
  if (answer.from != At(dialled)) return "another source";
  return answer.text.substr(0, answer.text.find(' '));
}

// How an application sends from an address of its own.
enum class Way { kTcp, kConnectedUdp, kUdp };

// The same from a socket that is bound to `source`, an address and port 0.
std::string ReachFrom(const sandbox::NetworkNamespace& from, Way way, const std::string& source,
                      const std::string& dialled, int family) {
  ClientSocket socket(from, family, way == Way::kTcp ? SOCK_STREAM : SOCK_DGRAM);
  if (const int error = socket.Bind(At(source)); error != 0) return absl::StrCat("bind: errno ", error);
  int error = way == Way::kUdp ? socket.SendTo(At(dialled), "x") : socket.Connect(At(dialled));
  if (error == 0 && way == Way::kConnectedUdp) error = socket.Send("x");
  if (error != 0) return absl::StrCat("errno ", error);
  const Received answer = socket.Receive();
  if (answer.error != 0) return absl::StrCat("errno ", answer.error);
  const SocketAddress peer = way == Way::kUdp ? answer.from : socket.PeerName().from;
  return peer == At(dialled) ? answer.text.substr(0, answer.text.find(' ')) : "another peer";
}

class FrontendsTest : public SocketTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const NodeAddress addresses[] = {{*model::IpAddress::Parse("10.0.0.1"), false},
                                     {*model::IpAddress::Parse("fd00::1"), false},
                                     {*model::IpAddress::Parse("127.0.0.1"), true},
                                     {*model::IpAddress::Parse("::1"), true}};
    ASSERT_TRUE(datapath().SetNodeAddresses(addresses).ok());
  }

  static ServiceStory Outside() {
    return ServiceStory("outside")
        .ClusterIp("10.96.0.50")
        .ClusterIp("fd00:96::50")
        .Port(80, kTcp, 8080, 30080)
        .Endpoints({"10.244.1.1", "fd00:244:1::1"});
  }
};
SHUNT_IN_BOTH_MEMORIES(FrontendsTest);

TEST_P(FrontendsTest, ANodePortAnswersOnTheNodesAddressesFromHostAndPods) {
  Apply({Outside()});
  for (const sandbox::NetworkNamespace* from : {&world().host(), &world().pod()}) {
    EXPECT_EQ(Reach(*from, "10.0.0.1:30080"), kBackend4);
    EXPECT_EQ(Reach(*from, "10.0.0.1:30080", AF_INET6), kBackend4) << "v4-mapped";
    EXPECT_EQ(Reach(*from, "[fd00::1]:30080"), kBackend6);
  }
}

TEST_P(FrontendsTest, ANodePortAnswersOnLoopbackOnlyInTheHostsNamespace) {
  Apply({Outside()});
  EXPECT_EQ(Reach(world().host(), "127.0.0.1:30080"), kBackend4);
  EXPECT_EQ(Reach(world().host(), "[::1]:30080"), kBackend6);
  const uint64_t before = Reason("host_only");
  EXPECT_EQ(Reach(world().pod(), "127.0.0.1:30080"), "127.0.0.1:30080") << "the pod's own server";
  EXPECT_EQ(Reach(world().pod(), "[::1]:30080"), "[::1]:30080") << "the pod's own server";
  EXPECT_EQ(Reason("host_only"), before + 2);
}

// Nothing leaves the host from a loopback address: translated, the call would fail, or its packets would be lost.
TEST_P(FrontendsTest, ASocketBoundToLoopbackIsLeftAloneUnlessTheBackendIsThisNode) {
  const ServiceStory both = Outside().Port(53, kUdp, 8081, 30080).LoadBalancerIp("192.0.2.10");
  const ServiceStory own = ServiceStory("own")
                               .ClusterIp("10.96.0.52")
                               .ClusterIp("fd00:96::52")
                               .Port(80, kTcp, 8080, 30443)
                               .Port(53, kUdp, 8081, 30443)
                               .Endpoints({"10.0.0.1", "fd00::1"});
  Apply({both, own});
  struct Case {
    const char* source;
    int family;
    std::vector<std::string> left_alone;  // without the port
    std::vector<std::string> own;
  };
  const Case kCases[] = {
      {"127.0.0.1:0", AF_INET, {"127.0.0.1", "10.0.0.1", "10.96.0.50", "192.0.2.10"}, {"127.0.0.1", "10.96.0.52"}},
      {"127.0.0.1:0", AF_INET6, {"127.0.0.1", "10.0.0.1", "10.96.0.50"}, {"127.0.0.1", "10.96.0.52"}},
      {"127.4.5.6:0", AF_INET, {"127.0.0.1", "10.96.0.50"}, {"10.96.0.52"}},
      {"[::1]:0", AF_INET6, {"[::1]", "[fd00::1]", "[fd00:96::50]"}, {"[::1]", "[fd00:96::52]"}}};
  for (const Case& c : kCases) {
    for (const Way way : {Way::kTcp, Way::kConnectedUdp, Way::kUdp}) {
      SCOPED_TRACE(absl::StrCat("from ", c.source, ", family ", c.family, ", way ", static_cast<int>(way)));
      const bool tcp = way == Way::kTcp;
      const auto port_of = [tcp](const std::string& address, const char* node_port) {
        const bool of_node = address[0] == '1' ? !address.starts_with("10.96") && !address.starts_with("192")
                                               : !address.starts_with("[fd00:96");
        return of_node ? node_port : (tcp ? "80" : "53");
      };
      const uint64_t before = Reason("loopback_client");
      for (const std::string& address : c.left_alone) {
        const std::string dialled = absl::StrCat(address, ":", port_of(address, "30080"));
        EXPECT_EQ(ReachFrom(world().host(), way, c.source, dialled, c.family), dialled) << "untranslated";
      }
      EXPECT_EQ(Reason("loopback_client"), before + c.left_alone.size());
      for (const std::string& address : c.own) {
        const std::string dialled = absl::StrCat(address, ":", port_of(address, "30443"));
        const std::string backend = absl::StrCat(address[0] == '[' ? "[fd00::1]" : "10.0.0.1", tcp ? ":8080" : ":8081");
        EXPECT_EQ(ReachFrom(world().host(), way, c.source, dialled, c.family), backend) << dialled;
      }
    }
  }
  EXPECT_EQ(ReachFrom(world().host(), Way::kTcp, "10.0.0.1:0", "127.0.0.1:30080", AF_INET), kBackend4)
      << "any other address of the node may leave it";
}

// The kernel takes the unspecified address for loopback.
TEST_P(FrontendsTest, DialledAtTheUnspecifiedAddressANodePortIsLoopbacks) {
  Apply({Outside()});
  EXPECT_EQ(DialTcp(world().host(), "0.0.0.0:30080"), kBackend4);
  EXPECT_EQ(DialTcp(world().host(), "[::]:30080"), kBackend6);
  EXPECT_EQ(DialTcp(world().pod(), "0.0.0.0:30080"), "127.0.0.1:30080") << "the pod's own server";
  EXPECT_EQ(DialTcp(world().pod(), "[::]:30080"), "[::1]:30080") << "the pod's own server";
}

TEST_P(FrontendsTest, ANodePortDoesNotAnswerOnOtherAddresses) {
  Apply({Outside()});
  EXPECT_EQ(Reach(world().host(), "10.0.0.2:30080"), "10.0.0.2:30080");
  EXPECT_EQ(Reach(world().pod(), "10.244.1.1:30080"), "10.244.1.1:30080") << "a pod is no node";
}

TEST_P(FrontendsTest, OtherPortsOfTheNodeAreTheNodesOwn) {
  Apply({Outside()});
  EXPECT_EQ(Reach(world().pod(), "10.0.0.1:8080"), "10.0.0.1:8080");
  EXPECT_EQ(Reach(world().host(), "127.0.0.1:8080"), "127.0.0.1:8080");
}

TEST_P(FrontendsTest, OneNodePortNumberServesTcpAndUdpApart) {
  Apply({ServiceStory("both")
             .ClusterIp("10.96.0.51")
             .Port(80, kTcp, 8080, 30080)
             .Port(53, kUdp, 8081, 30080)
             .Endpoints({"10.244.1.1"})});
  EXPECT_EQ(Reach(world().pod(), "10.0.0.1:30080"), "10.244.1.1:8080");
  EXPECT_EQ(ReachByDatagram(world().pod(), "10.0.0.1:30080"), "10.244.1.1:8081");
  EXPECT_EQ(ReachByDatagram(world().host(), "127.0.0.1:30080"), "10.244.1.1:8081");
}

TEST_P(FrontendsTest, AnAddressThatLeavesTheNodeTakesItsNodePortsAlong) {
  Apply({Outside()});
  const NodeAddress only_v6[] = {{*model::IpAddress::Parse("fd00::1"), false}};
  ASSERT_TRUE(datapath().SetNodeAddresses(only_v6).ok());
  EXPECT_EQ(Reach(world().pod(), "10.0.0.1:30080"), "10.0.0.1:30080");
  EXPECT_EQ(Reach(world().pod(), "[fd00::1]:30080"), kBackend6);
}

// An ingress in the host's network, whose externalIPs are its nodes' addresses: a socket is translated once, to itself.
TEST_P(FrontendsTest, AnEndpointMayBeTheFrontendThatIsDialled) {
  Apply({ServiceStory("ingress")
             .ClusterIp("10.96.0.52")
             .ClusterIp("fd00:96::52")
             .Port(80, kTcp)
             .Port(53, kUdp)
             .ExternalIp("10.0.0.2")
             .ExternalIp("fd00::2")
             .Endpoints({"10.0.0.2", "fd00::2"})});
  for (const sandbox::NetworkNamespace* from : {&world().host(), &world().pod()}) {
    for (const char* dialled : {"10.0.0.2:80", "10.96.0.52:80"}) EXPECT_EQ(Reach(*from, dialled), "10.0.0.2:80");
    for (const char* dialled : {"[fd00::2]:80", "[fd00:96::52]:80"}) EXPECT_EQ(Reach(*from, dialled), "[fd00::2]:80");
    for (const char* dialled : {"10.0.0.2:53", "10.96.0.52:53"}) {
      EXPECT_EQ(ReachByDatagram(*from, dialled), "10.0.0.2:53");
    }
    ClientSocket connected(*from, AF_INET, SOCK_DGRAM);
    ASSERT_EQ(connected.Connect(At("10.0.0.2:53")), 0);
    EXPECT_EQ(connected.PeerName().from, At("10.0.0.2:53"));
    ASSERT_EQ(connected.Send("x"), 0);
    EXPECT_EQ(connected.Receive().text, "10.0.0.2:53 x");
  }
}

TEST_P(FrontendsTest, LoadBalancerAndExternalAddressesAnswerOnTheServicesPortsOnly) {
  Apply({Outside().LoadBalancerIp("192.0.2.10").LoadBalancerIp("2001:db8::10").ExternalIp("198.51.100.10")});
  for (const sandbox::NetworkNamespace* from : {&world().host(), &world().pod()}) {
    EXPECT_EQ(Reach(*from, "192.0.2.10:80"), kBackend4);
    EXPECT_EQ(Reach(*from, "[2001:db8::10]:80"), kBackend6);
    EXPECT_EQ(Reach(*from, "198.51.100.10:80"), kBackend4);
    EXPECT_EQ(Reach(*from, "192.0.2.10:443"), "192.0.2.10:443") << "not the proxy's business";
    EXPECT_EQ(Reach(*from, "198.51.100.10:443"), "198.51.100.10:443") << "not the proxy's business";
  }
}

TEST_P(FrontendsTest, ASourceRangeLeavesPodsToThePacketPathAndLetsTheNodeInItThrough) {
  Apply({Outside().LoadBalancerIp("192.0.2.10").SourceRange("10.0.0.0/24")});
  const uint64_t before = Reason("source_ranges");
  EXPECT_EQ(Reach(world().pod(), "192.0.2.10:80"), "192.0.2.10:80") << "untranslated";
  EXPECT_EQ(Reason("source_ranges"), before + 1);
  EXPECT_EQ(Reach(world().host(), "192.0.2.10:80"), kBackend4);
  EXPECT_EQ(Reach(world().pod(), "10.96.0.50:80"), kBackend4) << "ranges do not concern the ClusterIP";
}

TEST_P(FrontendsTest, ASourceRangeWithoutTheNodeLeavesTheHostToThePacketPathToo) {
  Apply({Outside().LoadBalancerIp("192.0.2.10").SourceRange("203.0.113.0/24")});
  EXPECT_EQ(Reach(world().host(), "192.0.2.10:80"), "192.0.2.10:80") << "untranslated";
}

TEST_P(FrontendsTest, ExternalTrafficPolicyLocalDoesNotConcernClientsOnThisNode) {
  Apply({Outside()
             .NoEndpoints()
             .ExternalLocal()
             .LoadBalancerIp("192.0.2.10")
             .Endpoint({.address = "10.244.1.1", .node = "elsewhere"})});
  for (const sandbox::NetworkNamespace* from : {&world().host(), &world().pod()}) {
    EXPECT_EQ(Reach(*from, "10.0.0.1:30080"), kBackend4);
    EXPECT_EQ(Reach(*from, "192.0.2.10:80"), kBackend4);
    EXPECT_EQ(Reach(*from, "10.96.0.50:80"), kBackend4);
  }
}

TEST_P(FrontendsTest, InternalTrafficPolicyLocalConcernsTheClusterIpOnly) {
  Apply({Outside().NoEndpoints().InternalLocal().Endpoint({.address = "10.244.1.1", .node = "elsewhere"})});
  EXPECT_EQ(Reach(world().pod(), "10.96.0.50:80"), absl::StrCat("errno ", EHOSTUNREACH));
  EXPECT_EQ(Reach(world().pod(), "10.0.0.1:30080"), kBackend4);
}

TEST_P(FrontendsTest, ANodePortWithoutEndpointsIsRefused) {
  Apply({Outside().NoEndpoints()});
  EXPECT_EQ(Reach(world().pod(), "10.0.0.1:30080"), absl::StrCat("errno ", ECONNREFUSED));
  EXPECT_EQ(Reach(world().host(), "127.0.0.1:30080"), absl::StrCat("errno ", ECONNREFUSED));
}

}  // namespace
}  // namespace shunt::kernel_test
