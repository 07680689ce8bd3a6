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

// `field` names the text's field for the warning.
std::optional<model::IpAddress> ReadFrontendAddress(absl::string_view field, absl::string_view text,
                                                    Warnings& warnings) {
  const std::optional<model::IpAddress> address = model::IpAddress::Parse(text);
  if (!address) {
    warnings.Add(absl::StrCat(field, ": ", Quoted(text), " is not an IP address: not served"));
    return std::nullopt;
  }
  const absl::string_view forbidden = ForbiddenClass(*address);
  if (!forbidden.empty()) {
    warnings.Add(absl::StrCat(field, ": ", address->ToString(), " is ", forbidden, ": not served"));
    return std::nullopt;
  }
  return address;
}

void ReadClusterIps(const model::Service& service, const NodeContext& node, ServiceAddresses& addresses,
                    Warnings& warnings) {
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
    family.Remember(*address);
    family.cluster_ip_is_local = std::binary_search(node.local_addresses.begin(), node.local_addresses.end(), *address);
    if (!family.cluster_ip_is_local) continue;
    warnings.Add(absl::StrCat("clusterIPs: ", address->ToString(),
                              " is an address of this node: left to the process that listens on it"));
  }
}

// Adds the address to all those of the family, or returns false and warns.
bool Accept(absl::string_view field, const model::IpAddress& address, uint32_t addresses_max, FamilyAddresses& family,
            Warnings& warnings) {
  const auto refuse = [&](absl::string_view why) {
    warnings.Add(absl::StrCat(field, ": ", address.ToString(), " ", why));
    return false;
  };
  if (!family.served) {
    return refuse(
        absl::StrCat("is ", FamilyName(address.family()), ", but the Service has no such ClusterIP: not served"));
  }
  if (family.Has(address)) return refuse("is already an address of this Service");
  if (family.load_balancer_ips.size() + family.external_ips.size() >= addresses_max) {
    return refuse(absl::StrCat("exceeds the limit of ", addresses_max, " addresses of a family: not served"));
  }
  family.Remember(address);
  return true;
}

void ReadLoadBalancerIps(const model::Service& service, uint32_t addresses_max, ServiceAddresses& addresses,
                         Warnings& warnings) {
  constexpr absl::string_view kField = "status.loadBalancer.ingress";
  for (const model::LoadBalancerIngress& ingress : service.load_balancer_ingress) {
    if (ingress.ip.empty()) continue;
    // In another mode the load balancer itself delivers to the nodes or pods.
    if (!ingress.ip_mode.empty() && ingress.ip_mode != "VIP") continue;
    const std::optional<model::IpAddress> address = ReadFrontendAddress(kField, ingress.ip, warnings);
    if (!address) continue;
    FamilyAddresses& family = addresses.Of(address->family());
    if (Accept(kField, *address, addresses_max, family, warnings)) family.load_balancer_ips.push_back(*address);
  }
}

void ReadExternalIps(const model::Service& service, uint32_t addresses_max, ServiceAddresses& addresses,
                     Warnings& warnings) {
  constexpr absl::string_view kField = "externalIPs";
  for (const std::string& text : service.external_ips) {
    const std::optional<model::IpAddress> address = ReadFrontendAddress(kField, text, warnings);
    if (!address) continue;
    FamilyAddresses& family = addresses.Of(address->family());
    if (Accept(kField, *address, addresses_max, family, warnings)) family.external_ips.push_back(*address);
  }
}

void ReadSourceRanges(const model::Service& service, uint32_t ranges_max, ServiceAddresses& addresses,
                      Warnings& warnings) {
  constexpr absl::string_view kField = "loadBalancerSourceRanges";
  bool unreadable = false;
  for (const std::string& text : service.load_balancer_source_ranges) {
    const std::optional<model::IpPrefix> range = model::IpPrefix::Parse(text);
    if (!range) {
      warnings.Add(absl::StrCat(kField, ": ", Quoted(text), " is not a prefix: ignored"));
      unreadable = true;
      continue;
    }
    FamilyAddresses& family = addresses.Of(range->family());
    if (family.source_ranges.size() < ranges_max) {
      family.source_ranges.push_back(*range);
    } else {
      warnings.Add(absl::StrCat(kField, ": only the first ", ranges_max, " of a family are used"));
      unreadable = true;
    }
  }
  for (const model::IpFamily family_name : {model::IpFamily::kV4, model::IpFamily::kV6}) {
    FamilyAddresses& family = addresses.Of(family_name);
    std::sort(family.source_ranges.begin(), family.source_ranges.end());
    family.source_ranges.erase(std::unique(family.source_ranges.begin(), family.source_ranges.end()),
                               family.source_ranges.end());
    if (!unreadable || !family.source_ranges.empty() || family.load_balancer_ips.empty()) continue;
    family.admits_no_client = true;
    warnings.Add(absl::StrCat(kField, ": no ", FamilyName(family_name),
                              " range can be read: load-balancer addresses of that family admit no client"));
  }
}

// Returns whether one of the node's own addresses is within the ranges of its family.
bool NodeIsWithin(const std::vector<model::IpPrefix>& ranges, const NodeContext& node) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const model::IpPrefix& range) {
    return std::any_of(node.primary_addresses.begin(), node.primary_addresses.end(),
                       [&](const model::IpAddress& own) { return range.Contains(own); });
  });
}

}  // namespace

bool FamilyAddresses::Has(const model::IpAddress& address) const {
  return std::binary_search(all_.begin(), all_.end(), address);
}

void FamilyAddresses::Remember(const model::IpAddress& address) {
  all_.insert(std::lower_bound(all_.begin(), all_.end(), address), address);
}

ServiceAddresses ReadServiceAddresses(const model::Service& service, const NodeContext& node,
                                      const PlannerOptions& options, Warnings& warnings) {
  ServiceAddresses addresses;
  ReadClusterIps(service, node, addresses, warnings);
  ReadLoadBalancerIps(service, options.addresses_max, addresses, warnings);
  ReadExternalIps(service, options.addresses_max, addresses, warnings);
  ReadSourceRanges(service, options.source_ranges_max, addresses, warnings);
  for (FamilyAddresses* family : {&addresses.v4, &addresses.v6}) {
    family->node_in_source_ranges = NodeIsWithin(family->source_ranges, node);
  }
  return addresses;
}

}  // namespace shunt::planner
