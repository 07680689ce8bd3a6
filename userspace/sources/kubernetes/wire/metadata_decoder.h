// SPDX-License-Identifier: Apache-2.0
// metadata of any object, reduced to what somebody reads.
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

// The labels and annotations that the planner, the model, health and metrics read. All others are dropped: in a large
// cluster they are most of an object.
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

// `message` is an ObjectMeta. kInvalidArgument: it is none.
absl::StatusOr<Metadata> DecodeMetadata(absl::string_view message);

// kInvalidArgument: not a name that the API server could have stored. Only a Node's namespace is empty.
absl::Status CheckName(const model::ObjectName& name, NameForm form, bool namespaced);
// `cause`, with the object that it is about.
absl::Status DecodeFailure(ObjectKind kind, const model::ObjectName& name, const absl::Status& cause);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_WIRE_METADATA_DECODER_H_
