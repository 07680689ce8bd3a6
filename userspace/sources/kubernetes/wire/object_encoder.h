// SPDX-License-Identifier: Apache-2.0
// Encodes values of the model as the API's messages: for the snapshot on disk, and for tests that play the API server.
// Decoding the result gives an equal value.
#ifndef SHUNT_SOURCES_KUBERNETES_WIRE_OBJECT_ENCODER_H_
#define SHUNT_SOURCES_KUBERNETES_WIRE_OBJECT_ENCODER_H_

#include "kubernetes/core.pb.h"
#include "kubernetes/discovery.pb.h"
#include "userspace/model/endpoint_slice.h"
#include "userspace/model/node.h"
#include "userspace/model/service.h"

namespace shunt::sources::kubernetes {

// REQUIRES: `message` is empty.
void EncodeService(const model::Service& service, ::shunt::kubernetes::Service* message);
void EncodeEndpointSlice(const model::EndpointSlice& slice, ::shunt::kubernetes::EndpointSlice* message);
void EncodeNode(const model::Node& node, ::shunt::kubernetes::Node* message);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_WIRE_OBJECT_ENCODER_H_
