// SPDX-License-Identifier: Apache-2.0
// The pods: a server that says at which of its addresses it was reached.
#ifndef SHUNT_SANDBOX_ECHO_SERVER_H_
#define SHUNT_SANDBOX_ECHO_SERVER_H_

#include <cstdint>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "tests/sandbox/network_namespace.h"

namespace shunt::sandbox {

// Listens on the wildcard addresses, so it is every local address of a namespace at once. A TCP client is
// sent "ADDRESS:PORT", the local end of its connection, and then whatever it sends; a UDP datagram is answered
// by "ADDRESS:PORT TEXT", from that address, TEXT being the datagram's own.
//
// One thread serves all. Its sockets belong to the cgroup that the caller of Listen is in.
class EchoServer {
 public:
  EchoServer();
  // Closes every connection.
  ~EchoServer();
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;

  // TCP and UDP, IPv4 and IPv6. Thread-safe.
  absl::Status Listen(const NetworkNamespace& where, uint16_t port);

 private:
  absl::Status ListenOne(int family, int type, uint16_t port);
  void Run();
  void Accept(int listener);
  void Repeat(int connection);
  void Answer(int datagrams);
  bool Watch(int fd, uint64_t tag);
  void Drop(int fd);

  int epoll_ = -1;
  int stop_ = -1;  // eventfd
  absl::Mutex mutex_;
  absl::flat_hash_set<int> open_ ABSL_GUARDED_BY(mutex_);  // listeners and connections
  std::thread thread_;
};

}  // namespace shunt::sandbox

#endif  // SHUNT_SANDBOX_ECHO_SERVER_H_
