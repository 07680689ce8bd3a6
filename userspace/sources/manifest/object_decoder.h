// SPDX-License-Identifier: Apache-2.0
// From a parsed document to the objects that it describes: Service, EndpointSlice, Node, and lists of them, with
// the defaults that the Kubernetes API would have filled in.
#ifndef SHUNT_SOURCES_MANIFEST_OBJECT_DECODER_H_
#define SHUNT_SOURCES_MANIFEST_OBJECT_DECODER_H_

#include <vector>

#include "userspace/model/endpoint_slice.h"
#include "userspace/model/node.h"
#include "userspace/model/service.h"
#include "userspace/sources/dns_name.h"
#include "userspace/sources/document/field_reader.h"
#include "userspace/sources/document/value.h"
#include "userspace/sources/object.h"

namespace shunt::sources {

struct DecodedObject {
  Object object;
  int line = 0;  // on which it begins
};

// Decodes `document`, appending to both. Lists (List, ServiceList, EndpointSliceList, NodeList) are opened, nested
// or not. Objects of other kinds are none of ours and are passed over; so are unknown fields. An object with an
// error is not appended, and costs no other.
void DecodeDocument(const Value& document, std::vector<DecodedObject>* objects, std::vector<ParseError>* errors);

// The kinds one by one; the reader stands on the object itself. What they return is of no use if they complained.
model::Service DecodeService(const FieldReader& object);
model::EndpointSlice DecodeEndpointSlice(const FieldReader& object);
model::Node DecodeNode(const FieldReader& object);

// Name and namespace, which defaults to "default", of the object whose metadata this is.
model::ObjectName DecodeName(const FieldReader& metadata, NameForm form);

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_OBJECT_DECODER_H_
