// SPDX-License-Identifier: Apache-2.0
// kubeconfig files: what kubectl and kubeadm write, read for the one context that is current.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_KUBECONFIG_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_KUBECONFIG_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/sources/kubernetes/client/client_config.h"

namespace shunt::sources::kubernetes {

// Takes hostile input. `file` names the text in errors; relative paths within are relative to its directory. The files
// that it refers to are not read here: they are followed (credentials.h). Fields that nobody here needs are ignored,
// other contexts are not looked at. As in client-go: data beats a file of the same thing, except that tokenFile beats
// token.
// kInvalidArgument, always beginning with "FILE:": not YAML, too large, no current context, a name that leads nowhere,
// or a way to authenticate that the agent does not have (a password, a command, a plugin, another identity).
absl::StatusOr<ClientConfig> DecodeKubeconfig(absl::string_view text, const std::string& file);

// Errors: those of ReadTextFile and DecodeKubeconfig.
absl::StatusOr<ClientConfig> ReadKubeconfig(const std::string& file);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_KUBECONFIG_H_
