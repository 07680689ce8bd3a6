// SPDX-License-Identifier: Apache-2.0
// A node for the packet path's programs: devices, routes and neighbours in a network namespace of its own, and the real
// programs on real maps, which the test fills. Programs run by BPF_PROG_TEST_RUN, so no packet is sent, or attached to
// the devices for real traffic: behind each is a namespace with the host that the picture says.
//
//   eth0   192.0.2.10, 2001:db8::10      clients from outside behind 192.0.2.1, node B and its pods at 192.0.2.11
//   pod1   10.244.1.7, fd00:244:1::7     a pod of this node
//   cni0   10.244.3.1                    a bridge of pods: 10.244.3.2 at port p1, 10.244.3.3 at port p2
//   vx0    10.244.9.0                    an overlay to pods of 10.244.9.0/24
//
// The node's devices have the link-layer address kNodeMac, and every neighbour a MacOf() of its own.
#ifndef SHUNT_TESTS_BPF_TC_WORLD_H_
#define SHUNT_TESTS_BPF_TC_WORLD_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "bpf/config.h"
#include "bpf/packet/packet_config.h"
#include "tests/packets/packet.h"
#include "tests/packets/test_run.h"
#include "tests/sandbox/network_namespace.h"

struct tc;

namespace shunt {

inline constexpr packets::Mac kNodeMac = {2, 0, 0, 0, 0, 2};
inline constexpr packets::Mac kClientMac = {2, 0, 0, 0, 0, 1};  // of the router before eth0, and of pod1

inline constexpr uint8_t kPodMac1 = 0x31, kPodMac2 = 0x32, kNodeBMac = 0x0b, kOverlayMac = 0x99;
inline packets::Mac MacOf(uint8_t last) {
  return {2, 0, 0, 0, 0, last};
}

struct TcOptions {
  bool observe = false;
  bool external_cluster_ip = true;
  bool has_ipv6_csum_flag = true;
  uint32_t stale_after_ms = 0;  // the agent has never given a sign of life
  uint32_t flows = 256;
};

struct TcFrontend {
  std::string at;  // "10.96.0.10:80"
  uint8_t protocol = packets::kTcp;
  shunt_frontend_kind kind = SHUNT_KIND_CLUSTER_IP;
  uint32_t internal_pool = 0;
  uint32_t external_pool = 0;
  uint16_t flags = 0;
  uint32_t source_ranges = 0;
  uint32_t affinity_timeout_s = 0;
  uint32_t service_port = 1;
};

class TcWorld {
 public:
  // REQUIRES: root; the calling thread stays in the node's namespace for as long as this lives.
  static absl::StatusOr<std::unique_ptr<TcWorld>> Create(const TcOptions& options = {});
  ~TcWorld();
  TcWorld(const TcWorld&) = delete;
  TcWorld& operator=(const TcWorld&) = delete;

  // ---- what the agent would write ----
  uint32_t AddBackend(absl::string_view at, uint8_t protocol = packets::kTcp);
  uint32_t AddPool(const std::vector<uint32_t>& backends, shunt_pool_empty empty = SHUNT_EMPTY_NOT);
  void SetPool(uint32_t pool, const std::vector<uint32_t>& backends, shunt_pool_empty empty = SHUNT_EMPTY_NOT);
  void AddFrontend(const TcFrontend& frontend);
  // Makes it an address of this node, or a ClusterIP whose other ports are refused.
  void AddAddress(absl::string_view address, uint16_t flags);
  void RemoveFrontend(absl::string_view at, uint8_t protocol);
  void AddSources(uint32_t list, absl::string_view prefix);
  void RemoveDevice(absl::string_view device);
  void SetLinkHeader(absl::string_view device, uint8_t bytes);

  // ---- packets ----
  packets::RunResult Ingress(absl::string_view device, const packets::Packet& packet, uint32_t gso_size = 0);
  packets::RunResult IngressBytes(absl::string_view device, const packets::Bytes& bytes, uint32_t gso_size = 0);
  packets::RunResult Egress(absl::string_view device, const packets::Packet& packet);
  int ingress_fd() const;
  int egress_fd() const;

  // Makes every flow's next hops too old to be used without a question.
  void AgeHops();

  // ---- traffic ----
  // Attaches both programs to every device but the bridge.
  absl::Status Attach();
  // The host behind a device of the picture: 198.51.100.7 behind eth0, 10.244.9.5 behind vx0.
  const sandbox::NetworkNamespace& peer(const std::string& device) const { return peers_.at(device); }

  // ---- what programs have written ----
  uint64_t Reason(shunt_reason reason) const;
  std::vector<shunt_flow> Flows() const;  // those that live
  uint32_t TakenPorts() const;

 private:
  TcWorld() = default;
  absl::Status MakeDevices();
  absl::Status MakePeer(const std::string& device, absl::string_view address, const packets::Mac& mac);
  absl::Status Load(const TcOptions& options);
  void AddDevice(absl::string_view name, shunt_device_role role, absl::string_view v4, absl::string_view v6,
                 absl::string_view master = "");
  void InsertRow(const shunt_frontend_row& row);

  std::unique_ptr<sandbox::NetworkNamespace> node_;
  std::map<std::string, sandbox::NetworkNamespace> peers_;
  std::unique_ptr<sandbox::InNamespace> in_node_;
  tc* programs_ = nullptr;
  uint32_t backends_ = 0, pools_ = 0, slots_ = 0, rows_ = 0, generation_ = 0;
};

}  // namespace shunt

#endif  // SHUNT_TESTS_BPF_TC_WORLD_H_
