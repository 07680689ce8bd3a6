// SPDX-License-Identifier: Apache-2.0
// Decides when this node's sockets are swept for those whose backend is gone.
#ifndef SHUNT_AGENT_CONTROL_SWEEP_SCHEDULE_H_
#define SHUNT_AGENT_CONTROL_SWEEP_SCHEDULE_H_

#include <chrono>
#include <optional>

namespace shunt::agent {

// Not thread-safe. REQUIRES of every call: time never goes back.
class SweepSchedule {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // A sweep begins at once when a backend goes; removals until kPace after its beginning share the next one. So a
  // removal is answered after at most kPace plus the time of two sweeps.
  static constexpr std::chrono::milliseconds kPace{200};
  // A sweep that answers a removal is followed by another one: a connect that still used the old set may have been
  // under way, and the sweep may have visited its socket too early.
  static constexpr std::chrono::milliseconds kFollowUp{500};
  // How often sockets are swept without a removal, for namespaces that earlier sweeps could not enter, or that had no
  // name then.
  static constexpr std::chrono::seconds kHealing{30};

  // The first sweep is due at `start`, because backends may have gone while no agent ran.
  explicit SweepSchedule(Time start) : due_(start), not_before_(start) {}

  void Removal(Time now);
  Time Next() const;
  // Call these around a sweep. A removal in between asks for another sweep, because this one may have passed its
  // sockets already.
  void Begin(Time now);
  void End(Time now);

 private:
  Time due_;
  Time not_before_;
  Time began_;
  std::optional<Time> removal_;  // the first one since the last sweep began
  bool answers_ = false;         // the present sweep answers a removal
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_CONTROL_SWEEP_SCHEDULE_H_
