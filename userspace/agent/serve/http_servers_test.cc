// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/serve/http_servers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <memory>
#include <string>
#include <thread>

#include "userspace/agent/control/metrics.h"
#include "userspace/agent/process/clock.h"
#include "userspace/agent/testing/http_get.h"

namespace shunt::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const model::SocketAddress kAnyPort = {*model::IpAddress::Parse("127.0.0.1"), 0};

class HttpServersTest : public ::testing::Test {
 protected:
  HttpSources Sources() {
    return {.healthz = kAnyPort,
            .metrics = kAnyPort,
            .ledger = ledger_,
            .health = {.state = [this] { return metrics_.Health(std::nullopt); },
                       .now = &ReadClocks,
                       .answered = [this](auto page, int status) { metrics_.HealthPageAnswered(page, status); }},
            .metrics_query = [this] { return report::MetricsSnapshot{.agent = metrics_.Read()}; }};
  }
  static std::unique_ptr<HttpServers> Started(HttpSources sources) {
    std::unique_ptr<HttpServers> servers = *HttpServers::Start(std::move(sources));
    servers->Listen();
    return servers;
  }
  static uint16_t HealthPort(HttpServers& servers) {
    return servers.health_listeners().PortOf("agent", "--healthz-bind-address").value_or(0);
  }
  static uint16_t MetricsPort(HttpServers& servers) {
    return servers.metrics_listeners()->PortOf("agent", "--metrics-bind-address").value_or(0);
  }

  Ledger ledger_;
  Metrics metrics_{0};
};

TEST_F(HttpServersTest, ProbesAreAnsweredAndCounted) {
  const auto servers = Started(Sources());
  EXPECT_THAT(servers->Problems(), IsEmpty());
  EXPECT_THAT(HttpGet(HealthPort(*servers), "/healthz"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(HttpGet(HealthPort(*servers), "/livez"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(HttpGet(HealthPort(*servers), "/readyz"), StartsWith("HTTP/1.1 503 ")) << "nothing is applied yet";
  EXPECT_THAT(HttpGet(HealthPort(*servers), "/metrics"), StartsWith("HTTP/1.1 404 ")) << "strangers reach this port";
  EXPECT_THAT(HttpGet(MetricsPort(*servers), "/metrics"),
              HasSubstr("\nkubeproxy_proxy_healthz_total{code=\"200\"} 1\n"));
}

TEST_F(HttpServersTest, BothAreOptional) {
  HttpSources sources = Sources();
  sources.healthz.reset();
  sources.metrics.reset();
  const auto servers = Started(std::move(sources));
  EXPECT_EQ(servers->metrics_listeners(), nullptr);
  EXPECT_EQ(HealthPort(*servers), 0);
  EXPECT_THAT(servers->Problems(), IsEmpty());
}

TEST_F(HttpServersTest, AnAddressInUseIsAProblemUnderItsFlagsName) {
  const auto first = Started(Sources());
  HttpSources sources = Sources();
  sources.healthz->port = HealthPort(*first);
  const auto second = Started(std::move(sources));
  ASSERT_EQ(second->Problems().size(), 1u);
  EXPECT_EQ(second->Problems()[0].where, "--healthz-bind-address");
  EXPECT_THAT(second->Problems()[0].what, HasSubstr("does kube-proxy or another agent hold it?"));
}

TEST_F(HttpServersTest, APageOfMetricsThatTakesLongKeepsNoProbeWaiting) {
  std::latch asked(1);
  std::latch go_on(1);
  HttpSources sources = Sources();
  sources.metrics_query = [&] {
    asked.count_down();
    go_on.wait();
    return report::MetricsSnapshot();
  };
  const auto servers = Started(std::move(sources));
  std::jthread scrape([port = MetricsPort(*servers)] { HttpGet(port, "/metrics"); });
  asked.wait();
  EXPECT_THAT(HttpGet(HealthPort(*servers), "/livez"), StartsWith("HTTP/1.1 200 "));
  go_on.count_down();
}

TEST_F(HttpServersTest, WhoIsAnsweredWhileTheyStopMayStillAskForProblems) {
  std::latch asked(1);
  std::latch go_on(1);
  const HttpServers* asked_servers = nullptr;
  HttpSources sources = Sources();
  sources.metrics_query = [&] {
    asked.count_down();
    go_on.wait();
    EXPECT_THAT(asked_servers->Problems(), IsEmpty());
    return report::MetricsSnapshot();
  };
  const auto servers = Started(std::move(sources));
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
