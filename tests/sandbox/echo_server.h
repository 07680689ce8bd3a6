// SPDX-License-Identifier: Apache-2.0
// The pods' server: it answers with the address at which it was reached.
#ifndef SHUNT_SANDBOX_ECHO_SERVER_H_
#define SHUNT_SANDBOX_ECHO_SERVER_H_

#include <cstdint>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "tests/sandbox/network_namespace.h"
#include "userspace/posix/event_fd.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::sandbox {

// Listens on the wildcard addresses, and so on every local address of a namespace. It sends a TCP client
// "ADDRESS:PORT", the local end of its connection, and then echoes what the client sends; it answers a UDP datagram
// TEXT with "ADDRESS:PORT TEXT", from that address.
//
// One thread serves all connections. Its sockets belong to the cgroup of the caller of Listen.
class EchoServer {
 public:
  EchoServer();
  // Closes every connection.
  ~EchoServer();
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;

  // Listens by TCP and UDP, IPv4 and IPv6. Thread-safe.
  absl::Status Listen(const NetworkNamespace& where, uint16_t port);

 private:
  absl::Status ListenOne(int family, int type, uint16_t port);
  void Run();
  void Accept(int listener);
  void Repeat(int connection);
  void Answer(int datagrams);
  bool Watch(int fd, uint64_t tag);
  void Drop(int fd);

  const posix::FileDescriptor epoll_;
  const posix::EventFd stop_;
  absl::Mutex mutex_;
  absl::flat_hash_set<int> open_ ABSL_GUARDED_BY(mutex_);  // listeners and connections
  std::thread thread_;
};

}  // namespace shunt::sandbox

#endif  // SHUNT_SANDBOX_ECHO_SERVER_H_
