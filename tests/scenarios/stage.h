// SPDX-License-Identifier: Apache-2.0
// The stage on which a story is played: the agent's reconciler between the manifest decoder and a datapath.
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
#include "userspace/datapath/tables.h"
#include "userspace/sources/manifest/object_decoder.h"

namespace shunt::scenarios {

// Tables of some kind, on which one datapath after another works.
class Floor {
 public:
  virtual ~Floor() = default;
  // Returns the datapath of an agent that starts now; the previous one is gone.
  virtual absl::StatusOr<std::unique_ptr<datapath::Datapath>> Open() = 0;
  // The tables of the datapath opened last. REQUIRES: it still exists.
  virtual const datapath::Tables& tables() const = 0;
  // Lets a grace period pass, or waits a moment for the kernel's own, so that unlinked rows and ids can be reused.
  virtual void LetGracePass() = 0;
  // Whether writes fail on purpose, so that the agent has to try again.
  virtual bool has_errors() const { return false; }
};

class Stage {
 public:
  // `floor` outlives the stage.
  static absl::StatusOr<std::unique_ptr<Stage>> Open(Floor& floor);

  // Plays a step until the agent has nothing left to do. REQUIRES: !step.IsExpectation().
  absl::Status Do(const Step& step);

  // Returns the plans of all Services, in name order; "nothing" if there are none.
  std::string PlanText() const;
  // Returns what the maps hold. Unlinked rows stay for a grace period, so it reads the maps again while they differ
  // from `expected`, and returns the last answer.
  absl::StatusOr<std::string> MapText(const std::string& expected);

 private:
  using ObjectKey = std::pair<sources::ObjectKind, model::ObjectName>;

  explicit Stage(Floor& floor) : floor_(floor) {}
  absl::Status StartAgent();
  absl::Status Apply(absl::string_view manifest);
  absl::Status Delete(absl::string_view kind, absl::string_view name);
  absl::Status SetNodeAddresses(absl::Span<const std::string> texts);
  // Steps the reconciler until it has nothing left to do.
  absl::Status Settle();
  absl::Status CheckIds();

  Floor& floor_;
  std::unique_ptr<datapath::Datapath> datapath_;
  std::unique_ptr<agent::Ledger> ledger_;
  std::unique_ptr<agent::Reconciler> reconciler_;
  agent::SteadyTime now_;

  // The cluster, for an agent that restarts.
  std::map<ObjectKey, sources::Object> objects_;
  std::vector<datapath::NodeAddress> node_addresses_;
  std::optional<MapRows> rows_;  // after the last step
};

}  // namespace shunt::scenarios

#endif  // SHUNT_TESTS_SCENARIOS_STAGE_H_
