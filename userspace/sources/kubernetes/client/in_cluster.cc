// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/client/in_cluster.h"

#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "userspace/sources/kubernetes/client/server_url.h"
#include "userspace/sources/kubernetes/client/text_file.h"

namespace shunt::sources::kubernetes {
namespace {

constexpr char kServiceAccountDirectory[] = "/var/run/secrets/kubernetes.io/serviceaccount";

std::string Environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here calls setenv
  return value == nullptr ? "" : value;
}

}  // namespace

InClusterPlace InClusterPlace::OfProcess() {
  return {Environment("KUBERNETES_SERVICE_HOST"), Environment("KUBERNETES_SERVICE_PORT"), kServiceAccountDirectory};
}

absl::StatusOr<ClientConfig> ReadInCluster(const InClusterPlace& place) {
  if (place.host.empty() || place.port.empty()) {
    return absl::FailedPreconditionError(
        "no API server is configured, and this is not a pod (KUBERNETES_SERVICE_HOST and _PORT are not set): give "
        "--kubeconfig, --api-server, or --manifests to work without one");
  }
  const bool v6 = place.host.find(':') != std::string::npos;
  const std::string text = absl::StrCat("https://", v6 ? "[" : "", place.host, v6 ? "]:" : ":", place.port);
  const absl::StatusOr<ServerUrl> url = ParseServerUrl(text);
  if (!url.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("KUBERNETES_SERVICE_HOST and _PORT: ", url.status().message()));
  }
  ClientConfig config;
  config.origin = ClientConfig::Origin::kInCluster;
  config.servers.push_back({url->ToString(), ""});
  config.credentials = PodCredentials(place);
  // Without its CA a pod would trust the system's authorities, and so everybody who has bought a certificate.
  if (config.credentials.token.empty() || config.credentials.certificate_authority.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("this pod has no service account in ", place.directory, " (token and ca.crt): is ",
                     "automountServiceAccountToken false? Mount one, or give --kubeconfig"));
  }
  return config;
}

Credentials PodCredentials(const InClusterPlace& place) {
  Credentials credentials;
  const std::string token = absl::StrCat(place.directory, "/token");
  const std::string authority = absl::StrCat(place.directory, "/ca.crt");
  if (StampOf(token).has_value()) credentials.token.file = token;
  if (StampOf(authority).has_value()) credentials.certificate_authority.file = authority;
  return credentials;
}

}  // namespace shunt::sources::kubernetes
