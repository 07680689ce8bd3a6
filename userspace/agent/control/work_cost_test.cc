// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/work_cost.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace shunt::agent {
namespace {

TEST(WorkCostTest, WhateverMakesAServiceLargeMakesItDear) {
  model::Service small;
  small.cluster_ips = {"10.96.0.1"};
  small.ports = {{.name = "web", .port = 80}};
  model::EndpointSlice slice;
  slice.endpoints.resize(10);
  const model::EndpointSlice* const one[] = {&slice};
  const uint64_t cost = WorkCost(&small, one, nullptr);
  EXPECT_LT(cost, 40u);

  model::Service ports = small;
  for (int i = 0; i < 500; ++i) ports.ports.push_back({.name = absl::StrCat("p", i), .port = 81});
  EXPECT_GT(WorkCost(&ports, one, nullptr), 5'000u);

  model::Service addresses = small;
  addresses.external_ips.resize(256);
  EXPECT_GT(WorkCost(&addresses, one, nullptr), 256u);

  model::Service ranges = small;
  ranges.load_balancer_ingress.resize(10);
  ranges.load_balancer_source_ranges.resize(1000);
  EXPECT_GT(WorkCost(&ranges, one, nullptr), 10'000u);

  model::Service weights = small;
  weights.annotations["shunt-lb.io/endpoint-weights"] = std::string(256 * 1024, 'x');
  EXPECT_GT(WorkCost(&weights, one, nullptr), 4'000u);

  const std::vector<const model::EndpointSlice*> many(1000, &slice);
  EXPECT_GT(WorkCost(&small, many, nullptr), 10'000u);
  const model::EndpointSlice empty;
  const std::vector<const model::EndpointSlice*> many_empty(1000, &empty);
  EXPECT_GT(WorkCost(&small, many_empty, nullptr), 1'000u);
}

TEST(WorkCostTest, ARemovalCostsWhatGoes) {
  model::ServicePlan before;
  before.ports.resize(2);
  before.ports[0].frontends.resize(100);
  before.ports[1].endpoints.resize(1000);
  EXPECT_GT(WorkCost(nullptr, {}, &before), 1'100u);
  EXPECT_LT(WorkCost(nullptr, {}, nullptr), 20u);
}

}  // namespace
}  // namespace shunt::agent
