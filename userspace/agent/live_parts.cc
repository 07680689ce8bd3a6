// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/live_parts.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace shunt::agent {
namespace {

report::StatusProblem ServesSnapshot(int64_t saved_ms) {
  const absl::Time saved = absl::FromUnixMillis(saved_ms);
  const absl::Duration age = absl::Trunc(std::max(absl::Now() - saved, absl::ZeroDuration()), absl::Seconds(1));
  return {"snapshot", absl::StrCat("no API server has answered since the start: what is served is the cluster of ",
                                   absl::FormatTime(absl::RFC3339_sec, saved, absl::UTCTimeZone()), ", ",
                                   absl::FormatDuration(age), " ago")};
}

}  // namespace

std::vector<report::StatusProblem> LiveParts::Problems() const {
  std::vector<report::StatusProblem> problems = datapath_.named_problems();
  for (report::StatusProblem& problem : http_.Problems()) problems.push_back(std::move(problem));
  if (served_before_ && !loop_.state().synced) {
    problems.push_back({"source",
                        "not synced yet: what an earlier agent left in the kernel is served as it is; "
                        "`shuntctl --offline service list` shows it"});
  }
  if (snapshot_ != nullptr) {
    if (const std::string problem = snapshot_->problem(); !problem.empty()) problems.push_back({"snapshot", problem});
  }
  if (const int64_t saved_ms = source_.status().snapshot_time_ms; saved_ms != 0) {
    problems.push_back(ServesSnapshot(saved_ms));
  }
  return problems;
}

}  // namespace shunt::agent
