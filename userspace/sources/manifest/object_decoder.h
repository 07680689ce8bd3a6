// SPDX-License-Identifier: Apache-2.0
// The objects that a parsed document describes: Services, EndpointSlices, Endpoints, Nodes and lists of them, with the
// defaults that the Kubernetes API would have filled in.
#ifndef SHUNT_SOURCES_MANIFEST_OBJECT_DECODER_H_
#define SHUNT_SOURCES_MANIFEST_OBJECT_DECODER_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "userspace/model/names.h"
#include "userspace/sources/document/value.h"
#include "userspace/sources/manifest/endpoints_decoder.h"
#include "userspace/sources/manifest/type_name.h"
#include "userspace/sources/object.h"

namespace shunt::sources {

struct DecodedObject {
  Object object;
  int line = 0;               // on which it begins
  bool has_selector = false;  // of a Service: its endpoints are not to be written by hand
};

// An error, and the object that is left out because of it.
struct ManifestError : ParseError {
  // "Service shop/cart", or "Service in document 2" if its name cannot be read; empty if it is about no object that is
  // read.
  std::string object = {};
  std::optional<model::ObjectName> service = {};  // the object's name, if it is a Service

  friend bool operator==(const ManifestError&, const ManifestError&) = default;
};

// An object of an API group that is read, whose kind that group does not have.
struct UnknownObject {
  TypeName type;
  model::ObjectName name;
  int line = 0;  // on which it begins
};

struct Manifest {
  std::vector<DecodedObject> objects;       // in file order
  std::vector<DecodedEndpoints> endpoints;  // likewise
  std::vector<UnknownObject> unknown;       // likewise: those with a name
  std::vector<ManifestError> errors;        // empty: the file is good as a whole
  std::vector<ParseError> warnings;         // what is not used of good objects
};

// Decodes `document`, the file's `number`th from 1, and appends what it finds to `manifest`. Lists (List, and the typed
// lists of what is read) are opened, also inside other lists. Objects of other kinds and unknown fields are skipped; a
// kind that is probably one of ours, misspelt, is an error. An object with an error is left out; the others are not
// affected.
void DecodeDocument(const Value& document, size_t number, Manifest* manifest);

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_OBJECT_DECODER_H_
