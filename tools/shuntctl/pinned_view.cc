// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/pinned_view.h"

#include <memory>
#include <variant>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/datapath/kernel/pinned_reader.h"
#include "userspace/report/packet_path.h"

namespace shunt::shuntctl {
namespace {

absl::StatusOr<PinnedState> ReadState(const report::PinnedMaps& maps) {
  return ReadPinnedState([&maps](absl::string_view map, const std::function<bool(const report::MapRow&)>& visit) {
    return maps.DumpMap(map, visit);
  });
}

}  // namespace

report::OpenPinnedMaps PinsBelow(std::string bpffs) {
  return [bpffs = std::move(bpffs)]() -> absl::StatusOr<std::unique_ptr<const report::PinnedMaps>> {
    absl::StatusOr<std::unique_ptr<datapath::PinnedReader>> pins = datapath::PinnedReader::Open(bpffs);
    if (pins.ok()) return *std::move(pins);
    if (absl::IsNotFound(pins.status())) {
      return absl::NotFoundError(absl::StrCat(pins.status().message(),
                                              ": no agent has run here, or `shuntd cleanup` removed it. Name another "
                                              "bpffs with --bpffs"));
    }
    return absl::Status(pins.status().code(),
                        absl::StrCat("cannot read the pins below ", bpffs, ": ", pins.status().message()));
  };
}

absl::StatusOr<report::AgentStatus> PinnedView::Status() const {
  const absl::StatusOr<std::unique_ptr<const report::PinnedMaps>> maps = open_();
  if (!maps.ok()) return maps.status();
  absl::StatusOr<PinnedState> state = ReadState(**maps);
  if (!state.ok()) return state.status();
  report::AgentStatus status;
  status.abi_version = datapath::PinAbiVersion();
  status.pin_directory = (*maps)->pin_directory();
  status.services = static_cast<uint32_t>(state->services.size());
  status.frontends = state->frontends;
  status.backends = static_cast<uint32_t>(state->backends.size());
  status.programs = (*maps)->Programs();
  if (!status.programs.empty()) status.cgroup = status.programs.front().attach_point;
  status.maps = (*maps)->FillLevels();
  const absl::StatusOr<std::vector<report::DeviceStatus>> devices = (*maps)->Devices();
  if (!devices.ok()) return devices.status();
  status.packet_path = report::PacketPathOf(status.maps, *devices);
  status.sign_of_life = (*maps)->LastSignOfLife();
  status.reasons = std::move(state->reasons);
  const absl::Status read = (*maps)->DumpMap("meta", [&](const report::MapRow& row) {
    if (const auto* meta = std::get_if<report::MetaRow>(&row)) status.observing = meta->features.observe;
    return true;
  });
  if (!read.ok()) return read;
  return status;
}

absl::Status PinnedView::Services(const std::function<bool(const report::ServiceStatus&)>& visit) const {
  const absl::StatusOr<PinnedState> state = Read();
  if (!state.ok()) return state.status();
  for (const report::ServiceStatus& service : state->services) {
    if (!visit(service)) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<report::ServiceStatus>> PinnedView::Service(const model::ObjectName& name) const {
  absl::StatusOr<PinnedState> state = Read();
  if (!state.ok()) return state.status();
  for (report::ServiceStatus& service : state->services) {
    if (service.plan.service == name) return std::move(service);
  }
  return std::nullopt;
}

absl::StatusOr<std::vector<report::BackendStatus>> PinnedView::Backends() const {
  absl::StatusOr<PinnedState> state = Read();
  if (!state.ok()) return state.status();
  return std::move(state->backends);
}

absl::StatusOr<report::DeviceReport> PinnedView::Devices() const {
  const absl::StatusOr<std::unique_ptr<const report::PinnedMaps>> maps = open_();
  if (!maps.ok()) return maps.status();
  absl::StatusOr<std::vector<report::DeviceStatus>> devices = (*maps)->Devices();
  if (!devices.ok()) return devices.status();
  return report::DeviceReport{.devices = *std::move(devices), .unmatched = {}};
}

absl::Status PinnedView::DumpMap(absl::string_view map, const std::function<bool(const report::MapRow&)>& visit) const {
  const absl::StatusOr<std::unique_ptr<const report::PinnedMaps>> maps = open_();
  return maps.ok() ? (*maps)->DumpMap(map, visit) : maps.status();
}

absl::StatusOr<report::AuditReport> PinnedView::Audit() const {
  return absl::UnimplementedError("the pins hold what is programmed, not what was planned");
}

absl::StatusOr<PinnedState> PinnedView::Read() const {
  const absl::StatusOr<std::unique_ptr<const report::PinnedMaps>> maps = open_();
  if (!maps.ok()) return maps.status();
  return ReadState(**maps);
}

}  // namespace shunt::shuntctl
