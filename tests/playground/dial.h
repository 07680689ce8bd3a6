// SPDX-License-Identifier: Apache-2.0
// What a client sees: it dials, sends a line and reads which pod answers.
#ifndef SHUNT_PLAYGROUND_DIAL_H_
#define SHUNT_PLAYGROUND_DIAL_H_

#include <chrono>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "userspace/model/service_plan.h"

namespace shunt::playground {

struct Visit {
  int error = 0;                     // errno of the call that failed; if 0, everything below is set
  std::string failed_at;             // the call that failed, such as "connect"
  std::string pod;                   // the pod that answered
  model::SocketAddress peer;         // by getpeername (TCP), or the source of the answer (UDP)
  std::chrono::nanoseconds took{0};  // by connect, or by sendto for UDP

  bool Reached(absl::string_view by, const model::SocketAddress& as) const;
};

// Makes one connection, sends a line and reads a line.
Visit VisitTcp(const model::SocketAddress& to);
// Sends one datagram from an unconnected socket and reads the answer.
Visit VisitUdp(const model::SocketAddress& to);

// How often each pod answered, and each errno by its name.
using Tally = std::map<std::string, int>;
// Returns the key under which a visit is counted.
std::string TallyKey(const Visit& visit);

}  // namespace shunt::playground

#endif  // SHUNT_PLAYGROUND_DIAL_H_
