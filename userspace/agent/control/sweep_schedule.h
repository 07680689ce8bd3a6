// SPDX-License-Identifier: Apache-2.0
// When the sockets of this node are swept for those whose backend is gone.
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
  // removal is answered in at most kPace and the time of two sweeps.
  static constexpr std::chrono::milliseconds kPace{200};
  // A sweep that answers a removal is followed by another: a connect that had read the set of before may have been
  // under way, and visited before it was done.
  static constexpr std::chrono::milliseconds kFollowUp{500};
  // Without any removal: for namespaces that could not be entered, or had no name, in time.
  static constexpr std::chrono::seconds kHealing{30};

  // The first sweep is due at `start`: for what happened while no agent ran.
  explicit SweepSchedule(Time start) : due_(start), not_before_(start) {}

  void Removal(Time now);
  Time Next() const;
  // Around a sweep. A removal in between asks for another one: the sweep may have passed its sockets already.
  void Begin(Time now);
  void End(Time now);

 private:
  Time due_;
  Time not_before_;
  Time began_;
  std::optional<Time> removal_;  // the first one that no sweep has begun after
  bool answers_ = false;         // the sweep under way, a removal
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_CONTROL_SWEEP_SCHEDULE_H_
