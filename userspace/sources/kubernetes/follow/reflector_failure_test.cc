// SPDX-License-Identifier: Apache-2.0
// What a reflector does when servers refuse, fail, or are not there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "userspace/sources/kubernetes/testing/reflector_fixture.h"

namespace shunt::sources::kubernetes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

const absl::Status kConnectionRefused = absl::UnavailableError("https://a: connection refused");

class ReflectorFailureTest : public ReflectorTest {};

TEST_F(ReflectorFailureTest, ServersThatAreNotThereAreTriedLessAndLessOften) {
  Follow();
  NewRequests();
  for (int i = 0; i < 10; ++i) {
    Break(kConnectionRefused);
    const milliseconds base = std::min(RetryDelay::kShortest * (1 << i), RetryDelay::kLongest);
    Pass(base - milliseconds(1));
    ASSERT_EQ(NewRequests(), 0) << i;
    Pass(base + milliseconds(1));
    ASSERT_EQ(NewRequests(), 1) << i;
  }
  EXPECT_EQ(ProblemText(), "services: https://a: connection refused");
}

TEST_F(ReflectorFailureTest, AfterAnOutageTheServerIsAskedWhatItKnowsAndTheWatchGoesOnWithoutAList) {
  Follow();
  Sync({Service("a", "3")});
  Pass(seconds(60));
  Break(absl::UnavailableError("the connection broke"));
  Pass(Reflector::kSpread);
  Break(kConnectionRefused);
  Pass(seconds(2));
  EXPECT_EQ(Asked(), "probe 7 at a");
  Break(kConnectionRefused);
  Pass(seconds(4));
  List({}, "8");
  EXPECT_EQ(Asked(), "watch 7 at a");
  EXPECT_EQ(Status().relists, 0);
}

TEST_F(ReflectorFailureTest, AServerThatCameBackWithOlderStateIsBelievedAfterAMinute) {
  Follow();
  Sync({Service("a", "3"), Service("b", "6")});
  Events();
  Break(absl::DeadlineExceededError("https://a: the connection is half open"));
  const SteadyTime begin = transport.now;
  while (Asked() != "list newest 500 at a") {
    Pass(seconds(20));
    ASSERT_LT(transport.now - begin, seconds(140));
    if (Asked() == "probe 7 at a") Refuse({.code = 504, .version_too_large = true});
  }
  EXPECT_GE(transport.now - begin, Reflector::kBehind);
  EXPECT_THAT(Events(), IsEmpty());
  List({Service("a", "3")}, "4");
  EXPECT_THAT(Events(), ElementsAre("-ns/b"));
  EXPECT_EQ(Asked(), "watch 4 at a");
}

TEST_F(ReflectorFailureTest, AnotherServerIsTriedSoonAndAskedWhatItKnows) {
  Follow({}, {{"https://a"}, {"https://b"}});
  Sync({});
  Pass(seconds(60));
  Break(absl::DeadlineExceededError("https://a: the connection is half open"));
  Pass(Reflector::kSpread);
  EXPECT_EQ(Asked(), "probe 7 at b");
  EXPECT_EQ(Status().stalls, 1);
}

TEST_F(ReflectorFailureTest, TwoServersThatBothFailAreTriedInTurnWithDelays) {
  Follow({}, {{"https://a"}, {"https://b"}});
  Break(kConnectionRefused);
  EXPECT_EQ(Asked(), "list any at b");
  Break(kConnectionRefused);
  EXPECT_FALSE(IsOpen());
  Pass(seconds(4));
  EXPECT_EQ(Asked(), "list any at a");
}

TEST_F(ReflectorFailureTest, AnOverloadedServerIsLeftAloneForAsLongAsItSays) {
  Follow({}, {{"https://a"}, {"https://b"}});
  Refuse({.code = 429, .reason = "TooManyRequests", .retry_after = seconds(42)});
  NewRequests();
  Pass(seconds(41));
  EXPECT_EQ(NewRequests(), 0);
  Pass(seconds(1));
  EXPECT_EQ(Asked(), "list any at a");
}

TEST_F(ReflectorFailureTest, NoServerCanSendTheReflectorAwayForLong) {
  Follow();
  Refuse({.code = 503, .retry_after = std::chrono::hours(24 * 365)});
  Pass(Reflector::kRetryAfterMax);
  EXPECT_TRUE(IsOpen());
}

TEST_F(ReflectorFailureTest, AFailingServerIsLeftForAnother) {
  Follow({}, {{"https://a"}, {"https://b"}});
  Refuse({.code = 500, .reason = "InternalError", .message = "etcd"});
  EXPECT_EQ(Asked(), "list any at b");
  EXPECT_THAT(ProblemText(), HasSubstr("https://a: 500 InternalError: etcd"));
}

TEST_F(ReflectorFailureTest, AWatchThatIsRefusedForALackOfCapacityIsTriedAgainWithoutAList) {
  Follow();
  List({}, "7");
  Refuse({.code = 429, .retry_after = seconds(3)});
  Pass(seconds(3));
  EXPECT_EQ(Asked(), "watch 7 at a");
}

TEST_F(ReflectorFailureTest, CredentialsAreReadAnewAndTriedOnceAtOnce) {
  Follow();
  NewRequests();
  Refuse({.code = 401, .reason = "Unauthorized"});
  EXPECT_EQ(transport.refreshes, 1);
  EXPECT_EQ(NewRequests(), 1);
  Refuse({.code = 401, .reason = "Unauthorized"});
  EXPECT_EQ(transport.refreshes, 2);
  EXPECT_FALSE(IsOpen());
  EXPECT_THAT(ProblemText(), HasSubstr("401"));
  Pass(seconds(2));
  List({}, "7");
  EXPECT_EQ(ProblemText(), "");
}

TEST_F(ReflectorFailureTest, ACertificateThatIsNotAcceptedLikewise) {
  Follow();
  NewRequests();
  Break(absl::UnauthenticatedError("https://a: self-signed certificate"));
  EXPECT_EQ(transport.refreshes, 1);
  EXPECT_EQ(NewRequests(), 1);
  Break(absl::UnauthenticatedError("https://a: self-signed certificate"));
  EXPECT_EQ(NewRequests(), 0);
  EXPECT_THAT(ProblemText(), HasSubstr("self-signed"));
}

TEST_F(ReflectorFailureTest, WhatIsForbiddenSaysWhichRuleIsMissing) {
  Follow();
  Refuse({.code = 403, .reason = "Forbidden", .message = "services is forbidden"});
  EXPECT_THAT(ProblemText(), HasSubstr("apiGroups [\"\"], resources [\"services\"], verbs [\"list\", \"watch\"]"));
  EXPECT_THAT(ProblemText(), HasSubstr("services is forbidden"));
}

TEST_F(ReflectorFailureTest, WhatAServerForbidsThatWasAwayIsAskedAgainSoonAndWithoutAdvice) {
  Follow();
  Sync({Service("a", "3")});
  Pass(seconds(60));
  Break(absl::UnavailableError("the connection broke"));
  for (int i = 0; i < 4; ++i) {  // the delay has grown
    Pass(2 * RetryDelay::kLongest);
    Break(kConnectionRefused);
  }
  Pass(2 * RetryDelay::kLongest);
  const SteadyTime back = transport.now;
  NewRequests();
  for (int i = 0; i < 3; ++i) {
    Refuse({.code = 403, .reason = "Forbidden", .message = "services is forbidden"});
    EXPECT_THAT(ProblemText(), HasSubstr("403 Forbidden: services is forbidden; the server was away a moment ago"));
    EXPECT_THAT(ProblemText(), Not(HasSubstr("ClusterRole")));
    Pass(2 * Reflector::kForbiddenPause);
    EXPECT_EQ(Asked(), "probe 7 at a");
    EXPECT_EQ(NewRequests(), 1) << "bounded";
  }
  EXPECT_LE(transport.now - back, seconds(12));
  List({}, "7");
  EXPECT_EQ(Asked(), "watch 7 at a");
}

TEST_F(ReflectorFailureTest, WhatStaysForbiddenIsAdvisedOn) {
  Follow();
  Break(kConnectionRefused);
  const SteadyTime away = transport.now;
  while (transport.now - away < ApiServers::kComingBack + seconds(5)) {
    Pass(2 * Reflector::kForbiddenPause);
    if (IsOpen()) Refuse({.code = 403, .reason = "Forbidden", .message = "services is forbidden"});
  }
  EXPECT_THAT(ProblemText(), HasSubstr("the agent needs a ClusterRole"));
}

// All nodes see the end of an API server at the same moment.
TEST_F(ReflectorFailureTest, NodesSpreadTheirProbesAfterABreak) {
  std::set<SteadyTime> probes;
  for (const bool another : {false, true}) {
    for (seed = 1; seed <= 40; ++seed) {
      Follow({},
             another ? std::vector<ApiServer>{{"https://a"}, {"https://b"}} : std::vector<ApiServer>{{"https://a"}});
      Sync({});
      const SteadyTime begin = transport.now;
      Pass(seconds(60));
      Break(another ? absl::DeadlineExceededError("half open") : absl::UnavailableError("the connection broke"));
      Pass(Reflector::kSpread);
      ASSERT_EQ(Asked(), another ? "probe 7 at b" : "probe 7 at a");
      probes.insert(SteadyTime(Newest().at - begin));
    }
  }
  EXPECT_GT(probes.size(), 70) << "of 80";
  EXPECT_GT(*probes.rbegin() - *probes.begin(), Reflector::kSpread * 3 / 4);
}

TEST_F(ReflectorFailureTest, AProbeAsksForNextToNothing) {
  Follow();
  Sync({});
  Pass(seconds(60));
  Break(absl::UnavailableError("the connection broke"));
  Pass(Reflector::kSpread);
  EXPECT_EQ(Newest().request.target, ResourcePath(ObjectKind::kService, "n").Probe("7"));
  EXPECT_THAT(Newest().request.target,
              AllOf(StartsWith("/api/v1/namespaces/kube-node-lease/services?"),
                    EndsWith("&resourceVersion=7&resourceVersionMatch=NotOlderThan"), Not(HasSubstr("limit"))));
  EXPECT_THAT(ResourcePath(ObjectKind::kEndpointSlice, "n").Probe("7"),
              StartsWith("/apis/discovery.k8s.io/v1/namespaces/kube-node-lease/endpointslices?"));
  EXPECT_EQ(ResourcePath(ObjectKind::kNode, "n").Probe("7"),
            "/api/v1/nodes?fieldSelector=metadata.name%3Dn&resourceVersion=7&resourceVersionMatch=NotOlderThan");
}

TEST_F(ReflectorFailureTest, AListWithoutEndIsCut) {
  Follow({}, {{"https://a"}, {"https://b"}});
  Newest().handler->OnHead({.status = 200});
  Pass(Reflector::kListTimeout);
  EXPECT_EQ(Asked(), "list any at b");
  EXPECT_EQ(Status().stalls, 1);
}

TEST_F(ReflectorFailureTest, ARequestInFlightIsCancelledWithTheReflector) {
  Follow();
  ASSERT_TRUE(IsOpen());
  reflector.reset();
  EXPECT_FALSE(IsOpen());
}

}  // namespace
}  // namespace shunt::sources::kubernetes
