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
  SharedText address;  // addresses[0], the only one that counts; empty if the list is empty
  // An absent `ready` or `serving` means true, an absent `terminating` means false.
  std::optional<bool> ready;
  std::optional<bool> serving;
  std::optional<bool> terminating;
  SharedText node_name;  // empty if unknown: then it is never local
  SharedText zone;
  SharedText pod_name;                 // targetRef.name when targetRef.kind is Pod
  std::vector<SharedText> hint_zones;  // hints.forZones
  std::vector<SharedText> hint_nodes;  // hints.forNodes

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct EndpointPort {
  // Empty is the name of an unnamed port; the planner skips a port with an absent name, or with an absent or 0 number.
  std::optional<std::string> name;
  Protocol protocol = Protocol::kTcp;
  std::optional<uint16_t> port;

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

  // Returns the Service that the slice belongs to, by its label kubernetes.io/service-name and its own namespace; an
  // empty name if the label is missing or empty.
  ObjectName ServiceName() const;

  friend bool operator==(const EndpointSlice&, const EndpointSlice&) = default;
};

}  // namespace shunt::model

#endif  // SHUNT_MODEL_ENDPOINT_SLICE_H_
