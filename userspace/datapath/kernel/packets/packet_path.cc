// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/packets/packet_path.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <iterator>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "bpf/packet/packet_config.h"
#include "bpf/packet/sweep.h"
#include "bpf/packet_abi.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/kernel/attach/reserved_ports.h"
#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/datapath/kernel/kernel_grace.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/object/map_spec.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {
namespace {

constexpr char kSweeper[] = "sweeper";
constexpr uint32_t kTranslatingSince = offsetof(shunt_flow_level, translating_since) / sizeof(uint64_t);

// Makes `collector` use the map that an agent before has pinned, if it fits: so there is one timer for one memory. One
// of another layout is replaced, and ends, when this build's is pinned.
absl::Status UsePinnedSweeper(const std::string& pin, BpfObject& collector) {
  const absl::StatusOr<posix::FileDescriptor> pinned = OpenPin(pin, BpfKind::kMap);
  if (!pinned.ok()) return absl::OkStatus();
  for (const MapSpec& spec : collector.Maps()) {
    if (spec.name == kSweeper && VerifyMap(pinned->get(), spec).ok()) return collector.UseMap(kSweeper, pinned->get());
  }
  return absl::OkStatus();
}

bool IsEmpty(const DeviceHookChanges& changes) {
  return changes.attached.empty() && changes.replaced.empty() && changes.healed.empty() && changes.detached.empty();
}

size_t InForce(const std::vector<DeviceState>& devices) {
  return static_cast<size_t>(absl::c_count_if(devices, [](const DeviceState& device) { return device.in_force; }));
}

}  // namespace

absl::StatusOr<std::unique_ptr<PacketPath>> PacketPath::Load(const PacketOptions& options, const MapSet& maps,
                                                             const PlanPins& pins, const shunt_config& config) {
  const absl::StatusOr<shunt_packet_config> packet_config = PacketConfigOf(maps, options);
  if (!packet_config.ok()) return packet_config.status();
  absl::StatusOr<BpfObject> programs = BpfObject::OpenPackets();
  if (!programs.ok()) return programs.status();
  absl::StatusOr<BpfObject> collector = BpfObject::OpenSweep();
  if (!collector.ok()) return collector.status();
  shunt_config of_programs = config;
  absl::Status status = maps.GiveTo(*programs, &of_programs);
  if (status.ok()) status = programs->SetConfig(of_programs);
  if (status.ok()) status = programs->SetPacketConfig(*packet_config);
  if (status.ok()) status = programs->Load();
  if (!status.ok()) return status;
  const std::string sweeper_pin = pins.MapPath(kSweeper);
  status = maps.GiveTo(*collector, &of_programs);
  if (status.ok()) status = UsePinnedSweeper(sweeper_pin, *collector);
  if (status.ok()) status = collector->SetPacketConfig(*packet_config);
  if (status.ok()) status = collector->Load();
  if (!status.ok()) return status;
  return std::unique_ptr<PacketPath>(
      new PacketPath(*std::move(programs), *std::move(collector), sweeper_pin, options, config.observe != 0));
}

// Pinned first: a timer ends with this process unless a path leads to its map. If it is pinned already, it is again.
absl::Status PacketPath::StartCollector() const {
  if (absl::Status status = ReplacePin(collector_.MapFd(kSweeper), sweeper_pin_); !status.ok()) return status;
  shunt_sweep_order order{};
  LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &order, .ctx_size_in = sizeof(order));
  const std::string what = "start the collector of flows";
  if (const int error = bpf_prog_test_run_opts(collector_.ProgramFd("arm_sweeper"), &run); error < 0) {
    return KernelError(error, what);
  }
  return order.error != 0 ? KernelError(order.error, what) : absl::OkStatus();
}

absl::Status PacketPath::Start(const PinDirectory& pins, const Tables& tables) {
  if (absl::Status status = StartCollector(); !status.ok()) return status;
  level_ = tables.flow_level.get();
  tick_seen_ = std::chrono::steady_clock::now();
  absl::StatusOr<DeviceHooks> hooks =
      DeviceHooks::Open(pins, kind_, programs_.ProgramFd("packet_ingress"), programs_.ProgramFd("packet_egress"));
  if (!hooks.ok()) return hooks.status();
  absl::StatusOr<PacketDevices> devices =
      PacketDevices::Open(*std::move(hooks), *tables.devices, options_.devices, ChooseKernelGrace());
  if (!devices.ok()) return devices.status();
  devices_.emplace(*std::move(devices));
  pins_ = pins;
  KeepPorts();
  const absl::StatusOr<DeviceHookChanges> changes = devices_->Follow();
  // No device had programs: until now another proxy had all packets, though the collector may have gone on.
  if (changes.ok() && changes->attached.size() == InForce(devices_->devices())) {
    tables.flow_level->StoreWord(0, kTranslatingSince, 0).IgnoreError();
  }
  TakeIn(changes);
  return absl::OkStatus();
}

void PacketPath::Follow() {
  TakeIn(devices_->Follow());
}

void PacketPath::TakeIn(const absl::StatusOr<DeviceHookChanges>& changes) {
  following_ = changes.status();
  const bool is_well = changes.ok() && devices_->Problems().empty();
  next_follow_ = std::chrono::steady_clock::now() + (is_well ? kPace : kPaceInTrouble);
  if (changes.ok() && listener_ != nullptr && !IsEmpty(*changes)) listener_(*changes);
}

void PacketPath::KeepPorts() {
  const uint16_t first = options_.first_snat_port;
  if (!observes_) {
    reserving_ = ReservePorts(*pins_, {first, static_cast<uint16_t>(first + SHUNT_SNAT_PORTS - 1)}).status();
  }
}

absl::Status PacketPath::CheckCollector(std::chrono::steady_clock::time_point now) {
  shunt_flow_level level{};
  if (absl::Status status = level_->Load(0, MutableBytesOf(level)); !status.ok()) return status;
  if (level.tick != last_tick_) {
    last_tick_ = level.tick;
    tick_seen_ = now;
    // The pin is what keeps it without an agent.
    return access(sweeper_pin_.c_str(), F_OK) == 0 ? absl::OkStatus() : StartCollector();
  }
  if (now - tick_seen_ < kCollectorPatience) return absl::OkStatus();
  if (absl::Status status = StartCollector(); !status.ok()) return status;
  return absl::UnavailableError("it has made no step for seconds, and has been started again");
}

void PacketPath::Check() {
  const auto now = std::chrono::steady_clock::now();
  collecting_ = CheckCollector(now);
  if (now < next_follow_) return;
  KeepPorts();
  Follow();
}

std::vector<std::string> PacketPath::Problems() const {
  std::vector<std::string> problems;
  if (!collecting_.ok()) {
    problems.push_back(absl::StrCat("the collector of flows does not run, so that flows that have ended keep their ",
                                    "rows and, when the table is full, new ones are refused: ", collecting_.message()));
  }
  if (!following_.ok()) {
    problems.push_back(absl::StrCat("devices cannot be followed, so that those that come later are without the packet ",
                                    "path: ", following_.message()));
  }
  if (!reserving_.ok()) {
    problems.push_back(
        absl::StrCat("the node's own sockets may be given ports that flows borrow: ", reserving_.message()));
  }
  if (started()) absl::c_move(devices_->Problems(), std::back_inserter(problems));
  return problems;
}

}  // namespace shunt::datapath
