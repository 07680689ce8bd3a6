// SPDX-License-Identifier: Apache-2.0
// Pinned maps with given rows, for tests of what is read from maps.
#ifndef SHUNT_REPORT_TESTING_SCRIPTED_MAPS_H_
#define SHUNT_REPORT_TESTING_SCRIPTED_MAPS_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "userspace/report/device_report.h"
#include "userspace/report/pinned_maps.h"

namespace shunt::report::testing {

class ScriptedMaps final : public PinnedMaps {
 public:
  const std::string& pin_directory() const override { return directory; }
  std::vector<MapFill> FillLevels() const override { return fill_levels; }
  std::vector<ProgramStatus> Programs() const override { return programs; }
  absl::StatusOr<std::vector<DeviceStatus>> Devices() const override { return devices; }
  SignOfLife LastSignOfLife() const override { return sign_of_life; }
  absl::Status DumpMap(absl::string_view map, const std::function<bool(const MapRow&)>& visit) const override {
    ++dumps;
    const auto found = rows.find(std::string(map));
    if (found == rows.end()) return absl::NotFoundError(absl::StrCat("no map ", map));
    for (const MapRow& row : found->second) {
      if (!visit(row)) break;
    }
    return absl::OkStatus();
  }

  std::string directory = "/sys/fs/bpf/shunt/plan-v1-1";
  std::vector<MapFill> fill_levels;
  std::vector<ProgramStatus> programs;
  std::vector<DeviceStatus> devices;
  SignOfLife sign_of_life;
  std::map<std::string, std::vector<MapRow>> rows;
  mutable int dumps = 0;  // calls of DumpMap
};

}  // namespace shunt::report::testing

#endif  // SHUNT_REPORT_TESTING_SCRIPTED_MAPS_H_
