// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/serve/health_check_node_ports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "userspace/admin/http/server.h"
#include "userspace/agent/testing/http_get.h"

namespace shunt::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr char kOwner[] = "healthCheckNodePort";

// Returns a port that was free a moment ago: the kernel does not hand it out again so soon.
uint16_t FreePort(admin::http::ListenerSet& listeners) {
  listeners.Replace("probe", {{.name = "probe", .at = {*model::IpAddress::Parse("127.0.0.1"), 0}}});
  const uint16_t port = *listeners.PortOf("probe", "probe");
  listeners.Replace("probe", {});
  return port;
}

class HealthCheckNodePortsTest : public ::testing::Test {
 protected:
  HealthCheckNodePortsTest() {
    // Tests listen on loopback alone.
    node_ports_.SetAddresses({*model::IpAddress::Parse("127.0.0.1")});
  }

  void Record(const std::string& name, uint16_t port, uint32_t endpoints, std::optional<uint32_t> v6 = std::nullopt) {
    model::ServicePlan plan{
        .service = {"shop", name}, .health_check_node_port = port, .local_ready_v4 = endpoints, .local_ready_v6 = v6};
    ledger_.Record(std::make_shared<const model::ServicePlan>(plan), absl::OkStatus());
  }

  Ledger ledger_;
  std::atomic<bool> healthy_ = true;
  std::unique_ptr<admin::http::Server> server_ =
      *admin::http::Server::Start({.retry_interval = std::chrono::milliseconds(5)});
  HealthCheckNodePorts node_ports_{ledger_, server_->listeners(), [this] { return healthy_.load(); }};
};

TEST_F(HealthCheckNodePortsTest, AnyMethodAndPathIsAnsweredByWhatIsTrueNow) {
  const uint16_t port = FreePort(server_->listeners());
  Record("front", port, 2);
  node_ports_.Follow();
  for (const char* method : {"GET", "POST", "OPTIONS"}) {
    const std::string answer = HttpGet(port, "/any/path", method);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\nX-Load-Balancing-Endpoint-Weight: 2\r\n"));
    EXPECT_THAT(answer, EndsWith("\t\"localEndpoints\": 2,\n\t\"serviceProxyHealthy\": true\n}"));
  }
  Record("front", port, 0);
  EXPECT_THAT(HttpGet(port, "/"), StartsWith("HTTP/1.1 503 ")) << "no step is needed for that";
  Record("front", port, 1);
  healthy_ = false;
  EXPECT_THAT(HttpGet(port, "/"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(HttpGet(port, "/"), EndsWith("\t\"serviceProxyHealthy\": false\n}"));
}

TEST_F(HealthCheckNodePortsTest, ServersComeMoveAndGoWithTheirServices) {
  const uint16_t first = FreePort(server_->listeners());
  const uint16_t second = FreePort(server_->listeners());
  Record("front", first, 1);
  Record("none", 0, 1);
  node_ports_.Follow();
  EXPECT_THAT(HttpGet(first, "/"), StartsWith("HTTP/1.1 200 "));
  EXPECT_FALSE(server_->listeners().PortOf(kOwner, "Service shop/none at 127.0.0.1").has_value());

  Record("front", second, 1);
  node_ports_.Follow();
  EXPECT_EQ(HttpGet(first, "/"), "");
  EXPECT_THAT(HttpGet(second, "/"), StartsWith("HTTP/1.1 200 "));

  ledger_.Erase({"shop", "front"});
  node_ports_.Follow();
  EXPECT_EQ(HttpGet(second, "/"), "");
}

TEST_F(HealthCheckNodePortsTest, ServicesMayExchangeTheirPorts) {
  const uint16_t first = FreePort(server_->listeners());
  const uint16_t second = FreePort(server_->listeners());
  Record("a", first, 1);
  Record("b", second, 2);
  node_ports_.Follow();
  Record("a", second, 1);
  Record("b", first, 2);
  node_ports_.Follow();
  EXPECT_THAT(server_->listeners().Problems(), IsEmpty());
  EXPECT_THAT(HttpGet(first, "/"), HasSubstr("\"name\": \"b\""));
  EXPECT_THAT(HttpGet(second, "/"), HasSubstr("\"name\": \"a\""));
}

TEST_F(HealthCheckNodePortsTest, APortThatIsHeldIsToldUnderTheServicesName) {
  const auto holder = *admin::http::Server::Start({});
  holder->listeners().Replace("x", {{.name = "x", .at = {*model::IpAddress::Parse("127.0.0.1"), 0}}});
  Record("front", *holder->listeners().PortOf("x", "x"), 1);
  node_ports_.Follow();
  ASSERT_EQ(server_->listeners().Problems().size(), 1u);
  EXPECT_EQ(server_->listeners().Problems()[0].name, "Service shop/front at 127.0.0.1");
  holder->listeners().Replace("x", {});
  while (!server_->listeners().Problems().empty()) std::this_thread::yield();
}

TEST_F(HealthCheckNodePortsTest, OtherAddressesAreFollowedToo) {
  const uint16_t port = FreePort(server_->listeners());
  Record("front", port, 1);
  node_ports_.Follow();
  node_ports_.SetAddresses({*model::IpAddress::Parse("127.0.0.1"), *model::IpAddress::Parse("127.0.0.2")});
  node_ports_.Follow();
  EXPECT_EQ(server_->listeners().PortOf(kOwner, "Service shop/front at 127.0.0.1"), port);
  EXPECT_EQ(server_->listeners().PortOf(kOwner, "Service shop/front at 127.0.0.2"), port);
}

// As kube-proxy's: a load balancer that probes over IPv4 sends over IPv4.
TEST_F(HealthCheckNodePortsTest, EachFamilyAnswersForItsOwnEndpoints) {
  const uint16_t port = FreePort(server_->listeners());
  node_ports_.SetAddresses({*model::IpAddress::Parse("127.0.0.1"), *model::IpAddress::Parse("::1")});
  Record("front", port, 0, 1);
  node_ports_.Follow();
  ASSERT_THAT(server_->listeners().Problems(), IsEmpty());
  EXPECT_THAT(HttpGet(port, "/"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(HttpGet(port, "/"), HasSubstr("\"localEndpoints\": 0"));
  EXPECT_THAT(HttpGet(port, "/", "GET", "::1"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(HttpGet(port, "/", "GET", "::1"), HasSubstr("\"localEndpoints\": 1"));
  Record("front", port, 2);
  node_ports_.Follow();
  EXPECT_THAT(HttpGet(port, "/"), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(HttpGet(port, "/", "GET", "::1"), "") << "a Service without an IPv6 ClusterIP";
}

TEST_F(HealthCheckNodePortsTest, EverywhereMeansTheSamePortOnceForEachFamily) {
  const uint16_t port = FreePort(server_->listeners());
  HealthCheckNodePorts everywhere(ledger_, server_->listeners(), [] { return true; });
  Record("front", port, 0, 1);
  everywhere.Follow();
  ASSERT_THAT(server_->listeners().Problems(), IsEmpty());
  EXPECT_EQ(server_->listeners().PortOf(kOwner, "Service shop/front at 0.0.0.0"), port);
  EXPECT_EQ(server_->listeners().PortOf(kOwner, "Service shop/front at ::"), port);
  EXPECT_THAT(HttpGet(port, "/"), StartsWith("HTTP/1.1 503 ")) << "not the IPv6 listener's answer";
  EXPECT_THAT(HttpGet(port, "/", "GET", "::1"), StartsWith("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace shunt::agent
