// SPDX-License-Identifier: Apache-2.0
// A v1 Endpoints, as people write it by hand for a Service without selector, as the EndpointSlices that the cluster's
// EndpointSlice mirroring controller makes of it.
#ifndef SHUNT_SOURCES_MANIFEST_ENDPOINTS_DECODER_H_
#define SHUNT_SOURCES_MANIFEST_ENDPOINTS_DECODER_H_

#include <cstddef>
#include <vector>

#include "userspace/model/endpoint_slice.h"
#include "userspace/model/names.h"
#include "userspace/sources/document/field_reader.h"
#include "userspace/sources/document/value.h"

namespace shunt::sources {

// How many addresses of one subset are used, the ready ones first; the controller's default.
inline constexpr size_t kMirroredAddressesMax = 1000;

struct DecodedEndpoints {
  model::ObjectName name;  // the Service's, too
  // The slice in position N is named "endpoints/NAME/N", as no EndpointSlice can be. None if the object is one that the
  // controller passes over: a leader election's, or one with the label endpointslice.kubernetes.io/skip-mirror.
  std::vector<model::EndpointSlice> slices;
  int line = 0;  // on which it begins
};

// Decodes a v1 Endpoints, whatever its Service. What is wrong with it is noted by `object`; the result is unusable
// then. `warnings` gets what is legal and not used.
DecodedEndpoints DecodeEndpoints(const FieldReader& object, int line, std::vector<ParseError>* warnings);

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_ENDPOINTS_DECODER_H_
