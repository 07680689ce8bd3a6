// SPDX-License-Identifier: Apache-2.0
// The running agent's health, as its inbox and its metrics know it.
#ifndef SHUNT_AGENT_SERVE_LIVE_HEALTH_H_
#define SHUNT_AGENT_SERVE_LIVE_HEALTH_H_

#include "userspace/agent/control/inbox.h"
#include "userspace/agent/control/metrics.h"
#include "userspace/agent/process/clock.h"
#include "userspace/report/health_state.h"

namespace shunt::agent {

class LiveHealth final : public report::HealthView {
 public:
  // Both must outlive the view.
  LiveHealth(Metrics& metrics, const Inbox& inbox) : metrics_(metrics), inbox_(inbox) {}

  report::HealthState Health() const override { return metrics_.Health(inbox_.OldestWaiting()); }
  report::Moment Now() const override { return ReadClocks(); }
  void CountAnswer(report::HealthPage page, int status) const override { metrics_.HealthPageAnswered(page, status); }

 private:
  Metrics& metrics_;
  const Inbox& inbox_;
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_SERVE_LIVE_HEALTH_H_
