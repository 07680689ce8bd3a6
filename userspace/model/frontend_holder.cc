// SPDX-License-Identifier: Apache-2.0
#include "userspace/model/frontend_holder.h"

namespace shunt::model {

ObjectName FrontendHolder::Name() const {
  if (empty()) return {};
  const std::lock_guard lock(shared_->mutex);
  return shared_->name;
}

void FrontendHolder::Rename(ObjectName name) {
  const std::lock_guard lock(shared_->mutex);
  shared_->name = std::move(name);
}

}  // namespace shunt::model
