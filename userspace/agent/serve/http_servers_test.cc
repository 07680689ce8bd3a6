// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/serve/http_servers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <latch>
#include <memory>
#include <string>
#include <thread>

#include "userspace/agent/control/inbox.h"
#include "userspace/agent/control/metrics.h"
#include "userspace/agent/serve/live_health.h"
#include "userspace/agent/testing/http_get.h"

namespace shunt::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const model::SocketAddress kAnyPort = {*model::IpAddress::Parse("127.0.0.1"), 0};

// Shows what `metrics` counted; `ask`, if it is set, is called first.
class ScriptedMetrics final : public report::MetricsView {
 public:
  explicit ScriptedMetrics(const agent::Metrics& metrics) : metrics_(metrics) {}
  report::MetricsSnapshot Metrics() const override {
    if (ask != nullptr) ask();
    return {.agent = metrics_.Read()};
  }

  std::function<void()> ask;

 private:
  const agent::Metrics& metrics_;
};

class HttpServersTest : public ::testing::Test {
 protected:
  std::unique_ptr<HttpServers> Started(const HttpAddresses& addresses = {.healthz = kAnyPort, .metrics = kAnyPort}) {
    std::unique_ptr<HttpServers> servers = *HttpServers::Start(addresses, ledger_, health_);
    servers->Listen(metrics_view_);
    return servers;
  }
  static uint16_t HealthPort(HttpServers& servers) {
    return servers.health_listeners().PortOf("agent", "--healthz-bind-address").value_or(0);
  }
  static uint16_t MetricsPort(HttpServers& servers) {
    return servers.metrics_listeners()->PortOf("agent", "--metrics-bind-address").value_or(0);
  }

  Ledger ledger_;
  Inbox inbox_{1};
  Metrics metrics_{0};
  LiveHealth health_{metrics_, inbox_};
  ScriptedMetrics metrics_view_{metrics_};
};

TEST_F(HttpServersTest, ProbesAreAnsweredAndCounted) {
  const auto servers = Started();
  EXPECT_THAT(servers->Problems(), IsEmpty());
  EXPECT_THAT(HttpGet(HealthPort(*servers), "/healthz"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(HttpGet(HealthPort(*servers), "/livez"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(HttpGet(HealthPort(*servers), "/readyz"), StartsWith("HTTP/1.1 503 ")) << "nothing is applied yet";
  EXPECT_THAT(HttpGet(HealthPort(*servers), "/metrics"), StartsWith("HTTP/1.1 404 ")) << "strangers reach this port";
  EXPECT_THAT(HttpGet(MetricsPort(*servers), "/metrics"),
              HasSubstr("\nkubeproxy_proxy_healthz_total{code=\"200\"} 1\n"));
}

TEST_F(HttpServersTest, BothAreOptional) {
  const auto servers = Started({});
  EXPECT_EQ(servers->metrics_listeners(), nullptr);
  EXPECT_EQ(HealthPort(*servers), 0);
  EXPECT_THAT(servers->Problems(), IsEmpty());
}

TEST_F(HttpServersTest, AnAddressInUseIsAProblemUnderItsFlagsName) {
  const auto first = Started();
  model::SocketAddress taken = kAnyPort;
  taken.port = HealthPort(*first);
  const auto second = Started({.healthz = taken});
  ASSERT_EQ(second->Problems().size(), 1u);
  EXPECT_EQ(second->Problems()[0].where, "--healthz-bind-address");
  EXPECT_THAT(second->Problems()[0].what, HasSubstr("does kube-proxy or another agent hold it?"));
}

TEST_F(HttpServersTest, APageOfMetricsThatTakesLongKeepsNoProbeWaiting) {
  std::latch asked(1);
  std::latch go_on(1);
  metrics_view_.ask = [&] {
    asked.count_down();
    go_on.wait();
  };
  const auto servers = Started();
  std::jthread scrape([port = MetricsPort(*servers)] { HttpGet(port, "/metrics"); });
  asked.wait();
  EXPECT_THAT(HttpGet(HealthPort(*servers), "/livez"), StartsWith("HTTP/1.1 200 "));
  go_on.count_down();
}

TEST_F(HttpServersTest, WhoIsAnsweredWhileTheyStopMayStillAskForProblems) {
  std::latch asked(1);
  std::latch go_on(1);
  const HttpServers* asked_servers = nullptr;
  metrics_view_.ask = [&] {
    asked.count_down();
    go_on.wait();
    EXPECT_THAT(asked_servers->Problems(), IsEmpty());
  };
  const auto servers = Started();
  asked_servers = servers.get();
  std::jthread scrape([port = MetricsPort(*servers)] { HttpGet(port, "/metrics"); });
  asked.wait();
  std::jthread stop([&] { servers->Stop(); });
  go_on.count_down();
  stop.join();
  scrape.join();
  EXPECT_THAT(servers->Problems(), IsEmpty());
}

}  // namespace
}  // namespace shunt::agent
