// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/endpoint_slice_decoder.h"

#include "userspace/sources/api_rules.h"
#include "userspace/sources/manifest/metadata_decoder.h"

namespace shunt::sources {
namespace {

model::Endpoint DecodeEndpoint(const FieldReader& reader) {
  model::Endpoint endpoint;
  const std::vector<std::string> addresses = reader.Strings("addresses");
  if (!addresses.empty()) endpoint.address = addresses[0];
  const FieldReader conditions = reader.Map("conditions");
  endpoint.ready = conditions.Bool("ready");
  endpoint.serving = conditions.Bool("serving");
  endpoint.terminating = conditions.Bool("terminating");
  endpoint.node_name = reader.String("nodeName");
  endpoint.zone = reader.String("zone");
  const FieldReader target = reader.Map("targetRef");
  if (target.String("kind") == "Pod") endpoint.pod_name = target.String("name");
  const FieldReader hints = reader.Map("hints");
  for (const FieldReader& zone : hints.Maps("forZones")) endpoint.hint_zones.push_back(zone.String("name"));
  for (const FieldReader& node : hints.Maps("forNodes")) endpoint.hint_nodes.push_back(node.String("name"));
  return endpoint;
}

model::EndpointPort DecodePort(const FieldReader& reader) {
  model::EndpointPort port;
  // The API server stores a missing name as "", the name of an unnamed port.
  port.name = reader.String("name");
  const std::string protocol = reader.Choice("protocol", "TCP", {"TCP", "UDP", "SCTP"});
  port.protocol = ProtocolOf(protocol).value_or(model::Protocol::kTcp);
  if (reader.Has("port")) port.port = static_cast<uint16_t>(reader.Int("port", 0, 0, 65535));
  return port;
}

}  // namespace

model::EndpointSlice DecodeEndpointSlice(const FieldReader& object) {
  model::EndpointSlice slice;
  const FieldReader metadata = object.Map("metadata");
  slice.name = DecodeName(metadata, NameForm::kSubdomain);
  slice.uid = metadata.String("uid");
  slice.resource_version = metadata.String("resourceVersion");
  slice.labels = metadata.StringMap("labels");
  slice.annotations = metadata.StringMap("annotations");
  const std::string type = object.Choice("addressType", std::nullopt, {"IPv4", "IPv6", "FQDN"});
  slice.address_type = AddressTypeOf(type);
  for (const FieldReader& endpoint : object.Maps("endpoints")) slice.endpoints.push_back(DecodeEndpoint(endpoint));
  for (const FieldReader& port : object.Maps("ports")) slice.ports.push_back(DecodePort(port));
  return slice;
}

}  // namespace shunt::sources
