// SPDX-License-Identifier: Apache-2.0
// The server on loopback, on ports that the kernel chooses.
#include "userspace/admin/http/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <latch>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace shunt::admin::http {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const char kLoopback[] = "127.0.0.1";

model::SocketAddress At(const char* address, uint16_t port = 0) {
  return {*model::IpAddress::Parse(address), port};
}

Listener Says(const std::string& name, model::SocketAddress at, const std::string& body) {
  return {.name = name, .at = at, .handler = [body](const Request& request) {
            return Response{.body = absl::StrCat(body, " ", request.method, " ", request.path)};
          }};
}

std::unique_ptr<Server> StartServer(const ServerOptions& options = {}) {
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(options);
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

// A client without a deadline: if the server fails, the test hangs until CTest ends it.
class Client {
 public:
  explicit Client(uint16_t port, const char* address = kLoopback) {
    sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    const bool is_v6 = absl::StrContains(address, ":");
    ::inet_pton(AF_INET6, address, &v6.sin6_addr);
    ::inet_pton(AF_INET, address, &v4.sin_addr);
    socket_ = posix::FileDescriptor(::socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    connected_ = ::connect(socket_.get(), is_v6 ? reinterpret_cast<sockaddr*>(&v6) : reinterpret_cast<sockaddr*>(&v4),
                           is_v6 ? sizeof(v6) : sizeof(v4)) == 0;
  }
  bool connected() const { return connected_; }
  // Returns false if the server has reset the connection.
  bool Send(absl::string_view bytes) const {
    return ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  void EndInput() const { ::shutdown(socket_.get(), SHUT_WR); }
  // Reads until `end` has arrived, or the server ends the connection.
  std::string ReadUntil(absl::string_view end) const {
    std::string got;
    char bytes[4096];
    while (end.empty() || !absl::StrContains(got, end)) {
      const ssize_t count = ::recv(socket_.get(), bytes, sizeof(bytes), 0);
      if (count <= 0) break;
      got.append(bytes, static_cast<size_t>(count));
    }
    return got;
  }
  std::string ReadAll() const { return ReadUntil(""); }

 private:
  posix::FileDescriptor socket_;
  bool connected_ = false;
};

std::string Get(uint16_t port, const std::string& path, const char* address = kLoopback) {
  const Client client(port, address);
  client.Send(absl::StrCat("GET ", path, " HTTP/1.0\r\n\r\n"));
  return client.ReadAll();
}

TEST(HttpServerTest, ARequestGetsItsAnswerAndTheConnectionEnds) {
  const auto server = StartServer();
  server->listeners().Replace("test", {Says("page", At(kLoopback), "hello")});
  const std::string answer = Get(*server->listeners().PortOf("test", "page"), "/x?y");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\nDate: "));
  EXPECT_THAT(answer, EndsWith("\r\nConnection: close\r\n\r\nhello GET /x"));
}

TEST(HttpServerTest, AConnectionServesManyRequestsEvenIfTheyComeAtOnce) {
  const auto server = StartServer();
  server->listeners().Replace("test", {Says("page", At(kLoopback), "p")});
  const Client client(*server->listeners().PortOf("test", "page"));
  client.Send("GET /1 HTTP/1.1\r\nHost: n\r\n\r\n");
  EXPECT_THAT(client.ReadUntil("p GET /1"), EndsWith("p GET /1"));
  std::string many;
  for (int i = 2; i < 100; ++i) absl::StrAppend(&many, "GET /", i, " HTTP/1.1\r\nHost: n\r\n\r\n");
  client.Send(absl::StrCat(many, "GET /last HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n"));
  client.EndInput();
  const std::string answers = client.ReadAll();
  for (int i = 2; i < 100; ++i) EXPECT_THAT(answers, HasSubstr(absl::StrCat("\r\n\r\np GET /", i, "HTTP/1.1 200")));
  EXPECT_THAT(answers, EndsWith("p GET /last"));
}

TEST(HttpServerTest, OtherMethodsAreRefusedUnlessTheListenerTakesAny) {
  const auto server = StartServer();
  Listener any = Says("any", At(kLoopback), "any");
  any.any_method = true;
  server->listeners().Replace("test", {Says("page", At(kLoopback), "p"), any});
  const auto post = [&](const char* name) {
    const Client client(*server->listeners().PortOf("test", name));
    client.Send("POST /x HTTP/1.1\r\nHost: n\r\nContent-Length: 4\r\n\r\nbody");
    return client.ReadAll();
  };
  EXPECT_THAT(post("page"), StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_THAT(post("page"), HasSubstr("\r\nAllow: GET, HEAD\r\n"));
  EXPECT_THAT(post("any"), EndsWith("any POST /x"));
}

TEST(HttpServerTest, AnAnswerOfManyMegabytesArrivesWhole) {
  const auto server = StartServer();
  const std::string body(16 << 20, 'm');
  server->listeners().Replace(
      "test",
      {{.name = "large", .at = At(kLoopback), .handler = [&](const Request&) { return Response{.body = body}; }}});
  const std::string answer = Get(*server->listeners().PortOf("test", "large"), "/");
  ASSERT_GT(answer.size(), body.size());
  EXPECT_EQ(answer.compare(answer.size() - body.size(), body.size(), body), 0);
}

TEST(HttpServerTest, AHeadThatIsTooLongIsRefusedThoughItGoesOn) {
  const auto server = StartServer();
  server->listeners().Replace("test", {Says("page", At(kLoopback), "p")});
  const Client client(*server->listeners().PortOf("test", "page"));
  client.Send(absl::StrCat("GET / HTTP/1.1\r\nA: ", std::string(kHeadBytesMax, 'x')));
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 431 "));
}

TEST(HttpServerTest, WhoDribblesIsCutOffAtTheDeadlineOfTheWholeHead) {
  const auto server = StartServer({.request_timeout = 30ms});
  server->listeners().Replace("test", {Says("page", At(kLoopback), "p")});
  const Client client(*server->listeners().PortOf("test", "page"));
  client.Send("GET / HTTP/1.1\r\nA: ");
  // Ends at the server's deadline; if each byte extended it, it would never end.
  while (client.Send("x")) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(client.ReadAll(), "");
}

TEST(HttpServerTest, WhoTakesNoAnswerIsCutOff) {
  const auto server = StartServer({.answer_timeout = 30ms});
  const std::string body(64 << 20, 'm');
  server->listeners().Replace(
      "test",
      {{.name = "large", .at = At(kLoopback), .handler = [&](const Request&) { return Response{.body = body}; }}});
  const Client client(*server->listeners().PortOf("test", "large"));
  client.Send("GET / HTTP/1.1\r\nHost: n\r\n\r\n");
  while (client.Send("GET / HTTP/1.1\r\nHost: n\r\n\r\n")) std::this_thread::sleep_for(1ms);
  EXPECT_LT(client.ReadAll().size(), body.size());
}

TEST(HttpServerTest, WhoHoldsConnectionsKeepsNobodyOut) {
  const auto server = StartServer({.connections_max = 8});
  server->listeners().Replace("test", {Says("page", At(kLoopback), "p")});
  const uint16_t port = *server->listeners().PortOf("test", "page");
  std::vector<Client> held;
  for (int i = 0; i < 100; ++i) {
    held.emplace_back(port);
    held.back().Send("GET / HTTP/1.1\r\n");
  }
  EXPECT_THAT(Get(port, "/probe"), EndsWith("p GET /probe"));
  // The newer connections are still served: the oldest one was closed to make room.
  held.back().Send("Host: n\r\n\r\n");
  EXPECT_THAT(held.back().ReadUntil("p GET /"), EndsWith("p GET /"));
  EXPECT_EQ(held.front().ReadAll(), "");
}

TEST(HttpServerTest, HundredsOfClientsAtOnceAreAllServed) {
  const auto server = StartServer({.connections_max = 512});
  server->listeners().Replace("test", {Says("page", At(kLoopback), "p")});
  const uint16_t port = *server->listeners().PortOf("test", "page");
  std::vector<Client> clients;
  for (int i = 0; i < 300; ++i) clients.emplace_back(port);
  for (const Client& client : clients) client.Send("GET /x HTTP/1.0\r\n\r\n");
  for (const Client& client : clients) EXPECT_THAT(client.ReadAll(), EndsWith("p GET /x"));
}

TEST(HttpServerTest, AnUnspecifiedAddressIsEveryAddressOfBothFamilies) {
  const auto server = StartServer();
  server->listeners().Replace("test", {Says("page", At("0.0.0.0"), "p"), Says("v6", At("::1"), "p")});
  if (!server->listeners().PortOf("test", "v6").has_value()) GTEST_SKIP() << "this host has no IPv6";
  const uint16_t port = *server->listeners().PortOf("test", "page");
  EXPECT_THAT(Get(port, "/4"), EndsWith("p GET /4"));
  EXPECT_THAT(Get(port, "/6", "::1"), EndsWith("p GET /6"));
  EXPECT_FALSE(Client(*server->listeners().PortOf("test", "v6")).connected()) << "::1 is no address of IPv4";
}

TEST(HttpServerTest, ListenersComeAndGoWhileOthersStay) {
  const auto server = StartServer();
  ListenerSet& listeners = server->listeners();
  listeners.Replace("a", {Says("stays", At(kLoopback), "1"), Says("goes", At(kLoopback), "1")});
  listeners.Replace("b", {Says("stays", At(kLoopback), "b")});
  const uint16_t stays = *listeners.PortOf("a", "stays");
  const uint16_t goes = *listeners.PortOf("a", "goes");
  const Client old(goes);
  old.Send("GET /1 HTTP/1.1\r\nHost: n\r\n\r\n");
  EXPECT_THAT(old.ReadUntil("1 GET /1"), EndsWith("1 GET /1"));

  listeners.Replace("a", {Says("stays", At(kLoopback), "2"), Says("comes", At(kLoopback), "2")});
  EXPECT_EQ(listeners.PortOf("a", "stays"), stays);
  EXPECT_THAT(Get(stays, "/"), EndsWith("2 GET /"));
  EXPECT_THAT(Get(*listeners.PortOf("a", "comes"), "/"), EndsWith("2 GET /"));
  EXPECT_FALSE(Client(goes).connected());
  old.Send("GET /2 HTTP/1.1\r\nHost: n\r\n\r\n");
  EXPECT_EQ(old.ReadAll(), "") << "its connections get no more answers";
  EXPECT_THAT(Get(*listeners.PortOf("b", "stays"), "/"), EndsWith("b GET /"));
}

TEST(HttpServerTest, AListenerMovesToTheAddressThatAnotherLeaves) {
  const auto server = StartServer();
  ListenerSet& listeners = server->listeners();
  listeners.Replace("a", {Says("x", At(kLoopback), "x"), Says("y", At(kLoopback), "y")});
  const uint16_t x = *listeners.PortOf("a", "x");
  const uint16_t y = *listeners.PortOf("a", "y");
  listeners.Replace("a", {Says("x", At(kLoopback, y), "x"), Says("y", At(kLoopback, x), "y")});
  EXPECT_THAT(listeners.Problems(), IsEmpty());
  EXPECT_THAT(Get(y, "/"), EndsWith("x GET /"));
  EXPECT_THAT(Get(x, "/"), EndsWith("y GET /"));
}

TEST(HttpServerTest, AnAddressThatIsHeldIsAProblemUntilItIsFree) {
  auto holder = StartServer();
  holder->listeners().Replace("kube-proxy", {Says("healthz", At(kLoopback), "theirs")});
  const uint16_t port = *holder->listeners().PortOf("kube-proxy", "healthz");

  const auto server = StartServer({.retry_interval = 5ms});
  server->listeners().Replace("agent", {Says("healthz", At(kLoopback, port), "ours")});
  const std::vector<ListenProblem> problems = server->listeners().Problems();
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].name, "healthz");
  EXPECT_THAT(problems[0].what, StartsWith(absl::StrCat("cannot listen on 127.0.0.1:", port)));
  EXPECT_THAT(problems[0].what, HasSubstr("does kube-proxy or another agent hold it?"));
  EXPECT_FALSE(server->listeners().PortOf("agent", "healthz").has_value());
  EXPECT_THAT(Get(port, "/"), EndsWith("theirs GET /"));

  holder.reset();
  while (!server->listeners().Problems().empty()) std::this_thread::sleep_for(1ms);
  EXPECT_THAT(Get(port, "/"), EndsWith("ours GET /"));
}

TEST(HttpServerTest, AnAddressOfNobodyHereIsAProblem) {
  const auto server = StartServer();
  server->listeners().Replace("test", {Says("page", At("192.0.2.1", 10256), "p")});
  EXPECT_THAT(server->listeners().Problems(),
              ElementsAre(ListenProblem{"page",
                                        "cannot listen on 192.0.2.1:10256: Cannot assign requested address; tried "
                                        "again every second"}));
}

TEST(HttpServerTest, NoHandlerRunsOnceTheServerIsGone) {
  std::atomic<bool> alive = true;
  std::atomic<int> calls_too_late = 0;
  auto server = StartServer();
  server->listeners().Replace("test", {{.name = "page", .at = At(kLoopback), .handler = [&](const Request&) {
                                          if (!alive) ++calls_too_late;
                                          return Response{};
                                        }}});
  const uint16_t port = *server->listeners().PortOf("test", "page");
  std::latch busy(1);
  std::jthread prober([&](std::stop_token stop) {
    for (bool first = true; !stop.stop_requested(); first = false) {
      Get(port, "/");
      if (first) busy.count_down();
    }
  });
  busy.wait();
  server.reset();
  alive = false;
  prober = {};
  EXPECT_EQ(calls_too_late, 0);
}

}  // namespace
}  // namespace shunt::admin::http
