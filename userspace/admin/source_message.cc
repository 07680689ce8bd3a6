// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/to_message.h"
#include "userspace/admin/utf8.h"

namespace shunt::admin {
namespace {

v1::SourceResource ToMessage(const report::ReflectorStatus& reflector) {
  v1::SourceResource message;
  message.set_resource(ValidUtf8(reflector.resource));
  message.set_synced(reflector.synced);
  message.set_objects(reflector.objects);
  message.set_resource_version(ValidUtf8(reflector.resource_version));
  if (reflector.current_as_of_ms != 0) SetMilliseconds(reflector.current_as_of_ms, message.mutable_confirmed_time());
  if (reflector.last_event_time_ms != 0) {
    SetMilliseconds(reflector.last_event_time_ms, message.mutable_last_event_time());
  }
  message.set_relists(reflector.relists);
  message.set_watch_starts(reflector.watch_starts);
  message.set_stalls(reflector.stalls);
  message.set_errors(reflector.errors);
  message.set_rejected_objects(reflector.rejected_objects);
  message.set_list_held_back(reflector.list_held_back);
  message.set_removals_held_back(reflector.removals_held_back);
  message.set_last_error(ValidUtf8(reflector.last_error));
  message.set_objects_left_out(reflector.objects_left_out);
  return message;
}

}  // namespace

v1::SourceState ToMessage(const report::SourceStatus& status) {
  v1::SourceState message;
  message.set_server(ValidUtf8(status.server));
  message.set_reachable(status.reachable);
  for (const report::ReflectorStatus& reflector : status.reflectors) *message.add_resources() = ToMessage(reflector);
  if (status.snapshot_time_ms != 0) SetMilliseconds(status.snapshot_time_ms, message.mutable_snapshot_time());
  return message;
}

}  // namespace shunt::admin
