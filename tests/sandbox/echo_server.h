// SPDX-License-Identifier: Apache-2.0
// The pods' server: it answers with the address at which it was reached.
#ifndef SHUNT_SANDBOX_ECHO_SERVER_H_
#define SHUNT_SANDBOX_ECHO_SERVER_H_

#include <cstdint>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "tests/sandbox/network_namespace.h"
#include "userspace/posix/event_fd.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::sandbox {

// Which end of a connection or datagram a server tells.
enum class EchoEnd {
  kOwn,   // the address at which it was reached
  kPeer,  // the address from which it was reached
};

// Listens on the wildcard addresses, and so on every local address of a namespace. It sends a TCP client
// "ADDRESS:PORT", one end of its connection, and then echoes every byte that the client sends; it answers a UDP
// datagram TEXT with "ADDRESS:PORT TEXT", from the address at which it was reached.
//
// One thread serves all connections. Its sockets belong to the cgroup of the caller of Listen.
class EchoServer {
 public:
  explicit EchoServer(EchoEnd told = EchoEnd::kOwn);
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
  bool SendRest(int connection);
  bool Wait(int connection, uint32_t events);
  void Answer(int datagrams);
  bool Watch(int fd, uint64_t tag);
  void Drop(int fd);

  const EchoEnd told_;
  const posix::FileDescriptor epoll_;
  const posix::EventFd stop_;
  absl::Mutex mutex_;
  absl::flat_hash_set<int> open_ ABSL_GUARDED_BY(mutex_);  // listeners and connections
  absl::flat_hash_map<int, std::string> unsent_;           // by connection; the thread's own
  std::thread thread_;
};

}  // namespace shunt::sandbox

#endif  // SHUNT_SANDBOX_ECHO_SERVER_H_
