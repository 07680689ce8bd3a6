// SPDX-License-Identifier: Apache-2.0
// The word to the service supervisor (systemd's notification protocol): a datagram to the socket that it named.
#ifndef SHUNT_AGENT_PROCESS_SERVICE_NOTIFY_H_
#define SHUNT_AGENT_PROCESS_SERVICE_NOTIFY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace shunt::agent {

// Sends `state` ("READY=1\nSTATUS=...") to `socket`, the value of $NOTIFY_SOCKET: a path, or an abstract name after
// '@'. OK without doing anything if it is empty: nobody asked.
absl::Status NotifySupervisor(const std::string& socket, absl::string_view state);

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_PROCESS_SERVICE_NOTIFY_H_
