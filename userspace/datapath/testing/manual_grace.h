// SPDX-License-Identifier: Apache-2.0
// Grace periods that pass when a test says so.
#ifndef SHUNT_DATAPATH_TESTING_MANUAL_GRACE_H_
#define SHUNT_DATAPATH_TESTING_MANUAL_GRACE_H_

#include <functional>

#include "absl/status/status.h"
#include "userspace/datapath/grace.h"

namespace shunt::datapath {

class ManualGrace final : public GracePeriod {
 public:
  Ticket Start() override { return ++asked_; }
  bool Passed(Ticket ticket) const override { return ticket <= passed_; }
  bool Failed(Ticket ticket) const override { return !available_ && ticket > passed_; }
  // Lets the grace period pass at once, unless grace periods are not available.
  absl::Status Wait(Ticket ticket) override {
    ++waits_;
    if (!available_) return absl::UnimplementedError("no grace period on this host");
    if (ticket > passed_) Pass();
    return absl::OkStatus();
  }

  // All tickets given out so far pass.
  void Pass() {
    passed_ = asked_;
    if (on_pass_) on_pass_();
  }
  void set_available(bool available) { available_ = available; }
  void set_on_pass(std::function<void()> on_pass) { on_pass_ = std::move(on_pass); }

  Ticket asked() const { return asked_; }
  Ticket passed() const { return passed_; }
  int waits() const { return waits_; }

 private:
  Ticket asked_ = 0;
  Ticket passed_ = 0;
  int waits_ = 0;
  bool available_ = true;
  std::function<void()> on_pass_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_TESTING_MANUAL_GRACE_H_
