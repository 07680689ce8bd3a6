// SPDX-License-Identifier: Apache-2.0
// Addresses and names as messages.
#ifndef SHUNT_ADMIN_ADDRESS_MESSAGE_H_
#define SHUNT_ADMIN_ADDRESS_MESSAGE_H_

#include "shunt/admin/v1/address.pb.h"
#include "userspace/model/names.h"
#include "userspace/model/service_plan.h"

namespace shunt::admin {

v1::Protocol ToMessage(model::Protocol protocol);
v1::IpFamily ToMessage(model::IpFamily family);
v1::ObjectName ToMessage(const model::ObjectName& name);
// A SocketAddress that was never set has an empty address in its message.
v1::SocketAddress ToMessage(const model::SocketAddress& address);
v1::SocketAddress ToMessage(const model::FrontendAddress& address);

}  // namespace shunt::admin

#endif  // SHUNT_ADMIN_ADDRESS_MESSAGE_H_
