// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/endpoints_decoder.h"

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/model/ip_address.h"
#include "userspace/sources/api_rules.h"
#include "userspace/sources/manifest/metadata_decoder.h"

namespace shunt::sources {
namespace {

constexpr char kServiceNameLabel[] = "kubernetes.io/service-name";
constexpr char kSkipMirrorLabel[] = "endpointslice.kubernetes.io/skip-mirror";
constexpr char kLeaderAnnotation[] = "control-plane.alpha.kubernetes.io/leader";
// Annotations that the controller does not copy.
constexpr char kTriggerTimeAnnotation[] = "endpoints.kubernetes.io/last-change-trigger-time";
constexpr char kLastAppliedAnnotation[] = "kubectl.kubernetes.io/last-applied-configuration";

// An address of a subset, and its family.
struct Address {
  model::Endpoint endpoint;
  model::AddressType type = model::AddressType::kIpv4;
};

bool IsMirrored(const std::map<std::string, std::string>& labels,
                const std::map<std::string, std::string>& annotations) {
  const auto skip = labels.find(kSkipMirrorLabel);
  return (skip == labels.end() || skip->second != "true") && !annotations.contains(kLeaderAnnotation);
}

model::EndpointPort DecodePort(const FieldReader& reader) {
  model::EndpointPort port;
  port.name = reader.String("name");
  const std::string protocol = reader.Choice("protocol", "TCP", {"TCP", "UDP", "SCTP"});
  port.protocol = ProtocolOf(protocol).value_or(model::Protocol::kTcp);
  if (!reader.Has("port")) reader.Complain("port", "is missing");
  port.port = static_cast<uint16_t>(reader.Int("port", 1, 1, 65535));
  return port;
}

Address DecodeAddress(const FieldReader& reader, bool ready) {
  Address address;
  std::string text = reader.String("ip");
  const std::optional<model::IpAddress> ip = model::IpAddress::Parse(text);
  if (!ip.has_value()) reader.Complain("ip", absl::StrCat("must be an IP address, not \"", text, "\""));
  address.endpoint.address = std::move(text);
  if (ip.has_value() && ip->family() == model::IpFamily::kV6) address.type = model::AddressType::kIpv6;
  address.endpoint.ready = ready;
  address.endpoint.node_name = reader.String("nodeName");
  const FieldReader target = reader.Map("targetRef");
  if (target.String("kind") == "Pod") address.endpoint.pod_name = target.String("name");
  return address;
}

// Returns the addresses that are used of one subset; `count` is set to how many it has.
std::vector<Address> DecodeAddresses(const FieldReader& subset, size_t* count) {
  std::vector<Address> used;
  *count = 0;
  for (const bool ready : {true, false}) {
    for (const FieldReader& reader : subset.Maps(ready ? "addresses" : "notReadyAddresses")) {
      Address address = DecodeAddress(reader, ready);
      if (++*count <= kMirroredAddressesMax) used.push_back(std::move(address));
    }
  }
  return used;
}

}  // namespace

DecodedEndpoints DecodeEndpoints(const FieldReader& object, int line, std::vector<ParseError>* warnings) {
  DecodedEndpoints decoded;
  decoded.line = line;
  const FieldReader metadata = object.Map("metadata");
  decoded.name = DecodeName(metadata, NameForm::kSubdomain);
  model::EndpointSlice common;
  common.uid = metadata.String("uid");
  common.resource_version = metadata.String("resourceVersion");
  common.labels = metadata.StringMap("labels");
  common.annotations = metadata.StringMap("annotations");
  const bool mirrored = IsMirrored(common.labels, common.annotations);
  common.labels[kServiceNameLabel] = decoded.name.name;
  common.annotations.erase(kTriggerTimeAnnotation);
  common.annotations.erase(kLastAppliedAnnotation);
  size_t position = 0;
  for (const FieldReader& subset : object.Maps("subsets")) {
    common.ports.clear();
    for (const FieldReader& port : subset.Maps("ports")) common.ports.push_back(DecodePort(port));
    size_t count = 0;
    const std::vector<Address> addresses = DecodeAddresses(subset, &count);
    if (count > kMirroredAddressesMax && mirrored) {
      warnings->push_back(
          {line, absl::StrCat("Endpoints ", decoded.name.ToString(), ": subsets[", position, "] has ", count,
                              " addresses: the first ", kMirroredAddressesMax, " are used, as in a cluster")});
    }
    ++position;
    for (const model::AddressType type : {model::AddressType::kIpv4, model::AddressType::kIpv6}) {
      model::EndpointSlice slice = common;
      slice.name = {decoded.name.namespace_name,
                    absl::StrCat("endpoints/", decoded.name.name, "/", decoded.slices.size())};
      slice.address_type = type;
      for (const Address& address : addresses) {
        if (address.type == type) slice.endpoints.push_back(address.endpoint);
      }
      if (mirrored && !slice.endpoints.empty()) decoded.slices.push_back(std::move(slice));
    }
  }
  return decoded;
}

}  // namespace shunt::sources
