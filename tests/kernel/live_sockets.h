// SPDX-License-Identifier: Apache-2.0
// Sockets that go on while agents and programs change, and must see the same peers all the time.
#ifndef SHUNT_TESTS_KERNEL_LIVE_SOCKETS_H_
#define SHUNT_TESTS_KERNEL_LIVE_SOCKETS_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/kernel/history.h"
#include "tests/sandbox/client_socket.h"
#include "tests/sandbox/network_namespace.h"

namespace shunt::kernel_test {

// One thread with TCP connections, connected UDP sockets and unconnected ones that send to two Services in turn. It
// asks each again and again for its peer, and replaces one at a time, so that there are always sockets of every age.
// A connected UDP socket may be ended once there is a newer set than the one that it has met; then it is replaced too.
class LiveSockets {
 public:
  // Connects from `from` and the cgroup of the caller. Both arguments must outlive it.
  LiveSockets(const History& history, const sandbox::NetworkNamespace& from);
  ~LiveSockets() { Stop(); }
  void Stop();

  int64_t checks() const { return checks_; }
  int64_t failures() const { return failures_; }
  int64_t ended() const { return ended_; }  // sockets that were rightly ended
  // Descriptions of the first failures. REQUIRES: it is stopped.
  const std::vector<std::string>& complaints() const { return complaints_; }

 private:
  enum class Kind { kTcp, kConnectedUdp, kUnconnectedUdp };
  struct Live {
    int number;
    Kind kind;
    int frontend = 0;
    sandbox::ClientSocket socket;
    uint32_t seen[2] = {0, 0};  // by destination: the newest set that it has met
    bool ended = false;
  };

  void Run();
  Live Open(int number);
  void Check(Live& live);
  void CheckConnected(Live& live);
  void CheckUnconnected(Live& live, int destination);
  // Sends until the service answers, and returns that answer.
  sandbox::Received Ask(const Live& live, const model::SocketAddress& dialled);
  void Complain(const Live& live, const std::string& what);

  const History& history_;
  const sandbox::NetworkNamespace& from_;
  std::atomic<bool> stop_ = false;
  std::atomic<int64_t> checks_ = 0;
  std::atomic<int64_t> failures_ = 0;
  std::atomic<int64_t> ended_ = 0;
  std::vector<std::string> complaints_;  // the first ten
  uint64_t asked_ = 0;                   // of the thread
  std::thread thread_;
};

}  // namespace shunt::kernel_test

#endif  // SHUNT_TESTS_KERNEL_LIVE_SOCKETS_H_
