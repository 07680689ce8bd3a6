// SPDX-License-Identifier: Apache-2.0
// A small world of Services: what every destination should lead to, and how it may change at random.
#ifndef SHUNT_DATAPATH_TESTING_WORLD_H_
#define SHUNT_DATAPATH_TESTING_WORLD_H_

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "userspace/datapath/datapath.h"
#include "userspace/datapath/testing/simulated_reader.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// What has been asked of a datapath.
struct World {
  std::map<model::ObjectName, model::ServicePlan> plans;
  std::vector<NodeAddress> node_addresses;

  // What a program should find, judged from the plans alone.
  Reading Expect(const model::FrontendAddress& dialled, bool on_host) const;
  // The sets that frontends in the maps lead to, by service port; also those that nothing can dial now, such as a
  // NodePort's while the node has no address.
  std::multimap<std::string, ReadSet> Sets() const;
  std::vector<const model::ServicePlan*> AllPlans() const;
  // Distinct backends of the pools that some programmed frontend names.
  size_t BackendCount() const;
  // Rows of source_ranges: the ranges of distinct lists that some programmed frontend has.
  size_t SourceRangeCount() const;
};

// Draws plans from few addresses, so that Services share backends, take frontends from one another, change
// their pools' roles, come and go.
class RandomWorld {
 public:
  explicit RandomWorld(uint32_t seed) : random_(seed) {}

  // Changes some Services; returns their names. Conflicts are resolved as the planner would.
  std::vector<model::ObjectName> Step(World& world);
  // Other node addresses.
  void StepNode(World& world);
  uint32_t Draw(uint32_t below);

  // Every destination worth dialling: all frontends that there may ever be, ports that no Service uses, NodePorts on
  // node addresses.
  static std::vector<model::FrontendAddress> Destinations();
  static constexpr uint16_t kUnusedPort = 99;

 private:
  model::ServicePlan DrawPlan(const std::string& name);
  model::PortPlan DrawPort(uint32_t number);
  model::Pool DrawPool(bool v4);
  void DrawRanges(bool v4, model::Frontend& frontend);
  void ChangeEndpoints(model::ServicePlan& plan);
  std::vector<model::ObjectName> ResolveConflicts(World& world);

  std::mt19937 random_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_TESTING_WORLD_H_
