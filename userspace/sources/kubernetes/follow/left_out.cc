// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/follow/left_out.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace shunt::sources::kubernetes {
namespace {

std::string Describe(absl::string_view why) {
  return absl::StrCat("an object cannot be used and is left out; what was served of it before stays in force: ", why,
                      "; correct it, or update shuntd if it is older than the API server");
}

}  // namespace

void LeftOut::Add(const UnusableObject& object) {
  if (object.name.name.empty()) {
    ++nameless_;
    nameless_why_ = object.why;
  } else if (held_.size() < kHeldMax || held_.contains(object.name)) {
    held_[object.name] = object.why;
  } else {
    ++more_;
  }
}

std::vector<LeftOut::Description> LeftOut::Descriptions() const {
  std::vector<Description> descriptions;
  size_t told = 0;
  for (const auto& [name, why] : held_) {
    if (descriptions.size() == kToldMax) break;
    descriptions.push_back({name, Describe(why)});
    ++told;
  }
  if (nameless_ > 0) {
    descriptions.push_back(
        {{}, absl::StrCat(Describe(nameless_why_), "; its name is illegible, so objects that a list lacks are kept")});
    ++told;
  }
  if (count() > told) descriptions.push_back({{}, absl::StrCat("and ", count() - told, " more objects are left out")});
  return descriptions;
}

}  // namespace shunt::sources::kubernetes
