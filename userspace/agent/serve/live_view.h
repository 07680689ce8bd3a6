// SPDX-License-Identifier: Apache-2.0
// The agent's answers to the admin API, put together from the ledger and from the maps, which are read beside the
// loop: no query waits for it, none makes it wait.
#ifndef SHUNT_AGENT_SERVE_LIVE_VIEW_H_
#define SHUNT_AGENT_SERVE_LIVE_VIEW_H_

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/agent/control/ledger.h"
#include "userspace/agent/control/loop.h"
#include "userspace/report/agent_status.h"

namespace shunt::agent {

// The maps as they are now, read with descriptors of one's own.
struct MapViews {
  std::function<std::vector<report::MapFill>()> fill_levels;
  std::function<std::vector<report::ProgramStatus>()> programs;
  // As report::AgentQueries::dump_map.
  std::function<absl::Status(absl::string_view map, const std::function<bool(const report::MapRow&)>& visit)> dump;
};

// All must outlive the queries.
struct QuerySources {
  // What never changes while the agent runs: version to start_time_ms, programs_current, and in `problems` what
  // went wrong at the start.
  report::AgentStatus identity;
  const Ledger& ledger;
  Loop& loop;
  // Called by any thread; null: there is nothing to say.
  std::function<report::SocketSweeps()> socket_sweeps;
  // The same.
  std::function<report::SourceStatus()> source_status;
  // What else goes wrong, now; null: nothing can. Called by any thread.
  std::function<std::vector<report::StatusProblem>()> more_problems;
  // Opens the maps for one query: a dump of a million rows then costs the loop nothing, and a slow client nobody
  // else. Called by any thread.
  std::function<absl::StatusOr<MapViews>()> open_maps;
};

report::AgentQueries MakeQueries(QuerySources sources);

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_SERVE_LIVE_VIEW_H_
