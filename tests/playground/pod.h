// SPDX-License-Identifier: Apache-2.0
// A pod of the playground: a small real server that says who it is.
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

// "10.0.0.1:53/UDP", "[fd00::1]:80/TCP", and back. Without a protocol it is TCP. nullopt: it is none.
std::string FormatListener(const PodListener& listener);
std::optional<PodListener> ParseListener(absl::string_view text);

// Serves until the process is killed. Every line that comes over TCP, and every datagram, is answered by
// "NAME: what was sent"; an HTTP GET by a page of one line. Writes a byte to `ready_fd` and closes it once all
// listeners are open. Returns only on an error.
absl::Status ServePod(const Pod& pod, int ready_fd);

}  // namespace shunt::playground

#endif  // SHUNT_PLAYGROUND_POD_H_
