// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "userspace/admin/to_message.h"
#include "userspace/admin/utf8.h"

namespace shunt::admin {
namespace {

v1::DeviceRole RoleOf(const std::optional<report::DeviceRole>& role) {
  if (!role.has_value()) return v1::DEVICE_ROLE_UNSPECIFIED;
  switch (*role) {
    case report::DeviceRole::kExternal:
      return v1::DEVICE_ROLE_EXTERNAL;
    case report::DeviceRole::kPod:
      return v1::DEVICE_ROLE_POD;
    case report::DeviceRole::kOverlay:
      return v1::DEVICE_ROLE_OVERLAY;
  }
  return v1::DEVICE_ROLE_UNSPECIFIED;
}

v1::DeviceHook HookOf(report::DeviceHook hook) {
  switch (hook) {
    case report::DeviceHook::kNone:
      return v1::DEVICE_HOOK_UNSPECIFIED;
    case report::DeviceHook::kTcx:
      return v1::DEVICE_HOOK_TCX;
    case report::DeviceHook::kClsact:
      return v1::DEVICE_HOOK_CLSACT;
  }
  return v1::DEVICE_HOOK_UNSPECIFIED;
}

}  // namespace

v1::Device ToMessage(const report::DeviceStatus& device) {
  v1::Device message;
  message.set_index(device.index);
  message.set_name(ValidUtf8(device.name));
  message.set_role(RoleOf(device.role));
  message.set_hook(HookOf(device.hook));
  message.set_wanted(device.wanted);
  message.set_in_force(device.in_force);
  if (device.source_v4.has_value()) message.set_source_v4(device.source_v4->ToString());
  if (device.source_v6.has_value()) message.set_source_v6(device.source_v6->ToString());
  message.set_mtu(device.mtu);
  message.set_why_not(ValidUtf8(device.why_not));
  return message;
}

}  // namespace shunt::admin
