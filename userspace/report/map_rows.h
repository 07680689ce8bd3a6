// SPDX-License-Identifier: Apache-2.0
// The rows of the kernel's maps in readable form, for `map dump` and the admin API: ids stay numbers, addresses become
// values. docs/maps.md explains each map.
#ifndef SHUNT_REPORT_MAP_ROWS_H_
#define SHUNT_REPORT_MAP_ROWS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "userspace/model/service_plan.h"
#include "userspace/report/packet_rows.h"

namespace shunt::report {

// One map's size and use. `used` is a count of the rows in use, never the kernel's estimate.
struct MapFill {
  std::string name;
  std::string type;   // "hash", "array", "lru_hash", "lpm_trie", "sk_storage"
  uint64_t used = 0;  // rows; 0 if they cannot be counted (sk_storage)
  // Rows; 0 if the map cannot fill up, because it has no limit of its own, has all its rows from the start, or makes
  // room by itself for what is of use to few packets.
  uint64_t capacity = 0;
  uint64_t memory_bytes = 0;
};

// When an agent last said that it lives, and what the programs in force make of its silence.
struct SignOfLife {
  int64_t stale_after_ms = 0;  // they translate nothing this long after the last sign; 0: they do not ask
  int64_t age_ms = -1;         // since the last sign; negative: there was none since the boot

  friend bool operator==(const SignOfLife&, const SignOfLife&) = default;
};

// Which families of programs are in force, and how.
struct Features {
  bool sockets = false;  // the socket hooks of a cgroup
  bool observe = false;  // they decide and count, but translate nothing
  bool packets = false;  // the packet path, at devices

  friend bool operator==(const Features&, const Features&) = default;
};

// The seeds are not shown, because who knows them can make keys collide.
struct MetaRow {
  uint32_t memory_version = 0;
  uint64_t generation = 0;      // the last one that the agent has used
  bool storage_in_use = false;  // a socket has had to use socket_storage since the map was made
  Features features;
  SignOfLife sign_of_life;
};

struct SourceVersionRow {
  std::string resource;  // as in the API's path: "services", "endpointslices", "nodes"
  std::string version;   // the API's resourceVersion, which is opaque
  uint64_t objects = 0;  // at that version
};

struct FrontendFlags {
  // Of a frontend.
  bool source_ranges = false;   // only clients within its ranges may use it
  bool node_in_ranges = false;  // the node's own address is within them
  bool snat = false;            // packets of a client from outside may get a source address of this node
  bool snat_inside = false;     // so may those of a client on this node or of the cluster
  // Of an address.
  bool node_address = false;  // NodePorts answer on it
  bool host_only = false;     // only for sockets of the host's network namespace
  bool cluster_ip = false;    // a port that no Service uses is refused

  friend bool operator==(const FrontendFlags&, const FrontendFlags&) = default;
};

struct FrontendRow {
  uint32_t row = 0;
  model::FrontendAddress address;  // with port 0 and no protocol if about_address
  bool about_address = false;
  model::FrontendKind kind = model::FrontendKind::kClusterIp;  // meaningless if about_address
  uint32_t service_port = 0;
  uint32_t internal_pool = 0;
  uint32_t external_pool = 0;
  uint32_t affinity_timeout_s = 0;
  uint32_t udp_idle_s = 0;   // how long a UDP flow keeps its backend without a datagram; 0: without a limit
  uint32_t source_list = 0;  // in source_ranges; 0: packets of every client are let in
  FrontendFlags flags;
};

struct PoolRow {
  uint32_t pool = 0;
  uint32_t first_slot = 0;
  uint32_t slot_count = 0;
  uint32_t generation = 0;
  std::optional<model::EmptyPool> empty;  // nullopt if it takes new connections
};

struct SlotRow {
  uint32_t slot = 0;
  uint32_t backend = 0;
  uint32_t alias = 0;
  uint32_t threshold = 0;
};

struct BackendRow {
  uint32_t backend = 0;
  model::SocketAddress address;
};

struct ServicePortRow {
  uint32_t service_port = 0;
  model::ObjectName service;
  std::string port_name;
  uint16_t port = 0;
  model::Protocol protocol = model::Protocol::kTcp;
  model::IpFamily family = model::IpFamily::kV4;
};

struct SocketFlags {
  bool translated = false;  // the row holds a translation
  bool peers = false;       // the socket has further destinations
  bool exempt = false;      // one of the agent's own sockets, which are never translated
  bool answers = false;     // what the backend sends is shown as what was dialled
  bool direct = false;      // the application has dialled the backend itself since
  bool unserved = false;    // a UDP connect that found no backend: its destination was left as it is

  friend bool operator==(const SocketFlags&, const SocketFlags&) = default;
};

struct SocketStateRow {
  uint64_t cookie = 0;
  model::SocketAddress dialled;
  model::SocketAddress backend_address;
  uint32_t pool = 0;
  uint32_t backend = 0;
  SocketFlags flags;
};

// The kinds of rows in socket_peers: docs/maps.md.
enum class PeerDirection : uint8_t { kForward, kReverse };

struct SocketPeerRow {
  uint64_t cookie = 0;
  PeerDirection direction = PeerDirection::kForward;
  model::SocketAddress from;  // the key's address: dialled (forward) or backend (reverse)
  model::SocketAddress to;
  uint32_t pool = 0;
  uint32_t backend = 0;
};

// A count that one network namespace has in socket_peers; which one it is, only the programs' secret seed tells.
struct PeerCountRow {
  uint32_t row = 0;
  uint32_t destinations = 0;
};

struct AffinityRow {
  std::string client;  // "netns 4026532008" by cookie, or an address
  uint32_t service_port = 0;
  uint32_t backend = 0;
  uint64_t idle_ms = 0;  // since the last use
};

struct ServiceCountersRow {
  uint32_t service_port = 0;
  uint64_t translated = 0;
  uint64_t no_endpoints = 0;
  uint64_t local_misses = 0;
};

struct BackendCountersRow {
  uint32_t backend = 0;
  uint64_t chosen = 0;
};

struct ReasonRow {
  std::string name;
  std::string meaning;
  uint64_t count = 0;
};

// What a row of `scopes` names: sockets that are left alone.
enum class ScopeKind : uint8_t { kCgroup, kNetworkNamespace, kPods, kKernel };

struct ScopeRow {
  ScopeKind kind = ScopeKind::kCgroup;
  uint64_t id = 0;          // of the cgroup, or the network namespace's cookie; 0 for the other kinds
  bool configured = false;  // by the agent's settings
  bool added = false;       // beside the settings
  std::string name;         // the cgroup's path, or what the namespace was added by
};

// The whole of a bitmap.
struct FilterRow {
  uint32_t bits_set = 0;
  uint32_t bits = 0;
};

using MapRow = std::variant<MetaRow, SourceVersionRow, FrontendRow, PoolRow, SlotRow, BackendRow, ServicePortRow,
                            SocketStateRow, SocketPeerRow, PeerCountRow, AffinityRow, ServiceCountersRow,
                            BackendCountersRow, ReasonRow, FilterRow, ScopeRow, FlowEntryRow, FlowRow, SnatSetRow,
                            FlowLevelRow, PortRangeRow, SourceRangeRow, DeviceRow, FragmentRow>;

// The words for these values in the admin API and in shuntctl. Names of flags are those that are set, in the order of
// their declaration; all live as long as the program.
std::vector<absl::string_view> FlagNames(const Features& features);
std::vector<absl::string_view> FlagNames(const FrontendFlags& flags);
std::vector<absl::string_view> FlagNames(const SocketFlags& flags);
absl::string_view EmptyPoolName(model::EmptyPool empty);
absl::string_view ScopeKindName(ScopeKind kind);
absl::string_view PeerDirectionName(PeerDirection direction);

// One attached program.
struct ProgramStatus {
  std::string name;          // sock_connect4
  std::string hook;          // cgroup/connect4
  std::string attach_point;  // the cgroup directory
  std::string tag;           // 16 hex digits
  uint64_t runs = 0;         // of the times when kernel.bpf_stats_enabled was 1
  uint64_t run_time_ns = 0;
  uint32_t jited_bytes = 0;
  bool attached = false;
  bool runs_counted = false;  // kernel.bpf_stats_enabled is 1 now
};

}  // namespace shunt::report

#endif  // SHUNT_REPORT_MAP_ROWS_H_
