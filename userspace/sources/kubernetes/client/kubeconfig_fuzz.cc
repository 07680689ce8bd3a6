// SPDX-License-Identifier: Apache-2.0
// Any bytes as a kubeconfig, a server's URL and a token: an error, or values that keep what their headers promise.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/match.h"
#include "userspace/sources/kubernetes/client/credentials.h"
#include "userspace/sources/kubernetes/client/kubeconfig.h"
#include "userspace/sources/kubernetes/client/server_url.h"

namespace {

using namespace shunt::sources::kubernetes;  // NOLINT(google-build-using-namespace): a fuzz target of that room

void Require(bool holds) {
  if (!holds) std::abort();
}

void CheckKubeconfig(absl::string_view text) {
  const absl::StatusOr<ClientConfig> config = DecodeKubeconfig(text, "/etc/fuzz.conf");
  if (!config.ok()) {
    Require(absl::StartsWith(config.status().message(), "/etc/fuzz.conf:"));
    return;
  }
  Require(config->servers.size() == 1 && ParseServerUrl(config->servers[0].url).ok());
  const Credentials& credentials = config->credentials;
  Require(credentials.client_certificate.empty() == credentials.client_key.empty());
  Require(!config->skip_tls_verification || credentials.certificate_authority.empty());
}

void CheckServerUrl(absl::string_view text) {
  const absl::StatusOr<ServerUrl> url = ParseServerUrl(text);
  if (!url.ok()) return;
  const absl::StatusOr<ServerUrl> again = ParseServerUrl(url->ToString());
  Require(again.ok() && *again == *url);
}

void CheckToken(absl::string_view text) {
  CredentialReader reader({.token = {.text = std::string(text)}});
  const absl::StatusOr<CredentialTexts> texts = reader.Read();
  if (texts.ok()) Require(std::none_of(texts->token.begin(), texts->token.end(), [](char c) { return c == '\n'; }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(bytes), size);
  CheckKubeconfig(text);
  CheckServerUrl(text);
  CheckToken(text);
  return 0;
}
