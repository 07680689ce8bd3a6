// SPDX-License-Identifier: Apache-2.0
#include "tests/sandbox/echo_server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/sandbox/socket_address.h"

#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif

namespace shunt::sandbox {
namespace {

// What one socket may have in a turn, and the sockets of a turn.
constexpr int kTurn = 64;

enum class Role : uint32_t { kStop, kListener, kConnection, kDatagrams };

uint64_t Tag(Role role, int fd) {
  return static_cast<uint64_t>(role) << 32 | static_cast<uint32_t>(fd);
}

bool SetOption(int fd, int level, int name) {
  const int on = 1;
  return setsockopt(fd, level, name, &on, sizeof on) == 0;
}

std::string Describe(const model::SocketAddress& address) {
  return address.address.ToStringWithPort(address.port);
}

// A datagram's destination, from its control messages, in the form of its answer's source.
bool TakeDestination(msghdr& message, model::IpAddress* destination) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr; control = CMSG_NXTHDR(&message, control)) {
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
      in_pktinfo packet;
      std::memcpy(&packet, CMSG_DATA(control), sizeof packet);
      *destination = model::IpAddress::FromV4(ntohl(packet.ipi_addr.s_addr));
      packet = {.ipi_ifindex = 0, .ipi_spec_dst = packet.ipi_addr, .ipi_addr = {}};
      std::memcpy(CMSG_DATA(control), &packet, sizeof packet);
      return true;
    }
    if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo packet;
      std::memcpy(&packet, CMSG_DATA(control), sizeof packet);
      std::array<uint8_t, 16> bytes;
      std::memcpy(bytes.data(), &packet.ipi6_addr, bytes.size());
      *destination = model::IpAddress(bytes);
      packet.ipi6_ifindex = 0;
      std::memcpy(CMSG_DATA(control), &packet, sizeof packet);
      return true;
    }
  }
  return false;
}

}  // namespace

EchoServer::EchoServer(EchoEnd told) : told_(told), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  epoll_event event = {.events = EPOLLIN, .data = {.u64 = Tag(Role::kStop, stop_.get())}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, stop_.get(), &event);
  thread_ = std::thread([this] { Run(); });
}

EchoServer::~EchoServer() {
  stop_.Signal();
  thread_.join();
  for (const int fd : open_) close(fd);
}

absl::Status EchoServer::Listen(const NetworkNamespace& where, uint16_t port) {
  InNamespace inside(where);
  for (const int family : {AF_INET, AF_INET6}) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
      if (absl::Status listening = ListenOne(family, type, port); !listening.ok()) return listening;
    }
  }
  return absl::OkStatus();
}

absl::Status EchoServer::ListenOne(int family, int type, uint16_t port) {
  const int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return absl::ErrnoToStatus(errno, "open an echo server's socket");
  SetOption(fd, SOL_SOCKET, SO_REUSEADDR);
  const bool v6 = family == AF_INET6;
  if (v6) {
    SetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    SetOption(fd, IPPROTO_IPV6, IPV6_FREEBIND);  // to answer from any address of a local prefix
    SetOption(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
  } else {
    SetOption(fd, IPPROTO_IP, IP_PKTINFO);
  }
  const model::IpAddress any = model::IpAddress::Unspecified(v6 ? model::IpFamily::kV6 : model::IpFamily::kV4);
  const KernelAddress at = ToKernel({any, port}, family);
  const bool stream = type == SOCK_STREAM;
  if (bind(fd, at.get(), at.size) != 0 || (stream && listen(fd, 4096) != 0) ||
      !Watch(fd, Tag(stream ? Role::kListener : Role::kDatagrams, fd))) {
    const int error = errno;
    close(fd);
    return absl::ErrnoToStatus(error, absl::StrCat("listen on port ", port));
  }
  return absl::OkStatus();
}

bool EchoServer::Watch(int fd, uint64_t tag) {
  epoll_event event = {.events = EPOLLIN, .data = {.u64 = tag}};
  absl::MutexLock lock(&mutex_);
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return false;
  open_.insert(fd);
  return true;
}

void EchoServer::Drop(int fd) {
  unsent_.erase(fd);
  absl::MutexLock lock(&mutex_);
  open_.erase(fd);
  // Closing is not enough while a child that the test has forked and that has not yet become another program holds
  // the connection too: its events would go on, under a number that may belong to another socket by then.
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  close(fd);
}

void EchoServer::Run() {
  while (true) {
    epoll_event events[kTurn];
    const int count = epoll_wait(epoll_.get(), events, kTurn, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = static_cast<int>(events[i].data.u64 & 0xffffffff);
      switch (static_cast<Role>(events[i].data.u64 >> 32)) {
        case Role::kStop:
          return;
        case Role::kListener:
          Accept(fd);
          break;
        case Role::kConnection:
          Repeat(fd);
          break;
        case Role::kDatagrams:
          Answer(fd);
          break;
      }
    }
  }
}

// Leaves the rest of a long queue to the next turn, so that clients which dial all the time do not keep others waiting.
void EchoServer::Accept(int listener) {
  for (int connection = 0; connection < kTurn; ++connection) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    KernelAddress end;
    if (told_ == EchoEnd::kOwn) {
      getsockname(fd, end.get(), &end.size);
    } else {
      getpeername(fd, end.get(), &end.size);
    }
    const std::string banner = Describe(FromKernel(end));
    if (send(fd, banner.data(), banner.size(), MSG_NOSIGNAL) < 0 || !Watch(fd, Tag(Role::kConnection, fd))) close(fd);
  }
}

// Reads nothing while the client does not take what was sent: then TCP makes the client wait.
void EchoServer::Repeat(int connection) {
  if (const auto unsent = unsent_.find(connection); unsent != unsent_.end()) {
    if (!SendRest(connection)) return Drop(connection);
    if (!unsent->second.empty()) return;
    unsent_.erase(unsent);
    if (!Wait(connection, EPOLLIN)) Drop(connection);
    return;
  }
  char bytes[65536];
  const ssize_t size = recv(connection, bytes, sizeof bytes, 0);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) return Drop(connection);
  std::string& unsent = unsent_[connection];
  unsent.assign(bytes, static_cast<size_t>(size));
  if (!SendRest(connection)) return Drop(connection);
  if (unsent.empty()) {
    unsent_.erase(connection);
  } else if (!Wait(connection, EPOLLOUT)) {
    Drop(connection);
  }
}

// Returns false if the connection is broken.
bool EchoServer::SendRest(int connection) {
  std::string& unsent = unsent_[connection];
  const ssize_t size = send(connection, unsent.data(), unsent.size(), MSG_NOSIGNAL);
  if (size < 0) return errno == EAGAIN;
  unsent.erase(0, static_cast<size_t>(size));
  return true;
}

bool EchoServer::Wait(int connection, uint32_t events) {
  epoll_event event = {.events = events, .data = {.u64 = Tag(Role::kConnection, connection)}};
  return epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection, &event) == 0;
}

void EchoServer::Answer(int datagrams) {
  for (int datagram = 0; datagram < kTurn; ++datagram) {
    char bytes[65536];  // the largest datagram
    alignas(cmsghdr) char control[256];
    KernelAddress from;
    iovec part = {bytes, sizeof bytes};
    msghdr message = {};
    message.msg_name = from.get();
    message.msg_namelen = from.size;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t size = recvmsg(datagrams, &message, 0);
    if (size < 0) return;
    model::IpAddress destination;
    if (!TakeDestination(message, &destination)) continue;
    KernelAddress local;
    getsockname(datagrams, local.get(), &local.size);
    const model::SocketAddress own = {destination, FromKernel(local).port};
    const std::string answer =
        absl::StrCat(Describe(told_ == EchoEnd::kOwn ? own : FromKernel(from)), " ", absl::string_view(bytes, size));
    part = {const_cast<char*>(answer.data()), answer.size()};
    sendmsg(datagrams, &message, MSG_NOSIGNAL);
  }
}

}  // namespace shunt::sandbox
