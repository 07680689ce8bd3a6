// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/settings/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "userspace/admin/http/bind_address.h"

namespace shunt::agent {
namespace {

const std::map<std::string, Verb> kVerbs = {
    {"run", Verb::kRun}, {"cleanup", Verb::kCleanup}, {"check", Verb::kCheck}, {"version", Verb::kVersion}};
const std::map<std::string, LogFormat> kLogFormats = {{"text", LogFormat::kText}, {"json", LogFormat::kJson}};
const std::map<std::string, LocalPolicyMiss> kLocalPolicyMisses = {{"refuse", LocalPolicyMiss::kRefuse},
                                                                   {"drop", LocalPolicyMiss::kDrop}};
const std::map<std::string, bool> kOnOff = {{"on", true}, {"off", false}};
const std::map<std::string, EndSockets> kEndSockets = {
    {"udp", EndSockets::kUdp}, {"all", EndSockets::kAll}, {"off", EndSockets::kOff}};
// Flags of later versions. They are refused by name, because an agent that ignored one would not do what it was asked.
struct LaterFlag {
  const char* name;
  const char* remedy;
};
constexpr const char* kRemoveIt = "remove the flag";
constexpr LaterFlag kFlagsOfLaterVersions[] = {
    {"--xdp", kRemoveIt},
};

// Only what was given on the command line.
struct Flags {
  std::optional<std::string> config;
  std::optional<std::string> node_name;
  std::optional<std::string> manifests;
  std::optional<std::string> kubeconfig;
  std::optional<std::vector<std::string>> api_servers;
  std::optional<std::string> state_directory;
  std::optional<std::string> snapshot_interval;
  std::optional<std::vector<std::string>> node_port_addresses;
  std::optional<std::vector<std::string>> cluster_cidr;
  std::optional<bool> masquerade_all;
  std::optional<std::vector<std::string>> devices;
  std::optional<std::vector<std::string>> pod_devices;
  std::optional<std::string> external_cluster_ip;
  std::optional<uint32_t> masquerade_ports;
  std::optional<std::vector<std::string>> bypass;
  std::optional<std::string> cgroup;
  std::optional<std::string> bpffs;
  std::optional<std::string> admin_socket;
  std::optional<std::string> healthz_bind_address;
  std::optional<std::string> metrics_bind_address;
  std::optional<std::string> health_check_node_ports;
  std::optional<std::string> local_policy_miss;
  std::optional<std::string> end_sockets;
  std::optional<bool> observe;
  bool stay = false;
  std::optional<std::string> stale_after;
  std::optional<std::string> log_format;
  std::optional<int> verbosity;
  std::string later;  // takes the values of kFlagsOfLaterVersions, which are not used
};

template <typename T>
std::vector<std::string> Names(const std::map<std::string, T>& map) {
  std::vector<std::string> names;
  names.reserve(map.size());
  for (const auto& [name, unused] : map) names.push_back(name);
  return names;
}

void AddPlaceFlags(CLI::App& verb, Flags& flags) {
  verb.add_option("--config", flags.config, "file of kind ShuntConfiguration; flags override it")->type_name("FILE");
  verb.add_option(
          "--cgroup", flags.cgroup,
          "cgroup whose sockets are served, or that cleanup frees of programs (default: the host's cgroup2 root)")
      ->type_name("DIR");
  verb.add_option("--bpffs", flags.bpffs, "BPF file system; pins go to DIR/shunt (default /sys/fs/bpf)")
      ->type_name("DIR");
}

void AddPacketFlags(CLI::App& run, Flags& flags) {
  run.add_option("--devices", flags.devices,
                 "translate packets too that come in by these devices, from clients outside: names with wildcards, or "
                 "auto for all such devices; none (default) turns --pod-devices off too")
      ->delimiter(',')
      ->type_name("none|auto|GLOB[,GLOB]");
  run.add_option(
         "--pod-devices", flags.pod_devices,
         "the same for pods' devices, for what no hook at a socket serves: virtual machines, SCTP, source ranges of a "
         "load balancer, pods that --bypass leaves alone (default none)")
      ->delimiter(',')
      ->type_name("none|auto|GLOB[,GLOB]");
  run.add_option("--external-cluster-ip", flags.external_cluster_ip,
                 "let clients from outside the cluster dial ClusterIPs (default off; kube-proxy lets them)")
      ->check(CLI::IsMember(Names(kOnOff)).description(""))
      ->type_name("on|off");
  run.add_option("--masquerade-ports", flags.masquerade_ports,
                 "first of the 16384 ports of this node from which packets are sent on that get another source address "
                 "(default 49152)")
      ->check(CLI::Range(kMasqueradePortsMin, kMasqueradePortsMax).description(""))
      ->type_name("PORT");
}

void AddRunFlags(CLI::App& run, Flags& flags) {
  run.add_option("--manifests", flags.manifests,
                 "serve the Services and EndpointSlices in DIR's YAML and JSON files, reread when they change")
      ->type_name("DIR");
  run.add_option("--kubeconfig", flags.kubeconfig,
                 "serve the cluster of this kubeconfig (default: the cluster of the pod that the agent runs in)")
      ->type_name("FILE");
  run.add_option("--api-server", flags.api_servers, "the cluster's API servers, tried in this order")
      ->delimiter(',')
      ->type_name("URL[,URL]");
  run.add_option("--nodeport-addresses", flags.node_port_addresses,
                 "NodePorts answer only on the node's addresses within these, or on its primary ones (default: on all)")
      ->delimiter(',')
      ->type_name("CIDR[,CIDR]|primary");
  run.add_option("--cluster-cidr", flags.cluster_cidr,
                 "clients within these are inside the cluster, beside those whose device says so (default: none)")
      ->delimiter(',')
      ->type_name("CIDR[,CIDR]");
  run.add_flag("--masquerade-all", flags.masquerade_all,
               "give every packet to a ClusterIP a source address of this node, as kube-proxy does with this flag");
  AddPacketFlags(run, flags);
  run.add_option("--bypass", flags.bypass,
                 "leave the sockets of these cgroups (patterns of paths), of all pods, or of the kernel to the packet "
                 "path or kube-proxy (default: none)")
      ->delimiter(',')
      ->type_name("pods|kernel|PATTERN[,...]");
  run.add_option("--state-dir", flags.state_directory,
                 "directory that keeps the last known state of the cluster (default /var/lib/shunt)")
      ->type_name("DIR");
  run.add_option("--snapshot-interval", flags.snapshot_interval,
                 "how often that state is written at most, 10s to 24h (default 1m); off: it is not kept")
      ->type_name("TIME|off");
  run.add_option("--node-name", flags.node_name, "name of this node (default $NODE_NAME, else the host name)")
      ->type_name("NAME");
  run.add_option("--admin-socket", flags.admin_socket, "UNIX socket of the admin API (default /run/shunt/admin.sock)")
      ->type_name("PATH");
  run.add_option("--healthz-bind-address", flags.healthz_bind_address,
                 "where to serve /healthz, /livez and /readyz (default 0.0.0.0:10256; empty: not at all)")
      ->type_name("ADDRESS:PORT");
  run.add_option("--metrics-bind-address", flags.metrics_bind_address,
                 "where to serve /metrics (default 127.0.0.1:10249; empty: not at all)")
      ->type_name("ADDRESS:PORT");
  run.add_option("--health-check-node-ports", flags.health_check_node_ports,
                 "answer at the Services' healthCheckNodePorts (default on); off where kube-proxy answers there")
      ->check(CLI::IsMember(Names(kOnOff)).description(""))
      ->type_name("on|off");
  run.add_option(
         "--local-policy-miss", flags.local_policy_miss,
         "if a Local policy leaves no endpoint on this node: refuse at once (default), or drop as kube-proxy does")
      ->check(CLI::IsMember(Names(kLocalPolicyMisses)).description(""))
      ->type_name("refuse|drop");
  run.add_flag("--observe", flags.observe, "dry run: decide and count, but translate, refuse and end nothing");
  run.add_option("--stale-after", flags.stale_after,
                 "translate nothing once no agent has lived for this long: 10s to 720h, or off (default off)")
      ->type_name("DURATION");
  run.add_option("--end-sockets", flags.end_sockets,
                 "end connected sockets whose backend is gone: only UDP (default), TCP too, or none")
      ->check(CLI::IsMember(Names(kEndSockets)).description(""))
      ->type_name("udp|all|off");
  run.add_option("--log-format", flags.log_format, "format of the log lines (default text)")
      ->check(CLI::IsMember(Names(kLogFormats)).description(""))
      ->type_name("text|json");
  run.add_option(
         "-v,--v", flags.verbosity,
         "log level, 0 to 10 (default 2): 0 start and end, 1 also programs, 2 also what is applied; no line needs more")
      ->check(CLI::Range(0, kVerbosityMax).description(""))
      ->type_name("LEVEL");
  for (const LaterFlag& flag : kFlagsOfLaterVersions) run.add_option(flag.name, flags.later)->group("");
}

// Sets `value` to the flag, or to the file's field if there is no flag. Leaves the default if there is neither.
template <typename T>
void Settle(const std::optional<T>& flag, const std::optional<T>& field, T& value) {
  if (field.has_value()) value = *field;
  if (flag.has_value()) value = *flag;
}

template <typename T>
std::optional<T> Named(const std::optional<std::string>& name, const std::map<std::string, T>& values) {
  return name.has_value() ? std::optional<T>(values.at(*name)) : std::nullopt;
}

// Names the flag in an error about its value. What the file says is known to be valid.
absl::Status WrongFlag(absl::string_view flag, const absl::Status& error) {
  return absl::InvalidArgumentError(absl::StrCat(flag, ": ", error.message()));
}

// The same for an address. The file's is known to be valid, so errors name the flag.
absl::Status SettleAddress(const char* name, const std::optional<std::string>& flag,
                           const std::optional<std::string>& field, std::optional<model::SocketAddress>& value) {
  const std::optional<std::string>& given = flag.has_value() ? flag : field;
  if (!given.has_value()) return absl::OkStatus();
  absl::StatusOr<std::optional<model::SocketAddress>> address = admin::http::ParseBindAddress(*given);
  if (!address.ok()) return WrongFlag(name, address.status());
  value = *address;
  return absl::OkStatus();
}

// The same for --stale-after.
absl::Status SettleStaleAfter(const std::optional<std::string>& flag, const std::optional<std::string>& field,
                              std::chrono::milliseconds& value) {
  const std::optional<std::string>& given = flag.has_value() ? flag : field;
  if (!given.has_value()) return absl::OkStatus();
  const absl::StatusOr<std::chrono::milliseconds> parsed = ParseStaleAfter(*given);
  if (!parsed.ok()) return absl::InvalidArgumentError(absl::StrCat("--stale-after ", parsed.status().message()));
  value = *parsed;
  return absl::OkStatus();
}

absl::Status SettleDevices(const char* name, const std::optional<std::vector<std::string>>& flag,
                           const std::optional<std::vector<std::string>>& field, std::vector<std::string>& value) {
  const std::optional<std::vector<std::string>>& given = flag.has_value() ? flag : field;
  if (!given.has_value()) return absl::OkStatus();
  absl::StatusOr<std::vector<std::string>> devices = ParseDevices(*given);
  if (!devices.ok()) return WrongFlag(name, devices.status());
  value = *std::move(devices);
  return absl::OkStatus();
}

absl::Status SettlePackets(const Flags& flags, const Configuration& file, Options& options) {
  absl::Status status = SettleDevices("--devices", flags.devices, file.devices, options.devices);
  if (status.ok()) status = SettleDevices("--pod-devices", flags.pod_devices, file.pod_devices, options.pod_devices);
  if (!status.ok()) return status;
  Settle(Named(flags.external_cluster_ip, kOnOff), file.external_cluster_ip, options.external_cluster_ip);
  uint32_t ports = options.masquerade_ports;
  Settle(flags.masquerade_ports, file.masquerade_ports, ports);
  if (const absl::Status checked = CheckMasqueradePorts(ports); !checked.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--masquerade-ports ", checked.message()));
  }
  options.masquerade_ports = static_cast<uint16_t>(ports);
  if (HasPacketPath(options) || options.pod_devices.empty()) return absl::OkStatus();
  if (flags.devices.has_value()) {
    // --devices=none, on top of what a manifest or the file asks for.
    options.pod_devices.clear();
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "--pod-devices: needs the packet path, which --devices (in the file devices) turns on: give both, or neither");
}

// The same for --bypass.
absl::Status SettleBypass(const std::optional<std::vector<std::string>>& flag,
                          const std::optional<std::vector<std::string>>& field, datapath::BypassSettings& value) {
  std::vector<std::string> texts;
  Settle(flag, field, texts);
  absl::StatusOr<datapath::BypassSettings> parsed = datapath::ParseBypass(texts);
  if (!parsed.ok()) return WrongFlag("--bypass", parsed.status());
  value = *std::move(parsed);
  return absl::OkStatus();
}

absl::StatusOr<Options> Resolve(const Flags& flags, const Environment& environment) {
  Configuration file;
  if (flags.config.has_value()) {
    absl::StatusOr<Configuration> read = ReadConfiguration(*flags.config);
    if (!read.ok()) return read.status();
    file = *std::move(read);
  }
  Options options;
  // In lower case, because the kubelet registers the host's name so.
  options.node_name = environment.node_name.empty()
                          ? absl::AsciiStrToLower(absl::StripAsciiWhitespace(environment.host_name))
                          : environment.node_name;
  Settle(flags.node_name, file.node_name, options.node_name);
  Settle(flags.manifests, file.manifests, options.manifests);
  Settle(flags.kubeconfig, file.kubeconfig, options.kubeconfig);
  Settle(flags.api_servers, file.api_servers, options.api_servers);
  Settle(flags.state_directory, file.state_directory, options.state_directory);
  Settle(std::optional<std::chrono::seconds>(), file.snapshot_interval, options.snapshot_interval);
  if (flags.snapshot_interval.has_value()) {
    const absl::StatusOr<std::chrono::seconds> interval = ParseSnapshotInterval(*flags.snapshot_interval);
    if (!interval.ok()) return WrongFlag("--snapshot-interval", interval.status());
    options.snapshot_interval = *interval;
  }
  std::vector<std::string> node_port_addresses;
  Settle(flags.node_port_addresses, file.node_port_addresses, node_port_addresses);
  absl::StatusOr<NodePortAddresses> parsed = ParseNodePortAddresses(node_port_addresses);
  if (!parsed.ok()) return WrongFlag("--nodeport-addresses", parsed.status());
  options.node_port_addresses = *std::move(parsed);
  std::vector<std::string> cluster_cidr;
  Settle(flags.cluster_cidr, file.cluster_cidr, cluster_cidr);
  absl::StatusOr<std::vector<model::IpPrefix>> inside = ParseClusterCidr(cluster_cidr);
  if (!inside.ok()) return WrongFlag("--cluster-cidr", inside.status());
  options.cluster_cidr = *std::move(inside);
  Settle(flags.masquerade_all, file.masquerade_all, options.masquerade_all);
  if (absl::Status status = SettlePackets(flags, file, options); !status.ok()) return status;
  if (absl::Status bypass = SettleBypass(flags.bypass, file.bypass, options.bypass); !bypass.ok()) return bypass;
  Settle(flags.cgroup, file.cgroup, options.cgroup);
  Settle(flags.bpffs, file.bpffs, options.bpffs);
  Settle(flags.admin_socket, file.admin_socket, options.admin_socket);
  absl::Status status = SettleAddress("--healthz-bind-address", flags.healthz_bind_address, file.healthz_bind_address,
                                      options.healthz_bind_address);
  if (status.ok()) {
    status = SettleAddress("--metrics-bind-address", flags.metrics_bind_address, file.metrics_bind_address,
                           options.metrics_bind_address);
  }
  if (!status.ok()) return status;
  Settle(Named(flags.health_check_node_ports, kOnOff), file.health_check_node_ports, options.health_check_node_ports);
  Settle(Named(flags.local_policy_miss, kLocalPolicyMisses), file.local_policy_miss, options.local_policy_miss);
  Settle(flags.observe, file.observe, options.observe);
  if (status = SettleStaleAfter(flags.stale_after, file.stale_after, options.stale_after); !status.ok()) return status;
  Settle(Named(flags.end_sockets, kEndSockets), file.end_sockets, options.end_sockets);
  Settle(Named(flags.log_format, kLogFormats), file.log_format, options.log_format);
  Settle(flags.verbosity, file.verbosity, options.verbosity);
  Settle<uint32_t>(std::nullopt, file.endpoints_per_pool, options.endpoints_per_pool);
  Settle<uint32_t>(std::nullopt, file.udp_idle_s, options.udp_idle_s);
  options.limits = file.limits;
  Settle<uint32_t>(std::nullopt, file.flows, options.flows);
  options.stay = flags.stay;
  return options;
}

// Says that options follow the command, which may be left out. CLI11's own line has them in front of it.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override {
    if (app->get_parent() != nullptr) return CLI::Formatter::make_usage(app, std::move(name));
    return "Usage: shuntd [COMMAND] [OPTIONS]\n";
  }
};

// Turns `help`, `help VERB` and `VERB help`, which shuntctl knows too, into `--help`.
void SpellHelpAsFlag(std::vector<std::string>& arguments) {
  if (arguments.size() == 2 && arguments[0] == "help") std::swap(arguments[0], arguments[1]);
  const bool after_verb = arguments.size() == 2 && !absl::StartsWith(arguments[0], "-");
  if ((arguments.size() == 1 || after_verb) && arguments.back() == "help") arguments.back() = "--help";
}

// Writes values as CLI11 reads them.
void SpellValues(std::vector<std::string>& arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (absl::StartsWith(arguments[i], "-v=")) arguments[i].erase(2, 1);  // klog's spelling
    // CLI11 takes an empty value only as an argument of its own.
    if (absl::EndsWith(arguments[i], "-bind-address=")) {
      arguments[i].pop_back();
      arguments.insert(arguments.begin() + static_cast<ptrdiff_t>(i) + 1, "");
    }
  }
}

// Returns the arguments of a `run` that was not written, with a command that stands among them in front: the order that
// was probably meant. Returns an empty text if there is none.
std::string LateVerb(std::vector<std::string> arguments) {
  const auto verb = std::find_if(arguments.begin() + 1, arguments.end(),
                                 [](const std::string& argument) { return kVerbs.count(argument) != 0; });
  if (verb == arguments.end()) return "";
  std::rotate(arguments.begin() + 1, verb, verb + 1);
  return absl::StrJoin(arguments.begin() + 1, arguments.end(), " ");
}

// CLI11 takes any argument as the value of the option before it, and so an option behind a value that was forgotten.
absl::Status CheckValues(const CLI::App& verb, const std::vector<std::string>& arguments) {
  for (size_t i = 0; i + 1 < arguments.size(); ++i) {
    const std::string& value = arguments[i + 1];
    const CLI::Option* const option =
        absl::StartsWith(arguments[i], "-") ? verb.get_option_no_throw(arguments[i]) : nullptr;
    if (option == nullptr || option->get_items_expected_min() == 0) continue;
    if (absl::StartsWith(value, "--")) {
      return absl::InvalidArgumentError(absl::StrCat(arguments[i], " needs a value, ", option->get_type_name(),
                                                     ", but ", value, " follows; write ", arguments[i], "=", value,
                                                     " if that is the value"));
    }
    ++i;
  }
  return absl::OkStatus();
}

absl::Status CheckRun(const CLI::App& run, const Options& options, const Environment& environment) {
  for (const LaterFlag& flag : kFlagsOfLaterVersions) {
    if (run.count(flag.name) == 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(flag.name, ": not in this version: ", flag.remedy));
  }
  const bool kubernetes = !options.kubeconfig.empty() || !options.api_servers.empty();
  if (!options.manifests.empty() && kubernetes) {
    return absl::InvalidArgumentError(
        "run: a directory of manifests (--manifests; in the file manifests) and a cluster (--kubeconfig, --api-server; "
        "in the file clientConnection.kubeconfig, apiServers) are both given: give one of them");
  }
  if (options.manifests.empty() && !kubernetes && !environment.in_pod) {
    return absl::InvalidArgumentError(
        "run: nothing to serve: give --kubeconfig FILE or --api-server URL (in a pod its own cluster is served), or "
        "--manifests DIR");
  }
  if (options.node_name.empty()) {
    return absl::InvalidArgumentError("run: this node has no name: give --node-name NAME, or set NODE_NAME");
  }
  if (options.node_name.find_first_of("${}()") != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("run: this node's name is \"", absl::CHexEscape(options.node_name),
                     "\": a variable in it was not replaced; in a DaemonSet set NODE_NAME from spec.nodeName and leave "
                     "--node-name out, or write $(NODE_NAME) after that"));
  }
  return absl::OkStatus();
}

}  // namespace

datapath::Limits MapLimits(const Options& options) {
  datapath::Limits limits = options.limits;
  if (HasPacketPath(options)) limits.flows = options.flows;
  return limits;
}

const char* EndSocketsName(EndSockets which) {
  return std::find_if(kEndSockets.begin(), kEndSockets.end(), [&](const auto& entry) { return entry.second == which; })
      ->first.c_str();
}

std::string HelpFor(const std::vector<std::string>& arguments) {
  if (arguments.empty() || absl::StartsWith(arguments[0], "-")) return "shuntd run --help";
  return kVerbs.count(arguments[0]) != 0 ? absl::StrCat("shuntd ", arguments[0], " --help") : "shuntd --help";
}

absl::StatusOr<CommandLine> ParseCommandLine(std::vector<std::string> arguments, const Environment& environment) {
  Flags flags;
  CLI::App app("shuntd: leads each connection to a Service straight to a pod", "shuntd");
  app.formatter(std::make_shared<HelpFormatter>());
  app.require_subcommand(1);
  // A value that is given again wins: flags that are added behind those of a manifest can change them. The options that
  // take several values collect them.
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  CLI::App& run =
      *app.add_subcommand("run", "serve Services until stopped; the pins stay in place (the default command)");
  AddPlaceFlags(run, flags);
  AddRunFlags(run, flags);
  CLI::App& cleanup = *app.add_subcommand("cleanup", "remove every pin and link; stop the agent first");
  AddPlaceFlags(cleanup, flags);
  cleanup.add_flag("--stay", flags.stay, "then wait until stopped: a pod of a DaemonSet must not end by itself");
  AddPlaceFlags(*app.add_subcommand("check", "check whether this host can run the agent, and say what is missing"),
                flags);
  app.add_subcommand("version", "print version, ABI, build and kernel; --version does the same");
  for (CLI::App* verb : app.get_subcommands({})) verb->group("Commands");
  app.footer(
      "`shuntd help COMMAND` describes the options of one command. An option that is given again replaces its earlier "
      "value; one that takes several values collects them.\n\n"
      "Exit status: 0 success or stopped when asked, 1 failure or this host cannot run the agent, 2 bad usage or "
      "configuration.");

  if (!arguments.empty() && arguments[0] == "--version") arguments[0] = "version";
  SpellHelpAsFlag(arguments);
  const bool wants_help = !arguments.empty() && (arguments[0] == "-h" || arguments[0] == "--help");
  const bool means_run = arguments.empty() || (absl::StartsWith(arguments[0], "-") && !wants_help);
  if (means_run) arguments.insert(arguments.begin(), "run");
  if (!wants_help && kVerbs.count(arguments[0]) == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown command \"", arguments[0], "\": expected run, cleanup, check, version or help"));
  }
  SpellValues(arguments);

  if (!wants_help) {
    absl::Status values = CheckValues(*app.get_subcommand(arguments[0]), arguments);
    if (!values.ok()) return values;
  }

  const std::string late_verb = means_run ? LateVerb(arguments) : "";
  CommandLine command;
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    command.verb = Verb::kHelp;
    command.help = app.help();
    return command;
  } catch (const CLI::ExtrasError& e) {
    if (late_verb.empty()) return absl::InvalidArgumentError(e.what());
    return absl::InvalidArgumentError(absl::StrCat("the command comes before its options: shuntd ", late_verb));
  } catch (const CLI::ParseError& e) {
    return absl::InvalidArgumentError(e.what());
  }
  command.verb = kVerbs.at(app.get_subcommands().front()->get_name());
  absl::StatusOr<Options> options = Resolve(flags, environment);
  if (!options.ok()) return options.status();
  command.options = *std::move(options);
  if (command.verb == Verb::kRun) {
    if (absl::Status status = CheckRun(run, command.options, environment); !status.ok()) return status;
  }
  return command;
}

}  // namespace shunt::agent
