// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/settings/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace shunt::agent {
namespace {

constexpr absl::string_view kHead = "apiVersion: shunt-lb.io/v1alpha1\nkind: ShuntConfiguration\n";

TEST(ConfigurationTest, EveryField) {
  const absl::StatusOr<Configuration> decoded = DecodeConfiguration(absl::StrCat(kHead, R"(
hostnameOverride: node-a
manifests: /etc/shunt/manifests
clusterCIDR: [10.244.0.0/16, fd00:244::/48]
masqueradeAll: true
devices: [auto, wlan*]
podDevices: [none]
externalClusterIP: true
masqueradePorts: 1024
bypass: [kernel, "kubepods*/pod*"]
cgroup: /sys/fs/cgroup
bpffs: /sys/fs/bpf
adminSocket: /run/shunt/admin.sock
localPolicyMiss: drop
endSockets: all
observe: true
udpIdleSeconds: 86400
staleAfter: 10m
logging: {format: json, verbosity: 4}
limits:
  frontends: 1
  servicePorts: 2
  pools: 3
  slots: 16777216
  backends: 5
  sockets: 4096
  socketPeers: 7
  affinities: 8
  flows: 1024
  endpointsPerPool: 262143
)"),
                                                                    "shuntd.yaml");
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->node_name, "node-a");
  EXPECT_EQ(decoded->manifests, "/etc/shunt/manifests");
  EXPECT_EQ(decoded->cluster_cidr, (std::vector<std::string>{"10.244.0.0/16", "fd00:244::/48"}));
  EXPECT_EQ(decoded->masquerade_all, true);
  EXPECT_EQ(decoded->devices, (std::vector<std::string>{"auto", "wlan*"}));
  EXPECT_EQ(decoded->pod_devices, (std::vector<std::string>{"none"}));
  EXPECT_EQ(decoded->external_cluster_ip, true);
  EXPECT_EQ(decoded->masquerade_ports, 1024u);
  EXPECT_EQ(decoded->bypass, (std::vector<std::string>{"kernel", "kubepods*/pod*"}));
  EXPECT_EQ(decoded->cgroup, "/sys/fs/cgroup");
  EXPECT_EQ(decoded->bpffs, "/sys/fs/bpf");
  EXPECT_EQ(decoded->admin_socket, "/run/shunt/admin.sock");
  EXPECT_EQ(decoded->local_policy_miss, LocalPolicyMiss::kDrop);
  EXPECT_EQ(decoded->end_sockets, EndSockets::kAll);
  EXPECT_EQ(decoded->observe, true);
  EXPECT_EQ(decoded->udp_idle_s, 86'400u);
  EXPECT_EQ(decoded->stale_after, "10m");
  EXPECT_EQ(decoded->log_format, LogFormat::kJson);
  EXPECT_EQ(decoded->verbosity, 4);
  const datapath::Limits limits = {.frontends = 1,
                                   .service_ports = 2,
                                   .pools = 3,
                                   .slots = 16'777'216,
                                   .backends = 5,
                                   .sockets = 4096,
                                   .socket_peers = 7,
                                   .affinities = 8};
  EXPECT_EQ(decoded->limits, limits);
  EXPECT_EQ(decoded->flows, 1024u);
  EXPECT_EQ(decoded->endpoints_per_pool, 262'143u);
}

TEST(ConfigurationTest, AbsentFieldsStayUnset) {
  const absl::StatusOr<Configuration> decoded = DecodeConfiguration(kHead, "shuntd.yaml");
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_FALSE(decoded->node_name || decoded->manifests || decoded->cgroup || decoded->bpffs || decoded->admin_socket ||
               decoded->local_policy_miss || decoded->health_check_node_ports || decoded->end_sockets ||
               decoded->observe || decoded->log_format || decoded->verbosity || decoded->udp_idle_s ||
               decoded->stale_after || decoded->cluster_cidr || decoded->masquerade_all || decoded->flows ||
               decoded->bypass || decoded->devices || decoded->pod_devices || decoded->external_cluster_ip ||
               decoded->masquerade_ports || decoded->endpoints_per_pool);
  EXPECT_EQ(decoded->limits, datapath::Limits());
}

TEST(ConfigurationTest, WordsAreReadAsWrittenAndAllOfYamlMayBeUsed) {
  const absl::StatusOr<Configuration> decoded = DecodeConfiguration(absl::StrCat(kHead, R"(
hostnameOverride: on
endSockets: off
healthCheckNodePorts: false
observe: false
cgroup: &root /sys/fs
bpffs: *root
manifests: !!str 5
adminSocket: >-
  /run/shunt
healthzBindAddress: ''
metricsBindAddress: 127.0.0.1:1
apiServers: &none []
nodePortAddresses: *none
)"),
                                                                    "shuntd.yaml");
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->node_name, "on");
  EXPECT_EQ(decoded->end_sockets, EndSockets::kOff);
  EXPECT_EQ(decoded->health_check_node_ports, false);
  EXPECT_EQ(decoded->observe, false);
  EXPECT_EQ(decoded->cgroup, "/sys/fs");
  EXPECT_EQ(decoded->bpffs, "/sys/fs");
  EXPECT_EQ(decoded->manifests, "5");
  EXPECT_EQ(decoded->admin_socket, "/run/shunt");
  EXPECT_EQ(decoded->healthz_bind_address, "");
  EXPECT_EQ(decoded->metrics_bind_address, "127.0.0.1:1");
  EXPECT_EQ(decoded->api_servers, std::vector<std::string>());
  EXPECT_EQ(decoded->node_port_addresses, std::vector<std::string>());
}

TEST(ConfigurationTest, ErrorsNameTheLineAndWhatToDo) {
  struct Row {
    const char* what;
    std::string yaml;
    const char* error;
  };
  const auto with = [](absl::string_view rest) { return absl::StrCat(kHead, rest); };
  const Row rows[] = {
      {"an empty file", "", "f.yaml:1: the file is empty"},
      {"only a comment", "# nothing\n", "f.yaml:1: the file is empty"},
      {"not a mapping", "- a\n", "f.yaml:1: must be an object, not a list"},
      {"two documents", with("---\na: b\n"),
       "f.yaml:3: there is more after the end of the document: remove it, or make it a file of its own"},
      {"another version", "apiVersion: shunt-lb.io/v2\n",
       "f.yaml:1: apiVersion is \"shunt-lb.io/v2\"; it must be shunt-lb.io/v1alpha1"},
      {"another kind", "apiVersion: shunt-lb.io/v1alpha1\nkind: [x]\n", "f.yaml:2: kind must be a string, not a list"},
      {"no version", "kind: ShuntConfiguration\n", "f.yaml:1: apiVersion is missing; it must be shunt-lb.io/v1alpha1"},
      {"no kind", "apiVersion: shunt-lb.io/v1alpha1\n", "f.yaml:1: kind is missing; it must be ShuntConfiguration"},
      {"an unknown field", with("nodename: a\n"),
       "f.yaml:3: unknown field nodename; known here: apiVersion, kind, hostnameOverride, manifests, clientConnection, "
       "apiServers, nodePortAddresses, clusterCIDR, masqueradeAll, devices, podDevices, externalClusterIP, "
       "masqueradePorts, bypass, "
       "stateDirectory, snapshotInterval, cgroup, bpffs, adminSocket, "
       "healthzBindAddress, metricsBindAddress, healthCheckNodePorts, localPolicyMiss, endSockets, observe, "
       "staleAfter, udpIdleSeconds, logging, limits"},
      {"an unknown nested field", with("\nlogging:\n  level: 3\n"),
       "f.yaml:5: unknown field logging.level; known here: format, verbosity"},
      {"a device whose name cannot be", with("devices: [eth0, a/b]\n"),
       "f.yaml:3: devices is wrong: expected none alone, or auto and names of devices like eth0 and cali*, found "
       "\"a/b\""},
      {"ports that may be NodePorts", with("masqueradePorts: 20000\n"),
       "f.yaml:3: masqueradePorts must leave the NodePorts 30000 to 32767 out: at most 13616, or at least 32768, not "
       "20000"},
      {"ports that the range does not fit behind", with("masqueradePorts: 49153\n"),
       "f.yaml:3: masqueradePorts must be a whole number from 1024 to 49152, not \"49153\""},
      {"a field twice", with("cgroup: /a\ncgroup: /b\n"), "f.yaml:4: field \"cgroup\" is given twice"},
      {"a name that is no scalar", with("[a]: b\n"), "f.yaml:3: a field's name must be a string"},
      {"a number where a string belongs", with("hostnameOverride: 12\n"),
       "f.yaml:3: hostnameOverride must be a string: write \"12\" in quotes"},
      {"what C reads as a number", with("bpffs: nan\n"), "f.yaml:3: bpffs must be a string: write \"nan\" in quotes"},
      {"a list where a string belongs", with("manifests: [/a]\n"), "f.yaml:3: manifests must be a string, not a list"},
      {"nothing where a string belongs", with("manifests:\n"),
       "f.yaml:3: manifests has no value: give it one, or remove the field"},
      {"an empty string", with("bpffs: ''\n"), "f.yaml:3: bpffs must not be empty"},
      {"a NUL in a path", with("bpffs: \"/a\\0b\"\n"), "f.yaml:3: bpffs must not hold a NUL"},
      {"another word", with("localPolicyMiss: ignore\n"),
       "f.yaml:3: localPolicyMiss is \"ignore\"; it must be one of refuse, drop"},
      {"silence that is too short", with("staleAfter: 2s\n"),
       "f.yaml:3: staleAfter must be off or a duration from 10s to 720h, such as 10m, not \"2s\""},
      {"silence without a unit", with("staleAfter: 5\n"),
       "f.yaml:3: staleAfter must be off or a duration from 10s to 720h, such as 10m, not \"5\""},
      {"silence that is no text", with("staleAfter: [5]\n"), "f.yaml:3: staleAfter must be a string, not a list"},
      {"true in quotes", with("observe: 'true'\n"),
       "f.yaml:3: observe must be true or false: write true without quotes or a tag"},
      {"neither true nor false", with("observe: yes\n"), "f.yaml:3: observe must be true or false, not \"yes\""},
      {"verbosity too high", with("logging: {verbosity: 11}\n"),
       "f.yaml:3: logging.verbosity must be a whole number from 0 to 10, not \"11\""},
      {"a number in quotes", with("logging: {verbosity: '1'}\n"),
       "f.yaml:3: logging.verbosity must be a whole number from 0 to 10: write 1 without quotes or a tag"},
      {"a negative limit", with("limits:\n  slots: -1\n"),
       "f.yaml:4: limits.slots must be a whole number from 1 to 16777216, not \"-1\""},
      {"a limit beyond the layout", with("limits:\n  slots: 16777217\n"),
       "f.yaml:4: limits.slots must be a whole number from 1 to 16777216, not \"16777217\""},
      {"a limit beyond 64 bits", with("limits:\n  slots: 99999999999999999999\n"),
       "f.yaml:4: limits.slots must be a whole number from 1 to 16777216, not \"99999999999999999999\""},
      {"a limit with a sign", with("limits:\n  slots: +1\n"),
       "f.yaml:4: limits.slots must be a whole number from 1 to 16777216, not \"+1\""},
      {"a number that a tag makes a string", with("limits:\n  slots: !!int 1\n"),
       "f.yaml:4: limits.slots must be a whole number from 1 to 16777216: write 1 without quotes or a tag"},
      {"a number in quotes that is too large, too", with("limits:\n  slots: '16777217'\n"),
       "f.yaml:4: limits.slots must be a whole number from 1 to 16777216, not \"16777217\""},
      {"an empty string in a list", with("apiServers: ['']\n"), "f.yaml:3: apiServers must not hold an empty string"},
      {"nothing in a list", with("apiServers:\n- a\n- ~\n"), "f.yaml:5: apiServers must be a string, not null"},
      {"an address that is not one", with("metricsBindAddress: localhost\n"),
       "f.yaml:3: metricsBindAddress is \"localhost\": expected ADDRESS:PORT, [IPV6-ADDRESS]:PORT or nothing at all"},
      {"nothing where fields belong", with("limits:\n"),
       "f.yaml:3: limits has no value: give it one, or remove the field"},
      {"of two errors the first", with("cgroup: 1\nmanifests: 1\n"),
       "f.yaml:3: cgroup must be a string: write \"1\" in quotes"},
      {"a limit in another notation", with("limits:\n  slots: 1e3\n"),
       "f.yaml:4: limits.slots must be a whole number from 1 to 16777216, not \"1e3\""},
      {"more endpoints than a pool can hold", with("limits:\n  endpointsPerPool: 262144\n"),
       "f.yaml:4: limits.endpointsPerPool must be a whole number from 1 to 262143, not \"262144\""},
      {"a NodePort address that is none", with("nodePortAddresses: [10.0.0.0/8, eth0]\n"),
       "f.yaml:3: nodePortAddresses is wrong: expected primary, or prefixes like 10.0.0.0/8, found \"eth0\""},
      {"a cgroup's path that is none", with("bypass: [pods, a//b]\n"),
       "f.yaml:3: bypass is wrong: expected a cgroup's path, or a pattern like kubepods*/pod1234*, found \"a//b\""},
      {"a cluster's prefix that is none", with("clusterCIDR: [10.244.0.0/16, 10.245.0.1]\n"),
       "f.yaml:3: clusterCIDR is wrong: expected prefixes like 10.244.0.0/16, found \"10.245.0.1\""},
      {"all kinds of NodePort addresses", with("nodePortAddresses: [primary, 10.0.0.0/8]\n"),
       "f.yaml:3: nodePortAddresses is wrong: primary and prefixes are both given: give one of them"},
      {"a snapshot too often", with("snapshotInterval: 9s\n"),
       "f.yaml:3: snapshotInterval is \"9s\": expected a time from 10s to 24h, as in 90s or 1h30m, or off"},
      {"a snapshot too seldom", with("snapshotInterval: 24h1s\n"),
       "f.yaml:3: snapshotInterval is \"24h1s\": expected a time from 10s to 24h, as in 90s or 1h30m, or off"},
      {"a time without a unit", with("snapshotInterval: '60'\n"),
       "f.yaml:3: snapshotInterval is \"60\": expected a time from 10s to 24h, as in 90s or 1h30m, or off"},
      {"parts of a second", with("snapshotInterval: 10.5s\n"),
       "f.yaml:3: snapshotInterval is \"10.5s\": expected a time from 10s to 24h, as in 90s or 1h30m, or off"},
      {"no time at all", with("snapshotInterval: inf\n"),
       "f.yaml:3: snapshotInterval is \"inf\": expected a time from 10s to 24h, as in 90s or 1h30m, or off"},
      {"no end", with("snapshotInterval: 'inf'\n"),
       "f.yaml:3: snapshotInterval is \"inf\": expected a time from 10s to 24h, as in 90s or 1h30m, or off"},
      {"a scalar where a mapping belongs", with("limits: 5\n"),
       "f.yaml:3: limits must be an object, not a single value"},
      {"flows not a power of two", with("limits: {flows: 100000}\n"),
       "f.yaml:3: limits.flows must be a power of two, not 100000"},
      {"too few flows", with("limits: {flows: 512}\n"),
       "f.yaml:3: limits.flows must be a whole number from 1024 to 16777216, not \"512\""},
      {"sockets not a power of two", with("limits: {sockets: 1000}\n"),
       "f.yaml:3: limits.sockets must be a power of two, not 1000"},
      {"a text that yaml-cpp reads as documents without end", ",",
       "f.yaml:1: there is more after the end of the document: remove it, or make it a file of its own"},
      {"not YAML", with("limits: {sockets: 4\n"), "f.yaml:4: not valid YAML: end of map flow not found"},
  };
  for (const Row& row : rows) {
    const absl::StatusOr<Configuration> decoded = DecodeConfiguration(row.yaml, "f.yaml");
    ASSERT_FALSE(decoded.ok()) << row.what;
    EXPECT_EQ(decoded.status().code(), absl::StatusCode::kInvalidArgument) << row.what;
    EXPECT_EQ(std::string(decoded.status().message()), row.error) << row.what;
  }
}

TEST(ConfigurationTest, SnapshotsHaveAnIntervalOrAreOff) {
  const auto interval = [](absl::string_view value) {
    const auto decoded = DecodeConfiguration(absl::StrCat(kHead, "snapshotInterval: ", value), "f.yaml");
    EXPECT_TRUE(decoded.ok()) << decoded.status();
    return decoded->snapshot_interval;
  };
  EXPECT_EQ(interval("10s"), kSnapshotIntervalLeast);
  EXPECT_EQ(interval("1h30m"), std::chrono::minutes(90));
  EXPECT_EQ(interval("24h"), kSnapshotIntervalMost);
  EXPECT_EQ(interval("off"), kNoSnapshots);
}

TEST(ConfigurationTest, MergeKeysAreReadAsInAnyYaml) {
  const auto decoded =
      DecodeConfiguration(absl::StrCat(kHead, "limits: {<<: {pools: 3, slots: 4}, slots: 5}\n"), "f.yaml");
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->limits.pools, 3u);
  EXPECT_EQ(decoded->limits.slots, 5u);
  const std::string error(DecodeConfiguration(absl::StrCat(kHead, "<<: {nodename: a}\n"), "f.yaml").status().message());
  EXPECT_THAT(error, testing::StartsWith("f.yaml:3: unknown field nodename;"));
}

TEST(ConfigurationTest, HugeAndDeepFilesAreRefused) {
  const std::string huge(kConfigurationBytesMax + 1, ' ');
  EXPECT_EQ(DecodeConfiguration(huge, "f.yaml").status().message(),
            "f.yaml: 1048577 bytes; a configuration has at most 1048576");
  EXPECT_FALSE(DecodeConfiguration(std::string(100'000, '['), "f.yaml").ok());
}

TEST(ConfigurationTest, AFileThatCannotBeRead) {
  const absl::Status missing = ReadConfiguration("/nonexistent/shuntd.yaml").status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(missing.message(), "read configuration /nonexistent/shuntd.yaml: No such file or directory");
  EXPECT_EQ(ReadConfiguration("/").status().message(), "read configuration /: Is a directory");
}

}  // namespace
}  // namespace shunt::agent
