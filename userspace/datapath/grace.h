// SPDX-License-Identifier: Apache-2.0
// Grace periods: when an id may be used again that a program in the kernel may still hold.
#ifndef SHUNT_DATAPATH_GRACE_H_
#define SHUNT_DATAPATH_GRACE_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "absl/status/status.h"

namespace shunt::datapath {

// The seam of waiting. Unlink first, then call Start(): once that ticket has passed, every program run that was under
// way at Start() has ended, so no program holds what was unlinked before. If there are no grace periods on this host,
// tickets never pass and nothing is reused until the agent restarts.
class GracePeriod {
 public:
  using Ticket = uint64_t;

  virtual ~GracePeriod() = default;

  // Asks for a grace period that begins at or after this call. Never blocks. Tickets grow and pass in order.
  virtual Ticket Start() = 0;
  virtual bool Passed(Ticket ticket) const = 0;
  // Returns whether the attempt to wait for the ticket has failed. It passes with the next one that passes. Never
  // blocks.
  virtual bool Failed(Ticket ticket) const = 0;
  // Blocks until the ticket has passed. Returns an error if the attempt to wait for it failed.
  virtual absl::Status Wait(Ticket ticket) = 0;
};

// Waits on a thread of its own, once for all tickets that were asked for meanwhile. Thread-safe.
class WorkerGracePeriod final : public GracePeriod {
 public:
  // `wait` returns OK only after every program run that was under way when it was called has ended. It is
  // called on the worker thread only. After an error the next Start() tries again. If it is null, there
  // is no way to wait, and no ticket ever passes.
  explicit WorkerGracePeriod(std::function<absl::Status()> wait);
  // Joins the worker, so it lasts as long as a `wait` that is under way.
  ~WorkerGracePeriod() override;

  Ticket Start() override;
  bool Passed(Ticket ticket) const override;
  bool Failed(Ticket ticket) const override;
  absl::Status Wait(Ticket ticket) override;

 private:
  void Run();

  const std::function<absl::Status()> wait_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Ticket asked_ = 0;      // tickets given out
  Ticket attempted_ = 0;  // tickets that a finished wait was meant for
  Ticket passed_ = 0;
  absl::Status last_error_;
  bool stopping_ = false;
  std::thread worker_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_GRACE_H_
