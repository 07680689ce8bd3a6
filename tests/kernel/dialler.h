// SPDX-License-Identifier: Apache-2.0
// Applications that dial without pause while something happens to the agent.
#ifndef SHUNT_TESTS_KERNEL_DIALLER_H_
#define SHUNT_TESTS_KERNEL_DIALLER_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/kernel/history.h"
#include "tests/sandbox/network_namespace.h"

namespace shunt::kernel_test {

// Two threads that connect to History's frontends in turn, by UDP and by TCP, judge where they arrived, and ask for the
// peer's name. While
// agents come and go, they can only require that no thread sees an older set after a newer one.
class Dialler {
 public:
  // Dials from `from` and the cgroup of the caller. Both arguments must outlive it.
  Dialler(const History& history, const sandbox::NetworkNamespace& from);
  ~Dialler() { Stop(); }
  void Stop();

  int64_t connects() const { return connects_; }
  // The newest set that any connection of the frontend reached.
  uint32_t newest_seen(int frontend) const { return newest_seen_[frontend]; }
  // Descriptions of the first errors and wrong backends. REQUIRES: it is stopped.
  const std::vector<std::string>& complaints() const { return complaints_; }
  int64_t failures() const { return failures_; }

 private:
  void Run(int type, uint16_t port);
  void Complain(int frontend, const std::string& what);

  const History& history_;
  const sandbox::NetworkNamespace& from_;
  std::atomic<bool> stop_ = false;
  std::atomic<int64_t> connects_ = 0;
  std::atomic<int64_t> failures_ = 0;
  std::array<std::atomic<uint32_t>, History::kFrontends> newest_seen_ = {};
  std::atomic_flag complaining_ = ATOMIC_FLAG_INIT;
  std::vector<std::string> complaints_;  // the first ten
  std::vector<std::thread> threads_;
};

}  // namespace shunt::kernel_test

#endif  // SHUNT_TESTS_KERNEL_DIALLER_H_
