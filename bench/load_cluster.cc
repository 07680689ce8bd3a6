// SPDX-License-Identifier: Apache-2.0
// Loads a synthetic cluster through the real planner into the real kernel and prints what each step took. It stays
// until its standard input ends, so that connections can be measured against what it loaded.
//
//   load_cluster BPFFS CGROUP SERVICES ENDPOINTS
//
// Service i is 10.96.0.0+i:80 over TCP and, after the full load has been measured, over UDP too; its endpoint j is
// 10.128.0.0+i*ENDPOINTS+j:8080. The first 1,000 are then also [fd00:96::i]:80, to [fd00:128::i*ENDPOINTS+j]:8080, with
// i and the sum in hexadecimal, as the address's last 32 bits.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/kernel/kernel_datapath.h"
#include "userspace/planner/planner.h"

namespace shunt {
namespace {

constexpr uint32_t kFirstService = 0x0a600000;      // 10.96.0.0
constexpr uint32_t kFirstEndpoint = 0x0a800000;     // 10.128.0.0
constexpr uint32_t kFirstReplacement = 0x0ac00000;  // 10.192.0.0
constexpr uint32_t kChanges = 2'000;
constexpr uint32_t kDualStack = 1'000;  // Services

using Clock = std::chrono::steady_clock;

double Seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

struct Cluster {
  std::vector<model::Service> services;
  std::vector<model::EndpointSlice> slices;
  std::vector<model::EndpointSlice> slices6;  // of the first Services, once they are dual-stack
};

std::string Ipv6(const char* prefix, uint32_t last) {
  return absl::StrCat(prefix, absl::Hex(last >> 16), ":", absl::Hex(last & 0xffff));
}

model::Service MakeService(uint32_t index) {
  model::Service service;
  service.name = {"bench", absl::StrCat("service-", index)};
  service.cluster_ips = {model::IpAddress::FromV4(kFirstService + index).ToString()};
  service.ports = {{.name = "tcp", .protocol = model::Protocol::kTcp, .port = 80}};
  return service;
}

void AddUdpPorts(Cluster& cluster) {
  for (model::Service& service : cluster.services) {
    service.ports.push_back({.name = "udp", .protocol = model::Protocol::kUdp, .port = 80});
  }
}

void AddIpv6(Cluster& cluster, uint32_t endpoints) {
  for (uint32_t i = 0; i < std::min<size_t>(kDualStack, cluster.services.size()); ++i) {
    cluster.services[i].cluster_ips.push_back(Ipv6("fd00:96::", i));
    model::EndpointSlice slice = cluster.slices[i];
    slice.name.name += "-6";
    slice.address_type = model::AddressType::kIpv6;
    for (uint32_t j = 0; j < endpoints; ++j) slice.endpoints[j].address = Ipv6("fd00:128::", i * endpoints + j);
    cluster.slices6.push_back(std::move(slice));
  }
}

model::EndpointSlice MakeSlice(const model::Service& service, uint32_t index, uint32_t endpoints) {
  model::EndpointSlice slice;
  slice.name = {"bench", absl::StrCat(service.name.name, "-x")};
  slice.labels["kubernetes.io/service-name"] = service.name.name;
  slice.ports = {{.name = "tcp", .protocol = model::Protocol::kTcp, .port = 8080},
                 {.name = "udp", .protocol = model::Protocol::kUdp, .port = 8080}};
  for (uint32_t j = 0; j < endpoints; ++j) {
    model::Endpoint endpoint;
    endpoint.address = model::IpAddress::FromV4(kFirstEndpoint + index * endpoints + j).ToString();
    endpoint.ready = true;
    endpoint.node_name = "node-1";
    slice.endpoints.push_back(std::move(endpoint));
  }
  return slice;
}

datapath::Limits LimitsFor(uint32_t services, uint32_t endpoints) {
  datapath::Limits limits;
  const uint32_t ports = 2 * (services + kDualStack);
  limits.service_ports = std::max(limits.service_ports, ports + 1024);
  limits.pools = std::max(limits.pools, ports + 1024);
  limits.frontends = std::max(limits.frontends, 3 * (services + kDualStack) + 1024);
  limits.slots = std::max(limits.slots, ports * endpoints + 65'536);
  limits.backends = std::max(limits.backends, (services + kDualStack) * endpoints + 65'536);
  return limits;
}

model::ServicePlan Plan(const Cluster& cluster, uint32_t index) {
  std::vector<const model::EndpointSlice*> slices = {&cluster.slices[index]};
  if (index < cluster.slices6.size()) slices.push_back(&cluster.slices6[index]);
  return planner::PlanService(cluster.services[index], slices, {.node_name = "node-1"});
}

// Replaces one endpoint at a time; returns the seconds from plan to kernel of each.
std::vector<double> ChangeEndpoints(datapath::Datapath& datapath, Cluster& cluster, std::vector<double>* planning) {
  std::vector<double> applying;
  for (uint32_t i = 0; i < kChanges; ++i) {
    const uint32_t index = (i * 7919) % cluster.services.size();
    model::EndpointSlice& slice = cluster.slices[index];
    // A pod is replaced: the last endpoint gets an address that no other had.
    slice.endpoints.back().address = model::IpAddress::FromV4(kFirstReplacement + i).ToString();
    auto start = Clock::now();
    const model::ServicePlan plan = Plan(cluster, index);
    planning->push_back(Seconds(start));
    const model::ServicePlan* const pointer = &plan;
    start = Clock::now();
    for (const auto& failure : datapath.Apply(absl::MakeConstSpan(&pointer, 1), datapath::ApplyScope::kChanged)) {
      fprintf(stderr, "load_cluster: %s\n", failure.status.ToString().c_str());
      exit(1);
    }
    applying.push_back(Seconds(start));
  }
  return applying;
}

double Quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

std::vector<model::ServicePlan> PlanAll(const Cluster& cluster) {
  std::vector<model::ServicePlan> plans;
  plans.reserve(cluster.services.size());
  for (uint32_t i = 0; i < cluster.services.size(); ++i) plans.push_back(Plan(cluster, i));
  return plans;
}

// Makes the kernel hold exactly these plans; returns seconds.
double ApplyAll(datapath::Datapath& datapath, const std::vector<model::ServicePlan>& plans) {
  std::vector<const model::ServicePlan*> pointers;
  for (const model::ServicePlan& plan : plans) pointers.push_back(&plan);
  const auto start = Clock::now();
  const auto failures = datapath.Apply(pointers, datapath::ApplyScope::kAll);
  const double took = Seconds(start);
  if (!failures.empty()) {
    fprintf(stderr, "load_cluster: %zu Services failed: %s\n", failures.size(), failures[0].status.ToString().c_str());
    exit(1);
  }
  return took;
}

int Run(const std::string& bpffs, const std::string& cgroup, uint32_t services, uint32_t endpoints) {
  Cluster cluster;
  for (uint32_t i = 0; i < services; ++i) {
    cluster.services.push_back(MakeService(i));
    cluster.slices.push_back(MakeSlice(cluster.services.back(), i, endpoints));
  }
  auto start = Clock::now();
  std::vector<model::ServicePlan> plans = PlanAll(cluster);
  printf("plan_ns_per_service %.0f\n", Seconds(start) * 1e9 / services);

  start = Clock::now();
  auto opened =
      datapath::KernelDatapath::Open({.bpffs = bpffs, .cgroup = cgroup, .limits = LimitsFor(services, endpoints)});
  if (!opened.ok()) {
    fprintf(stderr, "load_cluster: %s\n", opened.status().ToString().c_str());
    return 1;
  }
  printf("open_s %.3f\n", Seconds(start));
  datapath::Datapath& datapath = **opened;
  printf("load_s %.3f\n", ApplyAll(datapath, plans));
  printf("unchanged_s %.3f\n", ApplyAll(datapath, plans));

  // Changes are made on a copy of the cluster; the next ApplyAll restores what connections are measured against.
  std::vector<double> planning;
  Cluster changed = cluster;
  const std::vector<double> applying = ChangeEndpoints(datapath, changed, &planning);
  printf("change_plan_us_p50 %.1f\nchange_apply_us_p50 %.1f\nchange_apply_us_p99 %.1f\n", Quantile(planning, 0.5) * 1e6,
         Quantile(applying, 0.5) * 1e6, Quantile(applying, 0.99) * 1e6);
  AddUdpPorts(cluster);
  AddIpv6(cluster, endpoints);
  ApplyAll(datapath, PlanAll(cluster));
  printf("ready\n");
  fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return 0;
}

}  // namespace
}  // namespace shunt

int main(int argc, char** argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: load_cluster BPFFS CGROUP SERVICES ENDPOINTS\n");
    return 2;
  }
  return shunt::Run(argv[1], argv[2], static_cast<uint32_t>(atoi(argv[3])), static_cast<uint32_t>(atoi(argv[4])));
}
