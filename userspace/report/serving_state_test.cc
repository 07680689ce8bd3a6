// SPDX-License-Identifier: Apache-2.0
#include "userspace/report/serving_state.h"

#include <gtest/gtest.h>

#include <utility>

namespace shunt::report {
namespace {

model::Pool Full() {
  return {.members = {{}}, .slots = {{}}};
}

model::PortPlan Port(model::Pool cluster, model::Pool local = Full()) {
  model::PortPlan port{.port = 80};
  port.frontends.resize(2);
  port.frontends[1].kind = model::FrontendKind::kNodePort;
  port.frontends[1].external_pool = 1;
  local.scope = model::PoolScope::kLocal;
  port.pools = {std::move(cluster), std::move(local)};
  return port;
}

model::Pool Empty(model::EmptyPool why) {
  return {.empty = why};
}

TEST(ServingStateTest, IsTheWorstThatApplies) {
  struct Row {
    const char* sentence;
    model::PortPlan port;
    bool applied;
    ServingState expected;
  };
  model::PortPlan sctp = Port(Full());
  for (model::Frontend& frontend : sctp.frontends) frontend.verdict = model::FrontendVerdict::kNoSocketHook;
  model::PortPlan left_to_the_node = Port(Full());
  left_to_the_node.frontends[0].verdict = model::FrontendVerdict::kLocalAddress;
  model::PortPlan conflict = Port(Empty(model::EmptyPool::kNoEndpoints));
  conflict.frontends[1].conflict_with = {"shop", "older"};
  model::PortPlan local_for_this_node = Port(Full(), Empty(model::EmptyPool::kLocalMiss));
  local_for_this_node.frontends[0].internal_pool = 1;
  model::PortPlan local_of_the_loser = local_for_this_node;
  local_of_the_loser.frontends[0].conflict_with = {"shop", "older"};
  const Row rows[] = {
      {"all is well", Port(Full()), true, ServingState::kReady},
      {"only clients from outside find no endpoint here", Port(Full(), Empty(model::EmptyPool::kLocalMiss)), true,
       ServingState::kReady},
      {"clients on this node find none", local_for_this_node, true, ServingState::kNoLocalEndpoints},
      {"there is none anywhere", Port(Empty(model::EmptyPool::kNoEndpoints), Empty(model::EmptyPool::kNoEndpoints)),
       true, ServingState::kNoEndpoints},
      {"a conflict is worse than no endpoint", conflict, true, ServingState::kConflict},
      {"a conflict again", local_of_the_loser, true, ServingState::kConflict},
      {"the kernel lacks it", conflict, false, ServingState::kFailed},
      {"SCTP is never in the kernel", sctp, true, ServingState::kNotServed},
      {"so it cannot fail either", sctp, false, ServingState::kNotServed},
      {"the NodePort is served beside a ClusterIP that is the node's", left_to_the_node, true, ServingState::kReady},
  };
  for (const Row& row : rows) EXPECT_EQ(ServingStateOf(row.port, row.applied), row.expected) << row.sentence;
  EXPECT_FALSE(ServesThisNode(local_of_the_loser, 1)) << "a frontend in conflict sends nobody";
}

TEST(ServingStateTest, AServiceIsAsTheWorstOfItsPorts) {
  ServiceStatus service;
  EXPECT_EQ(ServingStateOf(service), ServingState::kNothingToServe) << "headless";
  service.plan.ports = {Port(Full())};
  EXPECT_EQ(ServingStateOf(service), ServingState::kReady);
  service.plan.ports.push_back(Port(Full()));
  for (model::Frontend& frontend : service.plan.ports[1].frontends) {
    frontend.verdict = model::FrontendVerdict::kNoSocketHook;
  }
  EXPECT_EQ(ServingStateOf(service), ServingState::kNotServed);
  service.plan.ports.push_back(Port(Empty(model::EmptyPool::kNoEndpoints)));
  EXPECT_EQ(ServingStateOf(service), ServingState::kNoEndpoints);
  service.applied = absl::ResourceExhaustedError("full");
  EXPECT_EQ(ServingStateOf(service), ServingState::kFailed);
  service.plan.ports.clear();
  EXPECT_EQ(ServingStateOf(service), ServingState::kFailed) << "its rows could not be removed";
}

}  // namespace
}  // namespace shunt::report
