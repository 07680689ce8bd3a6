// SPDX-License-Identifier: Apache-2.0
// The cluster as this node knows it, and which Services have changed since they were last taken.
#ifndef SHUNT_SOURCES_CLUSTER_STORE_H_
#define SHUNT_SOURCES_CLUSTER_STORE_H_

#include <cstddef>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "userspace/model/endpoint_slice.h"
#include "userspace/model/ip_address.h"
#include "userspace/model/node.h"
#include "userspace/model/service.h"
#include "userspace/sources/source.h"

namespace shunt::sources {

// All objects at one moment. They never change, so a view may be read in another thread for as long as it is kept.
struct ClusterView {
  std::vector<std::shared_ptr<const model::Service>> services;
  std::vector<std::shared_ptr<const model::EndpointSlice>> slices;
  std::shared_ptr<const model::Node> node;  // this node's; null if no source has delivered it
};

// Not thread-safe: the loop owns it and applies the sources' events. The Service of a slice is taken from the stored
// object, not from the event, so that a slice that changes its Service also leaves the old one. The work for one event
// does not depend on the size of the cluster.
class ClusterStore {
 public:
  explicit ClusterStore(std::string node_name);

  void Apply(Event event);

  // Marks the Services that have this ClusterIP as changed, for a reason outside the objects. Costs a look-up.
  void MarkClusterIpChanged(const model::IpAddress& cluster_ip);
  // Returns the Services whose plan may have changed since the last call, in name order, including removed ones. A
  // change of this node's object may change every plan, and is for the caller to see.
  std::vector<model::ObjectName> TakeChanged();

  // Returns null if there is none. Pointers are valid until the next Apply.
  const model::Service* FindService(const model::ObjectName& name) const;
  // Returns the Service's slices, ordered by name, also if the Service itself is missing. If there are more than `max`,
  // only the first ones: the work does not depend on how many more there are.
  std::vector<const model::EndpointSlice*> SlicesOf(const model::ObjectName& service,
                                                    size_t max = std::numeric_limits<size_t>::max()) const;
  // Returns this node's object, or null if no source has delivered it.
  const model::Node* ThisNode() const;
  // Returns the names of all Nodes that sources have delivered, in order.
  const std::set<std::string>& NodeNames() const { return node_names_; }
  // Returns all objects in no particular order. Costs one pointer per object.
  ClusterView View() const;

 private:
  void Put(model::Service service);
  void Put(model::EndpointSlice slice);
  void Put(model::Node node);
  void DropSlice(const model::ObjectName& name);
  void IndexClusterIps(const model::Service& service);
  void UnindexClusterIps(const model::Service& service);

  std::string node_name_;
  absl::flat_hash_map<model::ObjectName, std::shared_ptr<const model::Service>> services_;
  absl::flat_hash_map<model::ObjectName, std::shared_ptr<const model::EndpointSlice>> slices_;
  // The Services that have a ClusterIP, mostly one; they point into services_.
  absl::flat_hash_map<model::IpAddress, absl::InlinedVector<const model::Service*, 1>> by_cluster_ip_;
  // Service -> its slices by name; they point into slices_.
  absl::flat_hash_map<model::ObjectName, std::map<std::string, const model::EndpointSlice*>> slices_of_;
  std::shared_ptr<const model::Node> node_;
  std::set<std::string> node_names_;
  absl::flat_hash_set<model::ObjectName> changed_;
};

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_CLUSTER_STORE_H_
