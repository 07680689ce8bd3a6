// SPDX-License-Identifier: Apache-2.0
// What is asked of the API server for each resource: exactly the objects that kube-proxy asks for.
#ifndef SHUNT_SOURCES_KUBERNETES_FOLLOW_RESOURCE_PATH_H_
#define SHUNT_SOURCES_KUBERNETES_FOLLOW_RESOURCE_PATH_H_

#include <chrono>
#include <string>

#include "absl/strings/string_view.h"
#include "userspace/sources/object.h"

namespace shunt::sources::kubernetes {

// "services", "endpointslices", "nodes": the resource in paths and in RBAC rules.
absl::string_view ResourceName(ObjectKind kind);
// "" (core) or "discovery.k8s.io": the group in RBAC rules.
absl::string_view ApiGroup(ObjectKind kind);

// Lists and watches of one resource, cluster-wide: Services and EndpointSlices by the labels that take an object away
// from service proxies (semantics.md B4), of the Nodes only `node_name`'s. All results are targets of an HttpRequest.
class ResourcePath {
 public:
  ResourcePath(ObjectKind kind, absl::string_view node_name);

  // As it is in the server's cache, which may be old.
  std::string AnyList() const;
  // Not older than `version`: from the cache once that has come so far, else the server says that it has not.
  std::string ListNotOlderThan(absl::string_view version) const;
  // The same question for one object: whether the server has come as far as `version`, without the answer's weight.
  std::string Probe(absl::string_view version) const;
  // The newest state, as a majority of etcd knows it. `page` 0: all in one answer.
  std::string ConsistentList(int page) const;
  std::string NextPage(int page, absl::string_view continue_token) const;
  std::string Watch(absl::string_view version, std::chrono::seconds timeout) const;

 private:
  std::string base_;  // path and selector
};

// Returns whether both are decimal numbers and `version` is the smaller one; of anything else nothing is known.
// Kubernetes promises this order of resourceVersions for its own resources since 1.35 (KEP-5504) and had it before.
// Nothing depends on it: it only catches a server that answers with something older than it was asked for.
bool IsOlder(absl::string_view version, absl::string_view than);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_FOLLOW_RESOURCE_PATH_H_
