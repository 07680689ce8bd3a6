// SPDX-License-Identifier: Apache-2.0
// The view of this node's proxy that the pins alone give, with or without an agent.
#ifndef SHUNT_TOOLS_SHUNTCTL_PINNED_VIEW_H_
#define SHUNT_TOOLS_SHUNTCTL_PINNED_VIEW_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/shuntctl/pinned_services.h"
#include "userspace/report/agent_view.h"
#include "userspace/report/pinned_maps.h"

namespace shunt::shuntctl {

// Opens the pins below `bpffs`. The opener's errors say what to do; kNotFound if nothing is pinned there.
report::OpenPinnedMaps PinsBelow(std::string bpffs);

// Opens and reads the maps at every question, so that a watch sees changes and a damaged map does not keep the others
// from being dumped. Services have no slices, conditions or weights (ServiceStatus::from_maps), and there is no plan to
// audit.
class PinnedView final : public report::AgentView {
 public:
  explicit PinnedView(report::OpenPinnedMaps open) : open_(std::move(open)) {}

  absl::StatusOr<report::AgentStatus> Status() const override;
  absl::Status Services(const std::function<bool(const report::ServiceStatus&)>& visit) const override;
  absl::StatusOr<std::optional<report::ServiceStatus>> Service(const model::ObjectName& name) const override;
  absl::StatusOr<std::vector<report::BackendStatus>> Backends() const override;
  absl::StatusOr<report::DeviceReport> Devices() const override;
  absl::Status DumpMap(absl::string_view map, const std::function<bool(const report::MapRow&)>& visit) const override;
  absl::StatusOr<report::AuditReport> Audit() const override;

 private:
  absl::StatusOr<PinnedState> Read() const;

  const report::OpenPinnedMaps open_;
};

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_PINNED_VIEW_H_
