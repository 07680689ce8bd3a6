// SPDX-License-Identifier: Apache-2.0
// The objects that a parsed document describes: Services, EndpointSlices, Nodes and lists of them, with the defaults
// that the Kubernetes API would have filled in.
#ifndef SHUNT_SOURCES_MANIFEST_OBJECT_DECODER_H_
#define SHUNT_SOURCES_MANIFEST_OBJECT_DECODER_H_

#include <vector>

#include "userspace/sources/document/value.h"
#include "userspace/sources/object.h"

namespace shunt::sources {

struct DecodedObject {
  Object object;
  int line = 0;  // on which it begins
};

// Decodes `document` and appends what it finds to `objects` and `errors`. Lists (List, ServiceList, EndpointSliceList,
// NodeList) are opened, also inside other lists. Objects of other kinds and unknown fields are skipped. An object with
// an error is left out; the others are not affected.
void DecodeDocument(const Value& document, std::vector<DecodedObject>* objects, std::vector<ParseError>* errors);

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_OBJECT_DECODER_H_
