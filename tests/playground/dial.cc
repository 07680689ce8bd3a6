// SPDX-License-Identifier: Apache-2.0
#include "tests/playground/dial.h"

#include <string.h>  // strerrorname_np
#include <sys/socket.h>

#include <cerrno>

#include "tests/sandbox/client_socket.h"

namespace shunt::playground {
namespace {

constexpr absl::string_view kGreeting = "who are you?\n";

sandbox::ClientSocket Socket(const model::SocketAddress& to, int type) {
  const int family = to.address.IsV4() ? AF_INET : AF_INET6;
  return sandbox::ClientSocket(::socket(family, type | SOCK_CLOEXEC, 0), family);
}

Visit Failure(const char* call, int error, std::chrono::nanoseconds took = {}) {
  Visit visit;
  visit.error = error;
  visit.failed_at = call;
  visit.took = took;
  return visit;
}

// Returns "front-a" of "front-a: who are you?".
std::string Speaker(const std::string& answer) {
  return answer.substr(0, answer.find(':'));
}

std::chrono::nanoseconds Since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::steady_clock::now() - begin;
}

}  // namespace

bool Visit::Reached(absl::string_view by, const model::SocketAddress& as) const {
  return error == 0 && pod.compare(0, by.size(), by.data(), by.size()) == 0 && peer == as;
}

Visit VisitTcp(const model::SocketAddress& to) {
  const sandbox::ClientSocket client = Socket(to, SOCK_STREAM);
  if (client.fd() < 0) return Failure("socket", errno);
  Visit visit;
  const auto begin = std::chrono::steady_clock::now();
  const int error = client.Connect(to);
  visit.took = Since(begin);
  if (error != 0) return Failure("connect", error, visit.took);
  if (const int sent = client.Send(kGreeting); sent != 0) return Failure("send", sent);
  const sandbox::Received answer = client.Receive();
  if (answer.error != 0) return Failure("recv", answer.error);
  if (answer.text.empty()) return Failure("recv", ECONNRESET);  // it was closed without an answer
  const sandbox::Received peer = client.PeerName();
  if (peer.error != 0) return Failure("getpeername", peer.error);
  visit.pod = Speaker(answer.text);
  visit.peer = peer.from;
  return visit;
}

Visit VisitUdp(const model::SocketAddress& to) {
  const sandbox::ClientSocket client = Socket(to, SOCK_DGRAM);
  if (client.fd() < 0) return Failure("socket", errno);
  Visit visit;
  const auto begin = std::chrono::steady_clock::now();
  const int error = client.SendTo(to, kGreeting);
  visit.took = Since(begin);
  if (error != 0) return Failure("sendto", error, visit.took);
  const sandbox::Received answer = client.Receive();
  if (answer.error != 0) return Failure("recvfrom", answer.error);
  visit.pod = Speaker(answer.text);
  visit.peer = answer.from;
  return visit;
}

std::string TallyKey(const Visit& visit) {
  if (visit.error == 0) return visit.pod;
  const char* name = ::strerrorname_np(visit.error);
  return name == nullptr ? std::to_string(visit.error) : name;
}

}  // namespace shunt::playground
