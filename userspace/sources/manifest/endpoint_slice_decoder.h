// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_SOURCES_MANIFEST_ENDPOINT_SLICE_DECODER_H_
#define SHUNT_SOURCES_MANIFEST_ENDPOINT_SLICE_DECODER_H_

#include "userspace/model/endpoint_slice.h"
#include "userspace/sources/document/field_reader.h"

namespace shunt::sources {

// Decodes a discovery.k8s.io/v1 EndpointSlice. What is wrong with it is noted by `object`; the result is unusable then.
model::EndpointSlice DecodeEndpointSlice(const FieldReader& object);

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_ENDPOINT_SLICE_DECODER_H_
