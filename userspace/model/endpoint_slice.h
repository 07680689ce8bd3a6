// SPDX-License-Identifier: Apache-2.0
// An EndpointSlice of the Kubernetes API (discovery/v1), reduced to the fields that a service proxy reads.
#ifndef SHUNT_MODEL_ENDPOINT_SLICE_H_
#define SHUNT_MODEL_ENDPOINT_SLICE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "userspace/model/names.h"
#include "userspace/model/shared_text.h"

namespace shunt::model {

enum class AddressType : uint8_t { kIpv4, kIpv6, kFqdn };

struct Endpoint {
  SharedText address;  // addresses[0], the only one that counts; empty: the list was
  // Absent is not false: an absent `ready` or `serving` means true, an absent `terminating` false.
  std::optional<bool> ready;
  std::optional<bool> serving;
  std::optional<bool> terminating;
  SharedText node_name;  // empty: never local
  SharedText zone;
  SharedText pod_name;                 // targetRef.name when targetRef.kind is Pod
  std::vector<SharedText> hint_zones;  // hints.forZones
  std::vector<SharedText> hint_nodes;  // hints.forNodes

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct EndpointPort {
  // Absent (nil) is skipped by the planner; empty is the name of an unnamed port.
  std::optional<std::string> name;
  Protocol protocol = Protocol::kTcp;
  std::optional<uint16_t> port;  // absent or 0: skipped

  friend bool operator==(const EndpointPort&, const EndpointPort&) = default;
};

struct EndpointSlice {
  ObjectName name;
  std::string uid;
  std::string resource_version;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  AddressType address_type = AddressType::kIpv4;
  std::vector<Endpoint> endpoints;
  std::vector<EndpointPort> ports;

  // The Service it belongs to: label kubernetes.io/service-name in the slice's own namespace. Empty name
  // if the label is missing or empty; the slice then belongs to nobody.
  ObjectName ServiceName() const;

  friend bool operator==(const EndpointSlice&, const EndpointSlice&) = default;
};

}  // namespace shunt::model

#endif  // SHUNT_MODEL_ENDPOINT_SLICE_H_
