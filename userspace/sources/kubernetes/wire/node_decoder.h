// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_SOURCES_KUBERNETES_WIRE_NODE_DECODER_H_
#define SHUNT_SOURCES_KUBERNETES_WIRE_NODE_DECODER_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/model/node.h"

namespace shunt::sources::kubernetes {

// Decodes a v1 Node, of which `message` is the complete message. Returns kInvalidArgument if it is not one,
// if no API server would store its name, or if it is larger than the caps allow.
absl::StatusOr<model::Node> DecodeNode(absl::string_view message);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_WIRE_NODE_DECODER_H_
