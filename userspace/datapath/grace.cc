// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/grace.h"

#include <utility>

namespace shunt::datapath {

WorkerGracePeriod::WorkerGracePeriod(std::function<absl::Status()> wait)
    : wait_(std::move(wait)), worker_([this] { Run(); }) {}

WorkerGracePeriod::~WorkerGracePeriod() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  worker_.join();
}

GracePeriod::Ticket WorkerGracePeriod::Start() {
  Ticket ticket;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ticket = ++asked_;
  }
  changed_.notify_all();
  return ticket;
}

bool WorkerGracePeriod::Passed(Ticket ticket) const {
  std::lock_guard<std::mutex> lock(mutex_);
  return ticket <= passed_;
}

bool WorkerGracePeriod::Failed(Ticket ticket) const {
  std::lock_guard<std::mutex> lock(mutex_);
  return ticket <= attempted_ && ticket > passed_;
}

absl::Status WorkerGracePeriod::Wait(Ticket ticket) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [&] { return ticket <= attempted_ || stopping_; });
  if (ticket <= passed_) return absl::OkStatus();
  return stopping_ ? absl::CancelledError("wait for a grace period: stopping") : last_error_;
}

void WorkerGracePeriod::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || attempted_ < asked_; });
    if (stopping_) return;
    // Everything unlinked for tickets up to this one was unlinked before the wait below begins.
    const Ticket covered = asked_;
    lock.unlock();
    absl::Status status = wait_ ? wait_() : absl::UnimplementedError("this host offers no grace period");
    lock.lock();
    attempted_ = covered;
    if (status.ok()) {
      passed_ = covered;
    } else {
      last_error_ = std::move(status);
    }
    changed_.notify_all();
  }
}

}  // namespace shunt::datapath
