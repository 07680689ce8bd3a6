// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/metadata_decoder.h"

namespace shunt::sources {

model::ObjectName DecodeName(const FieldReader& metadata, NameForm form) {
  return {metadata.Name("namespace", NameForm::kLabel, "default"), metadata.Name("name", form)};
}

}  // namespace shunt::sources
