// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/http/listener_set.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace shunt::admin::http {
namespace {

// Enough for the probes of a few load balancers at once.
constexpr int kBacklog = 128;

struct RawAddress {
  sockaddr_storage bytes = {};
  socklen_t length = 0;
};

RawAddress ToRaw(const model::SocketAddress& at, int family) {
  RawAddress raw;
  if (family == AF_INET) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(raw.bytes);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(at.port);
    // On a host without IPv6, an unspecified IPv6 address is bound as the unspecified IPv4 address.
    if (!at.address.IsUnspecified()) std::memcpy(&v4.sin_addr, at.address.bytes().data() + 12, 4);
    raw.length = sizeof(v4);
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(raw.bytes);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(at.port);
    if (!at.address.IsUnspecified()) std::memcpy(&v6.sin6_addr, at.address.bytes().data(), 16);
    raw.length = sizeof(v6);
  }
  return raw;
}

absl::Status Failure(const Listener& listener, int error) {
  std::string what = absl::StrCat("cannot listen on ", listener.at.address.ToStringWithPort(listener.at.port));
  if (error == EADDRINUSE) absl::StrAppend(&what, " (does kube-proxy or another agent hold it?)");
  return absl::ErrnoToStatus(error, what);
}

bool SamePlace(const Listener& a, const Listener& b) {
  return a.at == b.at && a.one_family == b.one_family;
}

// Returns the listening socket, which is non-blocking.
absl::StatusOr<posix::FileDescriptor> Listen(const Listener& listener) {
  const bool everywhere = listener.at.address.IsUnspecified() && !listener.one_family;
  int family = everywhere || !listener.at.address.IsV4() ? AF_INET6 : AF_INET;
  constexpr int kType = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  posix::FileDescriptor socket(::socket(family, kType, 0));
  if (!socket.ok() && errno == EAFNOSUPPORT && everywhere) {  // ipv6.disable=1
    family = AF_INET;
    socket = posix::FileDescriptor(::socket(family, kType, 0));
  }
  if (!socket.ok()) return Failure(listener, errno);
  const int on = 1;
  const int v6_only = everywhere ? 0 : 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));  // connections of an agent before linger
  if (family == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
  const RawAddress raw = ToRaw(listener.at, family);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&raw.bytes), raw.length) != 0 ||
      ::listen(socket.get(), kBacklog) != 0) {
    return Failure(listener, errno);
  }
  return socket;
}

}  // namespace

void ListenerSet::Open(Entry& entry) {
  absl::StatusOr<posix::FileDescriptor> socket = Listen(*entry.listener);
  entry.status = socket.status();
  if (!socket.ok()) return;
  epoll_event event = {.events = EPOLLIN, .data = {.u64 = ++next_id_}};
  if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, socket->get(), &event) != 0) {
    entry.status = Failure(*entry.listener, errno);
    return;
  }
  entry.socket = *std::move(socket);
  entry.id = next_id_;
}

void ListenerSet::Replace(absl::string_view owner, std::vector<Listener> listeners) {
  std::map<Key, std::shared_ptr<const Listener>> wanted;
  for (Listener& listener : listeners) {
    Key key{std::string(owner), listener.name};
    wanted.insert_or_assign(std::move(key), std::make_shared<const Listener>(std::move(listener)));
  }
  const std::lock_guard lock(mutex_);
  for (auto place = entries_.lower_bound(Key{std::string(owner), ""});
       place != entries_.end() && place->first.owner == owner;) {
    const auto stays = wanted.find(place->first);
    if (stays != wanted.end() && SamePlace(*stays->second, *place->second.listener)) {
      place->second.listener = stays->second;
      wanted.erase(stays);
      ++place;
    } else {
      by_id_.erase(place->second.id);
      place = entries_.erase(place);  // closes it, which also removes it from epoll
    }
  }
  for (auto& [key, listener] : wanted) {
    Entry& entry = entries_[key];
    entry.listener = std::move(listener);
    Open(entry);
    if (entry.socket.ok()) by_id_.emplace(entry.id, key);
  }
}

void ListenerSet::Retry() {
  const std::lock_guard lock(mutex_);
  for (auto& [key, entry] : entries_) {
    if (entry.socket.ok()) continue;
    Open(entry);
    if (entry.socket.ok()) by_id_.emplace(entry.id, key);
  }
}

posix::FileDescriptor ListenerSet::Accept(uint64_t id) {
  const std::lock_guard lock(mutex_);
  const auto place = by_id_.find(id);
  if (place == by_id_.end()) {
    errno = EAGAIN;
    return posix::FileDescriptor();
  }
  const int socket = entries_.at(place->second).socket.get();
  return posix::FileDescriptor(::accept4(socket, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

std::shared_ptr<const Listener> ListenerSet::Find(uint64_t id) const {
  const std::lock_guard lock(mutex_);
  const auto place = by_id_.find(id);
  return place == by_id_.end() ? nullptr : entries_.at(place->second).listener;
}

std::vector<ListenProblem> ListenerSet::Problems() const {
  std::vector<ListenProblem> problems;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, entry] : entries_) {
    if (entry.socket.ok()) continue;
    problems.push_back({key.name, absl::StrCat(entry.status.message(), "; tried again every second")});
  }
  return problems;
}

std::optional<uint16_t> ListenerSet::PortOf(absl::string_view owner, absl::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto place = entries_.find(Key{std::string(owner), std::string(name)});
  if (place == entries_.end() || !place->second.socket.ok()) return std::nullopt;
  sockaddr_in6 at = {};
  socklen_t length = sizeof(at);
  if (::getsockname(place->second.socket.get(), reinterpret_cast<sockaddr*>(&at), &length) != 0) return std::nullopt;
  return ntohs(at.sin6_port);  // where IPv4 has it too
}

}  // namespace shunt::admin::http
