// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_SOURCES_MANIFEST_METADATA_DECODER_H_
#define SHUNT_SOURCES_MANIFEST_METADATA_DECODER_H_

#include "userspace/model/names.h"
#include "userspace/sources/dns_name.h"
#include "userspace/sources/document/field_reader.h"

namespace shunt::sources {

// Returns the name and the namespace, which defaults to "default", of the object that has this metadata. `form` is that
// of its kind's names.
model::ObjectName DecodeName(const FieldReader& metadata, NameForm form);

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_METADATA_DECODER_H_
