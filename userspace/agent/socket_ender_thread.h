// SPDX-License-Identifier: Apache-2.0
// Ends sockets whose backend is gone, on a thread of its own: a sweep goes through other network namespaces, and the
// loop must not wait for it.
#ifndef SHUNT_AGENT_SOCKET_ENDER_THREAD_H_
#define SHUNT_AGENT_SOCKET_ENDER_THREAD_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

#include "userspace/agent/control/sweep_schedule.h"
#include "userspace/agent/process/line_budget.h"
#include "userspace/report/socket_sweep.h"

namespace shunt::agent {

class SocketEnderThread {
 public:
  using Sweep = std::function<report::SocketSweep()>;

  // Begins with a sweep. `sweep` is called by the thread alone; `identity` has the fields that never change:
  // protocols and method.
  SocketEnderThread(Sweep sweep, report::SocketSweeps identity);
  // Starts no thread and ends no sockets: `identity` says why.
  explicit SocketEnderThread(report::SocketSweeps identity);
  // Waits for the sweep in progress.
  ~SocketEnderThread();

  // Asks for a sweep soon, because a backend may be gone. Thread-safe; returns at once.
  void Removal();
  report::SocketSweeps sweeps() const;  // thread-safe

 private:
  void Run(std::stop_token stop);
  void Record(const report::SocketSweep& sweep);
  void Log(const report::SocketSweep& sweep);

  Sweep sweep_;
  LineBudget lines_;
  std::string problem_said_;

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  SweepSchedule schedule_;       // mutex_ guards this
  report::SocketSweeps sweeps_;  // and this
  std::jthread thread_;          // the last member: it uses all others
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_SOCKET_ENDER_THREAD_H_
