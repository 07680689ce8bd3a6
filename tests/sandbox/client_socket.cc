// SPDX-License-Identifier: Apache-2.0
#include "tests/sandbox/client_socket.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/time.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "absl/strings/numbers.h"
#include "tests/sandbox/socket_address.h"

#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif
#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

namespace shunt::sandbox {
namespace {

using model::SocketAddress;

constexpr int kPatienceMs = 10'000;

void BePatient(int fd, int milliseconds) {
  const timeval patience = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

int ErrnoUnless(bool success) {
  return success ? 0 : errno;
}

template <typename Call>
Received NameFrom(Call call, int fd) {
  KernelAddress address;
  Received name;
  if (call(fd, address.get(), &address.size) != 0) {
    name.error = errno;
  } else {
    name.from = FromKernel(address);
  }
  return name;
}

}  // namespace

SocketAddress At(absl::string_view text) {
  const size_t colon = text.rfind(':');
  absl::string_view host = text.substr(0, colon);
  if (!host.empty() && host.front() == '[') host = host.substr(1, host.size() - 2);
  const auto address = model::IpAddress::Parse(host);
  uint32_t port = 0;
  if (colon == absl::string_view::npos || !address || !absl::SimpleAtoi(text.substr(colon + 1), &port)) {
    std::fprintf(stderr, "not an address with a port: %.*s\n", static_cast<int>(text.size()), text.data());
    std::abort();
  }
  return {*address, static_cast<uint16_t>(port)};
}

ClientSocket::ClientSocket(const NetworkNamespace& where, int family, int type, int protocol) : family_(family) {
  InNamespace inside(where);
  fd_ = posix::FileDescriptor(socket(family, type | SOCK_CLOEXEC, protocol));
  open_error_ = ErrnoUnless(fd_.ok());
  if (fd_.ok()) BePatient(fd(), kPatienceMs);
}

ClientSocket::ClientSocket(int fd, int family) : fd_(fd), family_(family) {
  if (fd_.ok()) BePatient(fd, kPatienceMs);
}

int ClientSocket::Bind(const SocketAddress& address) const {
  const KernelAddress at = ToKernel(address, family_);
  const int on = 1;
  setsockopt(fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family_ == AF_INET6) setsockopt(fd(), IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on);
  return ErrnoUnless(bind(fd(), at.get(), at.size) == 0);
}

int ClientSocket::Connect(const SocketAddress& to) const {
  const KernelAddress at = ToKernel(to, family_);
  return ErrnoUnless(connect(fd(), at.get(), at.size) == 0);
}

int ClientSocket::Disconnect() const {
  sockaddr nobody = {};
  nobody.sa_family = AF_UNSPEC;
  return ErrnoUnless(connect(fd(), &nobody, sizeof nobody) == 0);
}

int ClientSocket::Send(absl::string_view text) const {
  return ErrnoUnless(send(fd(), text.data(), text.size(), MSG_NOSIGNAL) >= 0);
}

int ClientSocket::SendTo(const SocketAddress& to, absl::string_view text) const {
  const KernelAddress at = ToKernel(to, family_);
  return ErrnoUnless(sendto(fd(), text.data(), text.size(), MSG_NOSIGNAL, at.get(), at.size) >= 0);
}

int ClientSocket::SendMessageTo(const SocketAddress& to, absl::string_view text) const {
  KernelAddress at = ToKernel(to, family_);
  iovec part = {const_cast<char*>(text.data()), text.size()};
  msghdr message = {};
  message.msg_name = at.get();
  message.msg_namelen = at.size;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return ErrnoUnless(sendmsg(fd(), &message, MSG_NOSIGNAL) >= 0);
}

Received ClientSocket::Receive() const {
  char bytes[65536];
  KernelAddress from;
  Received received;
  const ssize_t size = recvfrom(fd(), bytes, sizeof bytes, 0, from.get(), &from.size);
  if (size < 0) {
    received.error = errno;
    return received;
  }
  received.from = FromKernel(from);
  received.text.assign(bytes, static_cast<size_t>(size));
  return received;
}

Received ClientSocket::ReceiveMessage() const {
  char bytes[65536];
  KernelAddress from;
  Received received;
  iovec part = {bytes, sizeof bytes};
  msghdr message = {};
  message.msg_name = from.get();
  message.msg_namelen = from.size;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  const ssize_t size = recvmsg(fd(), &message, 0);
  if (size < 0) {
    received.error = errno;
    return received;
  }
  received.from = FromKernel(from);
  received.text.assign(bytes, static_cast<size_t>(size));
  return received;
}

Received ClientSocket::Exchange(absl::string_view bytes) const {
  Received received;
  size_t sent = 0;
  std::vector<char> buffer(1 << 16);
  while (received.text.size() < bytes.size()) {
    const short events = sent < bytes.size() ? POLLIN | POLLOUT : POLLIN;
    pollfd ready = {.fd = fd(), .events = events, .revents = 0};
    const int count = poll(&ready, 1, kPatienceMs);
    if (count <= 0) {
      received.error = count == 0 ? EAGAIN : errno;
      return received;
    }
    if ((ready.revents & POLLOUT) != 0) {
      const ssize_t size = send(fd(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (size > 0) sent += static_cast<size_t>(size);
    }
    if ((ready.revents & ~POLLOUT) == 0) continue;
    const ssize_t size = recv(fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size <= 0) {
      received.error = size < 0 ? errno : 0;
      return received;
    }
    received.text.append(buffer.data(), static_cast<size_t>(size));
  }
  return received;
}

void ClientSocket::SetPatience(int milliseconds) const {
  BePatient(fd(), milliseconds);
}

Received ClientSocket::PeerName() const {
  return NameFrom(getpeername, fd());
}

Received ClientSocket::SocketName() const {
  return NameFrom(getsockname, fd());
}

uint64_t ClientSocket::Cookie() const {
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  return getsockopt(fd(), SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

}  // namespace shunt::sandbox
