// SPDX-License-Identifier: Apache-2.0
// Where a story is played: the agent's reconciler between the manifest decoder and a datapath.
#ifndef SHUNT_TESTS_SCENARIOS_STAGE_H_
#define SHUNT_TESTS_SCENARIOS_STAGE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tests/scenarios/map_text.h"
#include "tests/scenarios/story.h"
#include "userspace/agent/control/ledger.h"
#include "userspace/agent/control/reconciler.h"
#include "userspace/datapath/datapath.h"
#include "userspace/sources/manifest/object_decoder.h"

namespace shunt::scenarios {

// Tables of some kind, on which one datapath after another works.
class Floor {
 public:
  virtual ~Floor() = default;
  // The datapath of an agent that starts now; the one before it is gone.
  virtual absl::StatusOr<std::unique_ptr<datapath::Datapath>> Open() = 0;
  // Gives what was unlinked time to come back: a grace period, as far as it is in the floor's power.
  virtual void LetGracePass() = 0;
  // Whether writes fail on purpose, so that the agent has to try again.
  virtual bool has_errors() const { return false; }
};

class Stage {
 public:
  // `floor` outlives the stage.
  static absl::StatusOr<std::unique_ptr<Stage>> Open(Floor& floor);

  // Does what a step says until the agent has nothing left to do.
  // REQUIRES: !step.IsExpectation().
  absl::Status Do(const Step& step);

  // Every Service that there is, in name order; "nothing" if there is none.
  std::string PlanText() const;
  // What the maps say. What was unlinked rests for a while, so if they do not say `expected` they are asked again, and
  // the last answer counts.
  absl::StatusOr<std::string> MapText(const std::string& expected);

 private:
  using ObjectKey = std::pair<sources::ObjectKind, model::ObjectName>;

  explicit Stage(Floor& floor) : floor_(floor) {}
  absl::Status StartAgent();
  absl::Status Apply(absl::string_view manifest);
  absl::Status Delete(absl::string_view kind, absl::string_view name);
  absl::Status SetNodeAddresses(absl::Span<const std::string> texts);
  // Steps the reconciler until it wants nothing more.
  absl::Status Settle();
  absl::Status CheckIds();

  Floor& floor_;
  std::unique_ptr<datapath::Datapath> datapath_;
  std::unique_ptr<agent::Ledger> ledger_;
  std::unique_ptr<agent::Reconciler> reconciler_;
  agent::SteadyTime now_;

  // The cluster, for an agent that starts anew.
  std::map<ObjectKey, sources::Object> objects_;
  std::vector<datapath::NodeAddress> node_addresses_;
  std::optional<MapRows> rows_;  // after the last step
};

}  // namespace shunt::scenarios

#endif  // SHUNT_TESTS_SCENARIOS_STAGE_H_
