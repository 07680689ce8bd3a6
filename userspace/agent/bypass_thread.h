// SPDX-License-Identifier: Apache-2.0
// Follows the cgroups whose sockets are left alone, on a thread of its own: a new pod's cgroup must be known before its
// containers connect, and the loop may be busy meanwhile.
#ifndef SHUNT_AGENT_BYPASS_THREAD_H_
#define SHUNT_AGENT_BYPASS_THREAD_H_

#include <chrono>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "userspace/datapath/kernel/scopes/scopes.h"
#include "userspace/posix/event_fd.h"

namespace shunt::agent {

class BypassThread {
 public:
  // `scopes` must outlive it.
  explicit BypassThread(datapath::Scopes& scopes);
  // The same with a walk each `pace`, which is a minute otherwise. For tests.
  BypassThread(datapath::Scopes& scopes, std::chrono::milliseconds pace);
  // Waits for the step in progress.
  ~BypassThread() = default;

 private:
  void Run(const std::stop_token& stop);
  void SayNewProblems();

  datapath::Scopes& scopes_;
  const std::chrono::milliseconds pace_;
  std::vector<std::string> said_;  // the problems that were logged last
  posix::EventFd stopped_;
  std::jthread thread_;  // the last member: it uses all others
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_BYPASS_THREAD_H_
