// SPDX-License-Identifier: Apache-2.0
// Notifies the service manager that started the agent (systemd's sd_notify protocol).
#ifndef SHUNT_AGENT_PROCESS_SERVICE_NOTIFY_H_
#define SHUNT_AGENT_PROCESS_SERVICE_NOTIFY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace shunt::agent {

// Sends `state` ("READY=1\nSTATUS=...") as one datagram to `socket`, the value of $NOTIFY_SOCKET: an absolute path, or
// an abstract name after '@'. Does nothing and returns OK if `socket` is empty: no service manager waits. Returns
// kInvalidArgument if `socket` is not such an address, and the system's error if the datagram cannot be sent.
absl::Status NotifySupervisor(const std::string& socket, absl::string_view state);

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_PROCESS_SERVICE_NOTIFY_H_
