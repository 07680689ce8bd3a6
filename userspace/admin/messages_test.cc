// SPDX-License-Identifier: Apache-2.0
// Values as messages: nothing is lost, nothing is invented, hostile text stays well-formed.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "userspace/admin/answers.h"
#include "userspace/admin/testing/scripted_agent.h"
#include "userspace/admin/to_message.h"
#include "userspace/admin/utf8.h"

namespace shunt::admin {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Utf8Test, OnlyIllFormedBytesAreReplaced) {
  struct Row {
    const char* sentence;
    std::string text;
    std::string expected;
  };
  const std::string bad = "\xef\xbf\xbd";
  const Row rows[] = {
      {"ASCII, controls included, stays: escaping is the printer's", "a\x1b[31m\n", "a\x1b[31m\n"},
      {"well-formed sequences of 2, 3 and 4 bytes stay", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x9a\x82",
       "\xc3\xa4\xe2\x82\xac\xf0\x9f\x9a\x82"},
      {"a lone continuation byte", "a\x80z", "a" + bad + "z"},
      {"a sequence cut short by the end", "a\xe2\x82", "a" + bad + bad},
      {"an overlong slash", "\xc0\xaf", bad + bad},
      {"an overlong form of three bytes", "\xe0\x80\xaf", bad + bad + bad},
      {"a surrogate", "\xed\xa0\x80", bad + bad + bad},
      {"above U+10FFFF", "\xf4\x90\x80\x80", bad + bad + bad + bad},
  };
  for (const Row& row : rows) EXPECT_EQ(ValidUtf8(row.text), row.expected) << row.sentence;
}

TEST(SharesPercentTest, AreTheKernelsOdds) {
  const model::PoolMember member;
  // Weights 3 and 1 in two slots: member 1 keeps half of its slot.
  model::Pool weighted{.members = {member, member}, .slots = {{0, 0, UINT32_MAX}, {1, 0, uint32_t{1} << 31}}};
  EXPECT_THAT(SharesPercent(weighted), ElementsAre(75.0, 25.0));
  model::Pool thirds{.members = {member, member, member},
                     .slots = {{0, 0, UINT32_MAX}, {1, 1, UINT32_MAX}, {2, 2, UINT32_MAX}}};
  EXPECT_THAT(SharesPercent(thirds),
              ElementsAre(DoubleNear(100.0 / 3, 1e-9), DoubleNear(100.0 / 3, 1e-9), DoubleNear(100.0 / 3, 1e-9)));
  model::Pool drained{.members = {member, member}, .slots = {{0, 0, UINT32_MAX}, {1, 0, 0}}};
  EXPECT_THAT(SharesPercent(drained), ElementsAre(100.0, 0.0));
  EXPECT_THAT(SharesPercent({.members = {member}}), ElementsAre(0.0)) << "no slots";
  model::Pool damaged{.members = {member}, .slots = {{7, 0, 1}}};
  EXPECT_THAT(SharesPercent(damaged), ElementsAre(0.0)) << "a slot that names no member";
}

TEST(ServiceMessageTest, EndpointsSayTheirShareOrWhyTheyHaveNone) {
  const testing::ScriptedAgent agent = testing::SmallCluster();
  const v1::Service cart = ToMessage(agent.services[1], EndpointDetail::kEveryEndpoint);
  ASSERT_EQ(cart.ports_size(), 2);
  const v1::ServicePort& port = cart.ports(0);
  EXPECT_EQ(port.endpoint_count(), 5u);
  EXPECT_EQ(port.selected_endpoint_count(), 2u);
  ASSERT_EQ(port.pools_size(), 2);
  EXPECT_EQ(port.pools(0).scope(), v1::POOL_SCOPE_CLUSTER);
  EXPECT_EQ(port.pools(0).members(), 3u);
  EXPECT_EQ(port.pools(0).selected(), 2u);
  EXPECT_EQ(port.pools(0).empty(), v1::EMPTY_POOL_UNSPECIFIED);
  EXPECT_EQ(port.pools(1).scope(), v1::POOL_SCOPE_LOCAL);
  ASSERT_EQ(port.endpoints_size(), 5);
  const struct {
    const char* address;
    v1::EndpointVerdict cluster;
    double cluster_share;
    v1::EndpointVerdict local;
    double local_share;
  } rows[] = {
      {"10.244.1.5", v1::ENDPOINT_VERDICT_SELECTED, 75, v1::ENDPOINT_VERDICT_SELECTED, 100},
      {"10.244.1.6", v1::ENDPOINT_VERDICT_TERMINATING, 0, v1::ENDPOINT_VERDICT_TERMINATING, 0},
      {"10.244.2.5", v1::ENDPOINT_VERDICT_SELECTED, 25, v1::ENDPOINT_VERDICT_NOT_LOCAL, 0},
      {"10.244.2.6", v1::ENDPOINT_VERDICT_WEIGHT_ZERO, 0, v1::ENDPOINT_VERDICT_NOT_LOCAL, 0},
      {"", v1::ENDPOINT_VERDICT_BAD_ADDRESS, 0, v1::ENDPOINT_VERDICT_BAD_ADDRESS, 0},
  };
  for (int i = 0; i < 5; ++i) {
    const v1::Endpoint& endpoint = port.endpoints(i);
    EXPECT_EQ(endpoint.address().address(), rows[i].address);
    ASSERT_EQ(endpoint.places_size(), 2);
    EXPECT_EQ(endpoint.places(0).verdict(), rows[i].cluster) << rows[i].address;
    EXPECT_DOUBLE_EQ(endpoint.places(0).share_percent(), rows[i].cluster_share) << rows[i].address;
    EXPECT_EQ(endpoint.places(1).verdict(), rows[i].local) << rows[i].address;
    EXPECT_DOUBLE_EQ(endpoint.places(1).share_percent(), rows[i].local_share) << rows[i].address;
  }
  EXPECT_EQ(port.endpoints(0).weight(), 3u);
  EXPECT_EQ(port.endpoints(4).address_text(), "not-an-address");
  EXPECT_EQ(port.counters().translated(), 1200u);
  EXPECT_EQ(cart.ports(1).pools(0).empty(), v1::EMPTY_POOL_NO_ENDPOINTS);
}

TEST(ServiceMessageTest, AFrontendIsRestrictedIfItHasSourceRangesKnownOrNot) {
  testing::ScriptedAgent agent = testing::SmallCluster();
  report::ServiceStatus& status = agent.services[1];
  const v1::Service known = ToMessage(status, EndpointDetail::kCountsOnly);
  EXPECT_FALSE(known.ports(0).frontends(0).restricted()) << "everybody";
  EXPECT_TRUE(known.ports(0).frontends(2).restricted());
  EXPECT_THAT(known.ports(0).frontends(2).source_ranges(), ElementsAre("198.51.100.0/24"));
  model::Frontend& load_balancer = status.plan.ports[0].frontends[2];
  load_balancer.source_ranges.clear();
  status.restricted_frontends = {load_balancer.address};
  const v1::Service unknown = ToMessage(status, EndpointDetail::kCountsOnly);
  EXPECT_FALSE(unknown.ports(0).frontends(0).restricted());
  EXPECT_TRUE(unknown.ports(0).frontends(2).restricted());
  EXPECT_THAT(unknown.ports(0).frontends(2).source_ranges(), IsEmpty());
}

TEST(ServiceMessageTest, CountsOnlyLeavesEndpointsOutAndKeepsTheirNumbers) {
  const testing::ScriptedAgent agent = testing::SmallCluster();
  const v1::Service cart = ToMessage(agent.services[1], EndpointDetail::kCountsOnly);
  EXPECT_EQ(cart.ports(0).endpoints_size(), 0);
  EXPECT_EQ(cart.ports(0).endpoint_count(), 5u);
  EXPECT_EQ(cart.ports(0).selected_endpoint_count(), 2u);
}

TEST(ServiceMessageTest, CarriesTheStateThatClientsMeet) {
  const testing::ScriptedAgent agent = testing::SmallCluster();
  const v1::Service cart = ToMessage(agent.services[1], EndpointDetail::kCountsOnly);
  EXPECT_EQ(cart.ports(0).serving_state(), v1::SERVING_STATE_READY);
  EXPECT_EQ(cart.ports(1).serving_state(), v1::SERVING_STATE_NO_ENDPOINTS);
  EXPECT_EQ(cart.serving_state(), v1::SERVING_STATE_NO_ENDPOINTS);
  const v1::Service search = ToMessage(agent.services[2], EndpointDetail::kCountsOnly);
  EXPECT_EQ(search.serving_state(), v1::SERVING_STATE_FAILED);
  for (int i = 0; i <= static_cast<int>(report::ServingState::kFailed); ++i) {
    EXPECT_EQ(ToMessage(static_cast<report::ServingState>(i)), i + 1);
  }
}

TEST(ServiceMessageTest, ConflictsAndFailuresAreNamed) {
  const testing::ScriptedAgent agent = testing::SmallCluster();
  const v1::Service search = ToMessage(agent.services[2], EndpointDetail::kCountsOnly);
  EXPECT_EQ(search.state(), v1::SERVICE_STATE_FAILED);
  EXPECT_EQ(search.apply_error(), agent.services[2].applied.message());
  EXPECT_FALSE(search.ports(0).frontends(0).has_conflict_with());
  EXPECT_EQ(search.ports(0).frontends(1).conflict_with().name(), "cart");
  EXPECT_FALSE(search.has_creation_time()) << "not known";
}

TEST(ServiceMessageTest, WhatWasReadFromTheMapsClaimsNothingElse) {
  testing::ScriptedAgent agent = testing::SmallCluster();
  agent.services[1].from_maps = true;
  const v1::Service cart = ToMessage(agent.services[1], EndpointDetail::kEveryEndpoint);
  EXPECT_EQ(cart.state(), v1::SERVICE_STATE_UNSPECIFIED);
  const v1::ServicePort& port = cart.ports(0);
  EXPECT_EQ(port.pools(0).scope(), v1::POOL_SCOPE_UNSPECIFIED);
  EXPECT_FALSE(port.endpoints(0).has_weight());
  EXPECT_FALSE(port.endpoints(0).has_ready());
  EXPECT_EQ(port.endpoints(0).places(0).verdict(), v1::ENDPOINT_VERDICT_SELECTED);
  EXPECT_EQ(port.endpoints(3).places(0).verdict(), v1::ENDPOINT_VERDICT_NO_SHARE)
      << "drained, terminating or not ready: the maps do not say";
  EXPECT_EQ(port.endpoints(2).places(1).verdict(), v1::ENDPOINT_VERDICT_UNSPECIFIED) << "not in the second pool";
}

TEST(ServiceMessageTest, EveryVerdictAndKindHasItsOwnMessageValue) {
  std::vector<v1::EndpointVerdict> verdicts;
  for (int i = 0; i <= static_cast<int>(model::EndpointVerdict::kTooMany); ++i) {
    verdicts.push_back(ToMessage(static_cast<model::EndpointVerdict>(i)));
    // Both lists use the same words: selected and ENDPOINT_VERDICT_SELECTED.
    std::string word = "ENDPOINT_VERDICT_";
    for (const char c : model::EndpointVerdictName(static_cast<model::EndpointVerdict>(i))) {
      word += static_cast<char>(toupper(c));
    }
    EXPECT_EQ(v1::EndpointVerdict_Name(verdicts.back()), word);
  }
  // The others are what the maps tell without a plan: UNSPECIFIED and NO_SHARE.
  EXPECT_EQ(verdicts.size() + 2, static_cast<size_t>(v1::EndpointVerdict_descriptor()->value_count()));
  for (int i = 1; i <= 4; ++i) EXPECT_EQ(ToMessage(static_cast<model::FrontendKind>(i)), i);
}

TEST(ServiceMessageTest, HostileNamesDoNotMakeAMessageThatCannotBeParsed) {
  report::ServiceStatus status;
  status.plan.service = {"sh\xffop", "\xc3("};
  status.plan.warnings = {"\x80"};
  status.applied = absl::InternalError("\xfe");
  v1::Service parsed;
  ASSERT_TRUE(parsed.ParseFromString(ToMessage(status, EndpointDetail::kEveryEndpoint).SerializeAsString()));
  EXPECT_EQ(parsed.name().namespace_name(), "sh\xef\xbf\xbdop");
}

TEST(StatusMessageTest, CarriesTimesProgramsMapsReasonsAndProblems) {
  const v1::AgentStatus status = ToMessage(testing::SmallCluster().status);
  EXPECT_EQ(status.pid(), 4242);
  EXPECT_EQ(status.start_time().seconds(), 1'763'850'000);
  EXPECT_EQ(status.start_time().nanos(), 250'000'000);
  ASSERT_EQ(status.programs_size(), 2);
  EXPECT_EQ(status.programs(0).run_time_ns(), 123'000u);
  EXPECT_TRUE(status.programs(0).attached());
  EXPECT_TRUE(status.programs(0).runs_counted());
  ASSERT_EQ(status.maps_size(), 3);
  EXPECT_EQ(status.maps(1).used(), 1'040'000u);
  EXPECT_EQ(status.reasons(1).count(), 46u);
  EXPECT_FALSE(status.observing());
  EXPECT_EQ(status.socket_sweeps().ended_udp(), 14u);
  EXPECT_EQ(status.socket_sweeps().last_sweep_time().seconds(), 1'763'850'090);
  EXPECT_FALSE(ToMessage(report::AgentStatus()).has_socket_sweeps()) << "there is no report";
  EXPECT_EQ(status.problems(0).where(), "shop/search");
  EXPECT_EQ(status.reasons(0).kind(), v1::REASON_KIND_NOTHING_TO_TRANSLATE);
  EXPECT_EQ(status.reasons(1).kind(), v1::REASON_KIND_NOT_TRANSLATED);
  ASSERT_EQ(status.warned_services_size(), 2) << "a kind without Services is left out";
  EXPECT_EQ(status.warned_services(1).kind(), v1::WARNING_KIND_OBJECT);
  EXPECT_EQ(status.service_warnings(0).service().name(), "cart");
  EXPECT_FALSE(ToMessage(report::AgentStatus()).has_last_apply_time()) << "never applied";
}

TEST(StatusMessageTest, CarriesTheSourceAndTheLastAudit) {
  const v1::AgentStatus status = ToMessage(testing::FollowingCluster().status);
  EXPECT_EQ(status.source_state().server(), "https://10.0.0.1:6443");
  EXPECT_FALSE(status.source_state().reachable());
  ASSERT_EQ(status.source_state().resources_size(), 3);
  EXPECT_EQ(status.source_state().resources(1).ShortDebugString(),
            "resource: \"endpointslices\" synced: true objects: 120 resource_version: \"1040\" "
            "confirmed_time { seconds: 1763850007 } relists: 2 watch_starts: 4 stalls: 1 errors: 1 rejected_objects: 5 "
            "list_held_back: true removals_held_back: 118 last_error: \"list endpointslices: HTTP 503\" "
            "objects_left_out: 2");
  EXPECT_FALSE(status.source_state().resources(2).has_confirmed_time()) << "never listed";
  EXPECT_EQ(status.last_audit().shared_rows(), 2u);
  EXPECT_EQ(status.answer_time().seconds(), 1'763'850'100);
  const v1::AgentStatus manifests = ToMessage(testing::SmallCluster().status);
  EXPECT_FALSE(manifests.has_source_state());
  EXPECT_FALSE(manifests.has_last_audit());
}

TEST(BackendMessageTest, NamesItsServices) {
  const v1::Backend backend = ToMessage(testing::SmallCluster().backends[1]);
  EXPECT_EQ(backend.id(), 5u);
  EXPECT_EQ(backend.address().address(), "10.244.1.5");
  EXPECT_EQ(backend.address().port(), 8080u);
  ASSERT_EQ(backend.services_size(), 1);
  EXPECT_EQ(backend.services(0).namespace_name(), "shop");
}

// Notes every field that is set in the message or in one below it, and every kind of message that was seen.
class SetFields {
 public:
  void Note(const google::protobuf::Message& message) {
    kinds_.insert(message.GetDescriptor());
    const google::protobuf::Reflection& reflection = *message.GetReflection();
    std::vector<const google::protobuf::FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const google::protobuf::FieldDescriptor* field : fields) {
      set_.insert(field);
      if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
      if (!field->is_repeated()) Note(reflection.GetMessage(message, field));
      for (int i = 0; field->is_repeated() && i < reflection.FieldSize(message, field); ++i) {
        Note(reflection.GetRepeatedMessage(message, field, i));
      }
    }
  }

  // Returns the names of the admin API's fields that no message has set.
  std::vector<std::string> Unset() const {
    std::vector<std::string> names;
    for (const google::protobuf::Descriptor* kind : kinds_) {
      for (int i = 0; i < kind->field_count(); ++i) {
        if (set_.contains(kind->field(i)) || kind->file()->package() != "shunt.admin.v1") continue;
        names.push_back(kind->field(i)->full_name());
      }
    }
    return names;
  }

 private:
  std::set<const google::protobuf::Descriptor*> kinds_;
  std::set<const google::protobuf::FieldDescriptor*> set_;
};

// What the other scripted agents have no occasion to say.
testing::ScriptedAgent TroubledCluster() {
  testing::ScriptedAgent agent = testing::FollowingCluster();
  agent.status.observing = true;
  agent.status.sign_of_life = {.stale_after_ms = 600'000, .age_ms = 1'250};
  agent.status.problems = {{.where = "kube-proxy", .what = "answers on this node", .advice = true},
                           {.where = "a.yaml:3",
                            .what = "Service shop/cart: spec.ports must be a list, not a single value",
                            .refused_service = model::ObjectName{"shop", "cart"}}};
  agent.services[1].refusals = {"a.yaml:3: Service shop/cart: spec.ports must be a list, not a single value"};
  agent.status.last_audit.problem = "the maps cannot be read";
  agent.status.last_audit.unrepaired = 1;
  agent.status.last_audit.hooks = {"sock_connect4"};
  agent.status.socket_sweeps.ended_tcp = 1;
  agent.status.socket_sweeps.namespaces_not_entered = 1;
  agent.status.socket_sweeps.problem = "no iterator";
  agent.status.source_status.reachable = true;
  agent.status.source_status.snapshot_time_ms = 1'763'850'000'000;
  model::Frontend& frontend = agent.services[0].plan.ports[0].frontends[0];
  frontend.internal_pool = 1;
  frontend.node_in_source_ranges = true;
  frontend.verdict = model::FrontendVerdict::kLocalAddress;
  agent.maps["service_counters"] = {report::ServiceCountersRow{.no_endpoints = 1}};
  return agent;
}

void NoteFlows(const testing::ScriptedAgent& agent, SetFields& fields) {
  EXPECT_TRUE(AnswerListFlows(agent, {}, [&](const v1::Flow& flow) {
                fields.Note(flow);
                return true;
              }).ok());
  fields.Note(*AnswerCountFlows(agent, {}));
  fields.Note(*AnswerListSnatSets(agent, SIZE_MAX));
}

TEST(MessagesTest, EveryFieldIsSetInSomeAnswer) {
  SetFields fields;
  for (const testing::ScriptedAgent& agent :
       {testing::SmallCluster(), testing::FollowingCluster(), TroubledCluster()}) {
    fields.Note(ToMessage(agent.status));
    for (const report::ServiceStatus& service : agent.services) {
      fields.Note(ToMessage(service, EndpointDetail::kEveryEndpoint));
    }
    for (const report::BackendStatus& backend : agent.backends) fields.Note(ToMessage(backend));
    for (const report::DeviceStatus& device : agent.devices.devices) fields.Note(ToMessage(device));
    NoteFlows(agent, fields);
    for (const auto& [name, rows] : agent.maps) {
      for (const report::MapRow& row : rows) fields.Note(ToMessage(row));
    }
    if (agent.audit.ok()) fields.Note(ToMessage(*agent.audit));
  }
  EXPECT_THAT(fields.Unset(), IsEmpty()) << "nothing fills them, or testing/scripted_agent has no value for them";
}

TEST(MapRowMessageTest, EveryKindOfRowHasItsMessage) {
  const testing::ScriptedAgent agent = testing::SmallCluster();
  std::vector<v1::MapRow::RowCase> kinds;
  for (const auto& [name, rows] : agent.maps) kinds.push_back(ToMessage(rows.front()).row_case());
  std::sort(kinds.begin(), kinds.end());
  kinds.erase(std::unique(kinds.begin(), kinds.end()), kinds.end());
  EXPECT_EQ(kinds.size(), static_cast<size_t>(v1::MapRow::descriptor()->field_count()));

  const v1::MapRow socket = ToMessage(agent.maps.at("socket_state").front());
  EXPECT_EQ(socket.socket_state().ShortDebugString(),
            "cookie: 71 dialled { address: \"10.96.12.4\" port: 80 } backend_address { address: \"10.244.1.5\" port: "
            "8080 } pool: 2 backend: 5 flags: \"translated\"");
  const v1::MapRow about = ToMessage(agent.maps.at("frontend_rows").back());
  EXPECT_EQ(about.frontend().ShortDebugString(),
            "row: 4 address { address: \"10.96.12.4\" } about_address: true flags: \"cluster_ip\"");
}

}  // namespace
}  // namespace shunt::admin
