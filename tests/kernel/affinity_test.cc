// SPDX-License-Identifier: Apache-2.0
// sessionAffinity: ClientIP. The client is a network namespace: that of all of a pod's containers, or the host's.
#include <bpf/bpf.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bpf/abi.h"
#include "tests/kernel/dials.h"
#include "tests/kernel/kernel_test.h"
#include "userspace/datapath/kernel/kernel_datapath.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::kernel_test {
namespace {

class AffinityTest : public KernelTest {
 protected:
  static constexpr int kServices = 8;
  static constexpr int kEndpoints = 16;

  static std::string Endpoint(int i) { return absl::StrCat("10.244.5.", i + 1); }

  // 80/TCP and 443/TCP to 8080, and NodePort 30080 for the first.
  static ServiceStory Sticky(int32_t timeout_s, int number = 0) {
    ServiceStory story(absl::StrCat("sticky-", number));
    story.ClusterIp(absl::StrCat("10.96.1.", number)).Affinity(timeout_s).Port(80, kTcp, 8080).Port(443, kTcp, 8080);
    for (int i = 0; i < kEndpoints; ++i) story.Endpoint({.address = Endpoint(i)});
    return story;
  }

  // Sixteen endpoints and eight services: two runs of independent picks agree once in 2^32.
  void ApplySeveral(int32_t timeout_s) {
    std::vector<ServiceStory> stories;
    for (int i = 0; i < kServices; ++i) stories.push_back(Sticky(timeout_s, i));
    Apply(stories);
  }
  std::vector<std::string> DialSeveral(const sandbox::NetworkNamespace& from, int port = 80) {
    std::vector<std::string> reached;
    for (int i = 0; i < kServices; ++i) reached.push_back(DialTcp(from, absl::StrCat("10.96.1.", i, ":", port)));
    return reached;
  }

  // Calls `visit` with every affinity's key.
  template <typename Visit>
  void ForEachAffinity(Visit visit) {
    const absl::StatusOr<datapath::PinDirectory> pins = datapath::PinDirectory::OpenOrCreate(bpffs());
    const absl::StatusOr<std::optional<datapath::PlanPins>> plan = pins->Current();
    ASSERT_TRUE(plan.ok() && plan->has_value()) << plan.status();
    const std::string pin = (*plan)->MapPath("affinities");
    const posix::FileDescriptor map(bpf_obj_get(pin.c_str()));
    ASSERT_TRUE(map.ok()) << pin;
    std::vector<shunt_affinity_key> keys;
    shunt_affinity_key next;
    while (bpf_map_get_next_key(map.get(), keys.empty() ? nullptr : &keys.back(), &next) == 0) keys.push_back(next);
    for (const shunt_affinity_key& key : keys) visit(map.get(), key);
  }

  // Makes every affinity look unused for that much longer. (A sleep would make the test depend on the machine's speed.)
  void LetPass(std::chrono::nanoseconds time) {
    int affinities = 0;
    ForEachAffinity([&](int map, const shunt_affinity_key& key) {
      shunt_affinity affinity;
      ASSERT_EQ(bpf_map_lookup_elem(map, &key, &affinity), 0);
      affinity.last_use_ns -= static_cast<uint64_t>(time.count());
      ASSERT_EQ(bpf_map_update_elem(map, &key, &affinity, BPF_EXIST), 0);
      ++affinities;
    });
    EXPECT_GT(affinities, 0);
  }

  void Forget() {
    ForEachAffinity([](int map, const shunt_affinity_key& key) { ASSERT_EQ(bpf_map_delete_elem(map, &key), 0); });
  }
};

TEST_F(AffinityTest, ANamespaceKeepsItsBackendAndAnotherMayHaveAnother) {
  ApplySeveral(10'800);
  const std::vector<std::string> pod = DialSeveral(world().pod());
  const std::vector<std::string> other = DialSeveral(world().other_pod());
  EXPECT_NE(pod, other);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(DialSeveral(world().pod()), pod);
    EXPECT_EQ(DialSeveral(world().other_pod()), other);
  }
}

TEST_F(AffinityTest, PortsOfOneServiceStickApart) {
  ApplySeveral(10'800);
  const std::vector<std::string> http = DialSeveral(world().pod(), 80);
  const std::vector<std::string> https = DialSeveral(world().pod(), 443);
  EXPECT_NE(http, https);
  EXPECT_EQ(DialSeveral(world().pod(), 80), http);
  EXPECT_EQ(DialSeveral(world().pod(), 443), https);
}

TEST_F(AffinityTest, AllFrontendsOfAServicePortShareIt) {
  const datapath::NodeAddress node[] = {{*model::IpAddress::Parse("10.0.0.1"), false}};
  ASSERT_TRUE(datapath().SetNodeAddresses(node).ok());
  ServiceStory story("shared");
  story.ClusterIp("10.96.1.100").Affinity(10'800).Port(80, kTcp, 8080, 30080).LoadBalancerIp("192.0.2.20");
  for (int i = 0; i < kEndpoints; ++i) story.Endpoint({.address = Endpoint(i)});
  Apply({story});
  const std::string reached = DialTcp(world().pod(), "10.96.1.100:80");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(DialTcp(world().pod(), "10.0.0.1:30080"), reached);
    EXPECT_EQ(DialTcp(world().pod(), "192.0.2.20:80"), reached);
    EXPECT_EQ(DialTcp(world().pod(), "10.96.1.100:80"), reached);
  }
}

TEST_F(AffinityTest, ItEndsAfterTheTimeoutWithoutUse) {
  ApplySeveral(10'800);
  const std::vector<std::string> before = DialSeveral(world().pod());
  LetPass(std::chrono::seconds(10'800));
  EXPECT_NE(DialSeveral(world().pod()), before);
}

TEST_F(AffinityTest, EveryUseRenewsIt) {
  ApplySeveral(10'800);
  const std::vector<std::string> first = DialSeveral(world().pod());
  for (int hour = 2; hour <= 8; hour += 2) {  // nearly three times the timeout in all
    LetPass(std::chrono::hours(2));
    EXPECT_EQ(DialSeveral(world().pod()), first) << "after " << hour << " hours";
  }
}

TEST_F(AffinityTest, AnEndpointThatIsGoneIsReplacedByOneThatStays) {
  ServiceStory story = Sticky(10'800);
  Apply({story});
  const std::string gone = DialTcp(world().pod(), "10.96.1.0:80");
  story.NoEndpoints();
  for (int i = 0; i < kEndpoints; ++i) {
    if (absl::StrCat(Endpoint(i), ":8080") != gone) story.Endpoint({.address = Endpoint(i)});
  }
  Apply({story});
  const std::string next = DialTcp(world().pod(), "10.96.1.0:80");
  EXPECT_NE(next, gone);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(DialTcp(world().pod(), "10.96.1.0:80"), next);
}

TEST_F(AffinityTest, ItOutlastsAChangeThatKeepsTheEndpoint) {
  ApplySeveral(10'800);
  const std::vector<std::string> before = DialSeveral(world().pod());
  std::vector<ServiceStory> grown;
  for (int i = 0; i < kServices; ++i) grown.push_back(Sticky(10'800, i).Endpoints({"10.244.6.1", "10.244.6.2"}));
  Apply(grown);
  EXPECT_EQ(DialSeveral(world().pod()), before);
}

TEST_F(AffinityTest, ADrainedEndpointGetsNoNewConnectionByAffinity) {
  ServiceStory story = Sticky(10'800);
  Apply({story});
  const std::string drained = DialTcp(world().pod(), "10.96.1.0:80");
  story.Weight(drained.substr(0, drained.find(':')), 0);
  Apply({story});
  EXPECT_NE(DialTcp(world().pod(), "10.96.1.0:80"), drained);
}

// The ClusterIP may only choose the local endpoint, the NodePort every endpoint.
TEST_F(AffinityTest, ItHonoursThePoolOfTheFrontend) {
  const datapath::NodeAddress node[] = {{*model::IpAddress::Parse("10.0.0.1"), false}};
  ASSERT_TRUE(datapath().SetNodeAddresses(node).ok());
  for (int number = 0; number < 4; ++number) {
    ServiceStory story(absl::StrCat("local-", number));
    const std::string cluster_ip = absl::StrCat("10.96.2.", number);
    const uint16_t node_port = static_cast<uint16_t>(31'000 + number);
    story.ClusterIp(cluster_ip).Affinity(10'800).InternalLocal().Port(80, kTcp, 8080, node_port);
    story.Endpoint({.address = "10.244.5.1"});
    for (int i = 1; i < kEndpoints; ++i) story.Endpoint({.address = Endpoint(i), .node = "elsewhere"});
    Apply({story});
    const std::string by_node_port = absl::StrCat("10.0.0.1:", node_port);
    const std::string first = DialTcp(world().pod(), by_node_port);
    EXPECT_EQ(DialTcp(world().pod(), by_node_port), first);
    EXPECT_EQ(DialTcp(world().pod(), cluster_ip + ":80"), "10.244.5.1:8080");
    // The choice of the narrower pool is allowed in the wider one, so it now applies to both.
    EXPECT_EQ(DialTcp(world().pod(), by_node_port), "10.244.5.1:8080");
  }
}

TEST_F(AffinityTest, UdpAndIpv6StickToo) {
  ServiceStory story("sticky-udp");
  story.ClusterIp("10.96.1.200").ClusterIp("fd00:96::1:200").Affinity(10'800).Port(53, kUdp, 8081);
  for (int i = 0; i < kEndpoints; ++i) {
    story.Endpoint({.address = Endpoint(i)}).Endpoint({.address = absl::StrCat("fd00:244:5::", i + 1)});
  }
  Apply({story});
  EXPECT_EQ(SendUdp(world().pod(), "10.96.1.200:53", 50).size(), 1u);
  EXPECT_EQ(ConnectUdp(world().pod(), "10.96.1.200:53", 50), SendUdp(world().pod(), "10.96.1.200:53", 50));
  EXPECT_EQ(SendUdp(world().pod(), "[fd00:96::1:200]:53", 50).size(), 1u);
}

// The programs pause between their loads, so that connections which begin at once really meet.
class AffinityAtOnceTest : public AffinityTest {
 protected:
  static constexpr int kThreads = 2;
  static constexpr int kRounds = 20;

  datapath::KernelOptions Options() const override {
    datapath::KernelOptions options = AffinityTest::Options();
    options.reader_window = 200'000;
    return options;
  }

  // Connects once in each thread, all at the same time. Returns the backends that they reached.
  std::set<std::string> ConnectAtOnce(const SocketAddress& service) {
    std::atomic<int> waiting = kThreads;
    std::array<std::string, kThreads> reached;
    std::vector<std::thread> threads;
    for (std::string& mine : reached) {
      threads.emplace_back([&] {
        const sandbox::InNamespace inside(world().pod());
        model::IpAddress backend;
        for (--waiting; waiting > 0;) {  // does not sleep, so that all of them go on at the same instant
        }
        const int error = ConnectOnce(service, SOCK_DGRAM, backend);
        mine = error == 0 ? backend.ToString() : absl::StrCat("errno ", error);
      });
    }
    for (std::thread& thread : threads) thread.join();
    return {reached.begin(), reached.end()};
  }
};

TEST_F(AffinityAtOnceTest, FirstConnectionsReachOneBackend) {
  Apply({Sticky(10'800).Port(53, kUdp, 8081)});
  for (int round = 0; round < kRounds; ++round) {
    Forget();
    const std::set<std::string> reached = ConnectAtOnce(At("10.96.1.0:53"));
    EXPECT_EQ(reached.size(), 1u) << ::testing::PrintToString(reached) << " in round " << round;
    EXPECT_EQ(ConnectAtOnce(At("10.96.1.0:53")), reached) << "in round " << round;
  }
}

TEST_F(AffinityAtOnceTest, AfterTheTimeoutConnectionsReachOneBackendAgain) {
  Apply({Sticky(10'800).Port(53, kUdp, 8081)});
  ConnectAtOnce(At("10.96.1.0:53"));
  std::set<std::string> all;
  for (int round = 0; round < kRounds; ++round) {
    LetPass(std::chrono::seconds(10'800));
    const std::set<std::string> reached = ConnectAtOnce(At("10.96.1.0:53"));
    EXPECT_EQ(reached.size(), 1u) << ::testing::PrintToString(reached) << " in round " << round;
    all.insert(reached.begin(), reached.end());
  }
  EXPECT_GE(all.size(), 5u) << "each of " << kRounds << " draws is a new one, among " << kEndpoints;
}

}  // namespace
}  // namespace shunt::kernel_test
