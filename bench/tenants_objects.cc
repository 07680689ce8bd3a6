// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/tenants.h"
#include "userspace/model/ip_address.h"
#include "userspace/planner/planner_options.h"

namespace shunt::bench {
namespace {

constexpr uint32_t kFirstService = 0x0a600000;   // 10.96.0.0
constexpr uint32_t kFirstEndpoint = 0x0a800000;  // 10.128.0.0
constexpr uint32_t kEndpoints = 1 << 20;
constexpr uint32_t kFirstReplacement = 0x0ac00000;  // 10.192.0.0
constexpr uint32_t kFirstExternal = 0xc6120000;     // 198.18.0.0

constexpr uint32_t kEachSlice = 100;  // as the API server's controller fills them

const planner::PlannerOptions kBounds;

std::string Text(uint32_t address) {
  return model::IpAddress::FromV4(address).ToString();
}

model::Service OfTenant(uint32_t index) {
  model::Service service = MakeService(kTenant, absl::StrCat("service-", index), 32'768 + index);
  service.creation_time_s = 1000 + index;
  return service;
}

void SetPorts(model::Service& service, uint32_t ports) {
  service.ports.clear();
  for (uint32_t i = 0; i < ports; ++i) {
    service.ports.push_back({.name = absl::StrCat(i), .port = static_cast<uint16_t>(80 + i)});
  }
}

void SetExternalIps(model::Service& service, uint32_t first, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) service.external_ips.push_back(Text(kFirstExternal + first + i));
}

// In no order: that of an endpoint's address and that of its slice's name have nothing to do with each other.
std::string EndpointText(uint32_t number) {
  return Text(kFirstEndpoint + number * 0x9e3779b1 % kEndpoints);
}

// The slice with another address in place of its last one.
sources::Event Replaced(model::EndpointSlice slice, uint32_t number) {
  slice.endpoints.back().address = Text(kFirstReplacement + number);
  return sources::Upsert{std::move(slice)};
}

// In each slice an endpoint is replaced.
std::function<Events(uint32_t)> ChangeAll(std::vector<model::EndpointSlice> slices) {
  return [slices = std::move(slices)](uint32_t i) {
    Events events;
    for (uint32_t j = 0; j < slices.size(); ++j) events.push_back(Replaced(slices[j], 2 * j + i % 2));
    return events;
  };
}

// A pod of the Service is replaced.
Tenant Endpoints(std::string name, model::Service service, std::vector<model::EndpointSlice> slices) {
  Tenant tenant{.name = std::move(name)};
  tenant.create.push_back(sources::Upsert{std::move(service)});
  for (const model::EndpointSlice& slice : slices) tenant.create.push_back(sources::Upsert{slice});
  tenant.change = [slice = slices.back()](uint32_t i) { return Events{Replaced(slice, i % 2)}; };
  return tenant;
}

// The Service is deleted and created. `create` is everything else that there is.
Tenant Toggle(std::string name, Events create, model::Service service) {
  Tenant tenant{.name = std::move(name), .create = std::move(create)};
  tenant.create.push_back(sources::Upsert{service});
  tenant.change = [service = std::move(service)](uint32_t i) -> Events {
    if (i % 2 == 0) return {sources::Remove{sources::ObjectKind::kService, service.name}};
    return {sources::Upsert{service}};
  };
  return tenant;
}

std::vector<model::EndpointSlice> Slices(const model::Service& service, uint32_t slices, uint32_t endpoints,
                                         uint32_t ports = 1) {
  std::vector<model::EndpointSlice> all;
  for (uint32_t i = 0; i < slices; ++i) all.push_back(MakeSlice(service, i, i * endpoints, endpoints, ports));
  return all;
}

// A Service under Local policies has two sets on each port, the second of which keeps the flows of the first.
model::Service WithTwoSets(uint32_t index, uint32_t ports) {
  model::Service service = OfTenant(index);
  service.type = model::ServiceType::kNodePort;
  service.external_traffic_policy = model::TrafficPolicy::kLocal;
  SetPorts(service, ports);
  for (uint32_t i = 0; i < ports; ++i) service.ports[i].node_port = static_cast<uint16_t>(30'000 + ports * index + i);
  return service;
}

// As many endpoints as the bounds of one Service allow on its ports with `sets` sets each, in slices of 100, or of what
// there is if that is less.
std::vector<model::EndpointSlice> MostSlices(const model::Service& service, uint32_t sets) {
  const auto ports = static_cast<uint32_t>(service.ports.size());
  const uint32_t endpoints = kBounds.rows_max / (ports * sets) * 96 / 100;
  const uint32_t each = std::min(kEachSlice, endpoints);
  return Slices(service, endpoints / each, each, ports);
}

Tenant PortsTimesAddresses() {
  model::Service service = OfTenant(0);
  SetPorts(service, 512);
  SetExternalIps(service, 0, 256);
  return Toggle("512_ports_x_256_external_ips", {}, service);
}

Tenant SourceRanges() {
  model::Service service = OfTenant(0);
  service.type = model::ServiceType::kLoadBalancer;
  for (uint32_t i = 0; i < 256; ++i) service.load_balancer_ingress.push_back({.ip = Text(kFirstExternal + i)});
  for (uint32_t i = 0; i < 1024; ++i) service.load_balancer_source_ranges.push_back(Text(0x64000000 + 256 * i) + "/24");
  return Toggle("256_load_balancer_ips_x_1024_ranges", {}, service);
}

Tenant MostEndpoints(const std::string& name, const model::Service& service, uint32_t sets) {
  return Endpoints(name, service, MostSlices(service, sets));
}

// Every slice of the largest Service changes at once.
Tenant AllSlices() {
  const model::Service service = OfTenant(0);
  const std::vector<model::EndpointSlice> slices = MostSlices(service, 1);
  Tenant tenant = Endpoints("all_its_slices_change_at_once", service, slices);
  tenant.change = ChangeAll(slices);
  return tenant;
}

// The largest Service goes and comes.
Tenant LargestToggles() {
  const model::Service service = OfTenant(0);
  Events create;
  for (const model::EndpointSlice& slice : MostSlices(service, 1)) create.push_back(sources::Upsert{slice});
  return Toggle("most_endpoints_go_and_come", std::move(create), service);
}

// The older one of two Services of the largest size goes and comes, and the other one has its address meanwhile.
Tenant LargestHeir(const std::string& name, model::Service oldest, model::Service heir, uint32_t sets) {
  Events create;
  for (model::Service* service : {&oldest, &heir}) {
    SetExternalIps(*service, 0, 1);
    for (const model::EndpointSlice& slice : MostSlices(*service, sets)) create.push_back(sources::Upsert{slice});
  }
  create.push_back(sources::Upsert{heir});
  return Toggle(name, std::move(create), oldest);
}

Tenant ManySlices() {
  const model::Service service = OfTenant(0);
  std::vector<model::EndpointSlice> slices = Slices(service, 100'000, 1);
  std::swap(slices.front(), slices.back());  // the first one by name changes; the last ones are not served
  return Endpoints("100000_slices", service, std::move(slices));
}

Tenant EmptySlices() {
  model::Service service = OfTenant(0);
  SetPorts(service, 512);
  std::vector<model::EndpointSlice> slices = Slices(service, 5'000, 0, 1);
  slices.push_back(MakeSlice(service, 5'000, 0, 1, 1));
  return Endpoints("5000_empty_slices_x_512_ports", service, std::move(slices));
}

Tenant LongNames() {
  const model::Service service = OfTenant(0);
  std::vector<model::EndpointSlice> slices = MostSlices(service, 1);
  for (model::EndpointSlice& slice : slices) {
    for (model::Endpoint& endpoint : slice.endpoints) {
      const std::string name = absl::StrCat(std::string(240, 'n'), slice.name.name, endpoint.address.view());
      endpoint.node_name = endpoint.pod_name = endpoint.zone = name;
      for (int i = 0; i < 8; ++i) endpoint.hint_zones.emplace_back(absl::StrCat(std::string(60, 'z'), i));
    }
  }
  return Endpoints("most_endpoints_with_long_names", service, std::move(slices));
}

Tenant Weights() {
  model::Service service = OfTenant(0);
  std::string& weights = service.annotations["shunt-lb.io/endpoint-weights"];
  weights.push_back('{');
  for (uint32_t i = 0; weights.size() < 250'000; ++i) {
    absl::StrAppend(&weights, i == 0 ? "" : ",", "\"", EndpointText(i), "\":", 1 + i);
  }
  weights += "}";
  return Endpoints("most_endpoints_with_250_kB_of_weights", service, MostSlices(service, 1));
}

// `services` that claim the same addresses; the oldest of them goes and comes.
Tenant SharedAddresses(uint32_t services) {
  Events create;
  for (uint32_t i = 1; i < services; ++i) {
    model::Service service = OfTenant(i);
    SetExternalIps(service, 0, 256);
    create.push_back(sources::Upsert{std::move(service)});
  }
  model::Service oldest = OfTenant(0);
  SetExternalIps(oldest, 0, 256);
  return Toggle(absl::StrCat(services, "_services_share_256_addresses"), std::move(create), std::move(oldest));
}

// One Service with many frontends, each of which has another heir.
Tenant ManyHeirs() {
  Events create;
  for (uint32_t i = 0; i < 2'000; ++i) {
    model::Service heir = OfTenant(1 + i);
    heir.ports[0].port = static_cast<uint16_t>(80 + i / 250);
    SetExternalIps(heir, i % 250, 1);
    create.push_back(sources::Upsert{heir});
    create.push_back(sources::Upsert{MakeSlice(heir, 0, 0, 100)});
  }
  model::Service all = OfTenant(0);
  SetPorts(all, 8);
  SetExternalIps(all, 0, 250);
  return Toggle("2000_heirs_of_one_service", std::move(create), std::move(all));
}

Tenant ManyChanges() {
  Tenant tenant{.name = "10000_services_change_at_once"};
  std::vector<model::EndpointSlice> slices;
  for (uint32_t i = 0; i < 10'000; ++i) {
    const model::Service service = OfTenant(i);
    slices.push_back(MakeSlice(service, 0, i, 2));
    tenant.create.push_back(sources::Upsert{service});
    tenant.create.push_back(sources::Upsert{slices.back()});
  }
  tenant.change = ChangeAll(std::move(slices));
  return tenant;
}

// Services with 400 endpoints each, whose sets fill nineteen twentieths of the map of slots. All change, and in each
// grace period the last twentieth is all that new sets find.
Tenant FullMap() {
  Tenant tenant{.name = "1230_services_change_in_a_full_map"};
  std::vector<model::EndpointSlice> slices;
  for (uint32_t i = 0; i < 1'230; ++i) {
    const model::Service service = OfTenant(i);
    slices.push_back(MakeSlice(service, 0, 0, 400));
    tenant.create.push_back(sources::Upsert{service});
    tenant.create.push_back(sources::Upsert{slices.back()});
  }
  tenant.change = ChangeAll(std::move(slices));
  return tenant;
}

Tenant NothingAtAll() {
  const model::Service service = OfTenant(0);
  return Endpoints("an_ordinary_service", service, Slices(service, 1, 10));
}

}  // namespace

model::Service MakeService(const std::string& namespace_name, const std::string& name, uint32_t index) {
  model::Service service;
  service.name = {namespace_name, name};
  service.cluster_ips = {Text(kFirstService + index)};
  service.ports = {{.name = "0", .port = 80}};
  return service;
}

model::EndpointSlice MakeSlice(const model::Service& service, uint32_t number, uint32_t first, uint32_t endpoints,
                               uint32_t ports) {
  model::EndpointSlice slice;
  slice.name = {service.name.namespace_name, absl::StrCat(service.name.name, "-", number)};
  slice.labels["kubernetes.io/service-name"] = service.name.name;
  for (uint32_t i = 0; i < ports; ++i) {
    slice.ports.push_back({.name = absl::StrCat(i), .port = static_cast<uint16_t>(8080 + i)});
  }
  for (uint32_t i = 0; i < endpoints; ++i) {
    model::Endpoint endpoint;
    endpoint.address = EndpointText(first + i);
    endpoint.node_name = absl::StrCat("node-", i % 100);
    slice.endpoints.push_back(std::move(endpoint));
  }
  return slice;
}

std::vector<Tenant> Tenants() {
  const model::Service one_port = OfTenant(0);
  model::Service many_ports = OfTenant(0);
  SetPorts(many_ports, kBounds.ports_max);
  return {NothingAtAll(),
          MostEndpoints("most_endpoints", one_port, 1),
          MostEndpoints("most_endpoints_in_two_sets", WithTwoSets(0, 1), 2),
          MostEndpoints("most_endpoints_on_512_ports", many_ports, 1),
          MostEndpoints("most_endpoints_on_512_ports_in_two_sets", WithTwoSets(0, kBounds.ports_max), 2),
          AllSlices(),
          LargestToggles(),
          LargestHeir("most_endpoints_and_an_heir_with_as_many", OfTenant(0), OfTenant(1), 1),
          LargestHeir("most_endpoints_in_two_sets_and_an_heir", WithTwoSets(0, 1), WithTwoSets(1, 1), 2),
          LongNames(),
          Weights(),
          ManySlices(),
          EmptySlices(),
          PortsTimesAddresses(),
          SourceRanges(),
          SharedAddresses(300),
          SharedAddresses(1'000),
          ManyHeirs(),
          ManyChanges(),
          FullMap()};
}

}  // namespace shunt::bench
