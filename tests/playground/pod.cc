// SPDX-License-Identifier: Apache-2.0
#include "tests/playground/pod.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/sandbox/socket_address.h"

namespace shunt::playground {
namespace {

// A client that sends more than this without a line's end is disconnected.
constexpr size_t kLineMax = 4096;

class Server {
 public:
  explicit Server(std::string name) : name_(std::move(name)) {}

  absl::Status Listen(const PodListener& listener);
  absl::Status Serve();

 private:
  void Accept(int listener);
  void AnswerDatagram(int socket) const;
  // Returns false if the conversation is over.
  bool AnswerStream(int connection, std::string& unread) const;

  std::string name_;
  std::vector<int> stream_listeners_;
  std::vector<int> datagram_sockets_;
  std::map<int, std::string> connections_;  // what was received and is not yet answered
};

absl::Status Server::Listen(const PodListener& listener) {
  const std::string where = listener.address.address.ToStringWithPort(listener.address.port);
  const int family = listener.address.address.IsV4() ? AF_INET : AF_INET6;
  const bool stream = listener.protocol == model::Protocol::kTcp;
  const int fd = ::socket(family, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("pod ", name_, ": socket"));
  const int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  const sandbox::KernelAddress address = sandbox::ToKernel(listener.address, family);
  if (::bind(fd, address.get(), address.size) != 0 || (stream && ::listen(fd, 1024) != 0)) {
    return absl::ErrnoToStatus(errno, absl::StrCat("pod ", name_, ": listen on ", where));
  }
  (stream ? stream_listeners_ : datagram_sockets_).push_back(fd);
  return absl::OkStatus();
}

absl::Status Server::Serve() {
  while (true) {
    std::vector<pollfd> waited;
    for (const int fd : stream_listeners_) waited.push_back({.fd = fd, .events = POLLIN, .revents = 0});
    for (const int fd : datagram_sockets_) waited.push_back({.fd = fd, .events = POLLIN, .revents = 0});
    for (const auto& [fd, unread] : connections_) waited.push_back({.fd = fd, .events = POLLIN, .revents = 0});
    if (::poll(waited.data(), waited.size(), -1) < 0 && errno != EINTR) {
      return absl::ErrnoToStatus(errno, absl::StrCat("pod ", name_, ": poll"));
    }
    for (size_t i = 0; i < waited.size(); ++i) {
      if (waited[i].revents == 0) continue;
      const int fd = waited[i].fd;
      if (i < stream_listeners_.size()) {
        Accept(fd);
      } else if (i < stream_listeners_.size() + datagram_sockets_.size()) {
        AnswerDatagram(fd);
      } else if (!AnswerStream(fd, connections_[fd])) {
        connections_.erase(fd);
        ::close(fd);
      }
    }
  }
}

void Server::Accept(int listener) {
  const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd >= 0) connections_[fd];
}

void Server::AnswerDatagram(int socket) const {
  char text[kLineMax];
  sandbox::KernelAddress from;
  const ssize_t got = ::recvfrom(socket, text, sizeof(text), 0, from.get(), &from.size);
  if (got < 0) return;
  const std::string answer = absl::StrCat(name_, ": ", absl::string_view(text, static_cast<size_t>(got)));
  (void)::sendto(socket, answer.data(), answer.size(), 0, from.get(), from.size);
}

bool Server::AnswerStream(int connection, std::string& unread) const {
  char text[kLineMax];
  const ssize_t got = ::recv(connection, text, sizeof(text), 0);
  if (got <= 0) return got < 0 && errno == EAGAIN;
  unread.append(text, static_cast<size_t>(got));
  while (true) {
    const size_t end = unread.find('\n');
    if (end == std::string::npos) return unread.size() < kLineMax;
    const std::string line = unread.substr(0, end + 1);
    unread.erase(0, end + 1);
    const bool http = absl::StartsWith(line, "GET ");
    const std::string page = absl::StrCat("this is ", name_, "\n");
    const std::string answer =
        http ? absl::StrCat("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ", page.size(),
                            "\r\nConnection: close\r\n\r\n", page)
             : absl::StrCat(name_, ": ", line);
    if (::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL) < 0 || http) {
      ::shutdown(connection, SHUT_WR);
      return !http;
    }
  }
}

}  // namespace

std::string FormatListener(const PodListener& listener) {
  return absl::StrCat(listener.address.address.ToStringWithPort(listener.address.port), "/",
                      std::string(model::ProtocolName(listener.protocol)));
}

std::optional<PodListener> ParseListener(absl::string_view text) {
  PodListener listener;
  if (const size_t slash = text.rfind('/'); slash != absl::string_view::npos) {
    const auto protocol = model::ParseProtocol(absl::AsciiStrToUpper(text.substr(slash + 1)));
    if (!protocol.has_value()) return std::nullopt;
    listener.protocol = *protocol;
    text = text.substr(0, slash);
  }
  const size_t colon = text.rfind(':');
  uint32_t port = 0;
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(text.substr(colon + 1), &port)) return std::nullopt;
  absl::string_view host = text.substr(0, colon);
  if (absl::ConsumePrefix(&host, "[") && !absl::ConsumeSuffix(&host, "]")) return std::nullopt;
  const auto address = model::IpAddress::Parse(host);
  if (!address.has_value() || port > 0xffff) return std::nullopt;
  listener.address = {*address, static_cast<uint16_t>(port)};
  return listener;
}

absl::Status ServePod(const Pod& pod, int ready_fd) {
  Server server(pod.name);
  for (const PodListener& listener : pod.listeners) {
    if (absl::Status status = server.Listen(listener); !status.ok()) return status;
  }
  if (::write(ready_fd, "!", 1) != 1) return absl::ErrnoToStatus(errno, absl::StrCat("pod ", pod.name, ": say ready"));
  ::close(ready_fd);
  return server.Serve();
}

}  // namespace shunt::playground
