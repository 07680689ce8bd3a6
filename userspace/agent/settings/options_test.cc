// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/settings/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace shunt::agent {
namespace {

using Arguments = std::vector<std::string>;

std::string ManyPrefixes() {
  std::string prefixes = "10.0.0.0/16";
  for (int i = 1; i <= 64; ++i) absl::StrAppend(&prefixes, ",10.", i, ".0.0/16");
  return prefixes;
}

const Environment kHost = {.node_name = "", .host_name = "Node-A.example\n"};

TEST(OptionsTest, VerbsAndDefaults) {
  struct Row {
    const char* what;
    Arguments arguments;
    Verb verb;
  };
  const Row rows[] = {
      {"no verb is run", {"--manifests", "/m"}, Verb::kRun},
      {"run by name", {"run", "--manifests=/m"}, Verb::kRun},
      {"cleanup needs no source", {"cleanup"}, Verb::kCleanup},
      {"check takes its places after the verb", {"check", "--bpffs", "/b", "--cgroup", "/c"}, Verb::kCheck},
      {"version", {"version"}, Verb::kVersion},
      {"version as a flag", {"--version"}, Verb::kVersion},
      {"help", {"--help"}, Verb::kHelp},
      {"help as a word", {"help"}, Verb::kHelp},
      {"help of a verb", {"cleanup", "-h"}, Verb::kHelp},
      {"help of a verb in words", {"help", "cleanup"}, Verb::kHelp},
      {"help of a verb, the other way round", {"cleanup", "help"}, Verb::kHelp},
      {"a directory may be called help", {"--manifests", "help"}, Verb::kRun},
      {"help of the default verb stays help", {"-h"}, Verb::kHelp},
  };
  for (const Row& row : rows) {
    const absl::StatusOr<CommandLine> command = ParseCommandLine(row.arguments, kHost);
    ASSERT_TRUE(command.ok()) << row.what << ": " << command.status();
    EXPECT_EQ(command->verb, row.verb) << row.what;
    EXPECT_EQ(command->help.empty(), row.verb != Verb::kHelp) << row.what;
  }
  EXPECT_EQ(ParseCommandLine({"help"}, kHost)->help, ParseCommandLine({"--help"}, kHost)->help);
  EXPECT_EQ(ParseCommandLine({"help", "run"}, kHost)->help, ParseCommandLine({"run", "--help"}, kHost)->help);
  EXPECT_EQ(HelpFor({}), "shuntd run --help");
  EXPECT_EQ(HelpFor({"--manifest", "/m"}), "shuntd run --help");
  EXPECT_EQ(HelpFor({"cleanup", "--manifests=/m"}), "shuntd cleanup --help");
  EXPECT_EQ(HelpFor({"start"}), "shuntd --help");
  const Options options = ParseCommandLine({"--manifests", "/m"}, kHost)->options;
  EXPECT_EQ(options.manifests, "/m");
  EXPECT_EQ(options.node_name, "node-a.example") << "the host's name, lower case";
  EXPECT_EQ(options.cgroup, "");
  EXPECT_EQ(options.bpffs, "/sys/fs/bpf");
  EXPECT_EQ(options.admin_socket, "/run/shunt/admin.sock");
  EXPECT_EQ(options.local_policy_miss, LocalPolicyMiss::kRefuse);
  EXPECT_EQ(options.log_format, LogFormat::kText);
  EXPECT_EQ(options.verbosity, 2);
  EXPECT_EQ(options.limits, datapath::Limits());
}

TEST(OptionsTest, BindAddressesAreKubeProxysUnlessGivenOrEmpty) {
  const auto text = [](const std::optional<model::SocketAddress>& address) {
    return address.has_value() ? address->address.ToStringWithPort(address->port) : "nowhere";
  };
  const auto parse = [&](const Arguments& more) {
    Arguments arguments = {"--manifests", "/m"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const absl::StatusOr<CommandLine> command = ParseCommandLine(arguments, kHost);
    EXPECT_TRUE(command.ok()) << command.status();
    return text(command->options.healthz_bind_address) + " " + text(command->options.metrics_bind_address);
  };
  EXPECT_EQ(parse({}), "0.0.0.0:10256 127.0.0.1:10249");
  EXPECT_EQ(parse({"--healthz-bind-address", "[::1]:1", "--metrics-bind-address=10.0.0.1:2"}), "[::1]:1 10.0.0.1:2");
  EXPECT_EQ(parse({"--healthz-bind-address", "", "--metrics-bind-address="}), "nowhere nowhere");
}

TEST(OptionsTest, StaleAfterIsOffOrLongEnoughForASlowStep) {
  const auto parse = [](const std::string& value) {
    return ParseCommandLine({"--manifests=/m", "--stale-after=" + value}, kHost);
  };
  EXPECT_EQ(parse("off")->options.stale_after, std::chrono::milliseconds(0));
  EXPECT_EQ(parse("10s")->options.stale_after, std::chrono::seconds(10));
  EXPECT_EQ(parse("720h")->options.stale_after, std::chrono::hours(720));
  // The chart's schema accepts these too (chart_test.py).
  for (const char* right : {"600000ms", "10000ms", "2592000000ms", "2592000s", "1000000s", "43200m", "36000.5m", "0.5h",
                            ".5h", "0.5m", "1h90m", "100s500ms", "1h30m20s100ms"}) {
    EXPECT_TRUE(parse(right).ok()) << right;
  }
  for (const char* wrong : {"0", "9s", "721h", "10", "ten minutes", "-10m", "inf"}) {
    EXPECT_EQ(
        parse(wrong).status().message(),
        absl::StrCat("--stale-after must be off or a duration from 10s to 720h, such as 10m, not \"", wrong, "\""));
  }
}

TEST(OptionsTest, NodeNamePrecedence) {
  const Environment with_variable = {.node_name = "From-Variable", .host_name = "host"};
  EXPECT_EQ(ParseCommandLine({"--manifests", "/m"}, with_variable)->options.node_name, "From-Variable");
  EXPECT_EQ(ParseCommandLine({"--manifests", "/m", "--node-name", "flag"}, with_variable)->options.node_name, "flag");
}

TEST(OptionsTest, EveryFlag) {
  for (const char* verbosity : {"-v=7", "-v7", "--v=7"}) {
    const absl::StatusOr<CommandLine> command =
        ParseCommandLine({"run", "--manifests=/m", "--node-name=n", "--cgroup=/c", "--bpffs=/b", "--admin-socket=/s",
                          "--local-policy-miss=drop", "--log-format=json", "--stale-after=90s",
                          "--cluster-cidr=fd00:244::/48,10.244.0.0/16,10.244.7.0/16", "--masquerade-all",
                          "--devices=eth0,wlan*", "--pod-devices=auto", "--external-cluster-ip=on",
                          "--masquerade-ports=40000", "--bypass=kernel,/kubepods*/pod1*", verbosity},
                         kHost);
    ASSERT_TRUE(command.ok()) << command.status();
    const Options& options = command->options;
    EXPECT_EQ(options.node_name, "n");
    EXPECT_EQ(options.cgroup, "/c");
    EXPECT_EQ(options.bpffs, "/b");
    EXPECT_EQ(options.admin_socket, "/s");
    EXPECT_EQ(options.local_policy_miss, LocalPolicyMiss::kDrop);
    EXPECT_EQ(options.log_format, LogFormat::kJson);
    EXPECT_EQ(options.stale_after, std::chrono::seconds(90));
    EXPECT_EQ(options.cluster_cidr, (std::vector<model::IpPrefix>{*model::IpPrefix::Parse("10.244.0.0/16"),
                                                                  *model::IpPrefix::Parse("fd00:244::/48")}));
    EXPECT_TRUE(options.masquerade_all);
    EXPECT_EQ(options.devices, (std::vector<std::string>{"eth0", "wlan*"}));
    EXPECT_EQ(options.pod_devices, (std::vector<std::string>{"auto"}));
    EXPECT_TRUE(options.external_cluster_ip);
    EXPECT_EQ(options.masquerade_ports, 40'000);
    EXPECT_EQ(options.bypass, *datapath::ParseBypass({"kernel", "kubepods*/pod1*"}));
    EXPECT_EQ(options.verbosity, 7) << verbosity;
  }
}

TEST(OptionsTest, PortsAreLentBesideTheNodePorts) {
  for (const uint16_t first : {1024, 13'616, 32'768, 49'152}) {
    const absl::StatusOr<CommandLine> command =
        ParseCommandLine({"--manifests=/m", absl::StrCat("--masquerade-ports=", first)}, kHost);
    ASSERT_TRUE(command.ok()) << command.status();
    EXPECT_EQ(command->options.masquerade_ports, first);
  }
}

// A manifest's flags stand before those that its user adds.
TEST(OptionsTest, AFlagThatIsGivenAgainWins) {
  const absl::StatusOr<CommandLine> command = ParseCommandLine(
      {"--metrics-bind-address=127.0.0.1:10349", "--bpffs=/a", "-v2", "--observe", "--api-server=https://10.0.0.1",
       "--health-check-node-ports=off", "--end-sockets=off", "--metrics-bind-address=0.0.0.0:9000", "--bpffs", "/b",
       "-v=4", "--observe=false", "--api-server=https://10.0.0.2,https://10.0.0.3", "--health-check-node-ports=on",
       "--end-sockets=all"},
      kHost);
  ASSERT_TRUE(command.ok()) << command.status();
  const Options& options = command->options;
  EXPECT_EQ(options.metrics_bind_address->port, 9000);
  EXPECT_EQ(options.bpffs, "/b");
  EXPECT_EQ(options.verbosity, 4);
  EXPECT_FALSE(options.observe);
  EXPECT_TRUE(options.health_check_node_ports);
  EXPECT_EQ(options.end_sockets, EndSockets::kAll);
  EXPECT_EQ(options.api_servers.size(), 3u) << "a list grows";
}

TEST(OptionsTest, OnlyCleanupStays) {
  EXPECT_FALSE(ParseCommandLine({"cleanup"}, kHost)->options.stay);
  EXPECT_TRUE(ParseCommandLine({"cleanup", "--stay"}, kHost)->options.stay);
  EXPECT_FALSE(ParseCommandLine({"run", "--manifests=/m", "--stay"}, kHost).ok());
}

TEST(OptionsTest, HealthCheckNodePortsCanBeLeftToKubeProxy) {
  EXPECT_TRUE(ParseCommandLine({"--manifests=/m"}, kHost)->options.health_check_node_ports);
  EXPECT_FALSE(
      ParseCommandLine({"--manifests=/m", "--health-check-node-ports=off"}, kHost)->options.health_check_node_ports);
}

class OptionsFileTest : public testing::Test {
 protected:
  void Write(absl::string_view fields) {
    FILE* out = std::fopen(path_.c_str(), "we");
    ASSERT_NE(out, nullptr);
    const std::string text = absl::StrCat("apiVersion: shunt-lb.io/v1alpha1\nkind: ShuntConfiguration\n", fields);
    std::fwrite(text.data(), 1, text.size(), out);
    std::fclose(out);
  }
  void TearDown() override { std::remove(path_.c_str()); }

  const std::string path_ = absl::StrCat(testing::TempDir(), "/options_test_shuntd.yaml");
};

TEST(OptionsTest, AClusterIsServedByKubeconfigByUrlsOrByThePodsOwn) {
  const Environment host = {.node_name = "node-a", .host_name = "host"};
  const Environment pod = {.node_name = "node-a", .in_pod = true, .host_name = "host"};
  absl::StatusOr<CommandLine> command = ParseCommandLine({"--kubeconfig", "/k"}, host);
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_EQ(command->options.kubeconfig, "/k");
  command = ParseCommandLine({"--api-server=https://10.0.0.1:6443,https://10.0.0.2:6443", "--state-dir=/s"}, host);
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_EQ(command->options.api_servers, (std::vector<std::string>{"https://10.0.0.1:6443", "https://10.0.0.2:6443"}));
  EXPECT_EQ(command->options.state_directory, "/s");
  command = ParseCommandLine({"--nodeport-addresses", "10.0.0.0/8,fd00::/8"}, pod);
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_EQ(command->options.node_port_addresses.prefixes.size(), 2u);
  EXPECT_FALSE(command->options.node_port_addresses.primary);
}

TEST(OptionsTest, AVariableThatNobodyReplacedIsNoName) {
  for (const char* name : {"${NODE_NAME}", "$(NODE_NAME)", "$NODE_NAME", "{{ .Values.node }}", "node-$(ZONE)"}) {
    SCOPED_TRACE(name);
    const auto by_flag = ParseCommandLine({"--manifests", "/m", "--node-name", name}, {.host_name = "host"});
    EXPECT_EQ(by_flag.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(by_flag.status().message(),
                testing::HasSubstr(absl::StrCat("\"", name, "\": a variable in it was not replaced")));
    const Environment variable = {.node_name = name, .host_name = "host"};
    EXPECT_EQ(ParseCommandLine({"--manifests", "/m"}, variable).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_TRUE(ParseCommandLine({"cleanup"}, variable).ok()) << "which needs no name";
  }
}

TEST_F(OptionsFileTest, FlagsWinOneByOne) {
  Write(
      "manifests: /file\nhostnameOverride: file\nlocalPolicyMiss: drop\nudpIdleSeconds: 0\n"
      "logging: {format: json, verbosity: 5}\nlimits: {slots: 99, flows: 2048, endpointsPerPool: 7}\n");
  const absl::StatusOr<CommandLine> command = ParseCommandLine({"--config", path_, "--manifests", "/flag", "-v", "3"},
                                                               {.node_name = "variable", .host_name = "host"});
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_EQ(command->options.manifests, "/flag") << "given both ways";
  EXPECT_EQ(command->options.verbosity, 3) << "given both ways";
  EXPECT_EQ(command->options.node_name, "file") << "the file wins over the variable";
  EXPECT_EQ(command->options.log_format, LogFormat::kJson) << "only in the file";
  EXPECT_EQ(command->options.local_policy_miss, LocalPolicyMiss::kDrop) << "only in the file";
  EXPECT_EQ(command->options.limits.slots, 99u);
  EXPECT_EQ(command->options.flows, 2048u);
  EXPECT_EQ(command->options.endpoints_per_pool, 7u);
  EXPECT_EQ(command->options.udp_idle_s, 0u);
  EXPECT_EQ(command->options.bpffs, "/sys/fs/bpf") << "in neither";
}

TEST_F(OptionsFileTest, TheSnapshotsIntervalIsTheFlagsElseTheFiles) {
  Write("manifests: /m\nsnapshotInterval: 10m\n");
  EXPECT_EQ(ParseCommandLine({"--config", path_}, kHost)->options.snapshot_interval, std::chrono::minutes(10));
  EXPECT_EQ(ParseCommandLine({"--config", path_, "--snapshot-interval=off"}, kHost)->options.snapshot_interval,
            kNoSnapshots);
  EXPECT_EQ(ParseCommandLine({"--manifests=/m"}, kHost)->options.snapshot_interval, std::chrono::minutes(1));
}

// Manifests give --devices=auto --pod-devices=auto, and an operator changes the first.
TEST_F(OptionsFileTest, TheFlagDevicesNoneTurnsThePacketPathOffWhole) {
  Write("manifests: /m\ndevices: [auto]\npodDevices: [auto]\n");
  const std::vector<std::vector<std::string>> asked = {{"--manifests=/m", "--devices=none", "--pod-devices=auto"},
                                                       {"--config", path_, "--devices=none"}};
  for (const std::vector<std::string>& arguments : asked) {
    const absl::StatusOr<CommandLine> command = ParseCommandLine(arguments, kHost);
    ASSERT_TRUE(command.ok()) << command.status();
    EXPECT_FALSE(HasPacketPath(command->options));
    EXPECT_TRUE(command->options.pod_devices.empty());
  }
  Write("manifests: /m\ndevices: [none]\npodDevices: [auto]\n");
  EXPECT_THAT(std::string(ParseCommandLine({"--config", path_}, kHost).status().message()),
              testing::StartsWith("--pod-devices: needs the packet path"))
      << "a file that contradicts itself is a mistake";
}

TEST_F(OptionsFileTest, CleanupFindsItsPinsByTheSameFile) {
  Write("bpffs: /elsewhere\n");
  EXPECT_EQ(ParseCommandLine({"cleanup", "--config", path_}, kHost)->options.bpffs, "/elsewhere");
}

TEST_F(OptionsFileTest, ErrorsOfTheFile) {
  Write("slots: 3\n");
  const absl::Status status = ParseCommandLine({"--config", path_}, kHost).status();
  EXPECT_THAT(std::string(status.message()), testing::StartsWith(absl::StrCat(path_, ":3: unknown field slots;")));
}

// The names that an error lists after "known here:" for an unknown field at this place.
std::vector<std::string> KnownFields(absl::string_view yaml) {
  const std::string head = "apiVersion: shunt-lb.io/v1alpha1\nkind: ShuntConfiguration\n";
  const std::string error(DecodeConfiguration(absl::StrCat(head, yaml), "f.yaml").status().message());
  const std::vector<std::string> parts = absl::StrSplit(error, "known here: ");
  EXPECT_EQ(parts.size(), 2u) << error;
  return absl::StrSplit(parts.back(), ", ");
}

TEST(ExampleTest, HasEveryFieldWithItsDefault) {
  const std::string path = absl::StrCat(SHUNT_EXAMPLES, "/shuntd.yaml");
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  for (const std::string& name : KnownFields("x: 1\n")) {
    EXPECT_THAT(text, testing::HasSubstr(absl::StrCat("\n", name, ":"))) << name;
  }
  for (const char* nested : {"logging: {x: 1}\n", "limits: {x: 1}\n"}) {
    for (const std::string& name : KnownFields(nested)) {
      EXPECT_THAT(text, testing::HasSubstr(absl::StrCat("\n  ", name, ": "))) << name;
    }
  }

  const absl::StatusOr<CommandLine> command = ParseCommandLine({"--config", path}, kHost);
  ASSERT_TRUE(command.ok()) << command.status();
  const Options& options = command->options;
  const Options defaults;
  EXPECT_EQ(options.bpffs, defaults.bpffs);
  EXPECT_EQ(options.admin_socket, defaults.admin_socket);
  EXPECT_EQ(options.local_policy_miss, defaults.local_policy_miss);
  EXPECT_EQ(options.health_check_node_ports, defaults.health_check_node_ports);
  EXPECT_EQ(options.end_sockets, defaults.end_sockets);
  EXPECT_EQ(options.observe, defaults.observe);
  EXPECT_EQ(options.cluster_cidr, defaults.cluster_cidr);
  EXPECT_EQ(options.masquerade_all, defaults.masquerade_all);
  EXPECT_EQ(options.devices, defaults.devices);
  EXPECT_EQ(options.pod_devices, defaults.pod_devices);
  EXPECT_EQ(options.external_cluster_ip, defaults.external_cluster_ip);
  EXPECT_EQ(options.masquerade_ports, defaults.masquerade_ports);
  EXPECT_EQ(options.bypass, defaults.bypass);
  EXPECT_EQ(options.udp_idle_s, defaults.udp_idle_s);
  EXPECT_EQ(options.stale_after, defaults.stale_after);
  EXPECT_EQ(options.log_format, defaults.log_format);
  EXPECT_EQ(options.verbosity, defaults.verbosity);
  EXPECT_EQ(options.snapshot_interval, defaults.snapshot_interval);
  EXPECT_EQ(options.limits, defaults.limits);
  EXPECT_EQ(options.flows, defaults.flows);
  EXPECT_EQ(options.endpoints_per_pool, defaults.endpoints_per_pool);
  // The three that depend on the host or have no default, as the file says.
  EXPECT_EQ(options.node_name, "node-a");
  EXPECT_EQ(options.manifests, "/etc/shunt/manifests");
  EXPECT_EQ(options.cgroup, "/sys/fs/cgroup");
}

TEST(OptionsTest, TenServicesOfTheGreatestSizeFillTheSlots) {
  const Options defaults;
  EXPECT_EQ(defaults.limits.slots, 10 * 48'000u + 44'288u) << "docs/limits.md says so";
}

TEST(OptionsTest, FlowsTakeMemoryOnlyWherePacketsAreTranslated) {
  Options options;
  options.limits.slots = 99;
  EXPECT_EQ(MapLimits(options).flows, 0u);
  EXPECT_EQ(MapLimits(options), options.limits);
  options.devices = {"auto"};
  EXPECT_EQ(MapLimits(options).flows, 262'144u);
  EXPECT_EQ(MapLimits(options).slots, 99u);
  options.flows = 2048;
  EXPECT_EQ(MapLimits(options).flows, 2048u);
}

TEST(OptionsTest, Errors) {
  struct Row {
    const char* what;
    Arguments arguments;
    const char* error;
  };
  const Row rows[] = {
      {"nothing to serve",
       {},
       "run: nothing to serve: give --kubeconfig FILE or --api-server URL (in a pod its own cluster is served), or "
       "--manifests DIR"},
      {"the same by name",
       {"run", "-v", "3"},
       "run: nothing to serve: give --kubeconfig FILE or --api-server URL (in a pod its own cluster is served), or "
       "--manifests DIR"},
      {"an unknown verb", {"start"}, "unknown command \"start\": expected run, cleanup, check, version or help"},
      {"an unknown flag", {"--manifest", "/m"}, "The following arguments were not expected: /m --manifest"},
      {"two verbs", {"version", "check"}, "The following argument was not expected: check"},
      {"a flag of another verb",
       {"cleanup", "--manifests=/m"},
       "The following argument was not expected: --manifests=/m"},
      {"no value", {"--manifests"}, "--manifests: 1 required DIR missing"},
      {"no value, but another flag behind it",
       {"run", "--manifests", "--state-dir", "/s"},
       "--manifests needs a value, DIR, but --state-dir follows; write --manifests=--state-dir if that is the value"},
      {"the same without the command's name",
       {"--bpffs", "/b", "-v", "--observe", "--manifests=/m"},
       "-v needs a value, LEVEL, but --observe follows; write -v=--observe if that is the value"},
      {"two clusters",
       {"--manifests=/m", "--api-server=https://10.0.0.1"},
       "run: a directory of manifests (--manifests; in the file manifests) and a cluster (--kubeconfig, --api-server; "
       "in the file clientConnection.kubeconfig, apiServers) are both given: give one of them"},
      {"a command behind its options",
       {"--bpffs", "/b", "cleanup"},
       "the command comes before its options: shuntd cleanup --bpffs /b"},
      {"a time that is none",
       {"--manifests=/m", "--snapshot-interval=often"},
       "--snapshot-interval: \"often\": expected a time from 10s to 24h, as in 90s or 1h30m, or off"},
      {"a word that is no address for NodePorts",
       {"--manifests=/m", "--nodeport-addresses=10.0.0.0/8,eth0"},
       "--nodeport-addresses: expected primary, or prefixes like 10.0.0.0/8, found \"eth0\""},
      {"a word that is no prefix",
       {"--manifests=/m", "--cluster-cidr=10.244.0.0/16,pods"},
       "--cluster-cidr: expected prefixes like 10.244.0.0/16, found \"pods\""},
      {"more prefixes than there are rows",
       {"--manifests=/m", "--cluster-cidr=" + ManyPrefixes()},
       "--cluster-cidr: expected at most 64 prefixes, found 65"},
      {"all kinds of addresses for NodePorts",
       {"--manifests=/m", "--nodeport-addresses=primary,10.0.0.0/8"},
       "--nodeport-addresses: primary and prefixes are both given: give one of them"},
      {"no devices and some",
       {"--manifests=/m", "--devices=none,eth0"},
       "--devices: expected none alone, or auto and names of devices like eth0 and cali*, found \"none\""},
      {"pods' devices without the packet path",
       {"--manifests=/m", "--pod-devices=auto"},
       "--pod-devices: needs the packet path, which --devices (in the file devices) turns on: give both, or neither"},
      {"ports that may be NodePorts",
       {"--manifests=/m", "--masquerade-ports=20000"},
       "--masquerade-ports must leave the NodePorts 30000 to 32767 out: at most 13616, or at least 32768, not 20000"},
      {"the lowest range with a NodePort",
       {"--manifests=/m", "--masquerade-ports=13617"},
       "--masquerade-ports must leave the NodePorts 30000 to 32767 out: at most 13616, or at least 32768, not 13617"},
      {"the highest range with a NodePort",
       {"--manifests=/m", "--masquerade-ports=32767"},
       "--masquerade-ports must leave the NodePorts 30000 to 32767 out: at most 13616, or at least 32768, not 32767"},
      {"XDP is a later version's", {"--manifests=/m", "--xdp=off"}, "--xdp: not in this version: remove the flag"},
      {"an address without a port",
       {"--manifests=/m", "--metrics-bind-address=127.0.0.1"},
       "--metrics-bind-address: \"127.0.0.1\": expected ADDRESS:PORT, [IPV6-ADDRESS]:PORT or nothing at all"},
      {"help of an unknown verb",
       {"help", "start"},
       "unknown command \"start\": expected run, cleanup, check, version or help"},
      {"another word", {"--manifests=/m", "--log-format=xml"}, "--log-format: xml not in {json,text}"},
      {"an unknown policy",
       {"--manifests=/m", "--local-policy-miss=wait"},
       "--local-policy-miss: wait not in {drop,refuse}"},
      {"health checks neither on nor off",
       {"--manifests=/m", "--health-check-node-ports=true"},
       "--health-check-node-ports: true not in {off,on}"},
      {"sockets of no known kind",
       {"--manifests=/m", "--end-sockets=sctp"},
       "--end-sockets: sctp not in {all,off,udp}"},
      {"a level out of range", {"--manifests=/m", "-v", "11"}, "--v: Value 11 not in range 0 to 10"},
      {"a level that is no number", {"--manifests=/m", "-v", "x"}, "--v: Value x not in range 0 to 10"},
      {"a file that is not there",
       {"--config=/nonexistent.yaml"},
       "read configuration /nonexistent.yaml: No such file or directory"},
  };
  for (const Row& row : rows) {
    const absl::StatusOr<CommandLine> command = ParseCommandLine(row.arguments, kHost);
    ASSERT_FALSE(command.ok()) << row.what;
    EXPECT_EQ(std::string(command.status().message()), row.error) << row.what;
  }
  EXPECT_EQ(std::string(ParseCommandLine({"--manifests=/m"}, {}).status().message()),
            "run: this node has no name: give --node-name NAME, or set NODE_NAME");
}

}  // namespace
}  // namespace shunt::agent
