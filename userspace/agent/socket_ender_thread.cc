// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/socket_ender_thread.h"

#include <chrono>
#include <utility>

#include "userspace/agent/process/clock.h"
#include "userspace/agent/process/log.h"

namespace shunt::agent {
namespace {

SweepSchedule::Time Now() {
  return std::chrono::steady_clock::now();
}

}  // namespace

SocketEnderThread::SocketEnderThread(Sweep sweep, report::SocketSweeps identity)
    : sweep_(std::move(sweep)), schedule_(Now()), sweeps_(std::move(identity)) {
  thread_ = std::jthread([this](std::stop_token stop) { Run(std::move(stop)); });
}

SocketEnderThread::SocketEnderThread(report::SocketSweeps identity) : schedule_(Now()), sweeps_(std::move(identity)) {}

SocketEnderThread::~SocketEnderThread() = default;

void SocketEnderThread::Removal() {
  {
    const std::lock_guard lock(mutex_);
    schedule_.Removal(Now());
  }
  wake_.notify_one();
}

report::SocketSweeps SocketEnderThread::sweeps() const {
  const std::lock_guard lock(mutex_);
  return sweeps_;
}

void SocketEnderThread::Run(std::stop_token stop) {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      while (schedule_.Next() > Now() && !stop.stop_requested()) {
        const SweepSchedule::Time due = schedule_.Next();
        wake_.wait_until(lock, stop, due, [&] { return schedule_.Next() != due; });
      }
      if (stop.stop_requested()) return;
      schedule_.Begin(Now());
    }
    const report::SocketSweep sweep = sweep_();
    Record(sweep);
    Log(sweep);
  }
}

void SocketEnderThread::Record(const report::SocketSweep& sweep) {
  const std::lock_guard lock(mutex_);
  schedule_.End(Now());
  ++sweeps_.sweeps;
  sweeps_.last_sweep_time_ms = ReadClocks().wall_ms;
  sweeps_.ended_udp += sweep.ended_udp;
  sweeps_.ended_tcp += sweep.ended_tcp;
  sweeps_.namespaces = sweep.namespaces;
  sweeps_.namespaces_not_entered = sweep.namespaces_not_entered;
  sweeps_.problem = sweep.problem;
}

void SocketEnderThread::Log(const report::SocketSweep& sweep) {
  if (sweep.ended_udp + sweep.ended_tcp > 0 && lines_.Spend(Now())) {
    LogNote(2, "Ended sockets whose backend is gone",
            {{"udp", sweep.ended_udp}, {"tcp", sweep.ended_tcp}, {"namespaces", sweep.namespaces}});
  }
  // Each problem is logged once, until another one takes its place.
  if (sweep.problem == std::exchange(problem_said_, sweep.problem) || sweep.problem.empty()) return;
  LogWarning("Some sockets cannot be ended",
             {{"namespaces_not_entered", sweep.namespaces_not_entered}, {"first", sweep.problem}});
}

}  // namespace shunt::agent
