// SPDX-License-Identifier: Apache-2.0
// What the agent is asked to do: by the command line, else by the configuration file, else by the defaults.
#ifndef SHUNT_AGENT_SETTINGS_OPTIONS_H_
#define SHUNT_AGENT_SETTINGS_OPTIONS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "userspace/agent/process/log.h"
#include "userspace/agent/settings/configuration.h"
#include "userspace/agent/settings/node_port_addresses.h"
#include "userspace/datapath/bypass_settings.h"
#include "userspace/datapath/lent_ports.h"
#include "userspace/datapath/limits.h"
#include "userspace/model/ip_address.h"
#include "userspace/model/service_plan.h"

namespace shunt::agent {

enum class Verb { kRun, kCleanup, kCheck, kVersion, kHelp };

struct Options {
  std::string node_name;
  std::string manifests;  // a directory; empty: serve a cluster, as the next two say or as the pod's environment does
  std::string kubeconfig;
  std::vector<std::string> api_servers;  // URLs
  std::string state_directory = "/var/lib/shunt";
  std::chrono::seconds snapshot_interval{60};  // kNoSnapshots: none is written or read
  NodePortAddresses node_port_addresses;
  std::vector<model::IpPrefix> cluster_cidr;  // packets from there are of clients inside the cluster
  bool masquerade_all = false;                // packets to a ClusterIP get a source address of this node
  datapath::BypassSettings bypass;            // whose sockets are left alone
  std::string cgroup;                         // empty: the host's cgroup2 root
  std::string bpffs = "/sys/fs/bpf";
  std::string admin_socket = "/run/shunt/admin.sock";
  // Unset: the page is not served.
  std::optional<model::SocketAddress> healthz_bind_address = model::SocketAddress{model::IpAddress::FromV4(0), 10256};
  std::optional<model::SocketAddress> metrics_bind_address =
      model::SocketAddress{model::IpAddress::FromV4(0x7f000001), 10249};
  bool health_check_node_ports = true;  // answer at the Services' healthCheckNodePorts
  LocalPolicyMiss local_policy_miss = LocalPolicyMiss::kRefuse;
  bool stay = false;                         // of cleanup: wait to be stopped when everything is removed
  bool observe = false;                      // decide and count, translate nothing
  std::chrono::milliseconds stale_after{0};  // 0: off
  EndSockets end_sockets = EndSockets::kUdp;
  uint32_t udp_idle_s = 120;  // how long a UDP flow keeps its backend without a datagram; 0: without a limit
  LogFormat log_format = LogFormat::kText;
  int verbosity = 2;
  // Devices whose packets are translated too, for clients that no hook of a socket sees: names with wildcards, or auto
  // (datapath::DeviceSettings). Without any there is no packet path.
  std::vector<std::string> devices;
  std::vector<std::string> pod_devices;
  bool external_cluster_ip = false;                      // clients from outside may dial a ClusterIP
  uint16_t masquerade_ports = datapath::kFirstSnatPort;  // the first of kSnatPorts that are lent to packets
  datapath::Limits limits;                               // its flows are 0: MapLimits() adds them
  uint32_t flows = datapath::kFlowsDefault;
  uint32_t endpoints_per_pool = 50'000;
};

struct CommandLine {
  Verb verb = Verb::kRun;
  Options options;
  std::string help;  // if kHelp: the text to print
};

// Returns whether this node has the packet path.
inline bool HasPacketPath(const Options& options) {
  return !options.devices.empty();
}

// Returns what the maps are made with: `flows` applies where packets are translated, and is 0 elsewhere.
datapath::Limits MapLimits(const Options& options);

// Returns the value of --end-sockets that means `which`.
const char* EndSocketsName(EndSockets which);

// What the defaults of some flags depend on.
struct Environment {
  std::string node_name;  // $NODE_NAME, may be empty
  bool in_pod = false;    // $KUBERNETES_SERVICE_HOST is set
  std::string host_name;
};

// Parses the arguments after the program's name and reads the file of --config. Every error, kInvalidArgument or one of
// ReadConfiguration's, means exit status 2, and its message is for the user.
absl::StatusOr<CommandLine> ParseCommandLine(std::vector<std::string> arguments, const Environment& environment);

// Returns the command whose help is worth reading after an error in `arguments`: "shuntd cleanup --help".
std::string HelpFor(const std::vector<std::string>& arguments);

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_SETTINGS_OPTIONS_H_
