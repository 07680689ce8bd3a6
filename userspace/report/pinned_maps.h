// SPDX-License-Identifier: Apache-2.0
// The pinned maps and programs as they are now, as values: what a row says, not its bytes.
#ifndef SHUNT_REPORT_PINNED_MAPS_H_
#define SHUNT_REPORT_PINNED_MAPS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/report/device_report.h"
#include "userspace/report/map_rows.h"

namespace shunt::report {

// Reads what is pinned at the time of the call; an agent may be changing it meanwhile. Not thread-safe.
class PinnedMaps {
 public:
  virtual ~PinnedMaps() = default;

  // The directory of the pins, such as "/sys/fs/bpf/shunt/plan-v1-1".
  virtual const std::string& pin_directory() const = 0;
  // Size and use of every map.
  virtual std::vector<MapFill> FillLevels() const = 0;
  // The attached programs; empty while no complete set is in force.
  virtual std::vector<ProgramStatus> Programs() const = 0;
  // The devices of which map `devices` has a row, by index, and whether they have programs now: without `wanted` and
  // `why_not`, which no pin tells. REQUIRES: the calling thread is in the agent's network namespace.
  virtual absl::StatusOr<std::vector<DeviceStatus>> Devices() const = 0;
  // The agent's last sign of life, which is in no map's rows for people.
  virtual SignOfLife LastSignOfLife() const = 0;
  // Visits the rows of one map until `visit` returns false. kNotFound names the maps that exist.
  virtual absl::Status DumpMap(absl::string_view map, const std::function<bool(const MapRow&)>& visit) const = 0;
};

// Opens the maps for one query: a dump of a million rows then costs the agent's loop nothing, and a slow client delays
// no other. Called by any thread.
using OpenPinnedMaps = std::function<absl::StatusOr<std::unique_ptr<const PinnedMaps>>()>;

}  // namespace shunt::report

#endif  // SHUNT_REPORT_PINNED_MAPS_H_
