// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/api_rules.h"
#include "userspace/sources/manifest/object_decoder.h"

namespace shunt::sources {

model::Node DecodeNode(const FieldReader& object) {
  model::Node node;
  const FieldReader metadata = object.Map("metadata");
  node.name = metadata.Name("name", NameForm::kSubdomain);
  node.resource_version = metadata.String("resourceVersion");
  node.labels = metadata.StringMap("labels");
  node.deleting = !metadata.String("deletionTimestamp").empty();
  for (const FieldReader& taint : object.Map("spec").Maps("taints")) node.taint_keys.push_back(taint.String("key"));
  NodeAddressOrder addresses;
  for (const FieldReader& address : object.Map("status").Maps("addresses")) {
    addresses.Add(address.String("type"), address.String("address"));
  }
  node.addresses = addresses.Take();
  return node;
}

}  // namespace shunt::sources
