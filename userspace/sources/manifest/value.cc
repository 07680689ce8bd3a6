// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/value.h"

namespace shunt::sources {

const Value* Value::Find(absl::string_view key) const {
  for (const auto& [name, value] : fields) {
    if (name == key) return value.kind == Kind::kNull ? nullptr : &value;
  }
  return nullptr;
}

}  // namespace shunt::sources
