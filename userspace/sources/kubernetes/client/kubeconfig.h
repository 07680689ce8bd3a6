// SPDX-License-Identifier: Apache-2.0
// Reads kubeconfig files, as kubectl and kubeadm write them, for their current context.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_KUBECONFIG_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_KUBECONFIG_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/sources/kubernetes/client/client_config.h"

namespace shunt::sources::kubernetes {

// Decodes hostile input. `file` names the text in errors; paths in the text are relative to its directory. The files
// that it names are not read here: credentials.h follows them. Unknown fields and other contexts are ignored. As in
// client-go, embedded data takes precedence over a file of the same kind, except that tokenFile takes precedence over
// token. Returns kInvalidArgument, beginning with "FILE:", if the text is not YAML, is too large, has no current
// context, refers to a name that does not exist, or asks for an authentication that the agent does not have (a
// password, a command, a plugin, another identity).
absl::StatusOr<ClientConfig> DecodeKubeconfig(absl::string_view text, const std::string& file);

// Reads and decodes `file`. Returns the errors of ReadTextFile and DecodeKubeconfig.
absl::StatusOr<ClientConfig> ReadKubeconfig(const std::string& file);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_KUBECONFIG_H_
