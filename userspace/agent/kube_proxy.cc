// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/kube_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::agent {
namespace {

using Clock = std::chrono::steady_clock;

// Larger than any of kube-proxy's pages.
constexpr size_t kAnswerMax = size_t{64} << 10;

bool WaitFor(int fd, short events, Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  pollfd waiting = {.fd = fd, .events = events, .revents = 0};
  return left > 0 && ::poll(&waiting, 1, static_cast<int>(left)) > 0;
}

// Returns the answer, or as much of it as has arrived by the deadline.
std::string Get(uint16_t port, const std::string& path, Clock::time_point deadline) {
  const posix::FileDescriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_in server = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  if (::connect(client.get(), reinterpret_cast<const sockaddr*>(&server), sizeof(server)) != 0 &&
      errno != EINPROGRESS) {
    return "";
  }
  const std::string request = absl::StrCat("GET ", path, " HTTP/1.0\r\nHost: 127.0.0.1:", port, "\r\n\r\n");
  if (!WaitFor(client.get(), POLLOUT, deadline) ||
      ::send(client.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) {
    return "";
  }
  std::string answer;
  char bytes[4096];
  while (answer.size() < kAnswerMax && WaitFor(client.get(), POLLIN, deadline)) {
    const ssize_t count = ::recv(client.get(), bytes, sizeof(bytes), 0);
    if (count <= 0) break;
    answer.append(bytes, static_cast<size_t>(count));
  }
  return answer;
}

bool HasStatus(const std::string& answer, absl::string_view status) {
  return absl::StartsWith(answer, absl::StrCat("HTTP/1.0 ", status)) ||
         absl::StartsWith(answer, absl::StrCat("HTTP/1.1 ", status));
}

}  // namespace

bool KubeProxyAnswers(uint16_t port, std::chrono::milliseconds patience) {
  // The status does not matter: an unhealthy kube-proxy is a kube-proxy, too.
  const std::string health = Get(port, "/healthz", Clock::now() + patience);
  if (!absl::StrContains(health, "\"lastUpdated\"") || !absl::StrContains(health, "\"currentTime\"")) return false;
  return HasStatus(Get(port, "/readyz", Clock::now() + patience), "404");
}

std::string KubeProxyMeaning(uint16_t port, bool has_packet_path) {
  return absl::StrCat("a kube-proxy answers at 127.0.0.1:", port,
                      ": Shunt translates the connections of this node's processes",
                      has_packet_path ? " and those that come in by its devices, kube-proxy what Shunt leaves alone"
                                      : ", kube-proxy those that come from outside");
}

std::string KubeProxyWhatToDo() {
  return "nothing, if both are to run; if not, see \"Without kube-proxy\" in docs/migration.md";
}

}  // namespace shunt::agent
