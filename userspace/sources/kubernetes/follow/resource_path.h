// SPDX-License-Identifier: Apache-2.0
// The requests for each resource. They ask for exactly the objects that kube-proxy asks for.
#ifndef SHUNT_SOURCES_KUBERNETES_FOLLOW_RESOURCE_PATH_H_
#define SHUNT_SOURCES_KUBERNETES_FOLLOW_RESOURCE_PATH_H_

#include <chrono>
#include <string>

#include "absl/strings/string_view.h"
#include "userspace/sources/object.h"

namespace shunt::sources::kubernetes {

// Returns "services", "endpointslices" or "nodes": the resource in paths and in RBAC rules.
absl::string_view ResourceName(ObjectKind kind);
// Returns "" (core) or "discovery.k8s.io": the group in RBAC rules.
absl::string_view ApiGroup(ObjectKind kind);

// Lists and watches of one resource in the whole cluster: Services and EndpointSlices without the label that excludes
// an object of the kind from service proxies, and of the Nodes only `node_name`. All results are targets of an
// HttpRequest.
class ResourcePath {
 public:
  ResourcePath(ObjectKind kind, absl::string_view node_name);

  // Asks for the state in the server's cache, which may be old.
  std::string AnyList() const;
  // Asks for a state that is not older than `version`: the server answers from its cache, or refuses if that does not
  // know `version` yet.
  std::string ListNotOlderThan(absl::string_view version) const;
  // Asks the same for next to nothing, which shows whether the server knows `version`: this node's Node, or what a
  // namespace of the cluster's own has. A `limit` would be cheap too, but is answered by etcd before 1.33, not from the
  // cache, and after a restart of an API server all nodes ask.
  std::string Probe(absl::string_view version) const;
  // Asks for the newest state, which a majority of etcd confirms. A `page` of 0 asks for all of it in one answer.
  std::string ConsistentList(int page) const;
  std::string NextPage(int page, absl::string_view continue_token) const;
  std::string Watch(absl::string_view version, std::chrono::seconds timeout) const;

 private:
  std::string base_;   // path and selector
  std::string probe_;  // likewise
};

// Returns whether both are decimal numbers and `version` is the smaller one; of anything else nothing is known.
// Kubernetes promises this order of resourceVersions for its own resources since 1.35 (KEP-5504) and had it before.
// Nothing depends on it: it only catches a server that answers with something older than it was asked for.
bool IsOlder(absl::string_view version, absl::string_view than);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_FOLLOW_RESOURCE_PATH_H_
