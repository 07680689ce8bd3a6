// SPDX-License-Identifier: Apache-2.0
// The agent's configuration file: apiVersion shunt-lb.io/v1alpha1, kind ShuntConfiguration. It is read strictly,
// because an agent that ignores a setting is worse than one that does not start: an unknown or repeated field, a field
// without a value, a wrong type and a value out of range are errors, each as FILE:LINE: PATH what is wrong.
#ifndef SHUNT_AGENT_SETTINGS_CONFIGURATION_H_
#define SHUNT_AGENT_SETTINGS_CONFIGURATION_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/agent/process/log.h"
#include "userspace/datapath/lent_ports.h"
#include "userspace/datapath/limits.h"
#include "userspace/model/ip_address.h"

namespace shunt::agent {

// What a client sees when a Local policy leaves no endpoint on this node.
enum class LocalPolicyMiss { kRefuse, kDrop };

// Which sockets are ended when their backend is gone.
enum class EndSockets { kUdp, kAll, kOff };

// Only what the file says: an absent field is unset, and its default stands in options.h.
struct Configuration {
  std::optional<std::string> node_name;  // hostnameOverride, kube-proxy's name for it
  std::optional<std::string> manifests;
  std::optional<std::string> kubeconfig;  // clientConnection.kubeconfig, kube-proxy's name for it
  std::optional<std::vector<std::string>> api_servers;
  std::optional<std::string> state_directory;
  std::optional<std::chrono::seconds> snapshot_interval;        // ParseSnapshotInterval
  std::optional<std::vector<std::string>> node_port_addresses;  // ParseNodePortAddresses
  std::optional<std::vector<std::string>> cluster_cidr;         // ParseClusterCidr
  std::optional<bool> masquerade_all;
  std::optional<std::vector<std::string>> devices;      // ParseDevices
  std::optional<std::vector<std::string>> pod_devices;  // ParseDevices
  std::optional<bool> external_cluster_ip;
  std::optional<uint32_t> masquerade_ports;
  std::optional<std::vector<std::string>> bypass;  // datapath::ParseBypass
  std::optional<std::string> cgroup;
  std::optional<std::string> bpffs;
  std::optional<std::string> admin_socket;
  // Addresses and ports (admin/http/bind_address.h); empty: no page is served.
  std::optional<std::string> healthz_bind_address;
  std::optional<std::string> metrics_bind_address;
  std::optional<bool> health_check_node_ports;
  std::optional<LocalPolicyMiss> local_policy_miss;
  std::optional<EndSockets> end_sockets;
  std::optional<bool> observe;
  std::optional<uint32_t> udp_idle_s;
  std::optional<std::string> stale_after;  // ParseStaleAfter
  std::optional<LogFormat> log_format;
  std::optional<int> verbosity;
  // An absent limit has the default of datapath/limits.h. Its flows are 0.
  datapath::Limits limits;
  std::optional<uint32_t> flows;  // a power of two from kFlowsMin to kRowsMax
  std::optional<uint32_t> endpoints_per_pool;
};

// A larger file is refused without being read.
inline constexpr size_t kConfigurationBytesMax = 1 << 20;
// How often the snapshot of the cluster may be written.
inline constexpr std::chrono::seconds kSnapshotIntervalLeast{10};
inline constexpr std::chrono::seconds kSnapshotIntervalMost{24 * 60 * 60};
inline constexpr std::chrono::seconds kNoSnapshots{0};
// The highest verbosity of -v and logging.verbosity.
inline constexpr int kVerbosityMax = 10;
// The first of masqueradePorts: behind the well-known ports, and with as many ports up to 65535 as are needed.
inline constexpr uint32_t kMasqueradePortsMin = 1024;
inline constexpr uint32_t kMasqueradePortsMax = datapath::kFirstSnatPort;
// The largest udpIdleSeconds: a day.
inline constexpr uint32_t kUdpIdleMax = 86'400;

// Parses the value of --snapshot-interval and snapshotInterval: whole seconds as "90s" or "1h30m", or "off", which
// gives kNoSnapshots. Returns kInvalidArgument with a text that begins with the value if it is something else.
absl::StatusOr<std::chrono::seconds> ParseSnapshotInterval(absl::string_view text);

// Reads the value of --cluster-cidr and clusterCIDR: at most datapath::kInsideMax prefixes of either family. The result
// is sorted, and has each once. Returns kInvalidArgument with a text that begins with what was expected.
absl::StatusOr<std::vector<model::IpPrefix>> ParseClusterCidr(const std::vector<std::string>& texts);

// Reads the value of --devices, --pod-devices and their fields: "none" alone, or names of devices with the wildcards of
// glob(7), and "auto". The result is empty for "none". Returns kInvalidArgument with a text that begins with what was
// expected.
absl::StatusOr<std::vector<std::string>> ParseDevices(const std::vector<std::string>& texts);

// Judges the value of --masquerade-ports and masqueradePorts. Returns kInvalidArgument with what the value must be if a
// port of the range may be a NodePort in a cluster with Kubernetes' default range of these, 30000 to 32767: a reply to
// a flow could not be told from a client of that NodePort. REQUIRES: it is from kMasqueradePortsMin to
// kMasqueradePortsMax.
absl::Status CheckMasqueradePorts(uint32_t first);

// Reads the value of --stale-after: "off", or a duration such as "10m" of at least 10 s and at most 30 days. The result
// is 0 for "off". Returns kInvalidArgument with what the value must be.
absl::StatusOr<std::chrono::milliseconds> ParseStaleAfter(absl::string_view text);

// Decodes `yaml`, which was read from `file` (used in errors only). Returns kInvalidArgument with the error that stands
// on the first line if there are errors.
absl::StatusOr<Configuration> DecodeConfiguration(absl::string_view yaml, absl::string_view file);

// Reads and decodes. Returns kNotFound or another error of the system if the file cannot be read.
absl::StatusOr<Configuration> ReadConfiguration(const std::string& file);

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_SETTINGS_CONFIGURATION_H_
