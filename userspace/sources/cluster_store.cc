// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/cluster_store.h"

#include <algorithm>
#include <utility>

namespace shunt::sources {

ClusterStore::ClusterStore(std::string node_name) : node_name_(std::move(node_name)) {}

void ClusterStore::Apply(Event event) {
  if (auto* upsert = std::get_if<Upsert>(&event)) {
    std::visit([this](auto&& object) { Put(std::move(object)); }, std::move(upsert->object));
    return;
  }
  const Remove& remove = std::get<Remove>(event);
  switch (remove.kind) {
    case ObjectKind::kService:
      if (const auto found = services_.find(remove.name); found != services_.end()) {
        UnindexClusterIps(*found->second);
        services_.erase(found);
        changed_.insert(remove.name);
      }
      break;
    case ObjectKind::kEndpointSlice:
      DropSlice(remove.name);
      break;
    case ObjectKind::kNode:
      node_names_.erase(remove.name.name);
      if (remove.name.name == node_name_) node_.reset();
      break;
  }
}

void ClusterStore::Put(model::Service service) {
  const model::ObjectName name = service.name;
  auto& stored = services_[name];
  if (stored != nullptr && *stored == service) return;
  if (stored != nullptr) UnindexClusterIps(*stored);
  stored = std::make_shared<const model::Service>(std::move(service));
  IndexClusterIps(*stored);
  changed_.insert(name);
}

void ClusterStore::IndexClusterIps(const model::Service& service) {
  for (const std::string& text : service.cluster_ips) {
    if (const auto address = model::IpAddress::Parse(text); address.has_value()) {
      by_cluster_ip_[*address].push_back(&service);
    }
  }
}

void ClusterStore::UnindexClusterIps(const model::Service& service) {
  for (const std::string& text : service.cluster_ips) {
    const auto address = model::IpAddress::Parse(text);
    const auto found = address.has_value() ? by_cluster_ip_.find(*address) : by_cluster_ip_.end();
    if (found == by_cluster_ip_.end()) continue;
    auto& services = found->second;
    services.erase(std::remove(services.begin(), services.end(), &service), services.end());
    if (services.empty()) by_cluster_ip_.erase(found);
  }
}

void ClusterStore::Put(model::EndpointSlice slice) {
  const auto found = slices_.find(slice.name);
  if (found != slices_.end() && *found->second == slice) return;
  DropSlice(slice.name);
  const model::ObjectName name = slice.name;
  const model::ObjectName service = slice.ServiceName();
  auto& stored = slices_[name];
  stored = std::make_shared<const model::EndpointSlice>(std::move(slice));
  if (service.name.empty()) return;
  slices_of_[service][name.name] = stored.get();
  changed_.insert(service);
}

void ClusterStore::Put(model::Node node) {
  node_names_.insert(node.name);
  if (node.name != node_name_) return;
  node_ = std::make_shared<const model::Node>(std::move(node));
}

void ClusterStore::DropSlice(const model::ObjectName& name) {
  const auto found = slices_.find(name);
  if (found == slices_.end()) return;
  // By the stored object: the index was built from its label, not from the event's.
  const model::ObjectName service = found->second->ServiceName();
  const auto siblings = slices_of_.find(service);
  if (siblings != slices_of_.end()) {
    siblings->second.erase(name.name);
    if (siblings->second.empty()) slices_of_.erase(siblings);
    changed_.insert(service);
  }
  slices_.erase(found);
}

void ClusterStore::MarkClusterIpChanged(const model::IpAddress& cluster_ip) {
  const auto found = by_cluster_ip_.find(cluster_ip);
  if (found == by_cluster_ip_.end()) return;
  for (const model::Service* service : found->second) changed_.insert(service->name);
}

std::vector<model::ObjectName> ClusterStore::TakeChanged() {
  std::vector<model::ObjectName> names(changed_.begin(), changed_.end());
  changed_.clear();
  std::sort(names.begin(), names.end());
  return names;
}

const model::Service* ClusterStore::FindService(const model::ObjectName& name) const {
  const auto found = services_.find(name);
  return found == services_.end() ? nullptr : found->second.get();
}

std::vector<const model::EndpointSlice*> ClusterStore::SlicesOf(const model::ObjectName& service, size_t max) const {
  std::vector<const model::EndpointSlice*> slices;
  const auto found = slices_of_.find(service);
  if (found == slices_of_.end()) return slices;
  slices.reserve(std::min(found->second.size(), max));
  for (const auto& [name, slice] : found->second) {
    if (slices.size() == max) break;
    slices.push_back(slice);
  }
  return slices;
}

ClusterView ClusterStore::View() const {
  ClusterView view;
  view.services.reserve(services_.size());
  for (const auto& [name, service] : services_) view.services.push_back(service);
  view.slices.reserve(slices_.size());
  for (const auto& [name, slice] : slices_) view.slices.push_back(slice);
  view.node = node_;
  return view;
}

const model::Node* ClusterStore::ThisNode() const {
  return node_.get();
}

}  // namespace shunt::sources
