// SPDX-License-Identifier: Apache-2.0
// Which Service holds a frontend, for the plans of the others that claim it. Hundreds of Services may claim one
// frontend: when its holder changes, one name is written, and all of their plans name the new holder.
#ifndef SHUNT_MODEL_FRONTEND_HOLDER_H_
#define SHUNT_MODEL_FRONTEND_HOLDER_H_

#include <memory>
#include <mutex>
#include <ostream>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "userspace/model/names.h"

namespace shunt::model {

// Names a Service, or none. Copies share the name. Name() and Rename() may be called in different threads at once.
class FrontendHolder {
 public:
  // No Service.
  FrontendHolder() = default;
  // No Service, if the name is empty.
  FrontendHolder(ObjectName name)  // NOLINT: it is a name
      : shared_(name.name.empty() ? nullptr : std::make_shared<Shared>(std::move(name))) {}
  FrontendHolder(std::string namespace_name, std::string name)
      : FrontendHolder(ObjectName{std::move(namespace_name), std::move(name)}) {}

  bool empty() const { return shared_ == nullptr; }
  // Returns the holder as it is now; an empty name if no Service is named.
  ObjectName Name() const;
  // All copies name `name` from now on. REQUIRES: !empty().
  void Rename(ObjectName name);

  // Compares the names.
  friend bool operator==(const FrontendHolder& a, const FrontendHolder& b) {
    return a.shared_ == b.shared_ || (!a.empty() && !b.empty() && a.Name() == b.Name());
  }
  friend std::ostream& operator<<(std::ostream& out, const FrontendHolder& holder) {
    return out << (holder.empty() ? "no Service" : holder.Name().ToString());
  }

 private:
  struct Shared {
    explicit Shared(ObjectName first) : name(std::move(first)) {}

    mutable std::mutex mutex;
    ObjectName name ABSL_GUARDED_BY(mutex);
  };

  std::shared_ptr<Shared> shared_;
};

}  // namespace shunt::model

#endif  // SHUNT_MODEL_FRONTEND_HOLDER_H_
