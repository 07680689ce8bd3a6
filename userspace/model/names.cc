// SPDX-License-Identifier: Apache-2.0
#include "userspace/model/names.h"

namespace shunt::model {

absl::string_view ProtocolName(Protocol protocol) {
  switch (protocol) {
    case Protocol::kTcp:
      return "TCP";
    case Protocol::kUdp:
      return "UDP";
    case Protocol::kSctp:
      return "SCTP";
  }
  return "unknown";
}

std::optional<Protocol> ParseProtocol(absl::string_view name) {
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp}) {
    if (name == ProtocolName(protocol)) return protocol;
  }
  return std::nullopt;
}

}  // namespace shunt::model
