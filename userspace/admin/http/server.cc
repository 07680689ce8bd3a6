// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/http/server.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "absl/status/status.h"

namespace shunt::admin::http {
namespace {

constexpr uint64_t kStopId = 0;
// Connections accepted from one listener before the others get their turn.
constexpr int kAcceptedAtOnce = 16;

int64_t WallSeconds() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count();
}

Handler Guarded(const Listener& listener) {
  if (listener.any_method) return listener.handler;
  return [&listener](const Request& request) {
    if (request.method == "GET" || request.method == "HEAD") return listener.handler(request);
    Response response = StatusResponse(405);
    response.headers.emplace_back("Allow", "GET, HEAD");
    return response;
  };
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options) {
  posix::FileDescriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.ok()) return absl::ErrnoToStatus(errno, "HTTP server: epoll_create1");
  posix::EventFd stop;
  if (!stop.ok()) return absl::ErrnoToStatus(errno, "HTTP server: eventfd");
  epoll_event event = {.events = EPOLLIN, .data = {.u64 = kStopId}};
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, stop.get(), &event) != 0) {
    return absl::ErrnoToStatus(errno, "HTTP server: epoll_ctl");
  }
  return std::unique_ptr<Server>(new Server(options, std::move(epoll), std::move(stop)));
}

Server::Server(const ServerOptions& options, posix::FileDescriptor epoll, posix::EventFd stop)
    : options_(options),
      epoll_(std::move(epoll)),
      stop_(std::move(stop)),
      listeners_(epoll_.get()),
      retry_at_(Clock::now() + options.retry_interval),
      thread_([this] { Run(); }) {}

void Server::Stop() {
  if (!thread_.joinable()) return;
  stop_.Signal();
  thread_.join();
  connections_.clear();
}

void Server::Run() {
  std::array<epoll_event, 64> events;
  while (true) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), MillisecondsToWait());
    for (int i = 0; i < count; ++i) {
      const uint64_t id = events[i].data.u64;
      if (id == kStopId) return;
      if ((id & ListenerSet::kIdBit) != 0) {
        AcceptAll(id);
        continue;
      }
      const auto place = connections_.find(id);
      if (place == connections_.end()) continue;  // it was closed meanwhile to make room for another
      if (Serve(place->second, events[i].events)) {
        Watch(id, place->second, EPOLL_CTL_MOD);
      } else {
        connections_.erase(place);
      }
    }
    DropLate();
    if (Clock::now() >= retry_at_) {
      listeners_.Retry();
      retry_at_ = Clock::now() + options_.retry_interval;
    }
  }
}

// Returns the time until the next deadline. The retry interval bounds it, for listeners that fail to open later.
int Server::MillisecondsToWait() const {
  Clock::time_point until = retry_at_;
  for (const auto& [id, connection] : connections_) until = std::min(until, connection.deadline);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, options_.retry_interval.count()));
}

void Server::AcceptAll(uint64_t listener) {
  for (int i = 0; i < kAcceptedAtOnce; ++i) {
    posix::FileDescriptor socket = listeners_.Accept(listener);
    if (!socket.ok()) {
      // Without a free file descriptor the listener would stay readable and keep this thread busy: close a connection.
      if (errno == EMFILE || errno == ENFILE) MakeRoom();
      return;
    }
    if (connections_.size() >= options_.connections_max) MakeRoom();
    const uint64_t id = ++next_id_;
    Connection& connection = connections_[id];
    connection.socket = std::move(socket);
    connection.listener = listener;
    connection.deadline = Clock::now() + options_.request_timeout;
    Watch(id, connection, EPOLL_CTL_ADD);
  }
}

void Server::MakeRoom() {
  if (connections_.empty()) return;
  const auto waiting =
      std::find_if(connections_.begin(), connections_.end(), [](const auto& entry) { return entry.second.Waits(); });
  connections_.erase(waiting != connections_.end() ? waiting : connections_.begin());
}

bool Server::Serve(Connection& connection, uint32_t events) {
  if ((events & EPOLLERR) != 0) return false;
  if ((events & (EPOLLIN | EPOLLHUP)) != 0 && !Read(connection)) return false;
  if (connection.lingering) return !connection.input_ended;
  if (!Answer(connection) || !Write(connection)) return false;
  // The next of several requests that arrived at once is answered after the other connections had their turn.
  if (!connection.lingering && !Answer(connection)) return false;
  return !connection.input_ended || !connection.conversation.Unsent().empty();
}

bool Server::Read(Connection& connection) {
  std::array<char, kHeadBytesMax> bytes;
  const size_t room = connection.lingering ? bytes.size() : connection.conversation.Room();
  if (room == 0) return true;
  const ssize_t got = ::recv(connection.socket.get(), bytes.data(), room, 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) {
    connection.input_ended = true;
  } else if (!connection.lingering) {
    connection.conversation.Receive(absl::string_view(bytes.data(), static_cast<size_t>(got)));
  }
  return true;
}

bool Server::Answer(Connection& connection) {
  if (!connection.conversation.Unsent().empty()) return true;
  const std::shared_ptr<const Listener> listener = listeners_.Find(connection.listener);
  if (listener == nullptr) return false;
  if (connection.conversation.Answer(Guarded(*listener), WallSeconds())) {
    connection.deadline = Clock::now() + options_.answer_timeout;
  }
  return true;
}

bool Server::Write(Connection& connection) {
  const absl::string_view unsent = connection.conversation.Unsent();
  if (unsent.empty()) return true;
  const ssize_t sent = ::send(connection.socket.get(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR;
  connection.conversation.Sent(static_cast<size_t>(sent));
  if (!connection.conversation.Unsent().empty()) return true;
  connection.deadline = Clock::now() + options_.request_timeout;
  if (connection.conversation.Ends()) {
    if (connection.input_ended) return false;
    ::shutdown(connection.socket.get(), SHUT_WR);
    connection.lingering = true;
    connection.deadline = Clock::now() + options_.linger_timeout;
  }
  return true;
}

void Server::Watch(uint64_t id, Connection& connection, int operation) {
  uint32_t interest = 0;
  const bool reads = connection.lingering || connection.conversation.Room() > 0;
  if (reads && !connection.input_ended) interest |= EPOLLIN;
  if (!connection.conversation.Unsent().empty()) interest |= EPOLLOUT;
  if (operation == EPOLL_CTL_MOD && interest == connection.interest) return;
  connection.interest = interest;
  epoll_event event = {.events = interest, .data = {.u64 = id}};
  // If epoll fails for lack of memory, the connection is dropped at its deadline.
  ::epoll_ctl(epoll_.get(), operation, connection.socket.get(), &event);
}

void Server::DropLate() {
  const Clock::time_point now = Clock::now();
  std::erase_if(connections_, [&](const auto& entry) { return entry.second.deadline <= now; });
}

}  // namespace shunt::admin::http
