// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/dials.h"

#include "absl/strings/str_cat.h"
#include "tests/sandbox/client_socket.h"

namespace shunt::kernel_test {
namespace {

using sandbox::At;
using sandbox::ClientSocket;
using sandbox::Received;

int FamilyOf(const std::string& service) {
  return service[0] == '[' ? AF_INET6 : AF_INET;
}

std::string Failure(int error) {
  return absl::StrCat("errno ", error);
}

}  // namespace

std::string DialTcp(const sandbox::NetworkNamespace& from, const std::string& service) {
  ClientSocket socket(from, FamilyOf(service), SOCK_STREAM);
  if (const int error = socket.Connect(At(service)); error != 0) return Failure(error);
  const Received banner = socket.Receive();
  return banner.error == 0 ? banner.text : Failure(banner.error);
}

int ConnectOnce(const model::SocketAddress& to, int type, model::IpAddress& reached, model::SocketAddress* peer) {
  const ClientSocket client(::socket(AF_INET, type | SOCK_CLOEXEC, 0), AF_INET);
  if (type == SOCK_STREAM) {
    const linger reset = {.l_onoff = 1, .l_linger = 0};  // no TIME_WAIT
    setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  if (const int error = client.Connect(to); error != 0) return error;
  reached = client.SocketName().from.address;
  if (peer == nullptr) return 0;
  const Received name = client.PeerName();  // last, so that the address before is that of a connected socket
  *peer = name.from;
  return name.error;
}

Shares ConnectUdp(const sandbox::NetworkNamespace& from, const std::string& service, int count) {
  const sandbox::InNamespace inside(from);
  const model::SocketAddress to = At(service);
  Shares shares;
  for (int i = 0; i < count; ++i) {
    model::IpAddress reached;
    const int error = ConnectOnce(to, SOCK_DGRAM, reached);
    ++shares[error == 0 ? reached.ToString() : Failure(error)];
  }
  return shares;
}

Shares SendUdp(const sandbox::NetworkNamespace& from, const std::string& service, int count) {
  const sandbox::InNamespace inside(from);
  const model::SocketAddress to = At(service);
  Shares shares;
  for (int i = 0; i < count; ++i) {
    const ClientSocket socket(::socket(FamilyOf(service), SOCK_DGRAM | SOCK_CLOEXEC, 0), FamilyOf(service));
    const int error = socket.SendTo(to, "x");
    if (error != 0) {
      ++shares[Failure(error)];
      continue;
    }
    const std::string answer = socket.Receive().text;
    ++shares[At(answer.substr(0, answer.find(' '))).address.ToString()];
  }
  return shares;
}

}  // namespace shunt::kernel_test
