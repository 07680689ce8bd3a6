// SPDX-License-Identifier: Apache-2.0
// What people are told of endpoints that a fault of their objects leaves out.
#include "userspace/planner/left_out.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "userspace/planner/testing/test_objects.h"

namespace shunt::planner {
namespace {

using ::testing::IsEmpty;

TEST(LeftOutTest, RefusedAddressesAreCountedAndTheFirstIsNamed) {
  const struct {
    const char* sentence;
    std::vector<model::Endpoint> endpoints;
    Texts warnings;
  } kRows[] = {
      {"nothing is wrong", {Ready("10.0.0.1"), NotReady("10.0.0.2"), Stopped("10.0.0.3")}, {}},
      {"one endpoint on loopback, whatever its conditions",
       {Ready("10.0.0.1"), NotReady("127.0.0.1")},
       {"1 endpoint is refused, \"127.0.0.1\" of EndpointSlice s: it is loopback"}},
      {"several: in the order of their addresses",
       {Ready("224.0.0.1"), Ready("169.254.169.254"), Ready("127.0.0.2")},
       {"3 endpoints are refused, the first \"127.0.0.2\" of EndpointSlice s: it is loopback"}},
      {"text that is no address",
       {Ready("web-0.example.com"), Ready("fd00::1"), Ready("10.0.0.1")},
       {"2 endpoints are refused, the first \"web-0.example.com\" of EndpointSlice s: not an IPv4 address"}},
      {"no address at all", {Ready("")}, {"1 endpoint is refused, \"\" of EndpointSlice s: not an IPv4 address"}},
      {"both faults",
       {Ready("127.0.0.1"), Ready("nonsense")},
       {"1 endpoint is refused, \"nonsense\" of EndpointSlice s: not an IPv4 address",
        "1 endpoint is refused, \"127.0.0.1\" of EndpointSlice s: it is loopback"}},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.sentence);
    EXPECT_EQ(Plan(MakeService(), {MakeSlice("s", row.endpoints)}).warnings, row.warnings);
  }
}

TEST(LeftOutTest, AnAddressIsToldOnceHoweverManyPortsThereAre) {
  model::Service service = MakeService();
  service.ports = {{"a", model::Protocol::kTcp, 80, 0}, {"b", model::Protocol::kUdp, 53, 0}};
  model::EndpointSlice slice = MakeSlice("s", {Ready("127.0.0.1")});
  slice.ports = {{std::string("a"), model::Protocol::kTcp, 80}, {std::string("b"), model::Protocol::kUdp, 53}};
  EXPECT_EQ(Plan(service, {slice}).warnings,
            (Texts{"1 endpoint is refused, \"127.0.0.1\" of EndpointSlice s: it is loopback"}));
}

TEST(LeftOutTest, EndpointsBeyondTheLimitAreCounted) {
  PlannerOptions options;
  options.endpoints_max = 1;
  const model::EndpointSlice slice = MakeSlice("s", {Ready("10.0.0.1"), Ready("10.0.0.2"), Ready("10.0.0.3")});
  EXPECT_EQ(Plan(MakeService(), {slice}, Here(), options).warnings,
            (Texts{"port 80/TCP: 2 endpoints are beyond the limit of 1 and get no new connections"}));
}

TEST(LeftOutTest, APortThatNoSliceHasIsTold) {
  model::Service service = MakeService();
  service.ports = {{"http", model::Protocol::kTcp, 80, 0}};
  model::EndpointSlice without = MakeSlice("without", {Ready("10.0.0.1"), Ready("10.0.0.2")});
  without.ports = {{std::string("other"), model::Protocol::kTcp, 8080}};
  model::EndpointSlice with = MakeSlice("with", {Ready("10.0.0.3")});
  with.ports = {{std::string("http"), model::Protocol::kTcp, 8080}};
  EXPECT_EQ(Plan(service, {without}).warnings,
            (Texts{"port 80/TCP: no EndpointSlice has a TCP port \"http\": none of its 2 endpoints can be dialled"}));
  EXPECT_THAT(Plan(service, {without, with}).warnings, IsEmpty()) << "pods of two versions, one with the port";
  EXPECT_THAT(Plan(service, {}).warnings, IsEmpty()) << "no endpoints at all is no fault";
}

}  // namespace
}  // namespace shunt::planner
