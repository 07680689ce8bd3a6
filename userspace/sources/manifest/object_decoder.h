// SPDX-License-Identifier: Apache-2.0
// From a parsed document to the objects that it describes: Service, EndpointSlice, Node, and lists of them, with
// the defaults that the Kubernetes API would have filled in.
#ifndef SHUNT_SOURCES_MANIFEST_OBJECT_DECODER_H_
#define SHUNT_SOURCES_MANIFEST_OBJECT_DECODER_H_

#include <string>
#include <variant>
#include <vector>

#include "userspace/model/endpoint_slice.h"
#include "userspace/model/node.h"
#include "userspace/model/service.h"
#include "userspace/sources/manifest/field_reader.h"
#include "userspace/sources/manifest/value.h"
#include "userspace/sources/source.h"

namespace shunt::sources {

using Object = std::variant<model::Service, model::EndpointSlice, model::Node>;

struct DecodedObject {
  Object object;
  int line = 0;
};

ObjectKind KindOf(const Object& object);
// A Node's namespace is empty.
model::ObjectName NameOf(const Object& object);

// Decodes `document`, appending to both. Lists (kind List, ServiceList, ...) are opened, nested or not. Objects of other kinds
// are none of ours and are passed over. An object with an error is not appended.
void DecodeDocument(const Value& document, std::vector<DecodedObject>* objects, std::vector<ParseError>* errors);

// The kinds one by one; REQUIRES: the reader stands on the object itself.
model::Service DecodeService(const FieldReader& object);
model::EndpointSlice DecodeEndpointSlice(const FieldReader& object);
model::Node DecodeNode(const FieldReader& object);

// metadata.name and namespace of a namespaced object, checked to be DNS labels or subdomains of at most
// `name_length_max` characters; the namespace defaults to "default".
model::ObjectName DecodeName(const FieldReader& object, size_t name_length_max);

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_OBJECT_DECODER_H_
