// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/service_addresses.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "userspace/planner/address_rules.h"

namespace shunt::planner {
namespace {

absl::string_view FamilyName(model::IpFamily family) {
  return family == model::IpFamily::kV4 ? "IPv4" : "IPv6";
}

// `field` names where the text stands, for the warning.
std::optional<model::IpAddress> ReadFrontendAddress(absl::string_view field, absl::string_view text,
                                                    Warnings& warnings) {
  const std::optional<model::IpAddress> address = model::IpAddress::Parse(text);
  if (!address) {
    warnings.Add(absl::StrCat(field, ": ", Quoted(text), " is no IP address: not served"));
    return std::nullopt;
  }
  const absl::string_view forbidden = ForbiddenClass(*address);
  if (!forbidden.empty()) {
    warnings.Add(absl::StrCat(field, ": ", address->ToString(), " is ", forbidden, ": not served"));
    return std::nullopt;
  }
  return address;
}

void ReadClusterIps(const model::Service& service, ServiceAddresses& addresses, Warnings& warnings) {
  for (const std::string& text : service.cluster_ips) {
    const std::optional<model::IpAddress> address = ReadFrontendAddress("clusterIPs", text, warnings);
    if (!address) continue;
    FamilyAddresses& family = addresses.Of(address->family());
    if (family.served) {
      warnings.Add(absl::StrCat("clusterIPs: ", address->ToString(), " is the second of its family: not served"));
      continue;
    }
    family.served = true;
    family.cluster_ip = *address;
  }
}

// The family to which the address may be added; null, with a warning, if it may not.
FamilyAddresses* FamilyFor(absl::string_view field, const model::IpAddress& address, ServiceAddresses& addresses,
                           Warnings& warnings) {
  FamilyAddresses& family = addresses.Of(address.family());
  if (!family.served) {
    warnings.Add(absl::StrCat(field, ": ", address.ToString(), " is ", FamilyName(address.family()),
                              ", of which the Service has no ClusterIP: not served"));
    return nullptr;
  }
  if (family.Has(address)) {
    warnings.Add(absl::StrCat(field, ": ", address.ToString(), " is already an address of this Service"));
    return nullptr;
  }
  return &family;
}

void ReadLoadBalancerIps(const model::Service& service, ServiceAddresses& addresses, Warnings& warnings) {
  constexpr absl::string_view kField = "status.loadBalancer.ingress";
  for (const model::LoadBalancerIngress& ingress : service.load_balancer_ingress) {
    if (ingress.ip.empty()) continue;
    // Another mode means that the load balancer itself delivers to the nodes or pods.
    if (!ingress.ip_mode.empty() && ingress.ip_mode != "VIP") continue;
    const std::optional<model::IpAddress> address = ReadFrontendAddress(kField, ingress.ip, warnings);
    if (!address) continue;
    if (FamilyAddresses* family = FamilyFor(kField, *address, addresses, warnings)) {
      family->load_balancer_ips.push_back(*address);
    }
  }
}

void ReadExternalIps(const model::Service& service, ServiceAddresses& addresses, Warnings& warnings) {
  constexpr absl::string_view kField = "externalIPs";
  for (const std::string& text : service.external_ips) {
    const std::optional<model::IpAddress> address = ReadFrontendAddress(kField, text, warnings);
    if (!address) continue;
    if (FamilyAddresses* family = FamilyFor(kField, *address, addresses, warnings)) {
      family->external_ips.push_back(*address);
    }
  }
}

void ReadSourceRanges(const model::Service& service, const NodeContext& node, ServiceAddresses& addresses,
                      Warnings& warnings) {
  constexpr absl::string_view kField = "loadBalancerSourceRanges";
  bool unreadable = false;
  for (const std::string& text : service.load_balancer_source_ranges) {
    const std::optional<model::IpPrefix> range = model::IpPrefix::Parse(text);
    if (!range) {
      warnings.Add(absl::StrCat(kField, ": ", Quoted(text), " is no prefix: ignored"));
      unreadable = true;
      continue;
    }
    FamilyAddresses& family = addresses.Of(range->family());
    family.source_ranges.push_back(*range);
    for (const model::IpAddress& own : node.primary_addresses) {
      if (range->Contains(own)) family.node_in_source_ranges = true;
    }
  }
  for (FamilyAddresses* family : {&addresses.v4, &addresses.v6}) {
    std::sort(family->source_ranges.begin(), family->source_ranges.end());
    family->source_ranges.erase(std::unique(family->source_ranges.begin(), family->source_ranges.end()),
                                family->source_ranges.end());
    if (!unreadable || !family->source_ranges.empty() || family->load_balancer_ips.empty()) continue;
    family->load_balancer_ips.clear();
    warnings.Add(absl::StrCat(kField, ": no ", FamilyName(family->cluster_ip.family()),
                              " range can be read: load-balancer addresses of that family are not served"));
  }
}

}  // namespace

bool FamilyAddresses::Has(const model::IpAddress& address) const {
  if (!served) return false;
  const auto among = [&](const auto& list) { return std::find(list.begin(), list.end(), address) != list.end(); };
  return address == cluster_ip || among(load_balancer_ips) || among(external_ips);
}

ServiceAddresses ReadServiceAddresses(const model::Service& service, const NodeContext& node, Warnings& warnings) {
  ServiceAddresses addresses;
  ReadClusterIps(service, addresses, warnings);
  ReadLoadBalancerIps(service, addresses, warnings);
  ReadExternalIps(service, addresses, warnings);
  ReadSourceRanges(service, node, addresses, warnings);
  return addresses;
}

}  // namespace shunt::planner
