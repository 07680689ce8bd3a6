// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "absl/strings/str_cat.h"
#include "bench/tenants.h"
#include "userspace/model/ip_address.h"

namespace shunt::bench {
namespace {

constexpr uint32_t kFirstService = 0x0a600000;      // 10.96.0.0
constexpr uint32_t kFirstEndpoint = 0x0a800000;     // 10.128.0.0
constexpr uint32_t kFirstReplacement = 0x0ac00000;  // 10.192.0.0
constexpr uint32_t kFirstExternal = 0xc6120000;     // 198.18.0.0

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

// The slice with another address in place of its last one.
Events Replaced(model::EndpointSlice slice, uint32_t i) {
  slice.endpoints.back().address = Text(kFirstReplacement + i % 2);
  return {sources::Upsert{std::move(slice)}};
}

// A pod of the Service is replaced.
Tenant Endpoints(std::string name, model::Service service, std::vector<model::EndpointSlice> slices) {
  Tenant tenant{.name = std::move(name)};
  tenant.create.push_back(sources::Upsert{std::move(service)});
  for (const model::EndpointSlice& slice : slices) tenant.create.push_back(sources::Upsert{slice});
  tenant.change = [slice = slices.back()](uint32_t i) { return Replaced(slice, i); };
  return tenant;
}

// The Service is deleted and created.
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

Tenant ManyPorts() {
  model::Service service = OfTenant(0);
  SetPorts(service, 512);
  return Endpoints("512_ports", service, Slices(service, 1, 390, 512));
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

Tenant ManyEndpoints() {
  const model::Service service = OfTenant(0);
  return Endpoints("100000_endpoints", service, Slices(service, 100, 1000));
}

Tenant ManySlices() {
  const model::Service service = OfTenant(0);
  return Endpoints("20000_slices", service, Slices(service, 20'000, 1));
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
  std::vector<model::EndpointSlice> slices = Slices(service, 20, 1000);
  for (model::EndpointSlice& slice : slices) {
    for (model::Endpoint& endpoint : slice.endpoints) {
      const std::string name = absl::StrCat(std::string(240, 'n'), slice.name.name, endpoint.address.view());
      endpoint.node_name = endpoint.pod_name = endpoint.zone = name;
      for (int i = 0; i < 8; ++i) endpoint.hint_zones.emplace_back(absl::StrCat(std::string(60, 'z'), i));
    }
  }
  return Endpoints("20000_endpoints_with_long_names", service, std::move(slices));
}

Tenant Weights() {
  model::Service service = OfTenant(0);
  std::string& weights = service.annotations["shunt-lb.io/endpoint-weights"];
  weights = "{";
  for (uint32_t i = 0; weights.size() < 250'000; ++i) {
    absl::StrAppend(&weights, i == 0 ? "" : ",", "\"", Text(kFirstEndpoint + i), "\":", 1 + i);
  }
  weights += "}";
  return Endpoints("a_weights_annotation_of_250_kB", service, Slices(service, 20, 1000));
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
  tenant.change = [slices = std::move(slices)](uint32_t i) {
    Events events;
    for (const model::EndpointSlice& slice : slices) events.push_back(Replaced(slice, i)[0]);
    return events;
  };
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
    endpoint.address = Text(kFirstEndpoint + first + i);
    endpoint.node_name = absl::StrCat("node-", i % 100);
    slice.endpoints.push_back(std::move(endpoint));
  }
  return slice;
}

std::vector<Tenant> Tenants() {
  return {NothingAtAll(),         ManyPorts(),   PortsTimesAddresses(), SourceRanges(), ManyEndpoints(),
          ManySlices(),           EmptySlices(), LongNames(),           Weights(),      SharedAddresses(300),
          SharedAddresses(1'000), ManyHeirs(),   ManyChanges()};
}

}  // namespace shunt::bench
