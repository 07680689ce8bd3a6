// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/shuntctl/pinned_services.h"
#include "tools/shuntctl/state_reader.h"
#include "userspace/datapath/kernel/attach/pins.h"
#include "userspace/datapath/kernel/maps/pinned_reader.h"

namespace shunt::shuntctl {
namespace {

// Reads anew at every question, so that a watch sees changes. Damaged maps can still be dumped one by one.
class PinReader final : public StateReader {
 public:
  explicit PinReader(std::unique_ptr<datapath::PinnedReader> pins) : pins_(std::move(pins)) {}

  absl::StatusOr<v1::AgentStatus> Status() override {
    absl::StatusOr<std::unique_ptr<StateReader>> reader = Snapshot();
    return reader.ok() ? (*reader)->Status() : reader.status();
  }

  absl::StatusOr<v1::AuditReport> Audit() override {
    return absl::UnimplementedError("pins say what is, not what was planned");
  }

  absl::StatusOr<v1::ListServicesResponse> Services(const v1::ListServicesRequest& request) override {
    absl::StatusOr<std::unique_ptr<StateReader>> reader = Snapshot();
    return reader.ok() ? (*reader)->Services(request) : reader.status();
  }

  absl::StatusOr<v1::Service> Service(const v1::GetServiceRequest& request) override {
    absl::StatusOr<std::unique_ptr<StateReader>> reader = Snapshot();
    return reader.ok() ? (*reader)->Service(request) : reader.status();
  }

  absl::StatusOr<v1::ListBackendsResponse> Backends(const v1::ListBackendsRequest& request) override {
    absl::StatusOr<std::unique_ptr<StateReader>> reader = Snapshot();
    return reader.ok() ? (*reader)->Backends(request) : reader.status();
  }

  absl::Status DumpMap(const std::string& map, const std::function<void(v1::MapRow)>& visit) override {
    report::AgentQueries queries;
    queries.dump_map = Dump();
    return ReadQueries(std::move(queries))->DumpMap(map, visit);
  }

 private:
  DumpRows Dump() const {
    return [this](absl::string_view map, const std::function<bool(const report::MapRow&)>& visit) {
      return pins_->DumpMap(map, visit);
    };
  }

  // What the agent would say that knew only this moment's maps.
  absl::StatusOr<std::unique_ptr<StateReader>> Snapshot() const {
    absl::StatusOr<PinnedState> read = ReadPinnedState(Dump());
    if (!read.ok()) return read.status();
    return ReadQueries(PinnedQueries(*std::move(read), [this] {
      return PinDescription{.abi_version = datapath::PinAbiVersion(),
                            .directory = pins_->pin_directory(),
                            .programs = pins_->Programs(),
                            .maps = pins_->FillLevels()};
    }));
  }

  const std::unique_ptr<datapath::PinnedReader> pins_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<StateReader>> OpenPins(const std::string& bpffs) {
  absl::StatusOr<std::unique_ptr<datapath::PinnedReader>> pins = datapath::PinnedReader::Open(bpffs);
  if (!pins.ok()) {
    const absl::string_view what_to_do =
        absl::IsNotFound(pins.status()) ? "; no agent has run here, or `shuntd cleanup` did: name another with --bpffs"
                                        : "";
    return absl::Status(pins.status().code(),
                        absl::StrCat("cannot read the pins below ", bpffs, ": ", pins.status().message(), what_to_do));
  }
  return std::make_unique<PinReader>(*std::move(pins));
}

}  // namespace shunt::shuntctl
