// SPDX-License-Identifier: Apache-2.0
// Reads the pins as they are, with or without an agent.
#ifndef SHUNT_DATAPATH_KERNEL_PINNED_READER_H_
#define SHUNT_DATAPATH_KERNEL_PINNED_READER_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/datapath/kernel/attach/programs.h"
#include "userspace/datapath/kernel/maps/map_set.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/datapath/tables.h"
#include "userspace/report/device_report.h"
#include "userspace/report/map_rows.h"
#include "userspace/report/pinned_maps.h"

namespace shunt::datapath {

// Takes no lock, loads nothing and writes nothing; an agent may be changing what is read. Not thread-safe.
class PinnedReader final : public report::PinnedMaps {
 public:
  // Opens the plan in force. Returns kNotFound if nothing is pinned below `bpffs`, kFailedPrecondition if that is no
  // bpffs, a map's pin is missing, or the pins have another layout than this build's.
  static absl::StatusOr<std::unique_ptr<PinnedReader>> Open(const std::string& bpffs);
  // Opens a plan that may not be in force yet, for the agent that fills it.
  static absl::StatusOr<std::unique_ptr<PinnedReader>> OpenPlan(const std::string& bpffs, const PlanPins& plan);

  const std::string& pin_directory() const override { return pin_directory_; }

  // As MapReader::FillLevels, with the memory that the kernel counts, and with socket_storage.
  std::vector<report::MapFill> FillLevels() const override;
  // Empty if no program is pinned.
  std::vector<report::ProgramStatus> Programs() const override;
  absl::StatusOr<std::vector<report::DeviceStatus>> Devices() const override;
  report::SignOfLife LastSignOfLife() const override;
  // As MapReader::MapNames and Dump.
  std::vector<std::string> MapNames() const;
  absl::Status DumpMap(absl::string_view map, const std::function<bool(const report::MapRow&)>& visit) const override;

 private:
  explicit PinnedReader(PinDirectory pins) : pins_(std::move(pins)) {}

  const PinDirectory pins_;
  std::string pin_directory_;
  MapSet maps_;
  Tables tables_;
  AttachedPrograms programs_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_PINNED_READER_H_
