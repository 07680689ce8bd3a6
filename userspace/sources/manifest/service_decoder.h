// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_SOURCES_MANIFEST_SERVICE_DECODER_H_
#define SHUNT_SOURCES_MANIFEST_SERVICE_DECODER_H_

#include "userspace/model/service.h"
#include "userspace/sources/document/field_reader.h"

namespace shunt::sources {

// Decodes a v1 Service. What is wrong with it is noted by `object`; the result is unusable then.
model::Service DecodeService(const FieldReader& object);

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_SERVICE_DECODER_H_
