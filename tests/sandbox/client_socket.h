// SPDX-License-Identifier: Apache-2.0
// A client's socket whose calls return an errno: what an application would see.
#ifndef SHUNT_SANDBOX_CLIENT_SOCKET_H_
#define SHUNT_SANDBOX_CLIENT_SOCKET_H_

#include <sys/socket.h>

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/strings/string_view.h"
#include "tests/sandbox/network_namespace.h"
#include "userspace/model/service_plan.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::sandbox {

// Parses "10.96.0.1:80" or "[fd00::1]:80". Aborts on anything else, because tests pass constants.
model::SocketAddress At(absl::string_view text);

// The result of a call that returns an address or a message.
struct Received {
  int error = 0;  // errno; if 0, the rest is valid
  model::SocketAddress from;
  std::string text;
};

class ClientSocket {
 public:
  // Opens a socket in `where`. `family` is AF_INET or AF_INET6; an AF_INET6 socket dials IPv4 in its v4-mapped form.
  ClientSocket(const NetworkNamespace& where, int family, int type, int protocol = 0);
  // Takes ownership of an open descriptor.
  ClientSocket(int fd, int family);

  int fd() const { return fd_.get(); }
  int open_error() const { return open_error_; }  // errno of socket(2)
  int family() const { return family_; }
  void Close() { fd_.Close(); }

  // Each returns 0 or an errno. A call that could block gives up after 10 seconds (EAGAIN).
  // Binds to any address of a local prefix, even if an earlier connection lingers on it.
  int Bind(const model::SocketAddress& address) const;
  int Connect(const model::SocketAddress& to) const;
  int Disconnect() const;  // connect(AF_UNSPEC)
  int Send(absl::string_view text) const;
  int SendTo(const model::SocketAddress& to, absl::string_view text) const;
  int SendMessageTo(const model::SocketAddress& to, absl::string_view text) const;  // sendmsg(2)

  // Sends all of it over a connected stream while it receives, until as many bytes have come back or the peer closes.
  // Returns what came back.
  Received Exchange(absl::string_view bytes) const;

  // How long a call may block, in place of the 10 seconds.
  void SetPatience(int milliseconds) const;

  Received Receive() const;         // recvfrom(2)
  Received ReceiveMessage() const;  // recvmsg(2)
  Received PeerName() const;
  Received SocketName() const;
  uint64_t Cookie() const;

 private:
  posix::FileDescriptor fd_;
  int family_ = AF_UNSPEC;
  int open_error_ = 0;
};

}  // namespace shunt::sandbox

namespace shunt::model {
// For gtest's messages.
inline void PrintTo(const SocketAddress& address, std::ostream* out) {
  *out << address.address.ToStringWithPort(address.port);
}
}  // namespace shunt::model

#endif  // SHUNT_SANDBOX_CLIENT_SOCKET_H_
