// SPDX-License-Identifier: Apache-2.0
// The packet path's real programs on real maps that the planner and the datapath have filled, without an agent: a test
// runs the programs on single packets, or attaches them to devices of its own.
#ifndef SHUNT_PACKETS_PACKET_PROGRAMS_H_
#define SHUNT_PACKETS_PACKET_PROGRAMS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "bpf/packet_abi.h"
#include "tests/sandbox/service_story.h"
#include "userspace/datapath/kernel/kernel_datapath.h"

struct tc;  // the skeleton

namespace shunt::packets {

struct ProgramOptions {
  std::vector<std::string> node_addresses;
  bool external_cluster_ip = false;
  bool observe = false;
  uint32_t hz = 250;  // what the programs take for jiffies per second
};

// What the agent would tell of a device.
struct ToldDevice {
  const char* name;
  uint8_t role;  // enum shunt_device_role
  const char* source_v4;
  const char* source_v6;
  const char* master = nullptr;  // its bridge
  uint32_t mtu = 0;              // 0: 1450 of an overlay, 1500 of others
};

// All of it acts on the network namespace of the calling thread.
class PacketPrograms {
 public:
  static constexpr uint32_t kFlows = 8192;  // rows of the table

  // REQUIRES: a bpffs directory and a cgroup of the test's own.
  static absl::StatusOr<std::unique_ptr<PacketPrograms>> Create(const std::string& bpffs, const std::string& cgroup,
                                                                const ProgramOptions& options);
  ~PacketPrograms();
  PacketPrograms(const PacketPrograms&) = delete;
  PacketPrograms& operator=(const PacketPrograms&) = delete;

  // Serves exactly these Services on the node "here", and lets packets from these backends through the filters. Every
  // port passes the filter of the node's ports.
  absl::Status Serve(const std::vector<sandbox::ServiceStory>& stories, const std::vector<std::string>& backends);
  // The sources that count as inside the cluster whatever their device ("10.244.0.0/16").
  absl::Status AddInside(absl::string_view prefix);
  absl::Status Tell(const ToldDevice& device);
  // Puts both programs at the device's hooks, which end with the device.
  absl::Status Attach(absl::string_view device);
  // Forgets every flow, and every first fragment.
  absl::Status ForgetFlows();
  // The rows of the table that are not free.
  std::vector<shunt_flow> Flows() const;
  // Makes every flow one whose last packet was at this time of the programs' clock.
  absl::Status SetLastUse(uint32_t jiffies);

  // Since when new flows have been the packet path's, as shunt_flow_level says it. Where these programs run it is long
  // ago, until a test says otherwise; 0: not yet.
  absl::Status SetTranslatingSince(uint64_t jiffies);
  absl::StatusOr<uint64_t> TranslatingSince() const;

  int ingress_fd() const;
  int egress_fd() const;
  // Returns -1 if the object has no such map.
  int map_fd(const char* name) const;
  // What the programs have counted so far, by reason, and the reasons' names.
  std::vector<uint64_t> Reasons() const;
  static absl::string_view ReasonName(size_t reason);

 private:
  PacketPrograms() = default;
  absl::Status Open(const std::string& bpffs, const std::string& cgroup, const ProgramOptions& options);
  absl::Status Load(const ProgramOptions& options);

  std::unique_ptr<datapath::KernelDatapath> datapath_;
  tc* programs_ = nullptr;
  const uint64_t* reasons_ = nullptr;  // the programs' counters, mapped
  size_t reasons_bytes_ = 0;
};

}  // namespace shunt::packets

#endif  // SHUNT_PACKETS_PACKET_PROGRAMS_H_
