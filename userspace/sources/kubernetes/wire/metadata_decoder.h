// SPDX-License-Identifier: Apache-2.0
// The metadata of an object, reduced to the fields that the agent reads.
#ifndef SHUNT_SOURCES_KUBERNETES_WIRE_METADATA_DECODER_H_
#define SHUNT_SOURCES_KUBERNETES_WIRE_METADATA_DECODER_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/model/names.h"
#include "userspace/sources/dns_name.h"
#include "userspace/sources/object.h"

namespace shunt::sources::kubernetes {

// Return whether the planner, the model, health or metrics read this label or annotation. All others are dropped: in a
// large cluster they are most of an object.
bool IsKeptLabel(absl::string_view key);
bool IsKeptAnnotation(absl::string_view key);

struct Metadata {
  model::ObjectName name;
  std::string uid;
  std::string version;
  int64_t creation_time_s = 0;  // since 1970; 0: unknown
  bool deleting = false;
  bool initial_events_end = false;  // of a bookmark: everything that existed has been sent
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
};

// Decodes an ObjectMeta. Returns kInvalidArgument if it is malformed.
absl::StatusOr<Metadata> DecodeMetadata(absl::string_view message);

// Returns the name, namespace, uid and version of an object of which `message` is the message, each if it can be read:
// what follows it may be broken. A text longer than any that an API server stores is cut, and still longer than those.
Metadata SalvageMetadata(absl::string_view message);

// Returns kInvalidArgument if the API server could not have stored this name. Only a Node's namespace is empty.
absl::Status CheckName(const model::ObjectName& name, NameForm form, bool namespaced);
// Returns `cause` with the object that it is about, of which `message` is the message.
absl::Status DecodeFailure(ObjectKind kind, absl::string_view message, const absl::Status& cause);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_WIRE_METADATA_DECODER_H_
