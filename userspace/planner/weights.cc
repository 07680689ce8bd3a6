// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/weights.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "userspace/planner/alias_table.h"

namespace shunt::planner {
namespace {

constexpr char kSliceAnnotation[] = "shunt-lb.io/weight";
constexpr char kServiceAnnotation[] = "shunt-lb.io/endpoint-weights";
constexpr char kExpectation[] = "expected an integer from 0 to 1000000";
// The Kubernetes API's limit on all annotations of an object together.
constexpr size_t kAnnotationBytesMax = 256 * 1024;

std::optional<uint32_t> WeightFromText(absl::string_view text) {
  uint32_t weight = 0;
  // SimpleAtoi alone would take signs and white space.
  if (!std::all_of(text.begin(), text.end(), absl::ascii_isdigit) || !absl::SimpleAtoi(text, &weight)) {
    return std::nullopt;
  }
  return weight <= kWeightMax ? std::optional(weight) : std::nullopt;
}

std::optional<uint32_t> WeightFromJson(const nlohmann::json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  const uint64_t weight = value.get<uint64_t>();
  return weight <= kWeightMax ? std::optional(static_cast<uint32_t>(weight)) : std::nullopt;
}

template <typename Map, typename Key>
const uint32_t* Find(const Map& map, const Key& key) {
  if (map.empty()) return nullptr;
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

uint32_t SliceWeight(const model::EndpointSlice& slice, Warnings& warnings) {
  if (slice.annotations.empty()) return kWeightDefault;
  const auto annotation = slice.annotations.find(kSliceAnnotation);
  if (annotation == slice.annotations.end()) return kWeightDefault;
  const std::optional<uint32_t> weight = WeightFromText(annotation->second);
  if (weight) return *weight;
  warnings.Add(absl::StrCat("EndpointSlice ", slice.name.name, ": annotation ", kSliceAnnotation, " is ",
                            Quoted(annotation->second), ", ", kExpectation, ": weight ", kWeightDefault, " is used"));
  return kWeightDefault;
}

EndpointWeights::EndpointWeights(const model::Service& service, Warnings& warnings) {
  if (service.annotations.empty()) return;
  const auto annotation = service.annotations.find(kServiceAnnotation);
  if (annotation == service.annotations.end()) return;
  const auto refuse = [&](absl::string_view what, absl::string_view consequence) {
    warnings.Add(absl::StrCat("annotation ", kServiceAnnotation, ": ", what, ": ", consequence));
  };
  if (annotation->second.size() > kAnnotationBytesMax) {
    refuse(absl::StrCat("longer than ", kAnnotationBytesMax, " bytes"), "the annotation is ignored");
    return;
  }
  const nlohmann::json map = nlohmann::json::parse(annotation->second, nullptr, /*allow_exceptions=*/false);
  if (!map.is_object()) {
    refuse("not a JSON object", "the annotation is ignored");
    return;
  }
  for (const auto& [key, value] : map.items()) {
    const std::optional<uint32_t> weight = WeightFromJson(value);
    if (!weight) {
      refuse(absl::StrCat("the value of ", Quoted(key), " is not a weight, ", kExpectation), "the entry is ignored");
    } else if (!Insert(key, *weight)) {
      refuse(absl::StrCat("key ", Quoted(key), ", expected an IP address, pod/NAME, node/NAME or zone/NAME"),
             "the entry is ignored");
    }
  }
}

bool EndpointWeights::Insert(absl::string_view key, uint32_t weight) {
  const struct {
    absl::string_view prefix;
    ByName* map;
  } kinds[] = {{"pod/", &by_pod_}, {"node/", &by_node_}, {"zone/", &by_zone_}};
  for (const auto& kind : kinds) {
    absl::string_view name = key;
    if (!absl::ConsumePrefix(&name, kind.prefix)) continue;
    if (name.empty()) return false;
    (*kind.map)[name] = weight;
    empty_ = false;
    return true;
  }
  const std::optional<model::IpAddress> address = model::IpAddress::Parse(key);
  if (!address) return false;
  by_address_[*address] = weight;
  empty_ = false;
  return true;
}

uint32_t EndpointWeights::Of(const model::IpAddress& address, const model::Endpoint& endpoint,
                             uint32_t slice_weight) const {
  if (empty_) return slice_weight;
  if (const uint32_t* weight = Find(by_address_, address)) return *weight;
  if (const uint32_t* weight = Find(by_pod_, endpoint.pod_name.view())) return *weight;
  if (const uint32_t* weight = Find(by_node_, endpoint.node_name.view())) return *weight;
  if (const uint32_t* weight = Find(by_zone_, endpoint.zone.view())) return *weight;
  return slice_weight;
}

}  // namespace shunt::planner
