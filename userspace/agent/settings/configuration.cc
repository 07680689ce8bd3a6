// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/settings/configuration.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <memory>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "userspace/admin/http/bind_address.h"

namespace shunt::agent {
namespace {

constexpr absl::string_view kApiVersion = "shunt-lb.io/v1alpha1";
constexpr absl::string_view kKind = "ShuntConfiguration";
// A pool's first slot has 24 bits in its word; no other map needs more rows than that.
constexpr uint32_t kRowsMax = 1 << 24;
// A pool's slot count has 20 bits.
constexpr uint32_t kEndpointsMax = (1 << 20) - 1;

struct Origin {
  absl::string_view file;

  absl::Status Error(const YAML::Mark& mark, absl::string_view what) const {
    const int line = mark.is_null() ? 1 : mark.line + 1;
    return absl::InvalidArgumentError(absl::StrCat(file, ":", line, ": ", what));
  }
};

// Judges and stores one value. The error says what is wrong with it, not where it stands.
using Decoder = std::function<absl::Status(const YAML::Node& value)>;

// A field of one mapping: a value, or a mapping of its own.
struct Field {
  absl::string_view name;
  Decoder decode;
  std::vector<Field> nested = {};
};

absl::string_view KindOf(const YAML::Node& value) {
  switch (value.Type()) {
    case YAML::NodeType::Sequence:
      return "a list";
    case YAML::NodeType::Map:
      return "a mapping";
    case YAML::NodeType::Scalar:
      return "a scalar";
    default:
      return "nothing";
  }
}

// Decodes a mapping whose fields are exactly some of `fields`. `path` is its place in the file: "" or "limits.".
absl::Status DecodeMapping(const Origin& origin, const YAML::Node& node, absl::string_view path,
                           const std::vector<Field>& fields) {
  if (!node.IsMap()) {
    const absl::string_view where = path.empty() ? "the document" : path.substr(0, path.size() - 1);
    return origin.Error(node.Mark(), absl::StrCat(where, ": expected a mapping, found ", KindOf(node)));
  }
  std::set<std::string> seen;
  for (const auto& entry : node) {
    const YAML::Node& key = entry.first;
    const YAML::Node& value = entry.second;
    if (!key.IsScalar()) return origin.Error(key.Mark(), absl::StrCat("a field's name is ", KindOf(key)));
    const std::string& name = key.Scalar();
    const auto field = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == name; });
    if (field == fields.end()) {
      const std::string known =
          absl::StrJoin(fields, ", ", [](std::string* out, const Field& f) { absl::StrAppend(out, f.name); });
      return origin.Error(key.Mark(), absl::StrCat("unknown field ", path, name, "; known here: ", known));
    }
    if (!seen.insert(name).second) {
      return origin.Error(key.Mark(), absl::StrCat("field ", path, name, " stands here twice"));
    }
    if (!field->nested.empty()) {
      absl::Status status = DecodeMapping(origin, value, absl::StrCat(path, name, "."), field->nested);
      if (!status.ok()) return status;
    } else if (absl::Status status = field->decode(value); !status.ok()) {
      // What is not there is said to stand on the next line.
      const YAML::Mark mark = value.IsNull() ? key.Mark() : value.Mark();
      return origin.Error(mark, absl::StrCat(path, name, ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

bool IsPlain(const YAML::Node& value) {
  return value.Tag() == "?";
}

absl::StatusOr<std::string> Text(const YAML::Node& value) {
  if (!value.IsScalar()) return absl::InvalidArgumentError(absl::StrCat("expected a string, found ", KindOf(value)));
  const std::string& text = value.Scalar();
  if (IsPlain(value)) {
    double number = 0;
    if (text == "true" || text == "false" || absl::SimpleAtod(text, &number)) {
      return absl::InvalidArgumentError(absl::StrCat("expected a string, found ", text, ": put it in quotes"));
    }
  }
  if (text.empty()) return absl::InvalidArgumentError("must not be empty");
  if (text.find('\0') != std::string::npos) return absl::InvalidArgumentError("must not hold a NUL");
  return text;
}

absl::StatusOr<uint32_t> Whole(const YAML::Node& value, uint32_t smallest, uint32_t largest) {
  const std::string range = absl::StrCat("a whole number from ", smallest, " to ", largest);
  if (!value.IsScalar()) return absl::InvalidArgumentError(absl::StrCat("expected ", range, ", found ", KindOf(value)));
  const std::string& text = value.Scalar();
  uint64_t number = 0;
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  if (!IsPlain(value) || !digits || !absl::SimpleAtoi(text, &number) || number < smallest || number > largest) {
    return absl::InvalidArgumentError(absl::StrCat("expected ", range, ", found \"", text, "\""));
  }
  return static_cast<uint32_t>(number);
}

Decoder Into(std::optional<std::string>& target) {
  return [&target](const YAML::Node& value) {
    absl::StatusOr<std::string> text = Text(value);
    if (text.ok()) target = *std::move(text);
    return text.status();
  };
}

Decoder BindAddress(std::optional<std::string>& target) {
  return [&target](const YAML::Node& value) -> absl::Status {
    const bool nowhere = value.IsScalar() && !IsPlain(value) && value.Scalar().empty();
    absl::StatusOr<std::string> text = nowhere ? std::string() : Text(value);
    if (!text.ok()) return text.status();
    if (const auto address = admin::http::ParseBindAddress(*text); !address.ok()) return address.status();
    target = *std::move(text);
    return absl::OkStatus();
  };
}

Decoder Words(std::optional<std::vector<std::string>>& target) {
  return [&target](const YAML::Node& value) -> absl::Status {
    if (!value.IsSequence()) return absl::InvalidArgumentError(absl::StrCat("expected a list, found ", KindOf(value)));
    std::vector<std::string> words;
    for (const YAML::Node& entry : value) {
      absl::StatusOr<std::string> word = Text(entry);
      if (!word.ok()) return word.status();
      words.push_back(*std::move(word));
    }
    target = std::move(words);
    return absl::OkStatus();
  };
}

// The value must be one of `names`; its place becomes the enumerator.
template <typename Enum>
Decoder Into(std::optional<Enum>& target, std::vector<absl::string_view> names) {
  return [&target, names](const YAML::Node& value) -> absl::Status {
    const absl::StatusOr<std::string> text = Text(value);
    if (!text.ok()) return text.status();
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] == *text) {
        target = static_cast<Enum>(i);
        return absl::OkStatus();
      }
    }
    return absl::InvalidArgumentError(
        absl::StrCat("expected one of ", absl::StrJoin(names, ", "), ", found \"", *text, "\""));
  };
}

template <typename Target>
Decoder Number(Target& target, uint32_t smallest, uint32_t largest) {
  return [&target, smallest, largest](const YAML::Node& value) {
    const absl::StatusOr<uint32_t> number = Whole(value, smallest, largest);
    if (number.ok()) target = *number;
    return number.status();
  };
}

Decoder Into(std::optional<bool>& target) {
  return [&target](const YAML::Node& value) -> absl::Status {
    const bool is_true = value.IsScalar() && IsPlain(value) && value.Scalar() == "true";
    if (!is_true && !(value.IsScalar() && IsPlain(value) && value.Scalar() == "false")) {
      const std::string found =
          value.IsScalar() ? absl::StrCat("\"", value.Scalar(), "\"") : std::string(KindOf(value));
      return absl::InvalidArgumentError(absl::StrCat("expected true or false, found ", found));
    }
    target = is_true;
    return absl::OkStatus();
  };
}

Decoder Rows(uint32_t& target) {
  return Number(target, 1, kRowsMax);
}

Decoder PowerOfTwo(uint32_t& target) {
  return [&target](const YAML::Node& value) -> absl::Status {
    const absl::StatusOr<uint32_t> number = Whole(value, 1, kRowsMax);
    if (!number.ok()) return number.status();
    if (!std::has_single_bit(*number)) {
      return absl::InvalidArgumentError(absl::StrCat("expected a power of two, found \"", *number, "\""));
    }
    target = *number;
    return absl::OkStatus();
  };
}

Decoder Constant(absl::string_view expected, bool& found) {
  return [expected, &found](const YAML::Node& value) -> absl::Status {
    found = value.IsScalar() && value.Scalar() == expected;
    if (found) return absl::OkStatus();
    const std::string given = value.IsScalar() ? absl::StrCat("\"", value.Scalar(), "\"") : std::string(KindOf(value));
    return absl::InvalidArgumentError(absl::StrCat("expected ", expected, ", found ", given));
  };
}

// `has_version` and `has_kind` are set when the document says what it is.
std::vector<Field> Schema(Configuration& c, bool& has_version, bool& has_kind) {
  const std::vector<Field> client_connection = {
      {"kubeconfig", Into(c.kubeconfig)},
  };
  const std::vector<Field> logging = {
      {"format", Into(c.log_format, {"text", "json"})},
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
      {"endpointsPerPool", Number(c.endpoints_per_pool, 1, kEndpointsMax)},
  };
  return {
      {"apiVersion", Constant(kApiVersion, has_version)},
      {"kind", Constant(kKind, has_kind)},
      {"hostnameOverride", Into(c.node_name)},
      {"manifests", Into(c.manifests)},
      {"clientConnection", nullptr, client_connection},
      {"apiServers", Words(c.api_servers)},
      {"nodePortAddresses", Words(c.node_port_addresses)},
      {"stateDirectory", Into(c.state_directory)},
      {"cgroup", Into(c.cgroup)},
      {"bpffs", Into(c.bpffs)},
      {"adminSocket", Into(c.admin_socket)},
      {"healthzBindAddress", BindAddress(c.healthz_bind_address)},
      {"metricsBindAddress", BindAddress(c.metrics_bind_address)},
      {"localPolicyMiss", Into(c.local_policy_miss, {"refuse", "drop"})},
      {"endSockets", Into(c.end_sockets, {"udp", "all", "off"})},
      {"observe", Into(c.observe)},
      {"logging", nullptr, logging},
      {"limits", nullptr, limits},
  };
}

absl::StatusOr<Configuration> DecodeDocument(const YAML::Node& document, const Origin& origin) {
  Configuration configuration;
  bool has_version = false;
  bool has_kind = false;
  absl::Status status = DecodeMapping(origin, document, "", Schema(configuration, has_version, has_kind));
  if (!status.ok()) return status;
  if (!has_version) return origin.Error(document.Mark(), absl::StrCat("apiVersion is missing: ", kApiVersion));
  if (!has_kind) return origin.Error(document.Mark(), absl::StrCat("kind is missing: ", kKind));
  return configuration;
}

// Parses without building anything, and throws where a second document starts. YAML::LoadAll must not see a text
// first: on some (",") yaml-cpp 0.7 finds one more empty document at the same place, without end.
class SingleDocument final : public YAML::EventHandler {
 public:
  static void Check(const std::string& text) {
    std::istringstream in(text);
    YAML::Parser parser(in);
    SingleDocument handler;
    while (parser.HandleNextDocument(handler)) continue;
  }

 private:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (std::exchange(seen_, true)) throw YAML::ParserException(mark, "a second document; a configuration is one");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

  bool seen_ = false;
};

}  // namespace

absl::StatusOr<Configuration> DecodeConfiguration(absl::string_view yaml, absl::string_view file) {
  const Origin origin{file};
  if (yaml.size() > kConfigurationBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": ", yaml.size(), " bytes; a configuration has at most ", kConfigurationBytesMax));
  }
  try {
    const std::string text(yaml);
    SingleDocument::Check(text);
    const YAML::Node document = YAML::Load(text);
    if (document.IsNull()) return origin.Error(YAML::Mark::null_mark(), "the file is empty");
    return DecodeDocument(document, origin);
  } catch (const YAML::Exception& e) {
    return origin.Error(e.mark, e.msg);
  }
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
