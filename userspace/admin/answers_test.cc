// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "userspace/admin/dump_buffer.h"
#include "userspace/admin/testing/scripted_agent.h"

namespace shunt::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class AnswersTest : public ::testing::Test {
 protected:
  testing::ScriptedAgent agent_ = testing::SmallCluster();
};

TEST_F(AnswersTest, ListServicesFiltersByNamespace) {
  v1::ListServicesRequest request;
  EXPECT_EQ(AnswerListServices(agent_, request, 1 << 20)->services_size(), 3);
  request.set_namespace_name("shop");
  const auto shop = AnswerListServices(agent_, request, 1 << 20);
  ASSERT_EQ(shop->services_size(), 2);
  EXPECT_EQ(shop->services(0).name().name(), "cart");
  EXPECT_EQ(shop->services(0).ports(0).endpoints_size(), 0);
  request.set_include_endpoints(true);
  EXPECT_EQ(AnswerListServices(agent_, request, 1 << 20)->services(0).ports(0).endpoints_size(), 5);
}

TEST_F(AnswersTest, AnAnswerTooLongIsRefusedWithAWayOut) {
  const absl::Status status = AnswerListServices(agent_, {}, 100).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(), HasSubstr("ask for one namespace"));
  EXPECT_EQ(AnswerListBackends(agent_, {}, 10).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(AnswersTest, AServiceThatIsNotThereIsAnsweredWithThoseThatAre) {
  struct Row {
    const char* namespace_name;
    const char* name;
    absl::StatusCode code;
    const char* message;
  };
  const Row rows[] = {
      {"default", "cart", absl::StatusCode::kNotFound, "no Service default/cart; there is shop/cart"},
      {"shop", "crat", absl::StatusCode::kNotFound, "no Service shop/crat; namespace shop has shop/cart, shop/search"},
      {"nowhere", "x", absl::StatusCode::kNotFound,
       "no Service nowhere/x; there are 3 Services, none in that namespace"},
      {"", "cart", absl::StatusCode::kInvalidArgument, "GetService: namespace_name and name must both be set"},
      {"shop", "", absl::StatusCode::kInvalidArgument, "GetService: namespace_name and name must both be set"},
  };
  for (const Row& row : rows) {
    v1::GetServiceRequest request;
    request.set_namespace_name(row.namespace_name);
    request.set_name(row.name);
    const absl::Status status = AnswerGetService(agent_, request).status();
    EXPECT_EQ(status.code(), row.code) << row.namespace_name << "/" << row.name;
    EXPECT_EQ(status.message(), row.message);
  }
}

TEST_F(AnswersTest, AServiceThatIsRefusedIsNotJustUnknown) {
  agent_.status.problems = {{.where = "a.yaml:2", .what = "Service shop/other: spec.ports must be a list"},
                            {.where = "b.yaml:7",
                             .what = "Service shop/crat: metadata.uid must be a string, not a list",
                             .refused_service = model::ObjectName{"shop", "crat"}}};
  v1::GetServiceRequest request;
  request.set_namespace_name("shop");
  request.set_name("crat");
  EXPECT_EQ(AnswerGetService(agent_, request).status(),
            absl::NotFoundError("Service shop/crat is refused, so nothing is known of it: b.yaml:7: Service shop/crat: "
                                "metadata.uid must be a string, not a list"));
  request.set_name("other");
  EXPECT_THAT(std::string(AnswerGetService(agent_, request).status().message()),
              HasSubstr("no Service shop/other; namespace shop has"));
}

TEST_F(AnswersTest, OfManyServicesTheFirstAreNamedAndTheOthersCounted) {
  agent_.services.assign(5, agent_.services[1]);
  v1::GetServiceRequest request;
  request.set_namespace_name("shop");
  request.set_name("crat");
  EXPECT_THAT(std::string(AnswerGetService(agent_, request).status().message()), EndsWith(", shop/cart"));
  agent_.services.assign(7, agent_.services[1]);
  EXPECT_THAT(std::string(AnswerGetService(agent_, request).status().message()), EndsWith(", shop/cart and 2 more"));
}

TEST_F(AnswersTest, ListBackendsFiltersByTheNamespaceOfItsUsers) {
  v1::ListBackendsRequest request;
  EXPECT_EQ(AnswerListBackends(agent_, request, 1 << 20)->backends_size(), 4);
  request.set_namespace_name("shop");
  EXPECT_EQ(AnswerListBackends(agent_, request, 1 << 20)->backends_size(), 2);
}

TEST_F(AnswersTest, DumpMapStopsWhenToldAndNamesTheMapsThereAre) {
  v1::DumpMapRequest request;
  request.set_map("frontend_rows");
  int rows = 0;
  EXPECT_TRUE(AnswerDumpMap(agent_, request, [&](v1::MapRow) { return ++rows < 1; }).ok());
  EXPECT_EQ(rows, 1);
  request.set_map("frontend");
  const absl::Status unknown = AnswerDumpMap(agent_, request, [](v1::MapRow) { return true; });
  EXPECT_EQ(unknown.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(unknown.message(), HasSubstr("there are affinities, backend_counters"));
  request.clear_map();
  EXPECT_EQ(AnswerDumpMap(agent_, request, [](v1::MapRow) { return true; }).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(AnswersTest, AnAuditIsReportedOrSaysWhyNot) {
  agent_.audit = report::AuditReport{.time_ms = 1'763'850'100'250, .services = {{"shop", "cart"}}, .shared = 2};
  const auto found = AnswerAudit(agent_);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->report().ShortDebugString(),
            "time { seconds: 1763850100 nanos: 250000000 } services { namespace_name: \"shop\" name: \"cart\" } "
            "shared_rows: 2");
  agent_.audit = absl::UnavailableError("stopping");
  EXPECT_EQ(AnswerAudit(agent_).status(), absl::UnavailableError("stopping"));
}

TEST_F(AnswersTest, FlowsAreNarrowedAndLimited) {
  std::vector<uint32_t> rows;
  const auto list = [&](const v1::ListFlowsRequest& request) {
    rows.clear();
    return AnswerListFlows(agent_, request, [&rows](const v1::Flow& flow) {
      rows.push_back(flow.row().row());
      return true;
    });
  };
  v1::ListFlowsRequest request;
  ASSERT_TRUE(list(request).ok());
  EXPECT_THAT(rows, ElementsAre(7, 9));
  request.set_limit(1);
  ASSERT_TRUE(list(request).ok());
  EXPECT_THAT(rows, ElementsAre(7));
  request.mutable_filter()->set_kind("datagrams");
  ASSERT_TRUE(list(request).ok());
  EXPECT_THAT(rows, ElementsAre(9));
  request.mutable_filter()->mutable_service()->set_namespace_name("shop");
  request.mutable_filter()->mutable_service()->set_name("cart");
  ASSERT_TRUE(list(request).ok());
  EXPECT_THAT(rows, IsEmpty());
}

TEST_F(AnswersTest, AFilterThatIsMalformedIsNamed) {
  struct Row {
    void (*break_it)(v1::FlowFilter& filter);
    const char* message;
  };
  const Row rows[] = {
      {[](v1::FlowFilter& filter) { filter.set_client("10.0.0"); }, "filter.client: '10.0.0' is no IP address"},
      {[](v1::FlowFilter& filter) { filter.mutable_backend(); }, "filter.backend: '' is no IP address"},
      {[](v1::FlowFilter& filter) {
         filter.mutable_backend()->set_address("::1");
         filter.mutable_backend()->set_port(65'536);
       },
       "filter.backend: 65536 is no port"},
      {[](v1::FlowFilter& filter) { filter.set_kind("shut"); },
       "filter.kind: 'shut' is none of opening, open, half_closed, closed, datagrams, answered, retired"},
      {[](v1::FlowFilter& filter) { filter.mutable_tuple(); }, "filter.tuple: protocol must be set"},
      {[](v1::FlowFilter& filter) { filter.mutable_tuple()->set_protocol(v1::PROTOCOL_SCTP); },
       "filter.tuple.source: '' is no IP address"},
  };
  for (const Row& row : rows) {
    v1::ListFlowsRequest list;
    v1::CountFlowsRequest count;
    row.break_it(*list.mutable_filter());
    row.break_it(*count.mutable_filter());
    EXPECT_EQ(AnswerListFlows(agent_, list, [](v1::Flow) { return true; }), absl::InvalidArgumentError(row.message));
    EXPECT_EQ(AnswerCountFlows(agent_, count).status(), absl::InvalidArgumentError(row.message));
  }
}

TEST_F(AnswersTest, SetsOfPortsThatDoNotFitAreRefused) {
  EXPECT_EQ(AnswerListSnatSets(agent_, 1 << 20)->sets_size(), 1);
  EXPECT_EQ(AnswerListSnatSets(agent_, 1).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(AnswersTest, AStateThatCannotBeReadIsTheAnswerToEveryCall) {
  agent_.unreadable = absl::InternalError("map slots: EIO");
  v1::GetServiceRequest service;
  service.set_namespace_name("shop");
  service.set_name("cart");
  v1::DumpMapRequest dump;
  dump.set_map("slots");
  EXPECT_EQ(AnswerGetStatus(agent_).status(), agent_.unreadable);
  EXPECT_EQ(AnswerListServices(agent_, {}, 1 << 20).status(), agent_.unreadable);
  EXPECT_EQ(AnswerGetService(agent_, service).status(), agent_.unreadable);
  EXPECT_EQ(AnswerListBackends(agent_, {}, 1 << 20).status(), agent_.unreadable);
  EXPECT_EQ(AnswerDumpMap(agent_, dump, [](v1::MapRow) { return true; }), agent_.unreadable);
  EXPECT_EQ(AnswerAudit(agent_).status(), agent_.unreadable);
  EXPECT_EQ(AnswerListDevices(agent_).status(), agent_.unreadable);
  EXPECT_EQ(AnswerListFlows(agent_, {}, [](v1::Flow) { return true; }), agent_.unreadable);
  EXPECT_EQ(AnswerCountFlows(agent_, {}).status(), agent_.unreadable);
  EXPECT_EQ(AnswerListSnatSets(agent_, 1 << 20).status(), agent_.unreadable);
}

v1::MapRow Slot(uint32_t number) {
  v1::MapRow row;
  row.mutable_slot()->set_slot(number);
  return row;
}

TEST(DumpBufferTest, GivesChunksInOrderAndTheRestLast) {
  const size_t row_bytes = Slot(1).ByteSizeLong();
  DumpBuffer buffer(2 * row_bytes, 1 << 20);
  for (uint32_t i = 1; i <= 5; ++i) EXPECT_TRUE(buffer.Add(Slot(i)));
  std::vector<int> sizes;
  uint32_t next = 1;
  while (const auto chunk = buffer.Take()) {
    sizes.push_back(chunk->rows_size());
    for (const v1::MapRow& row : chunk->rows()) EXPECT_EQ(row.slot().slot(), next++);
  }
  EXPECT_THAT(sizes, ::testing::ElementsAre(2, 2, 1));
  EXPECT_EQ(next, 6u);
  EXPECT_FALSE(buffer.full());
}

TEST(DumpBufferTest, RefusesRowsBeyondItsBytes) {
  DumpBuffer buffer(1, 20);
  int taken = 0;
  while (taken < 100 && buffer.Add(Slot(static_cast<uint32_t>(1000 + taken)))) ++taken;
  EXPECT_TRUE(buffer.full());
  EXPECT_GE(taken, 2);
  EXPECT_LT(taken, 20);
  EXPECT_FALSE(buffer.Add(Slot(1)));
}

}  // namespace
}  // namespace shunt::admin
