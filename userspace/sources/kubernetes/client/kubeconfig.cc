// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/client/kubeconfig.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "userspace/sources/document/document_split.h"
#include "userspace/sources/document/field_reader.h"
#include "userspace/sources/document/yaml_document.h"
#include "userspace/sources/kubernetes/client/proxy.h"
#include "userspace/sources/kubernetes/client/server_url.h"
#include "userspace/sources/kubernetes/client/text_file.h"

namespace shunt::sources::kubernetes {
namespace {

constexpr ParseLimits kLimits{.depth_max = 32, .values_max = 50'000};

// Returns the entry named `name` of the list `list`, or nothing after noting an error.
std::optional<FieldReader> Named(const FieldReader& root, absl::string_view list, absl::string_view name) {
  std::optional<FieldReader> found;
  for (const FieldReader& entry : root.Maps(list)) {
    if (entry.String("name") != name) continue;
    if (found.has_value()) {
      entry.Complain("name", absl::StrCat("is \"", name, "\" for the second time"));
      return std::nullopt;
    }
    found.emplace(entry);
  }
  if (!found.has_value()) root.Complain(list, absl::StrCat("has none with the name \"", name, "\""));
  return found;
}

class Decoder {
 public:
  Decoder(const FieldReader& root, const std::string& file)
      : root_(root), directory_(std::filesystem::path(file).parent_path()) {}

  ClientConfig Decode() {
    config_.origin = ClientConfig::Origin::kKubeconfig;
    const std::string current = root_.String("current-context");
    if (current.empty()) {
      root_.Complain("current-context", "is missing: `kubectl config use-context NAME` sets it");
      return config_;
    }
    const std::optional<FieldReader> entry = Named(root_, "contexts", current);
    if (!entry.has_value()) return config_;
    const FieldReader context = entry->Map("context");
    if (const auto cluster = Named(root_, "clusters", context.String("cluster")); cluster.has_value()) {
      DecodeCluster(cluster->Map("cluster"));
    }
    // A context without a user is anonymous.
    const std::string user_name = context.String("user");
    if (user_name.empty()) return config_;
    if (const auto user = Named(root_, "users", user_name); user.has_value()) DecodeUser(user->Map("user"));
    return config_;
  }

 private:
  void DecodeCluster(const FieldReader& cluster) {
    ApiServer server;
    if (const absl::StatusOr<ServerUrl> url = ParseServerUrl(cluster.String("server")); url.ok()) {
      server.url = url->ToString();
    } else {
      cluster.Complain("server", url.status().message());
    }
    server.tls_server_name = cluster.String("tls-server-name");
    if (!server.tls_server_name.empty() && !IsHost(server.tls_server_name)) {
      cluster.Complain("tls-server-name", "is neither a DNS name nor an address");
    }
    config_.servers.push_back(std::move(server));
    config_.credentials.certificate_authority = Read(cluster, "certificate-authority", "certificate-authority-data");
    config_.skip_tls_verification = cluster.Bool("insecure-skip-tls-verify").value_or(false);
    if (config_.skip_tls_verification && !config_.credentials.certificate_authority.empty()) {
      cluster.Complain("insecure-skip-tls-verify", "is true, and there is a certificate authority: take one away");
    }
    config_.proxy_url = cluster.String("proxy-url");
    if (const absl::Status status = CheckProxyUrl(config_.proxy_url); !status.ok()) {
      cluster.Complain("proxy-url", status.message());
    }
  }

  void DecodeUser(const FieldReader& user) {
    for (const absl::string_view field : {"exec", "auth-provider"}) {
      if (user.Has(field)) {
        user.Complain(field,
                      "is not supported: the agent runs no commands for its credentials. Use tokenFile or a "
                      "client certificate");
      }
    }
    for (const absl::string_view field : {"username", "password"}) {
      if (user.Has(field)) {
        user.Complain(field,
                      "is not supported: Kubernetes 1.19 removed passwords. Use tokenFile or a client "
                      "certificate");
      }
    }
    for (const absl::string_view field : {"as", "as-uid", "as-groups", "as-user-extra"}) {
      if (user.Has(field)) user.Complain(field, "is not supported: the agent does not impersonate another user");
    }
    Credentials& credentials = config_.credentials;
    credentials.token.file = Path(user.String("tokenFile"));
    if (credentials.token.file.empty()) credentials.token.text = user.String("token");
    credentials.client_certificate = Read(user, "client-certificate", "client-certificate-data");
    credentials.client_key = Read(user, "client-key", "client-key-data");
    if (credentials.client_certificate.empty() != credentials.client_key.empty()) {
      user.Complain(credentials.client_key.empty() ? "client-key" : "client-certificate",
                    "is missing: certificate and key go together");
    }
  }

  Material Read(const FieldReader& owner, absl::string_view file_field, absl::string_view text_field) const {
    const std::string encoded = owner.String(text_field);
    if (encoded.empty()) return {.file = Path(owner.String(file_field))};
    Material material;
    if (!absl::Base64Unescape(encoded, &material.text) || !absl::StrContains(material.text, "-----BEGIN ")) {
      owner.Complain(text_field, "is not PEM in base64");
    }
    return material;
  }

  std::string Path(const std::string& text) const {
    return text.empty() ? "" : (directory_ / text).lexically_normal().string();
  }

  const FieldReader& root_;
  const std::filesystem::path directory_;
  ClientConfig config_;
};

}  // namespace

absl::StatusOr<ClientConfig> DecodeKubeconfig(absl::string_view text, const std::string& file) {
  if (text.size() > kTextFileBytesMax) {
    return Error(file, {0, absl::StrCat("larger than ", kTextFileBytesMax >> 20, " MiB: is it a kubeconfig?")});
  }
  absl::ConsumePrefix(&text, "\xef\xbb\xbf");  // a byte order mark
  if (const std::optional<size_t> at = FindForbiddenByte(text)) {
    const absl::string_view before = text.substr(0, *at);
    return Error(file, {1 + static_cast<int>(std::count(before.begin(), before.end(), '\n')),
                        "not text: a byte that is not UTF-8, or a control character"});
  }
  Value document;
  ParseError error;
  if (!ParseYamlDocument(text, 1, kLimits, &document, &error)) return Error(file, error);
  std::vector<ParseError> errors;
  const FieldReader root(document, "", &errors);
  ClientConfig config = Decoder(root, file).Decode();
  if (!errors.empty()) return Error(file, errors.front());
  return config;
}

absl::StatusOr<ClientConfig> ReadKubeconfig(const std::string& file) {
  const absl::StatusOr<TextFile> read = ReadTextFile(file);
  if (!read.ok()) return absl::Status(read.status().code(), absl::StrCat("kubeconfig: ", read.status().message()));
  return DecodeKubeconfig(read->text, file);
}

}  // namespace shunt::sources::kubernetes
