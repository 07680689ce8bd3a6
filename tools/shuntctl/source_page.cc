// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/source_page.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "tools/shuntctl/wording.h"

namespace shunt::shuntctl {
namespace {

namespace v1 = admin::v1;

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

// Ages are computed by the agent's clock alone.
std::string AgeText(const v1::AgentStatus& status, const google::protobuf::Timestamp& time) {
  const absl::Duration age = ToTime(status.answer_time()) - ToTime(time);
  return absl::StrCat(absl::FormatDuration(absl::Trunc(age, absl::Milliseconds(100))), " ago");
}

std::string StateText(const v1::SourceResource& resource) {
  std::string text = resource.synced() ? "synced" : "not synced yet";
  if (resource.list_held_back()) {
    absl::StrAppend(&text, "; ", resource.removals_held_back(), " removals wait for a second list to confirm them");
  }
  if (resource.objects_left_out() != 0) absl::StrAppend(&text, "; ", resource.objects_left_out(), " left out");
  if (!resource.last_error().empty()) absl::StrAppend(&text, "; ", resource.last_error());
  return text;
}

}  // namespace

std::string ServerText(const v1::AgentStatus& status) {
  if (!status.has_source_state()) return "";
  const v1::SourceState& source = status.source_state();
  std::string text = source.server().empty() ? "none yet" : source.server();
  absl::StrAppend(&text, source.reachable() ? ", reachable" : ", does not answer");
  if (source.has_snapshot_time()) {
    absl::StrAppend(&text, "; until it does, the state is the snapshot of ", TimeText(source.snapshot_time()));
  }
  return text;
}

Table WatchedTable(const v1::AgentStatus& status, bool wide) {
  std::vector<std::string> header = {"RESOURCE", "OBJECTS", "VERSION", "CONFIRMED", "RELISTS"};
  if (wide) header.insert(header.end(), {"WATCHES", "STALLS", "ERRORS", "REJECTED", "LAST-CHANGE"});
  header.emplace_back("STATE");
  Table table(std::move(header));
  for (const v1::SourceResource& resource : status.source_state().resources()) {
    const auto age = [&](bool has, const google::protobuf::Timestamp& time) {
      return has ? AgeText(status, time) : std::string("never");
    };
    std::vector<std::string> row = {resource.resource(), absl::StrCat(resource.objects()), resource.resource_version(),
                                    age(resource.has_confirmed_time(), resource.confirmed_time()),
                                    absl::StrCat(resource.relists())};
    if (wide) {
      for (const uint64_t count :
           {resource.watch_starts(), resource.stalls(), resource.errors(), resource.rejected_objects()}) {
        row.push_back(absl::StrCat(count));
      }
      row.push_back(age(resource.has_last_event_time(), resource.last_event_time()));
    }
    row.push_back(StateText(resource));
    table.Add(std::move(row));
  }
  return table;
}

}  // namespace shunt::shuntctl
