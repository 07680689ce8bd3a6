// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/settings/configuration.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "userspace/admin/http/bind_address.h"
#include "userspace/agent/settings/node_port_addresses.h"
#include "userspace/datapath/bypass_settings.h"
#include "userspace/datapath/lent_ports.h"
#include "userspace/datapath/source_lists.h"
#include "userspace/model/ip_address.h"
#include "userspace/sources/document/field_reader.h"
#include "userspace/sources/document/value.h"
#include "userspace/sources/document/yaml_document.h"

namespace shunt::agent {
namespace {

using sources::FieldReader;

constexpr absl::string_view kApiVersion = "shunt-lb.io/v1alpha1";
constexpr absl::string_view kKind = "ShuntConfiguration";
// The agent gives a sign of life each second; a step that applies everything may take seconds.
constexpr absl::Duration kStaleAfterMin = absl::Seconds(10);
constexpr absl::Duration kStaleAfterMax = absl::Hours(30 * 24);  // fits shunt_config::stale_after_ms

// Of Kubernetes' --service-node-port-range, unless that is set.
constexpr uint32_t kFirstNodePort = 30'000;
constexpr uint32_t kLastNodePort = 32'767;

// Deeper than any configuration that is accepted. The author is the node's administrator and may use all of YAML.
constexpr sources::ParseLimits kParseLimits{.depth_max = 8, .anchors = true, .tags = true};

// Reads one field of `object` into the configuration, if it is there, and complains if its value is wrong.
using Decoder = std::function<void(const FieldReader& object, absl::string_view field)>;

// A field of one mapping: a value, or a mapping of its own.
struct Field {
  absl::string_view name;
  Decoder decode;
  std::vector<Field> nested = {};
};

void Decode(const FieldReader& object, const std::vector<Field>& fields) {
  std::vector<absl::string_view> names;
  names.reserve(fields.size());
  for (const Field& field : fields) names.push_back(field.name);
  object.RefuseOthersThan(names);
  for (const Field& field : fields) {
    if (field.nested.empty()) {
      field.decode(object, field.name);
    } else if (object.Has(field.name)) {
      Decode(object.Map(field.name), field.nested);
    }
  }
}

Decoder Constant(absl::string_view value) {
  return [value](const FieldReader& object, absl::string_view field) { object.Choice(field, std::nullopt, {value}); };
}

bool HasNul(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

Decoder Text(std::optional<std::string>& target) {
  return [&target](const FieldReader& object, absl::string_view field) {
    target = object.OptionalString(field);
    if (!target.has_value()) return;
    if (target->empty()) object.Complain(field, "must not be empty");
    if (HasNul(*target)) object.Complain(field, "must not hold a NUL");
  };
}

Decoder Texts(std::optional<std::vector<std::string>>& target) {
  return [&target](const FieldReader& object, absl::string_view field) {
    if (!object.Has(field)) return;
    target = object.Strings(field);
    for (const std::string& text : *target) {
      if (text.empty()) return object.Complain(field, "must not hold an empty string");
      if (HasNul(text)) return object.Complain(field, "must not hold a NUL");
    }
  };
}

Decoder NodePortPrefixes(std::optional<std::vector<std::string>>& target) {
  return [&target](const FieldReader& object, absl::string_view field) {
    Texts(target)(object, field);
    if (!target.has_value()) return;
    if (const absl::Status status = ParseNodePortAddresses(*target).status(); !status.ok()) {
      object.Complain(field, absl::StrCat("is wrong: ", status.message()));
    }
  };
}

Decoder ClusterCidr(std::optional<std::vector<std::string>>& target) {
  return [&target](const FieldReader& object, absl::string_view field) {
    Texts(target)(object, field);
    if (!target.has_value()) return;
    if (const absl::Status status = ParseClusterCidr(*target).status(); !status.ok()) {
      object.Complain(field, absl::StrCat("is wrong: ", status.message()));
    }
  };
}

Decoder Devices(std::optional<std::vector<std::string>>& target) {
  return [&target](const FieldReader& object, absl::string_view field) {
    Texts(target)(object, field);
    if (!target.has_value()) return;
    if (const absl::Status status = ParseDevices(*target).status(); !status.ok()) {
      object.Complain(field, absl::StrCat("is wrong: ", status.message()));
    }
  };
}

Decoder Bypass(std::optional<std::vector<std::string>>& target) {
  return [&target](const FieldReader& object, absl::string_view field) {
    Texts(target)(object, field);
    if (!target.has_value()) return;
    if (const absl::Status status = datapath::ParseBypass(*target).status(); !status.ok()) {
      object.Complain(field, absl::StrCat("is wrong: ", status.message()));
    }
  };
}

Decoder SnapshotInterval(std::optional<std::chrono::seconds>& target) {
  return [&target](const FieldReader& object, absl::string_view field) {
    const std::optional<std::string> text = object.PlainText(field);
    if (!text.has_value()) return;
    const absl::StatusOr<std::chrono::seconds> interval = ParseSnapshotInterval(*text);
    if (interval.ok()) {
      target = *interval;
    } else {
      object.Complain(field, absl::StrCat("is ", interval.status().message()));
    }
  };
}

Decoder BindAddress(std::optional<std::string>& target) {
  return [&target](const FieldReader& object, absl::string_view field) {
    target = object.OptionalString(field);
    if (!target.has_value()) return;
    if (HasNul(*target)) return object.Complain(field, "must not hold a NUL");
    if (const auto address = admin::http::ParseBindAddress(*target); !address.ok()) {
      object.Complain(field, absl::StrCat("is ", address.status().message()));
    }
  };
}

// The value must be one of `names`; its position becomes the enumerator.
template <typename Enum>
Decoder OneOf(std::optional<Enum>& target, std::vector<absl::string_view> names) {
  return [&target, names](const FieldReader& object, absl::string_view field) {
    if (!object.Has(field)) return;
    const auto name = std::find(names.begin(), names.end(), object.Choice(field, std::nullopt, names));
    if (name != names.end()) target = static_cast<Enum>(name - names.begin());
  };
}

template <typename Target>
Decoder Number(Target& target, uint32_t least, uint32_t most) {
  return [&target, least, most](const FieldReader& object, absl::string_view field) {
    if (object.Has(field)) target = static_cast<uint32_t>(object.Int(field, least, least, most));
  };
}

Decoder Rows(uint32_t& target) {
  return Number(target, 1, datapath::kRowsMax);
}

Decoder PowerOfTwo(uint32_t& target) {
  return [&target](const FieldReader& object, absl::string_view field) {
    Rows(target)(object, field);
    if (!std::has_single_bit(target)) object.Complain(field, absl::StrCat("must be a power of two, not ", target));
  };
}

Decoder Flows(std::optional<uint32_t>& target) {
  return [&target](const FieldReader& object, absl::string_view field) {
    Number(target, datapath::kFlowsMin, datapath::kRowsMax)(object, field);
    if (target.has_value() && !std::has_single_bit(*target)) {
      object.Complain(field, absl::StrCat("must be a power of two, not ", *target));
    }
  };
}

Decoder MasqueradePorts(std::optional<uint32_t>& target) {
  return [&target](const FieldReader& object, absl::string_view field) {
    Number(target, kMasqueradePortsMin, kMasqueradePortsMax)(object, field);
    if (!target.has_value()) return;
    if (const absl::Status checked = CheckMasqueradePorts(*target); !checked.ok()) {
      object.Complain(field, checked.message());
    }
  };
}

Decoder Flag(std::optional<bool>& target) {
  return [&target](const FieldReader& object, absl::string_view field) { target = object.Bool(field); };
}

Decoder StaleAfter(std::optional<std::string>& target) {
  return [&target](const FieldReader& object, absl::string_view field) {
    target = object.PlainText(field);
    if (!target.has_value()) return;
    if (const auto parsed = ParseStaleAfter(*target); !parsed.ok()) object.Complain(field, parsed.status().message());
  };
}

std::vector<Field> Schema(Configuration& c) {
  const std::vector<Field> client_connection = {
      {"kubeconfig", Text(c.kubeconfig)},
  };
  const std::vector<Field> logging = {
      {"format", OneOf(c.log_format, {"text", "json"})},
      {"verbosity", Number(c.verbosity, 0, kVerbosityMax)},
  };
  const std::vector<Field> limits = {
      {"frontends", Rows(c.limits.frontends)},
      {"servicePorts", Rows(c.limits.service_ports)},
      {"pools", Rows(c.limits.pools)},
      {"slots", Rows(c.limits.slots)},
      {"backends", Rows(c.limits.backends)},
      {"sockets", PowerOfTwo(c.limits.sockets)},
      {"socketPeers", Rows(c.limits.socket_peers)},
      {"affinities", Rows(c.limits.affinities)},
      {"flows", Flows(c.flows)},
      {"endpointsPerPool", Number(c.endpoints_per_pool, 1, datapath::kPoolMembersMax)},
  };
  return {
      {"apiVersion", Constant(kApiVersion)},
      {"kind", Constant(kKind)},
      {"hostnameOverride", Text(c.node_name)},
      {"manifests", Text(c.manifests)},
      {"clientConnection", nullptr, client_connection},
      {"apiServers", Texts(c.api_servers)},
      {"nodePortAddresses", NodePortPrefixes(c.node_port_addresses)},
      {"clusterCIDR", ClusterCidr(c.cluster_cidr)},
      {"masqueradeAll", Flag(c.masquerade_all)},
      {"devices", Devices(c.devices)},
      {"podDevices", Devices(c.pod_devices)},
      {"externalClusterIP", Flag(c.external_cluster_ip)},
      {"masqueradePorts", MasqueradePorts(c.masquerade_ports)},
      {"bypass", Bypass(c.bypass)},
      {"stateDirectory", Text(c.state_directory)},
      {"snapshotInterval", SnapshotInterval(c.snapshot_interval)},
      {"cgroup", Text(c.cgroup)},
      {"bpffs", Text(c.bpffs)},
      {"adminSocket", Text(c.admin_socket)},
      {"healthzBindAddress", BindAddress(c.healthz_bind_address)},
      {"metricsBindAddress", BindAddress(c.metrics_bind_address)},
      {"healthCheckNodePorts", Flag(c.health_check_node_ports)},
      {"localPolicyMiss", OneOf(c.local_policy_miss, {"refuse", "drop"})},
      {"endSockets", OneOf(c.end_sockets, {"udp", "all", "off"})},
      {"observe", Flag(c.observe)},
      {"staleAfter", StaleAfter(c.stale_after)},
      {"udpIdleSeconds", Number(c.udp_idle_s, 0, kUdpIdleMax)},
      {"logging", nullptr, logging},
      {"limits", nullptr, limits},
  };
}

}  // namespace

absl::StatusOr<std::vector<model::IpPrefix>> ParseClusterCidr(const std::vector<std::string>& texts) {
  std::vector<model::IpPrefix> prefixes;
  for (const std::string& text : texts) {
    const std::optional<model::IpPrefix> prefix = model::IpPrefix::Parse(text);
    if (!prefix) {
      return absl::InvalidArgumentError(absl::StrCat("expected prefixes like 10.244.0.0/16, found \"", text, "\""));
    }
    prefixes.push_back(*prefix);
  }
  std::sort(prefixes.begin(), prefixes.end());
  prefixes.erase(std::unique(prefixes.begin(), prefixes.end()), prefixes.end());
  if (prefixes.size() > datapath::kInsideMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected at most ", datapath::kInsideMax, " prefixes, found ", prefixes.size()));
  }
  return prefixes;
}

absl::StatusOr<std::vector<std::string>> ParseDevices(const std::vector<std::string>& texts) {
  constexpr absl::string_view kNone = "none";
  if (texts.size() == 1 && texts.front() == kNone) return std::vector<std::string>();
  for (const std::string& text : texts) {
    // The kernel's rules for a name (dev_valid_name), whose length wildcards may exceed.
    if (!text.empty() && text != kNone && text.find_first_of("/: \t\n") == std::string::npos) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("expected none alone, or auto and names of devices like eth0 and cali*, found \"", text, "\""));
  }
  return texts;
}

absl::Status CheckMasqueradePorts(uint32_t first) {
  if (first + datapath::kSnatPorts <= kFirstNodePort || first > kLastNodePort) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("must leave the NodePorts ", kFirstNodePort, " to ", kLastNodePort,
                                                 " out: at most ", kFirstNodePort - datapath::kSnatPorts,
                                                 ", or at least ", kLastNodePort + 1, ", not ", first));
}

absl::StatusOr<std::chrono::milliseconds> ParseStaleAfter(absl::string_view text) {
  if (text == "off") return std::chrono::milliseconds(0);
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration) || duration < kStaleAfterMin || duration > kStaleAfterMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("must be off or a duration from 10s to 720h, such as 10m, not \"", text, "\""));
  }
  return absl::ToChronoMilliseconds(duration);
}

absl::StatusOr<std::chrono::seconds> ParseSnapshotInterval(absl::string_view text) {
  if (text == "off") return kNoSnapshots;
  absl::Duration duration;
  const bool parsed = absl::ParseDuration(text, &duration);
  const auto seconds = std::chrono::seconds(parsed ? absl::ToInt64Seconds(duration) : 0);
  if (!parsed || absl::Seconds(seconds.count()) != duration || seconds < kSnapshotIntervalLeast ||
      seconds > kSnapshotIntervalMost) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\": expected a time from 10s to 24h, as in 90s or 1h30m, or off"));
  }
  return seconds;
}

absl::StatusOr<Configuration> DecodeConfiguration(absl::string_view yaml, absl::string_view file) {
  if (yaml.size() > kConfigurationBytesMax) {
    return sources::Error(
        file, {0, absl::StrCat(yaml.size(), " bytes; a configuration has at most ", kConfigurationBytesMax)});
  }
  sources::Value document;
  sources::ParseError error;
  if (!sources::ParseYamlDocument(yaml, 1, kParseLimits, &document, &error)) return sources::Error(file, error);
  if (document.kind == sources::Value::Kind::kNull) return sources::Error(file, {1, "the file is empty"});
  Configuration configuration;
  std::vector<sources::ParseError> errors;
  Decode(FieldReader(document, "", &errors, sources::Dialect::kStrict), Schema(configuration));
  const auto first =
      std::min_element(errors.begin(), errors.end(), [](const auto& a, const auto& b) { return a.line < b.line; });
  if (first != errors.end()) return sources::Error(file, *first);
  return configuration;
}

absl::StatusOr<Configuration> ReadConfiguration(const std::string& file) {
  const std::unique_ptr<FILE, int (*)(FILE*)> in(std::fopen(file.c_str(), "re"), &std::fclose);
  if (in == nullptr) return absl::ErrnoToStatus(errno, absl::StrCat("read configuration ", file));
  std::string text(kConfigurationBytesMax + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), in.get()));
  if (std::ferror(in.get()) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("read configuration ", file));
  return DecodeConfiguration(text, file);
}

}  // namespace shunt::agent
