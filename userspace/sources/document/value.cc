// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/document/value.h"

namespace shunt::sources {

const Value* Value::Find(absl::string_view key) const {
  for (const Field& field : fields) {
    if (field.key == key) return field.value.kind == Kind::kNull ? nullptr : &field.value;
  }
  return nullptr;
}

}  // namespace shunt::sources
