// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/backend_message.h"

#include "userspace/admin/address_message.h"

namespace shunt::admin {

v1::Backend ToMessage(const report::BackendStatus& backend) {
  v1::Backend message;
  message.set_id(backend.id);
  *message.mutable_address() = ToMessage(backend.address);
  message.set_chosen(backend.chosen);
  for (const model::ObjectName& service : backend.services) *message.add_services() = ToMessage(service);
  return message;
}

}  // namespace shunt::admin
