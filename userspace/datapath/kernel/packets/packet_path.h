// SPDX-License-Identifier: Apache-2.0
// The packet path in force: its programs at the hooks of devices, and the collector of flows.
#ifndef SHUNT_DATAPATH_KERNEL_PACKETS_PACKET_PATH_H_
#define SHUNT_DATAPATH_KERNEL_PACKETS_PACKET_PATH_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bpf/config.h"
#include "userspace/datapath/kernel/devices/packet_devices.h"
#include "userspace/datapath/kernel/maps/map_set.h"
#include "userspace/datapath/kernel/object/bpf_object.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/datapath/kernel/packets/packet_settings.h"
#include "userspace/datapath/table.h"
#include "userspace/datapath/tables.h"
#include "userspace/report/device_report.h"

namespace shunt::datapath {

// The collector is a timer in the map `sweeper`, which is pinned beside the memory whose flows it collects: it goes on
// without an agent, and ends with the pin. Another agent over the same memory gives the same timer its own program.
//
// Bound to the network namespace of the thread that calls it, which must always be the same. Its destructor leaves
// everything in force. Not thread-safe.
class PacketPath {
 public:
  // Called with what Follow has done at the hooks of devices, if that is anything.
  using Listener = std::function<void(const DeviceHookChanges&)>;

  // How often devices are looked at without an announcement, and while something is wrong with one.
  static constexpr std::chrono::seconds kPace{10};
  static constexpr std::chrono::seconds kPaceInTrouble{1};
  // The collector makes a step every 10 ms: after this long without one it has stopped.
  static constexpr std::chrono::seconds kCollectorPatience{3};

  // Passes the programs through the verifier, over `maps`, which are pinned in `pins`; nothing runs yet. `config` is
  // what the programs of sockets have been told.
  static absl::StatusOr<std::unique_ptr<PacketPath>> Load(const PacketOptions& options, const MapSet& maps,
                                                          const PlanPins& pins, const shunt_config& config);

  // Starts the collector, or makes the one that runs this build's, and attaches the programs. After an error nothing
  // has been attached, and it can be called again. REQUIRES: the plan that Load was given is in force and holds
  // everything; `tables` are its maps, and outlive this object.
  absl::Status Start(const PinDirectory& pins, const Tables& tables);
  bool started() const { return devices_.has_value(); }
  // Returns whether a device has programs of an earlier agent that read another plan, which none keeps up to date.
  bool OtherPlanServes(const PinDirectory& pins) const {
    return AnyReadsAnotherPlan(pins, programs_.ProgramFd("packet_ingress"));
  }

  // Readable when Follow has something to do; negative before Start.
  int fd() const { return started() ? devices_->fd() : -1; }
  // Makes the hooks follow the devices (PacketDevices::Follow). REQUIRES: started().
  void Follow();
  // Follows at kPace, and sees that the ports of flows are reserved; looks whether the collector runs, and if not,
  // starts it again. To be called about every second. REQUIRES: started().
  void Check();

  void Listen(Listener listener) { listener_ = std::move(listener); }

  // Returns a sentence for everything that is wrong now: the collector does not run, ports are not reserved, a device
  // lacks its programs.
  std::vector<std::string> Problems() const;
  // As the last Follow has left them; none before Start.
  report::DeviceReport devices() const { return started() ? devices_->Report() : report::DeviceReport(); }

 private:
  PacketPath(BpfObject programs, BpfObject collector, std::string sweeper_pin, const PacketOptions& options,
             bool observes)
      : programs_(std::move(programs)),
        collector_(std::move(collector)),
        sweeper_pin_(std::move(sweeper_pin)),
        options_(options),
        observes_(observes),
        kind_(BestDeviceHookKind()) {}

  absl::Status StartCollector() const;
  void TakeIn(const absl::StatusOr<DeviceHookChanges>& changes);
  void KeepPorts();
  absl::Status CheckCollector(std::chrono::steady_clock::time_point now);

  BpfObject programs_, collector_;
  std::string sweeper_pin_;
  PacketOptions options_;
  bool observes_;  // programs lend no ports
  DeviceHookKind kind_;
  const Table* level_ = nullptr;
  std::optional<PacketDevices> devices_;  // from Start on
  std::optional<PinDirectory> pins_;      // from Start on
  Listener listener_;
  std::chrono::steady_clock::time_point next_follow_;
  absl::Status following_;  // of the last Follow as a whole
  uint32_t last_tick_ = 0;
  std::chrono::steady_clock::time_point tick_seen_;
  absl::Status collecting_;
  absl::Status reserving_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_PACKETS_PACKET_PATH_H_
