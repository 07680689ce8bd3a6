// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/client/api_server_probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "userspace/model/ip_address.h"
#include "userspace/posix/file_descriptor.h"
#include "userspace/sources/kubernetes/client/server_url.h"

namespace shunt::sources::kubernetes {
namespace {

// An IPv6 socket would take the v4-mapped form as well, but the socket must have the family that the transport's would
// have.
int Connect(int fd, const model::IpAddress& address, uint16_t port) {
  if (address.IsV4()) {
    sockaddr_in v4{.sin_family = AF_INET, .sin_port = htons(port)};
    std::memcpy(&v4.sin_addr, address.bytes().data() + 12, sizeof(v4.sin_addr));
    return connect(fd, reinterpret_cast<const sockaddr*>(&v4), sizeof(v4));
  }
  sockaddr_in6 v6{.sin6_family = AF_INET6, .sin6_port = htons(port)};
  std::memcpy(&v6.sin6_addr, address.bytes().data(), sizeof(v6.sin6_addr));
  return connect(fd, reinterpret_cast<const sockaddr*>(&v6), sizeof(v6));
}

// Returns 0 if connected, and otherwise the error, ETIMEDOUT included.
int ConnectError(const model::IpAddress& address, uint16_t port, const PrepareSocket& prepare_socket,
                 std::chrono::milliseconds timeout) {
  const int family = address.IsV4() ? AF_INET : AF_INET6;
  const posix::FileDescriptor fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.ok()) return errno;
  // The transport reports a failure: it does the same with each of its own sockets.
  if (prepare_socket) prepare_socket(fd.get()).IgnoreError();
  if (Connect(fd.get(), address, port) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  const auto until = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd ready{.fd = fd.get(), .events = POLLOUT};
    const int count = poll(&ready, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) return ETIMEDOUT;
    break;
  }
  int error = 0;
  socklen_t size = sizeof(error);
  return getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

absl::Status Refusal(const std::string& url, int error) {
  return absl::FailedPreconditionError(absl::StrCat(
      "the only API server is ", url, ", this pod's KUBERNETES_SERVICE_HOST, and connecting to it fails (",
      std::strerror(error),  // NOLINT(concurrency-mt-unsafe): glibc's is safe for known errors
      "). By default that is the ClusterIP of the Service default/kubernetes: no machine's address, but one that "
      "kube-proxy translates. Without kube-proxy on this node it leads nowhere, for this agent even while Shunt "
      "translates it for everybody else: its own connections are exempt, so that no Service can cut it off from its "
      "API "
      "server. Give an address that needs no Service: --api-server https://CONTROL-PLANE:6443, or a kubeconfig with "
      "one. `kubectl -n default get endpointslice kubernetes` shows those of the API servers"));
}

}  // namespace

absl::Status ProbeClusterIp(const ClientConfig& client, const InClusterPlace& pod, const ProxyEnvironment& proxies,
                            const PrepareSocket& prepare_socket, std::chrono::milliseconds timeout) {
  const std::optional<model::IpAddress> suspect = model::IpAddress::Parse(pod.host);
  if (!suspect.has_value() || client.servers.empty()) return absl::OkStatus();
  for (const ApiServer& server : client.servers) {
    const absl::StatusOr<ServerUrl> url = ParseServerUrl(server.url);
    if (!url.ok() || model::IpAddress::Parse(url->host) != suspect) return absl::OkStatus();
    const absl::StatusOr<std::string> proxy = ChooseProxy(*url, client.proxy_url, proxies);
    if (!proxy.ok() || !proxy->empty()) return absl::OkStatus();
  }
  const ApiServer& server = client.servers.front();
  const int error = ConnectError(*suspect, ParseServerUrl(server.url)->port, prepare_socket, timeout);
  if (error == 0 || error == ECONNREFUSED) return absl::OkStatus();
  return Refusal(server.url, error);
}

}  // namespace shunt::sources::kubernetes
