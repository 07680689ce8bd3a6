// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/to_message.h"

#include "userspace/admin/utf8.h"

namespace shunt::admin {

v1::Protocol ToMessage(model::Protocol protocol) {
  switch (protocol) {
    case model::Protocol::kTcp:
      return v1::PROTOCOL_TCP;
    case model::Protocol::kUdp:
      return v1::PROTOCOL_UDP;
    case model::Protocol::kSctp:
      return v1::PROTOCOL_SCTP;
  }
  return v1::PROTOCOL_UNSPECIFIED;
}

v1::IpFamily ToMessage(model::IpFamily family) {
  return family == model::IpFamily::kV4 ? v1::IP_FAMILY_IPV4 : v1::IP_FAMILY_IPV6;
}

v1::ObjectName ToMessage(const model::ObjectName& name) {
  v1::ObjectName message;
  message.set_namespace_name(ValidUtf8(name.namespace_name));
  message.set_name(ValidUtf8(name.name));
  return message;
}

v1::SocketAddress ToMessage(const model::SocketAddress& address) {
  v1::SocketAddress message;
  if (address != model::SocketAddress{}) message.set_address(address.address.ToString());
  message.set_port(address.port);
  return message;
}

v1::SocketAddress ToMessage(const model::FrontendAddress& address) {
  v1::SocketAddress message;
  message.set_address(address.address.ToString());
  message.set_port(address.port);
  return message;
}

void SetMilliseconds(int64_t since_1970_ms, google::protobuf::Timestamp* timestamp) {
  timestamp->set_seconds(since_1970_ms / 1000);
  timestamp->set_nanos(static_cast<int32_t>(since_1970_ms % 1000) * 1'000'000);
}

void SetMilliseconds(int64_t ms, google::protobuf::Duration* duration) {
  duration->set_seconds(ms / 1000);
  duration->set_nanos(static_cast<int32_t>(ms % 1000) * 1'000'000);
}

}  // namespace shunt::admin
