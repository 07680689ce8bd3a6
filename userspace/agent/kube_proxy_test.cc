// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/kube_proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "userspace/admin/http/server.h"

namespace shunt::agent {
namespace {

constexpr char kHealthBody[] =
    R"({"lastUpdated": "2026-11-27 00:00:00 +0000 UTC","currentTime": "2026-11-27 00:00:01 +0000 UTC"})";

// A server on loopback with given answers at /healthz and /readyz.
class ScriptedServer {
 public:
  ScriptedServer(admin::http::Response health, admin::http::Response ready)
      : server_(*admin::http::Server::Start(admin::http::ServerOptions())) {
    server_->listeners().Replace(
        "test",
        {{.name = "health",
          .at = {*model::IpAddress::Parse("127.0.0.1"), 0},
          .handler = [health = std::move(health), ready = std::move(ready)](const admin::http::Request& request) {
            return request.path == "/healthz"  ? health
                   : request.path == "/readyz" ? ready
                                               : admin::http::StatusResponse(404);
          }}});
  }
  uint16_t port() { return server_->listeners().PortOf("test", "health").value_or(0); }

 private:
  std::unique_ptr<admin::http::Server> server_;
};

TEST(KubeProxyTest, IsToldByItsHealthPages) {
  const auto status = [](int number) { return admin::http::StatusResponse(number); };
  const auto body = [](int number) { return admin::http::Response{.status = number, .body = kHealthBody}; };
  struct Row {
    const char* sentence;
    admin::http::Response health;
    admin::http::Response ready;
    bool expected;
  };
  const Row rows[] = {
      {"a kube-proxy that is well", body(200), status(404), true},
      {"a kube-proxy that is not", body(503), status(404), true},
      {"an agent of Shunt that is ready", body(200), status(200), false},
      {"an agent of Shunt that is not", body(200), status(503), false},
      {"another program", admin::http::Response{.body = "ok"}, status(404), false},
      {"a program without such a page", status(404), status(404), false},
  };
  for (const Row& row : rows) {
    ScriptedServer server(row.health, row.ready);
    ASSERT_NE(server.port(), 0);
    EXPECT_EQ(KubeProxyAnswers(server.port(), std::chrono::seconds(10)), row.expected) << row.sentence;
  }
}

TEST(KubeProxyTest, WhoServesClientsOutsideDependsOnThePacketPath) {
  EXPECT_THAT(KubeProxyMeaning(10256, false), ::testing::EndsWith("kube-proxy those that come from outside"));
  EXPECT_THAT(KubeProxyMeaning(10256, true), ::testing::EndsWith("kube-proxy what Shunt leaves alone"));
}

TEST(KubeProxyTest, NobodyAndSomebodySilentAreNone) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof(address);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const uint16_t port = ntohs(address.sin_port);
  EXPECT_FALSE(KubeProxyAnswers(port, std::chrono::seconds(10))) << "bound, but not listening";
  ASSERT_EQ(::listen(listener, 1), 0);
  EXPECT_FALSE(KubeProxyAnswers(port, std::chrono::milliseconds(20))) << "connections are not accepted";
  ::close(listener);
}

}  // namespace
}  // namespace shunt::agent
