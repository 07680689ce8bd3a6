// SPDX-License-Identifier: Apache-2.0
// What a staged change has taken and not published yet.
#ifndef SHUNT_DATAPATH_RESERVATION_H_
#define SHUNT_DATAPATH_RESERVATION_H_

#include <concepts>
#include <utility>
#include <vector>

#include "userspace/datapath/resource.h"

namespace shunt::datapath {

// Holds one resource that was taken from its owner, or nothing. Move-only. It ends in one of three ways:
//  - GiveBack, or the destructor: the owner has the resource again at once, because no program can have seen it.
//  - Retire: the resource may be written, so it becomes free after a grace period.
//  - Keep: the resource is published, and the caller records it.
// `Owner` has a member GiveBack that takes a Resource. The owner must outlive the reservation. Not thread-safe.
template <typename Owner, typename Resource>
class Reserved {
 public:
  Reserved() = default;
  Reserved(Owner& owner, Resource resource) : owner_(&owner), resource_(std::move(resource)) {}
  Reserved(Reserved&& other) noexcept
      : owner_(std::exchange(other.owner_, nullptr)), resource_(std::exchange(other.resource_, {})) {}
  Reserved& operator=(Reserved&& other) noexcept {
    if (this == &other) return *this;
    GiveBack();
    owner_ = std::exchange(other.owner_, nullptr);
    resource_ = std::exchange(other.resource_, {});
    return *this;
  }
  ~Reserved() { GiveBack(); }

  bool held() const { return owner_ != nullptr; }
  // The resource; a default one if nothing is held.
  const Resource& operator*() const { return resource_; }
  const Resource* operator->() const { return &resource_; }

  // These three do nothing if nothing is held. Afterwards nothing is held.
  void GiveBack() {
    if (Owner* const owner = std::exchange(owner_, nullptr)) owner->GiveBack(std::exchange(resource_, {}));
  }
  void Retire(std::vector<Retired>& retired)
    requires std::constructible_from<Retired, Resource>
  {
    if (std::exchange(owner_, nullptr) != nullptr) retired.emplace_back(std::exchange(resource_, {}));
  }
  Resource Keep() {
    owner_ = nullptr;
    return std::exchange(resource_, {});
  }

 private:
  Owner* owner_ = nullptr;
  Resource resource_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_RESERVATION_H_
