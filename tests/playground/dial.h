// SPDX-License-Identifier: Apache-2.0
// What a client sees: it dials, says something and looks who answers.
#ifndef SHUNT_PLAYGROUND_DIAL_H_
#define SHUNT_PLAYGROUND_DIAL_H_

#include <chrono>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "userspace/model/service_plan.h"

namespace shunt::playground {

struct Visit {
  int error = 0;                     // errno of the call that failed; 0: everything below is set
  std::string failed_at;             // that call: "connect"
  std::string pod;                   // who answered
  model::SocketAddress peer;         // TCP: getpeername; UDP: the source of the answer
  std::chrono::nanoseconds took{0};  // of connect, or of sendto for UDP

  bool Reached(absl::string_view by, const model::SocketAddress& as) const;
};

// One connection, one line there, one line back.
Visit VisitTcp(const model::SocketAddress& to);
// One datagram from an unconnected socket, and its answer.
Visit VisitUdp(const model::SocketAddress& to);

// How often each pod answered; failures stand under the name of their errno.
using Tally = std::map<std::string, int>;
// The key under which a visit is counted.
std::string TallyKey(const Visit& visit);

}  // namespace shunt::playground

#endif  // SHUNT_PLAYGROUND_DIAL_H_
