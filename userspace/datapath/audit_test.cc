// SPDX-License-Identifier: Apache-2.0
// What a running agent does with maps that another process has changed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "userspace/datapath/codec.h"
#include "userspace/datapath/testing/table_fixture.h"

namespace shunt::datapath {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class AuditTest : public TableFixture {
 protected:
  const std::vector<NodeAddress> node_ = {{Ip("203.0.113.5"), false}, {Ip("127.0.0.1"), true}};
  const model::ServicePlan web_ = MakePlan("web", "10.96.0.10", 80, MakePool({"10.244.0.1", "10.244.0.2"}, 8080));
  const model::ServicePlan api_ = MakePlan("api", "10.96.0.11", 80, MakePool({"10.244.0.2", "10.244.0.3"}, 8080));
};

TEST_F(AuditTest, FindsNothingAndWritesNothingWhereAllIsAsItShouldBe) {
  ASSERT_TRUE(datapath_->SetNodeAddresses(node_).ok());
  MustApply({web_, api_});
  Record();
  const absl::StatusOr<Drift> drift = Audit({web_, api_}, node_);
  ASSERT_TRUE(drift.ok()) << drift.status();
  EXPECT_EQ(drift->differences(), 0u);
  EXPECT_THAT(written_, IsEmpty());
}

TEST_F(AuditTest, NamesTheServiceWhoseBackendAnotherHandHasMoved) {
  MustApply({web_, api_});
  shunt_backend row = {};
  ASSERT_TRUE(tables_.backends->Load(0, MutableBytesOf(row)).ok());
  row.port ^= 0xffff;
  ASSERT_TRUE(tables_.backends->Store(0, BytesOf(row)).ok());
  const absl::StatusOr<Drift> drift = Audit({web_, api_});
  ASSERT_TRUE(drift.ok()) << drift.status();
  EXPECT_THAT(drift->services, ElementsAre(web_.service));
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1 10.244.0.2");
}

TEST_F(AuditTest, TakesAwayAServiceThatNoPlanNames) {
  MustApply({web_, api_});
  const absl::StatusOr<Drift> drift = Audit({web_});
  ASSERT_TRUE(drift.ok()) << drift.status();
  EXPECT_THAT(drift->services, ElementsAre(api_.service));
  EXPECT_EQ(Read("10.96.0.11", 80).outcome, Outcome::kNotAService);
}

TEST_F(AuditTest, PutsTheNodesAddressesBack) {
  model::PortPlan port = web_.ports[0];
  port.frontends.push_back(MakeFrontend(model::FrontendKind::kNodePort, "0.0.0.0", 30080));
  const model::ServicePlan web = MakePlan("web", {port});
  ASSERT_TRUE(datapath_->SetNodeAddresses({node_[0]}).ok());
  MustApply({web});
  const absl::StatusOr<Drift> drift = Audit({web}, node_);
  ASSERT_TRUE(drift.ok()) << drift.status();
  EXPECT_THAT(drift->services, IsEmpty());
  EXPECT_EQ(drift->shared, 1u);
  EXPECT_EQ(Backends("127.0.0.1", 30080), "10.244.0.1 10.244.0.2");
}

// What waits in quarantine belongs to no Service, and a program may still use it.
TEST_F(AuditTest, DoesNotTakeWhatWaitsForItsGracePeriodForFree) {
  MustApply({web_});
  grace_.set_available(false);
  MustApply({MakePlan("web", "10.96.0.10", 80, MakePool({"10.244.0.9"}, 8080))});
  const absl::StatusOr<Drift> drift = Audit({web_});
  EXPECT_EQ(drift.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.9") << "and has changed nothing";
}

TEST_F(AuditTest, GoesOnWithIdsWhereTheAgentWas) {
  MustApply({web_, api_});
  ASSERT_TRUE(Audit({web_, api_}).ok());
  model::ServicePlan changed = web_;
  changed.ports[0].pools[0] = MakePool({"10.244.0.1"}, 8080);
  Record();
  MustApply({changed});
  EXPECT_THAT(written_, ElementsAre("meta", "slots", "pools")) << "only the difference";
}

TEST_F(AuditTest, ATableThatCannotBeReadLeavesEverythingAsItWas) {
  MustApply({web_, api_});
  const uint32_t size = std::exchange(maps_->rows("backends")->value_size, 1);
  EXPECT_EQ(Audit({web_, api_}).status().code(), absl::StatusCode::kFailedPrecondition);
  maps_->rows("backends")->value_size = size;
  MustApply({MakePlan("web", "10.96.0.10", 80, MakePool({"10.244.0.9"}, 8080))});
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.9");
  EXPECT_EQ(Backends("10.96.0.11", 80), "10.244.0.2 10.244.0.3");
}

}  // namespace
}  // namespace shunt::datapath
