// SPDX-License-Identifier: Apache-2.0
// Stories of the reconciler over a datapath that writes down what it was given and fails as it is told.
#include "userspace/agent/control/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "userspace/agent/testing/recording_datapath.h"

namespace shunt::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

model::ObjectName Name(absl::string_view name) {
  return {"shop", std::string(name)};
}

model::Service Service(absl::string_view name, absl::string_view cluster_ip, int64_t created = 1000) {
  model::Service service;
  service.name = Name(name);
  service.creation_time_s = created;
  service.cluster_ips = {std::string(cluster_ip)};
  service.ports = {{.name = "web", .port = 80}};
  return service;
}

model::EndpointSlice Slice(absl::string_view service, const std::vector<std::string>& addresses,
                           absl::string_view zone_hint = "") {
  model::EndpointSlice slice;
  slice.name = Name(absl::StrCat(service, "-x1"));
  slice.labels["kubernetes.io/service-name"] = std::string(service);
  for (const std::string& address : addresses) {
    model::Endpoint endpoint;
    endpoint.address = address;
    endpoint.ready = true;
    if (!zone_hint.empty()) endpoint.hint_zones = {std::string(zone_hint)};
    slice.endpoints.push_back(endpoint);
  }
  slice.ports = {{.name = "web", .port = 8080}};
  return slice;
}

model::Node Node(absl::string_view zone, const std::vector<std::string>& addresses) {
  model::Node node;
  node.name = "node-a";
  node.labels["topology.kubernetes.io/zone"] = std::string(zone);
  node.addresses = addresses;
  return node;
}

datapath::NodeAddress Local(absl::string_view address, bool host_only = false) {
  return {model::IpAddress::Parse(address).value(), host_only};
}

class ReconcilerTest : public testing::Test {
 protected:
  static ReconcilerOptions Options(size_t sources) {
    return {.node_name = "node-a", .sources = sources, .planner = {}, .jitter_seed = 1};
  }
  template <typename Object>
  void Upsert(Object object) {
    reconciler_.Deliver({sources::Upsert{std::move(object)}});
  }
  void RemoveService(absl::string_view name) {
    reconciler_.Deliver({sources::Remove{sources::ObjectKind::kService, Name(name)}});
  }
  // Runs every step that is due until `end`, and returns the applies with their time in seconds.
  std::vector<std::string> StepUntil(SteadyTime end) {
    std::vector<std::string> lines;
    for (auto next = reconciler_.NextStep(); next.has_value() && *next <= end; next = reconciler_.NextStep()) {
      now_ = std::max(now_, *next);
      reconciler_.Step(now_);
      const int64_t second = (now_ - start_) / seconds(1);
      for (const std::string& apply : datapath_.TakeApplies()) lines.push_back(absl::StrCat(second, " ", apply));
    }
    now_ = end;
    return lines;
  }
  std::vector<std::string> Backends(absl::string_view service) {
    std::vector<std::string> lines;
    for (const model::PortPlan& port : datapath_.holds.at(std::string(service)).ports) {
      for (const model::PoolMember& member : port.pools.at(0).members) {
        lines.push_back(member.backend.address.ToString());
      }
    }
    return lines;
  }
  absl::Status Applied(absl::string_view service) { return ledger_.Find(Name(service))->applied; }

  const SteadyTime start_{std::chrono::hours(1)};
  SteadyTime now_ = start_;
  RecordingDatapath datapath_;
  Ledger ledger_;
  Reconciler reconciler_{Options(1), datapath_, ledger_};
};

TEST_F(ReconcilerTest, NothingBeforeEverySourceIsSynced) {
  Reconciler reconciler(Options(2), datapath_, ledger_);
  reconciler.Deliver({sources::Upsert{Service("cart", "10.96.0.1")}, sources::Upsert{Slice("cart", {"10.0.0.1"})}});
  reconciler.SetLocalAddresses({Local("10.0.0.9")});
  EXPECT_FALSE(reconciler.NextStep().has_value());
  reconciler.Step(now_);
  reconciler.Synced(1);
  reconciler.Synced(1);
  EXPECT_FALSE(reconciler.synced()) << "the same source twice is not two";
  reconciler.Step(now_);
  EXPECT_THAT(datapath_.TakeApplies(), IsEmpty());
  EXPECT_EQ(datapath_.address_calls, 0);

  reconciler.Synced(0);
  ASSERT_TRUE(reconciler.NextStep().has_value());
  EXPECT_TRUE(reconciler.Step(now_).first);
  EXPECT_THAT(datapath_.TakeApplies(), ElementsAre("all: cart"));
  EXPECT_THAT(datapath_.node_addresses, ElementsAre(Local("10.0.0.9")));
  EXPECT_FALSE(reconciler.NextStep().has_value()) << "nothing left to do";
}

TEST_F(ReconcilerTest, AnEmptyClusterIsAppliedToo) {
  reconciler_.Synced(0);
  EXPECT_THAT(StepUntil(now_), ElementsAre("0 all:")) << "what an earlier agent left has to go";
}

TEST_F(ReconcilerTest, ChangesAreTakenInOneBatchAndOnlyChanges) {
  for (const char* name : {"cart", "search", "stock"}) Upsert(Slice(name, {"10.0.0.1"}));
  Upsert(Service("cart", "10.96.0.1"));
  Upsert(Service("search", "10.96.0.2"));
  Upsert(Service("stock", "10.96.0.3"));
  reconciler_.Synced(0);
  EXPECT_THAT(StepUntil(now_), ElementsAre("0 all: cart search stock"));

  Upsert(Slice("cart", {"10.0.0.1", "10.0.0.2"}));
  Upsert(Slice("stock", {"10.0.0.3"}));
  Upsert(Slice("cart", {"10.0.0.2"}));
  EXPECT_THAT(StepUntil(now_), ElementsAre("0 changed: cart stock")) << "an endpoint that flaps is written once";
  EXPECT_THAT(Backends("cart"), ElementsAre("10.0.0.2"));

  Upsert(Slice("cart", {"10.0.0.2", "10.0.0.4"}));
  Upsert(Slice("cart", {"10.0.0.2"}));
  EXPECT_THAT(StepUntil(now_), IsEmpty()) << "there and back before anybody looked is no change";

  RemoveService("search");
  EXPECT_THAT(StepUntil(now_), ElementsAre("0 changed: -search"));
  EXPECT_FALSE(ledger_.Find(Name("search")).has_value());
  EXPECT_EQ(ledger_.totals().services, 2u);
}

TEST_F(ReconcilerTest, AFailureIsTriedAgainWithBackoffAndBlocksNobody) {
  Upsert(Service("cart", "10.96.0.1"));
  Upsert(Service("huge", "10.96.0.2"));
  reconciler_.Synced(0);
  datapath_.failures["huge"] = absl::ResourceExhaustedError("map slots: full");
  EXPECT_THAT(StepUntil(now_), ElementsAre("0 all: cart huge"));
  EXPECT_TRUE(Applied("cart").ok());
  EXPECT_EQ(Applied("huge").message(), "map slots: full");
  EXPECT_EQ(ledger_.totals().failed, 1u);

  Upsert(Slice("cart", {"10.0.0.1"}));
  EXPECT_THAT(StepUntil(now_), ElementsAre("0 changed: cart")) << "a change elsewhere neither waits nor hurries it";

  std::vector<SteadyTime> tries = {now_};
  for (int i = 0; i < 9; ++i) {
    tries.push_back(reconciler_.NextStep().value());
    EXPECT_EQ(StepUntil(tries.back()).size(), 1u);
  }
  const int shortest[] = {1, 2, 4, 8, 16, 32, 40, 40, 40};
  for (int i = 0; i < 9; ++i) {
    EXPECT_GE(tries[i + 1] - tries[i], seconds(shortest[i])) << "try " << i;
    EXPECT_LE(tries[i + 1] - tries[i], milliseconds(1500 * shortest[i])) << "try " << i;
  }

  datapath_.failures.clear();
  EXPECT_THAT(StepUntil(now_ + seconds(60)).size(), 1u);
  EXPECT_TRUE(Applied("huge").ok());
  EXPECT_EQ(ledger_.totals().failed, 0u);
  EXPECT_FALSE(reconciler_.NextStep().has_value()) << "and then there is peace";
}

TEST_F(ReconcilerTest, AFailureIsNewsOnceAndWhenItsReasonChanges) {
  Upsert(Service("huge", "10.96.0.2"));
  reconciler_.Synced(0);
  datapath_.failures["huge"] = absl::ResourceExhaustedError("map slots needs 9 rows, 3 are free");
  EXPECT_THAT(reconciler_.Step(now_).news, SizeIs(1));
  const auto next_try = [&] {
    now_ = std::max(now_, reconciler_.NextStep().value());
    StepOutcome outcome = reconciler_.Step(now_);
    EXPECT_THAT(outcome.failures, SizeIs(1));
    return outcome.news.size();
  };
  EXPECT_EQ(next_try(), 0u);
  datapath_.failures["huge"] = absl::ResourceExhaustedError("map slots needs 9 rows, 0 are free");
  EXPECT_EQ(next_try(), 0u) << "the same map is too small";
  Upsert(Slice("huge", {"10.0.0.1"}));
  EXPECT_EQ(next_try(), 0u) << "another object, the same reason";
  datapath_.failures["huge"] = absl::ResourceExhaustedError("map pools needs 9 rows, 0 are free");
  EXPECT_EQ(next_try(), 1u);
  datapath_.failures["huge"] = absl::UnavailableError("map pools needs 9 rows, 0 are free");
  EXPECT_EQ(next_try(), 1u);
  const auto failure = std::exchange(datapath_.failures, {});
  StepUntil(now_ + seconds(60));
  EXPECT_EQ(ledger_.totals().failed, 0u);
  datapath_.failures = failure;
  Upsert(Slice("huge", {"10.0.0.2"}));
  EXPECT_EQ(next_try(), 1u) << "it was applied in between";
}

TEST_F(ReconcilerTest, TheNodesAddressesAreUnappliedUntilATrySucceeds) {
  reconciler_.SetLocalAddresses({Local("10.0.0.9")});
  datapath_.address_status = absl::UnavailableError("busy");
  reconciler_.Synced(0);
  EXPECT_FALSE(reconciler_.Step(now_).node_addresses.ok());
  Upsert(Service("cart", "10.96.0.1"));
  EXPECT_FALSE(reconciler_.Step(now_).node_addresses.ok()) << "a step that does not try again changes nothing";
  EXPECT_EQ(datapath_.address_calls, 1);
  datapath_.address_status = absl::OkStatus();
  EXPECT_TRUE(reconciler_.Step(now_ + seconds(2)).node_addresses.ok());
}

TEST_F(ReconcilerTest, AChangedObjectStartsAfresh) {
  Upsert(Service("huge", "10.96.0.2"));
  reconciler_.Synced(0);
  datapath_.failures["huge"] = absl::ResourceExhaustedError("map slots: full");
  StepUntil(now_ + seconds(100));
  EXPECT_GE(reconciler_.NextStep().value() - now_, seconds(1));
  Upsert(Slice("huge", {"10.0.0.1"}));
  EXPECT_EQ(StepUntil(now_).size(), 1u) << "at once, not when the old delay ends";
  EXPECT_LE(reconciler_.NextStep().value() - now_, milliseconds(1500)) << "and the delay is the first one again";
  RemoveService("huge");
  datapath_.failures.clear();
  EXPECT_THAT(StepUntil(now_ + seconds(100)), ElementsAre("100 changed: -huge"));
}

TEST_F(ReconcilerTest, AServiceThatServesNothingIsForgottenWhenItIsDeleted) {
  // Manifests need not say when a Service was made.
  model::Service headless = Service("headless", "None", 0);
  model::Service external = Service("external", "10.96.0.2", 0);
  external.type = model::ServiceType::kExternalName;
  model::Service bare = Service("bare", "10.96.0.3", 0);
  bare.ports.clear();
  for (const model::Service& service : {headless, external, bare}) Upsert(service);
  reconciler_.Synced(0);
  StepUntil(now_);
  for (const char* name : {"headless", "external", "bare"}) {
    ASSERT_TRUE(ledger_.Find(Name(name)).has_value()) << name;
    EXPECT_THAT(ledger_.Find(Name(name))->plan->ports, IsEmpty()) << name;
    RemoveService(name);
  }
  StepUntil(now_);
  EXPECT_THAT(ledger_.PageAfter(nullptr, 10), IsEmpty());
  Upsert(headless);
  StepUntil(now_);
  EXPECT_TRUE(ledger_.Find(Name("headless")).has_value()) << "it has come back";
}

TEST_F(ReconcilerTest, ARemovalThatFailsIsTriedAgain) {
  Upsert(Service("cart", "10.96.0.1"));
  reconciler_.Synced(0);
  StepUntil(now_);
  RemoveService("cart");
  datapath_.failures["cart"] = absl::UnavailableError("map frontend_index: EAGAIN");
  EXPECT_THAT(StepUntil(now_), ElementsAre("0 changed: -cart"));
  EXPECT_FALSE(Applied("cart").ok());
  datapath_.failures.clear();
  EXPECT_THAT(StepUntil(now_ + seconds(2)), ElementsAre("1 changed: -cart"));
  EXPECT_FALSE(ledger_.Find(Name("cart")).has_value());
  EXPECT_THAT(datapath_.holds, IsEmpty());
}

TEST_F(ReconcilerTest, ALeftoverOfAnEarlierAgentThatCannotBeRemovedIsTriedAgain) {
  datapath_.stuck_leftovers = {Name("old")};
  reconciler_.Synced(0);
  EXPECT_THAT(StepUntil(now_), ElementsAre("0 all:"));
  EXPECT_EQ(Applied("old").message(), "stuck");
  EXPECT_THAT(StepUntil(now_ + seconds(2)), ElementsAre("1 changed: -old"));
  EXPECT_FALSE(ledger_.Find(Name("old")).has_value());
}

TEST_F(ReconcilerTest, AFrontendChangesHands) {
  Upsert(Service("young", "10.96.0.1", 2000));
  Upsert(Slice("young", {"10.0.0.1"}));
  reconciler_.Synced(0);
  EXPECT_THAT(StepUntil(now_), ElementsAre("0 all: young"));

  Upsert(Service("elder", "10.96.0.1", 1000));
  EXPECT_THAT(StepUntil(now_), ElementsAre("0 changed: elder young")) << "one batch: no instant without a holder";
  EXPECT_EQ(datapath_.holds["young"].ports[0].frontends[0].conflict_with, Name("elder"));
  EXPECT_FALSE(datapath_.holds["elder"].ports[0].frontends[0].InConflict());
  EXPECT_THAT(ledger_.Warnings(10).at(0).what, testing::StartsWith("frontend 10.96.0.1:80/TCP belongs to Service"));

  Upsert(Slice("elder", {"10.0.0.2"}));
  EXPECT_THAT(StepUntil(now_), ElementsAre("0 changed: elder")) << "the loser's verdict has not changed";

  RemoveService("elder");
  EXPECT_THAT(StepUntil(now_), ElementsAre("0 changed: -elder young"));
  EXPECT_FALSE(datapath_.holds["young"].ports[0].frontends[0].InConflict());
  EXPECT_TRUE(ledger_.Warnings(10).empty());
}

TEST_F(ReconcilerTest, ThreeClaimantsSettleWhateverTheOrder) {
  for (const std::vector<int>& order : {std::vector<int>{1, 2, 3}, {3, 2, 1}, {2, 3, 1}, {2, 1, 3}}) {
    RecordingDatapath datapath;
    Ledger ledger;
    Reconciler reconciler(Options(1), datapath, ledger);
    reconciler.Synced(0);
    for (const int age : order) {
      reconciler.Deliver({sources::Upsert{Service(absl::StrCat("s", age), "10.96.0.1", age)}});
      reconciler.Step(now_);
    }
    EXPECT_FALSE(datapath.holds["s1"].ports[0].frontends[0].InConflict());
    EXPECT_EQ(datapath.holds["s2"].ports[0].frontends[0].conflict_with, Name("s1"));
    EXPECT_EQ(datapath.holds["s3"].ports[0].frontends[0].conflict_with, Name("s1"));
    EXPECT_FALSE(reconciler.NextStep().has_value());
  }
}

TEST_F(ReconcilerTest, TheNodesZoneDecidesAgain) {
  model::EndpointSlice slice = Slice("cart", {"10.0.0.1"}, "east");
  slice.endpoints.push_back(Slice("cart", {"10.0.0.2"}, "west").endpoints[0]);
  Upsert(Service("cart", "10.96.0.1"));
  Upsert(slice);
  Upsert(Service("plain", "10.96.0.2"));
  reconciler_.Synced(0);
  StepUntil(now_);
  EXPECT_THAT(Backends("cart"), ElementsAre("10.0.0.1", "10.0.0.2")) << "no Node object, no zone";

  Upsert(Node("west", {"10.0.0.9"}));
  EXPECT_THAT(StepUntil(now_), ElementsAre("0 changed: cart")) << "all are planned again, one has changed";
  std::vector<std::string> selected;
  for (const model::PlannedEndpoint& endpoint : datapath_.holds["cart"].ports[0].endpoints) {
    if (endpoint.cluster_verdict == model::EndpointVerdict::kSelected)
      selected.emplace_back(endpoint.address_text.view());
  }
  EXPECT_THAT(selected, ElementsAre("10.0.0.2"));
}

TEST_F(ReconcilerTest, PrimaryAddressesDecideAboutSourceRanges) {
  model::Service service = Service("ranged", "10.96.0.1");
  service.type = model::ServiceType::kLoadBalancer;
  service.load_balancer_ingress = {{.ip = "192.0.2.1"}};
  service.load_balancer_source_ranges = {"10.1.0.0/16"};
  Upsert(service);
  Upsert(Slice("ranged", {"10.0.0.1"}));
  reconciler_.SetLocalAddresses({Local("127.0.0.1", true), Local("10.1.0.7")});
  reconciler_.Synced(0);
  StepUntil(now_);
  const auto node_in_ranges = [&] {
    for (const model::Frontend& frontend : datapath_.holds["ranged"].ports[0].frontends) {
      if (frontend.kind == model::FrontendKind::kLoadBalancer) return frontend.node_in_source_ranges;
    }
    ADD_FAILURE() << "no load balancer frontend";
    return false;
  };
  EXPECT_TRUE(node_in_ranges()) << "the interface's address, as there is no Node object";
  Upsert(Node("", {"10.2.0.7", "10.1.0.7"}));
  EXPECT_EQ(StepUntil(now_).size(), 1u);
  EXPECT_FALSE(node_in_ranges()) << "the Node's first address of the family wins";
}

TEST_F(ReconcilerTest, NodeAddressesAreTriedAgainToo) {
  reconciler_.SetLocalAddresses({Local("10.0.0.9"), Local("127.0.0.1", true)});
  datapath_.address_status = absl::UnavailableError("EAGAIN");
  Upsert(Service("cart", "10.96.0.1"));
  reconciler_.Synced(0);
  EXPECT_EQ(reconciler_.Step(now_).node_addresses.message(), "EAGAIN");
  EXPECT_THAT(datapath_.TakeApplies(), ElementsAre("all: cart")) << "Services do not wait for addresses";
  EXPECT_EQ(datapath_.address_calls, 1);

  Upsert(Slice("cart", {"10.0.0.1"}));
  reconciler_.Step(now_);
  EXPECT_EQ(datapath_.address_calls, 1) << "not before the delay is over";

  datapath_.address_status = absl::OkStatus();
  StepUntil(now_ + seconds(2));
  EXPECT_EQ(datapath_.address_calls, 2);
  EXPECT_THAT(datapath_.node_addresses, ElementsAre(Local("10.0.0.9"), Local("127.0.0.1", true)));
  reconciler_.SetLocalAddresses({Local("127.0.0.1", true), Local("10.0.0.9")});
  EXPECT_FALSE(reconciler_.NextStep().has_value()) << "the same addresses in another order are no change";
}

// NodeLocal DNSCache puts the ClusterIP of the cluster's DNS on a device of the node and listens there.
TEST_F(ReconcilerTest, ALocalAddressTakesTheClusterIpsThatItIsAndNoOther) {
  const auto programmed = [&](absl::string_view service) {
    return datapath_.holds.at(std::string(service)).ports[0].frontends[0].IsProgrammed();
  };
  Upsert(Service("dns", "10.96.0.10"));
  Upsert(Service("cart", "10.96.0.1"));
  Upsert(Node("", {"192.0.2.1"}));
  reconciler_.SetLocalAddresses({Local("192.0.2.1")});
  reconciler_.Synced(0);
  StepUntil(now_);
  EXPECT_TRUE(programmed("dns"));

  reconciler_.SetLocalAddresses({Local("10.96.0.10"), Local("192.0.2.1")});
  StepOutcome outcome = reconciler_.Step(now_);
  EXPECT_EQ(outcome.planned, 1u) << "only the Service whose ClusterIP it is";
  EXPECT_THAT(datapath_.TakeApplies(), ElementsAre("changed: dns"));
  EXPECT_FALSE(programmed("dns"));
  EXPECT_THAT(datapath_.holds.at("dns").warnings, ElementsAre(testing::HasSubstr("10.96.0.10 is an address of this")));
  EXPECT_THAT(datapath_.node_addresses, ElementsAre(Local("10.96.0.10"), Local("192.0.2.1")));

  model::Service thief = Service("thief", "10.96.0.2");
  thief.external_ips = {"10.96.0.10"};
  Upsert(thief);
  StepUntil(now_);
  EXPECT_EQ(datapath_.holds.at("thief").ports[0].frontends[1].conflict_with, Name("dns"))
      << "what is left to the node belongs to its Service all the same";

  Upsert(Service("dns", "10.96.0.11"));
  StepUntil(now_);
  EXPECT_TRUE(programmed("dns")) << "another ClusterIP";
  reconciler_.SetLocalAddresses({Local("10.96.0.11", true), Local("192.0.2.1")});
  EXPECT_EQ(reconciler_.Step(now_).planned, 0u) << "nobody has the old one, and a loopback address is no other's";
}

TEST_F(ReconcilerTest, AnUnknownNodeNameIsAProblemOnceSynced) {
  ReconcilerOptions options = Options(1);
  options.expects_node = true;
  Reconciler expects(options, datapath_, ledger_);
  EXPECT_EQ(expects.NodeProblem(), "") << "the Node may be on its way";
  expects.Synced(0);
  EXPECT_THAT(expects.NodeProblem(), testing::StartsWith("no Node named node-a is known"));
  expects.Deliver({sources::Upsert{Node("a", {})}});
  EXPECT_EQ(expects.NodeProblem(), "");
  expects.Deliver({sources::Remove{sources::ObjectKind::kNode, {"", "node-a"}}});
  EXPECT_NE(expects.NodeProblem(), "") << "its Node is gone";

  reconciler_.Synced(0);
  EXPECT_EQ(reconciler_.NodeProblem(), "") << "manifests without Nodes";
  model::Node other = Node("a", {});
  other.name = "node-b";
  Upsert(other);
  EXPECT_NE(reconciler_.NodeProblem(), "") << "manifests with other Nodes";
}

class NodePortFilterTest : public ReconcilerTest {
 protected:
  // What the datapath is given of two interfaces' addresses, both families and loopback, once everything is applied.
  std::vector<datapath::NodeAddress> AddressesWith(NodePortAddresses wanted) {
    ReconcilerOptions options = Options(1);
    options.node_port_addresses = std::move(wanted);
    filtered_.emplace(std::move(options), datapath_, ledger_);
    filtered_->SetLocalAddresses({Local("127.0.0.1", true), Local("10.1.0.7"), Local("10.2.0.7"), Local("fd00::7")});
    filtered_->Synced(0);
    filtered_->Step(now_);
    return datapath_.node_addresses;
  }
  std::vector<datapath::NodeAddress> AddressesAfter(const model::Node& node) {
    filtered_->Deliver({sources::Upsert{node}});
    filtered_->Step(now_);
    return datapath_.node_addresses;
  }

  std::optional<Reconciler> filtered_;
};

TEST_F(NodePortFilterTest, WithoutOneNodePortsAnswerOnAllAddresses) {
  EXPECT_EQ(AddressesWith({}).size(), 4u);
}

TEST_F(NodePortFilterTest, OnlyThoseWithinThePrefixes) {
  const NodePortAddresses wanted = {
      .prefixes = {*model::IpPrefix::Parse("10.2.0.0/16"), *model::IpPrefix::Parse("127.0.0.0/8")}};
  EXPECT_THAT(AddressesWith(wanted), ElementsAre(Local("10.2.0.7"), Local("127.0.0.1", true)));
  EXPECT_THAT(AddressesWith({.prefixes = {*model::IpPrefix::Parse("192.0.2.0/24")}}), IsEmpty());
  EXPECT_THAT(AddressesWith({.prefixes = {*model::IpPrefix::Parse("0.0.0.0/0")}}).size(), 3u)
      << "all of IPv4, and no IPv6";
}

TEST_F(NodePortFilterTest, ThePrimaryOnesAreTheNodeObjectsOnceItIsThere) {
  EXPECT_THAT(AddressesWith({.primary = true}), ElementsAre(Local("10.1.0.7"), Local("fd00::7")))
      << "without a Node object the lowest, and never loopback";
  EXPECT_THAT(AddressesAfter(Node("", {"10.2.0.7", "10.1.0.7"})), ElementsAre(Local("10.2.0.7"), Local("fd00::7")));
  EXPECT_THAT(filtered_->NodePortAddressesNow(), ElementsAre(Local("10.2.0.7"), Local("fd00::7")));
  EXPECT_THAT(AddressesAfter(Node("", {"10.1.0.7", "203.0.113.1"})), ElementsAre(Local("10.1.0.7"), Local("fd00::7")))
      << "they follow the Node";
  EXPECT_THAT(AddressesAfter(Node("", {"203.0.113.1"})), ElementsAre(Local("fd00::7")))
      << "an address that no interface has is none to answer on";
}

class AuditTest : public ReconcilerTest {
 protected:
  void ApplyTwo() {
    Upsert(Service("cart", "10.96.0.1"));
    Upsert(Service("search", "10.96.0.2"));
    reconciler_.SetLocalAddresses({Local("10.1.0.7")});
    reconciler_.Synced(0);
    StepUntil(now_);
  }
};

TEST_F(AuditTest, ThereIsNothingToCompareBeforeTheFirstApply) {
  Upsert(Service("cart", "10.96.0.1"));
  EXPECT_TRUE(absl::IsFailedPrecondition(reconciler_.Audit(now_).status()));
  EXPECT_THAT(datapath_.TakeApplies(), IsEmpty()) << "nothing is pruned either";
}

TEST_F(AuditTest, AnInspectionIsOfWhatHasBeenApplied) {
  EXPECT_EQ(reconciler_.Inspect(100), datapath::Inspected::kDiffers) << "an audit says why there is none";
  EXPECT_EQ(datapath_.inspections, 0);
}

TEST_F(AuditTest, EverythingPlannedAndTheNodesAddressesAreCompared) {
  ApplyTwo();
  datapath_.node_addresses.clear();
  datapath_.audit_drift = {.services = {Name("search")}, .shared = 2};
  const absl::StatusOr<datapath::Drift> drift = reconciler_.Audit(now_);
  ASSERT_TRUE(drift.ok()) << drift.status();
  EXPECT_THAT(datapath_.TakeApplies(), ElementsAre("all: cart search"));
  EXPECT_THAT(datapath_.node_addresses, ElementsAre(Local("10.1.0.7")));
  EXPECT_THAT(drift->services, ElementsAre(Name("search")));
  EXPECT_EQ(drift->differences(), 3u);
  EXPECT_THAT(drift->failures, IsEmpty());
  EXPECT_FALSE(reconciler_.NextStep().has_value());
}

TEST_F(AuditTest, WhatCannotBeRepairedIsTriedAgainByTheClock) {
  ApplyTwo();
  datapath_.failures["cart"] = absl::UnavailableError("busy");
  datapath_.stuck_leftovers = {Name("ghost")};
  datapath_.audit_drift = {.services = {Name("cart"), Name("ghost")}};
  ASSERT_EQ(reconciler_.Audit(now_)->failures.size(), 2u);
  EXPECT_FALSE(Applied("cart").ok());
  datapath_.TakeApplies();
  datapath_.failures.clear();
  datapath_.stuck_leftovers.clear();
  const std::vector<std::string> lines = StepUntil(now_ + seconds(3));
  EXPECT_THAT(absl::StrJoin(lines, "; "), testing::AllOf(testing::HasSubstr("cart"), testing::HasSubstr("-ghost")));
  EXPECT_TRUE(Applied("cart").ok());
  EXPECT_FALSE(ledger_.Find(Name("ghost")).has_value()) << "nobody plans it, and it is gone";
}

TEST_F(AuditTest, WhatIsKnownToFailIsNoDiscovery) {
  datapath_.failures["cart"] = absl::ResourceExhaustedError("too large");
  ApplyTwo();
  const std::optional<SteadyTime> due = reconciler_.NextStep();
  datapath_.audit_drift = {.services = {Name("cart"), Name("search")}};
  const absl::StatusOr<datapath::Drift> drift = reconciler_.Audit(now_);
  EXPECT_THAT(drift->services, ElementsAre(Name("search")));
  EXPECT_THAT(drift->failures, IsEmpty());
  EXPECT_EQ(reconciler_.NextStep(), due) << "its delay is not begun again";
}

TEST_F(AuditTest, AnAuditThatFailsChangesNoVerdict) {
  ApplyTwo();
  datapath_.audit_status = absl::UnavailableError("rows wait");
  EXPECT_EQ(reconciler_.Audit(now_).status(), datapath_.audit_status);
  EXPECT_EQ(ledger_.totals().failed, 0u);
}

TEST_F(ReconcilerTest, RetriesOfManyComeSpreadAndTogetherWithChanges) {
  for (int i = 0; i < 200; ++i) {
    const std::string name = absl::StrCat("s", i);
    datapath_.failures[name] = absl::UnavailableError("busy");
    Upsert(Service(name, absl::StrCat("10.96.1.", i)));
  }
  reconciler_.Synced(0);
  reconciler_.Step(now_);
  EXPECT_EQ(ledger_.totals().failed, 200u);
  const SteadyTime first = reconciler_.NextStep().value();
  EXPECT_GE(first - now_, seconds(1));
  EXPECT_LE(first - now_, milliseconds(1050));
  datapath_.failures.clear();
  StepUntil(now_ + milliseconds(1250));
  EXPECT_THAT(ledger_.totals().failed, testing::AllOf(testing::Gt(50u), testing::Lt(150u))) << "half of them by then";
  StepUntil(now_ + milliseconds(250));
  EXPECT_EQ(ledger_.totals().failed, 0u);
}

}  // namespace
}  // namespace shunt::agent
