// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/follow/resource_path.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace shunt::sources::kubernetes {
namespace {

// Escapes a value for a query (RFC 3986): tokens and names come from the server.
std::string Escape(absl::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      escaped.push_back(c);
    } else {
      absl::StrAppendFormat(&escaped, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return escaped;
}

// Every cluster has it, and the Leases of nodes are all that is in it.
constexpr absl::string_view kProbedNamespace = "kube-node-lease";

std::string NotOlderThan(absl::string_view version) {
  return absl::StrCat("resourceVersion=", Escape(version), "&resourceVersionMatch=NotOlderThan");
}

absl::string_view Path(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kService:
      return "/api/v1/services";
    case ObjectKind::kEndpointSlice:
      return "/apis/discovery.k8s.io/v1/endpointslices";
    case ObjectKind::kNode:
      return "/api/v1/nodes";
  }
  return "";
}

std::string Selector(ObjectKind kind, absl::string_view node_name) {
  switch (kind) {
    case ObjectKind::kService:
      return absl::StrCat("labelSelector=", Escape("!service.kubernetes.io/service-proxy-name"));
    case ObjectKind::kEndpointSlice:
      return absl::StrCat("labelSelector=", Escape("!service.kubernetes.io/headless"));
    case ObjectKind::kNode:
      return absl::StrCat("fieldSelector=", Escape(absl::StrCat("metadata.name=", node_name)));
  }
  return "";
}

// By Kubernetes' own definition: digits without a leading zero, of any length.
bool IsNumber(absl::string_view version) {
  return !version.empty() && version.front() != '0' &&
         std::all_of(version.begin(), version.end(), [](char c) { return absl::ascii_isdigit(c); });
}

}  // namespace

absl::string_view ResourceName(ObjectKind kind) {
  const absl::string_view path = Path(kind);
  return path.substr(path.rfind('/') + 1);
}

absl::string_view ApiGroup(ObjectKind kind) {
  return kind == ObjectKind::kEndpointSlice ? "discovery.k8s.io" : "";
}

ResourcePath::ResourcePath(ObjectKind kind, absl::string_view node_name) {
  const absl::string_view path = Path(kind);
  const absl::string_view resource = path.substr(path.rfind('/'));
  const absl::string_view group = path.substr(0, path.size() - resource.size());
  const std::string selector = Selector(kind, node_name);
  base_ = absl::StrCat(path, "?", selector);
  probe_ = kind == ObjectKind::kNode ? base_
                                     : absl::StrCat(group, "/namespaces/", kProbedNamespace, resource, "?", selector);
}

std::string ResourcePath::AnyList() const {
  return absl::StrCat(base_, "&resourceVersion=0");
}

std::string ResourcePath::ListNotOlderThan(absl::string_view version) const {
  return absl::StrCat(base_, "&", NotOlderThan(version));
}

std::string ResourcePath::Probe(absl::string_view version) const {
  return absl::StrCat(probe_, "&", NotOlderThan(version));
}

std::string ResourcePath::ConsistentList(int page) const {
  return page == 0 ? base_ : absl::StrCat(base_, "&limit=", page);
}

std::string ResourcePath::NextPage(int page, absl::string_view continue_token) const {
  return absl::StrCat(base_, "&limit=", page, "&continue=", Escape(continue_token));
}

std::string ResourcePath::Watch(absl::string_view version, std::chrono::seconds timeout) const {
  return absl::StrCat(base_, "&watch=1&allowWatchBookmarks=true&resourceVersion=", Escape(version),
                      "&timeoutSeconds=", timeout.count());
}

bool IsOlder(absl::string_view version, absl::string_view than) {
  if (!IsNumber(version) || !IsNumber(than)) return false;
  return version.size() != than.size() ? version.size() < than.size() : version < than;
}

}  // namespace shunt::sources::kubernetes
