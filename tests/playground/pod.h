// SPDX-License-Identifier: Apache-2.0
// A pod of the playground: a small real server that answers with its name.
#ifndef SHUNT_PLAYGROUND_POD_H_
#define SHUNT_PLAYGROUND_POD_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "userspace/model/names.h"
#include "userspace/model/service_plan.h"

namespace shunt::playground {

struct PodListener {
  model::SocketAddress address;
  model::Protocol protocol = model::Protocol::kTcp;

  friend auto operator<=>(const PodListener&, const PodListener&) = default;
};

struct Pod {
  std::string name;
  std::vector<PodListener> listeners;
};

// Convert from and to "10.0.0.1:53/UDP" or "[fd00::1]:80/TCP". Text without a protocol means TCP. ParseListener returns
// nullopt if the text is malformed.
std::string FormatListener(const PodListener& listener);
std::optional<PodListener> ParseListener(absl::string_view text);

// Serves until the process is killed. Answers every TCP line and every datagram with "NAME: " and what was sent, and an
// HTTP GET with a page of one line. Writes a byte to `ready_fd` and closes it once all listeners are open. Returns only
// on an error.
absl::Status ServePod(const Pod& pod, int ready_fd);

}  // namespace shunt::playground

#endif  // SHUNT_PLAYGROUND_POD_H_
