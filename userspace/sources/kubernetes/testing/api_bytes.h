// SPDX-License-Identifier: Apache-2.0
// The bytes that an API server would send, for tests that play one.
#ifndef SHUNT_SOURCES_KUBERNETES_TESTING_API_BYTES_H_
#define SHUNT_SOURCES_KUBERNETES_TESTING_API_BYTES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "userspace/sources/kubernetes/wire/api_error.h"
#include "userspace/sources/object.h"

namespace shunt::sources::kubernetes {

// Returns the object as a message of its own type.
std::string MessageOf(const Object& object);
// Returns the message in its envelope: "k8s\0" and a runtime.Unknown.
std::string Enveloped(absl::string_view api_version, absl::string_view kind, absl::string_view message);

// Returns the body of a list, or of a page of one. REQUIRES: all items are of that kind.
std::string ListBody(ObjectKind kind, const std::vector<Object>& items, absl::string_view version,
                     absl::string_view continue_token = "");
// Returns the body of a list that also has items of any bytes, in front of its good ones.
std::string ListBodyAround(ObjectKind kind, const std::vector<std::string>& messages, const std::vector<Object>& items,
                           absl::string_view version, absl::string_view continue_token = "");
// Return frames of a watch, length included. `type` is "ADDED", "MODIFIED" or "DELETED".
std::string EventFrame(absl::string_view type, const Object& object);
std::string BookmarkFrame(ObjectKind kind, absl::string_view version, bool initial_events_end = false);
std::string ErrorFrame(int code, absl::string_view reason, absl::string_view message);
// Likewise, around any bytes as the message of an object of `kind`.
std::string EventFrameAround(absl::string_view type, ObjectKind kind, absl::string_view message);
// Returns a frame around any enveloped object.
std::string Frame(absl::string_view type, absl::string_view enveloped);
// Returns the body of an answer that is not 200.
std::string StatusBody(const ApiError& error);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_TESTING_API_BYTES_H_
