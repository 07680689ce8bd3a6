// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/live_sockets.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace shunt::kernel_test {
namespace {

constexpr int kSockets = 60;
constexpr int kAttempts = 100;
constexpr const char* kKinds[] = {"TCP", "connected UDP", "unconnected UDP"};

model::SocketAddress Service(int frontend, uint16_t port) {
  return sandbox::At(absl::StrCat(History::ClusterIp(frontend), ":", port));
}

void BeImpatient(const sandbox::ClientSocket& socket) {
  const timeval patience = {.tv_sec = 0, .tv_usec = 100'000};
  setsockopt(socket.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

// An unconnected socket sends to this frontend and to the one after it.
int Other(int frontend) {
  return (frontend + 1) % History::kFrontends;
}

}  // namespace

LiveSockets::LiveSockets(const History& history, const sandbox::NetworkNamespace& from)
    : history_(history), from_(from), thread_([this] { Run(); }) {}

void LiveSockets::Stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void LiveSockets::Run() {
  const sandbox::InNamespace inside(from_);
  std::vector<Live> sockets;
  for (int number = 0; number < kSockets; ++number) sockets.push_back(Open(number));
  for (int turn = kSockets; !stop_; ++turn) {
    for (Live& live : sockets) {
      if (!stop_) Check(live);
      if (live.ended) live = Open(live.number);
    }
    sockets[static_cast<size_t>(turn) % kSockets] = Open(turn);
  }
}

LiveSockets::Live LiveSockets::Open(int number) {
  const Kind kind = static_cast<Kind>(number % 3);
  const int type = kind == Kind::kTcp ? SOCK_STREAM : SOCK_DGRAM;
  Live live{.number = number,
            .kind = kind,
            .frontend = number / 3 % History::kFrontends,
            .socket = sandbox::ClientSocket(::socket(AF_INET, type | SOCK_CLOEXEC, 0), AF_INET)};
  if (kind == Kind::kUnconnectedUdp) {
    BeImpatient(live.socket);
    return live;
  }
  const int error = live.socket.Connect(Service(live.frontend, kind == Kind::kTcp ? 80 : 53));
  if (error != 0) Complain(live, absl::StrCat("connect: ", std::strerror(error)));
  // The backend's addresses are all local, so the kernel takes the one that was dialled as the source too.
  const model::IpAddress reached = live.socket.SocketName().from.address;
  if (live.socket.PeerName().error == 0) live.seen[0] = History::SetOf(reached);
  return live;
}

void LiveSockets::Check(Live& live) {
  ++checks_;
  if (live.kind != Kind::kUnconnectedUdp) return CheckConnected(live);
  CheckUnconnected(live, 0);
  CheckUnconnected(live, 1);
}

void LiveSockets::CheckConnected(Live& live) {
  const model::SocketAddress dialled = Service(live.frontend, live.kind == Kind::kTcp ? 80 : 53);
  const sandbox::Received peer = live.socket.PeerName();
  if (peer.error == ENOTCONN && live.kind == Kind::kConnectedUdp && history_.latest(live.frontend) > live.seen[0]) {
    live.ended = true;
    ++ended_;
    return;
  }
  if (peer.error != 0) return Complain(live, absl::StrCat("getpeername: ", std::strerror(peer.error)));
  if (peer.from != dialled) {
    Complain(live, absl::StrCat("getpeername: ", peer.from.address.ToStringWithPort(peer.from.port)));
  }
}

// The kernel may lose a datagram: while it looks for the socket, it misses the rest of a hash bucket if the socket that
// it looks at moves to another one, which every connect of the Dialler does. So this asks again, by a number that the
// answer repeats, as an application has to.
sandbox::Received LiveSockets::Ask(const Live& live, const model::SocketAddress& dialled) {
  sandbox::Received reply{.error = EAGAIN};
  for (int attempt = 0; attempt < kAttempts && reply.error == EAGAIN; ++attempt) {
    const std::string question = absl::StrCat(++asked_);
    reply.error = live.socket.SendTo(dialled, question);
    if (reply.error != 0) return reply;
    do {
      reply = live.socket.Receive();
    } while (reply.error == 0 && !absl::EndsWith(reply.text, absl::StrCat(" ", question)));
  }
  return reply;
}

void LiveSockets::CheckUnconnected(Live& live, int destination) {
  const int frontend = destination == 0 ? live.frontend : Other(live.frontend);
  const model::SocketAddress dialled = Service(frontend, 53);
  uint32_t& seen = live.seen[destination];
  seen = std::max(seen, history_.oldest(frontend));
  const sandbox::Received reply = Ask(live, dialled);
  const uint32_t latest = history_.latest(frontend);
  if (reply.error != 0) return Complain(live, absl::StrCat("send or receive: ", std::strerror(reply.error)));
  if (reply.from != dialled) {
    Complain(live, absl::StrCat("reply from ", reply.from.address.ToStringWithPort(reply.from.port)));
  }
  // The server begins with its own address.
  const model::IpAddress reached = sandbox::At(reply.text.substr(0, reply.text.find(' '))).address;
  if (history_.Judge(frontend, seen, latest, reached) != History::Verdict::kRight) {
    return Complain(live, absl::StrCat("reached ", reached.ToString(), ", sets ", seen, " to ", latest));
  }
  seen = History::SetOf(reached);
}

void LiveSockets::Complain(const Live& live, const std::string& what) {
  ++failures_;
  if (complaints_.size() >= 10) return;
  complaints_.push_back(
      absl::StrCat(kKinds[static_cast<int>(live.kind)], " socket of frontend ", live.frontend, ": ", what));
}

}  // namespace shunt::kernel_test
