// SPDX-License-Identifier: Apache-2.0
// Which list a reflector asks for, and what it does with the answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "userspace/sources/kubernetes/testing/reflector_fixture.h"

namespace shunt::sources::kubernetes {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ReflectorListTest : public ReflectorTest {};

TEST_F(ReflectorListTest, AsksFirstForAnyStateAndSelectsAsKubeProxyDoes) {
  Follow();
  EXPECT_EQ(Newest().request.target,
            "/api/v1/services?labelSelector=%21service.kubernetes.io%2Fservice-proxy-name&resourceVersion=0");
  EXPECT_EQ(Newest().request.accept, "application/vnd.kubernetes.protobuf");
  EXPECT_EQ(Asked(), "list any at a");
}

TEST_F(ReflectorListTest, DeliversAListAtOnceAndWatchesFromIt) {
  Follow();
  List({Service("a", "3"), Service("b", "5")}, "7");
  EXPECT_THAT(Events(), ElementsAre("+ns/a", "+ns/b"));
  EXPECT_TRUE(reflector->synced());
  EXPECT_EQ(reflector->version(), "7");
  EXPECT_EQ(Asked(), "watch 7 at a");
}

TEST_F(ReflectorListTest, AnEmptyClusterIsSynced) {
  Follow();
  List({}, "7");
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_TRUE(reflector->current());
}

TEST_F(ReflectorListTest, WithARememberedVersionAcceptsNothingOlder) {
  Follow({.version = "90"});
  EXPECT_EQ(Asked(), "list >=90 at a");
  EXPECT_THAT(Newest().request.target, HasSubstr("&resourceVersion=90&resourceVersionMatch=NotOlderThan"));
}

TEST_F(ReflectorListTest, AListThatIsOlderThanWhatWasAskedForIsNotBelieved) {
  Follow({.version = "90"}, {{"https://a"}, {"https://b"}});
  List({Service("a", "3")}, "89");
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_EQ(Asked(), "list >=90 at b");
  List({Service("a", "3")}, "100");
  EXPECT_THAT(Events(), ElementsAre("+ns/a"));
}

TEST_F(ReflectorListTest, TheFirstListIsComparedWithASnapshot) {
  Follow({.version = "7", .count = 3, .delivered = {Service("a", "3"), Service("b", "5"), Service("gone", "6")}});
  List({Service("a", "3"), Service("b", "8"), Service("c", "9")}, "9");
  EXPECT_THAT(Events(), ElementsAre("+ns/b", "+ns/c", "-ns/gone"));
  EXPECT_TRUE(reflector->synced());
}

TEST_F(ReflectorListTest, AnObjectMadeAgainUnderItsNameIsDeliveredThoughItsVersionIsTheSame) {
  Follow({.version = "7", .delivered = {Service("a", "3", "before"), Service("b", "3", "before")}});
  List({Service("a", "3", "after"), Service("b", "3", "before")}, "7");
  EXPECT_THAT(Events(), ElementsAre("+ns/a"));
}

TEST_F(ReflectorListTest, AListInPiecesOfOneByteIsTheSameList) {
  Follow();
  const std::string body = ListBody(kKind, {SmallObject(kKind, Service("a", "3"))}, "7");
  Newest().handler->OnHead({.status = 200});
  for (const char byte : body) Send(std::string(1, byte));
  EXPECT_THAT(Events(), IsEmpty()) << "before its end";
  Break(absl::OkStatus());
  EXPECT_THAT(Events(), ElementsAre("+ns/a"));
}

TEST_F(ReflectorListTest, AListThatBreaksOffLeavesNoTrace) {
  Follow({.delivered = {Service("a", "3"), Service("b", "3")}});
  Newest().handler->OnHead({.status = 200});
  const std::string body = ListBody(kKind, {SmallObject(kKind, Service("a", "9"))}, "9");
  Send(body.substr(0, body.size() - 1));
  Break(absl::UnavailableError("https://a: the connection broke"));
  Pass(seconds(2));
  EXPECT_THAT(Events(), IsEmpty());
  List({Service("a", "9"), Service("b", "3")}, "9");
  EXPECT_THAT(Events(), ElementsAre("+ns/a"));
}

TEST_F(ReflectorListTest, AListWhoseEndIsMissingThoughTheConnectionEndedWellIsMalformed) {
  Follow();
  Newest().handler->OnHead({.status = 200});
  const std::string body = ListBody(kKind, {SmallObject(kKind, Service("a", "9"))}, "9");
  Send(body.substr(0, body.size() - 1));
  Break(absl::OkStatus());
  EXPECT_FALSE(reflector->synced());
  EXPECT_THAT(ProblemText(), HasSubstr("cut short"));
}

TEST_F(ReflectorListTest, APoliteAnswerThatIsNoListIsMalformed) {
  Follow();
  Newest().handler->OnHead({.status = 200});
  Send("<html>Please log in</html>");
  EXPECT_THAT(ProblemText(), HasSubstr("not Kubernetes protobuf"));
  EXPECT_FALSE(IsOpen()) << "the rest is not read";
}

TEST_F(ReflectorListTest, WhenItsVersionIsGoneAsksForTheNewestAtOnceAndInPages) {
  Follow({.version = "90", .delivered = {Service("a", "3"), Service("gone", "3")}});
  Refuse({.code = 410, .reason = "Expired"});
  EXPECT_EQ(Asked(), "list newest 500 at a");
  List({Service("a", "3")}, "100", "t/2");
  EXPECT_EQ(Asked(), "page t%2F2 at a");
  EXPECT_THAT(Events(), IsEmpty()) << "half a list says nothing about what is missing";
  List({Service("b", "99")}, "100");
  EXPECT_THAT(Events(), ElementsAre("+ns/b", "-ns/gone"));
  EXPECT_EQ(Asked(), "watch 100 at a");
}

TEST_F(ReflectorListTest, WhenAPageIsGoneAsksForAllInOneAnswer) {
  Follow({.version = "90"});
  Refuse({.code = 410, .reason = "Expired"});
  List({Service("a", "3")}, "100", "t");
  Refuse({.code = 410, .reason = "Expired"});
  EXPECT_EQ(Asked(), "list newest all at a");
  List({Service("b", "99")}, "101");
  EXPECT_THAT(Events(), ElementsAre("+ns/b"));
}

TEST_F(ReflectorListTest, AServerThatDoesNotKnowTheVersionYetIsLeftForAnother) {
  Follow({.version = "90"}, {{"https://a"}, {"https://b"}});
  Refuse({.code = 504, .reason = "Timeout", .version_too_large = true});
  EXPECT_EQ(Asked(), "list >=90 at b");
}

TEST_F(ReflectorListTest, OlderStateIsAcceptedWhenAllServersHaveBeenBehindForAMinute) {
  Follow({.version = "90", .delivered = {Service("a", "80")}});
  const SteadyTime begin = transport.now;
  const ApiError behind{.code = 504, .reason = "Timeout", .retry_after = seconds(1), .version_too_large = true};
  Refuse(behind);
  Pass(seconds(55));
  while (transport.now - begin < seconds(60)) {
    ASSERT_EQ(Asked(), "list >=90 at a");
    EXPECT_THAT(Events(), IsEmpty());
    Refuse(behind);
    Pass(seconds(20));
  }
  if (Asked() == "list >=90 at a") {
    Refuse(behind);
    Pass(seconds(20));
  }
  ASSERT_EQ(Asked(), "list newest 500 at a");
  List({Service("a", "40")}, "50");
  EXPECT_THAT(Events(), ElementsAre("+ns/a"));
  EXPECT_EQ(Asked(), "watch 50 at a");
}

TEST_F(ReflectorListTest, AnEmptyListIsHeldBackUntilTheNewestStateSaysTheSameLater) {
  Follow({.version = "7", .delivered = {Service("a", "3")}});
  List({}, "90");
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_FALSE(reflector->synced());
  EXPECT_TRUE(Status().list_held_back);
  EXPECT_EQ(Status().removals_held_back, 1);
  EXPECT_THAT(ProblemText(), HasSubstr("a list lacks 1 objects that are known"));
  EXPECT_EQ(Asked(), "watch 90 at a") << "what changes meanwhile is followed";
  Pass(ShrinkGuard::kConfirmAfter - seconds(1));
  EXPECT_EQ(Asked(), "watch 90 at a");
  Pass(seconds(1));
  EXPECT_EQ(Asked(), "list newest 500 at a");
  List({}, "91");
  EXPECT_THAT(Events(), ElementsAre("-ns/a"));
  EXPECT_TRUE(reflector->current());
  EXPECT_EQ(ProblemText(), "");
}

TEST_F(ReflectorListTest, AMistakenEmptyListRemovesNothing) {
  Follow({.version = "7", .delivered = {Service("a", "3")}});
  List({}, "90");
  Pass(ShrinkGuard::kConfirmAfter);
  List({Service("a", "3")}, "91");
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_TRUE(reflector->current());
}

TEST_F(ReflectorListTest, WhatAHeldListAddsIsDeliveredAndWhatTheWatchDeletesIsRemoved) {
  Follow({.version = "7", .delivered = Services(20, "3")});
  List({Service("new", "80")}, "90");
  EXPECT_THAT(Events(), ElementsAre("+ns/new"));
  Accept();
  Event("DELETED", Service("s3", "91"));
  EXPECT_THAT(Events(), ElementsAre("-ns/s3"));
  EXPECT_EQ(reflector->object_count(), 20);
  EXPECT_FALSE(reflector->synced());
}

TEST_F(ReflectorListTest, TheCountFromBeforeARestartIsEnoughToDoubt) {
  Follow({.version = "7", .count = 1000});
  List(Services(3, "8"), "90");
  EXPECT_THAT(Events(), SizeIs(3));
  EXPECT_FALSE(reflector->synced());
  EXPECT_EQ(Status().removals_held_back, 997);
}

TEST_F(ReflectorListTest, ThisNodeMayBeMissingFromItsList) {
  servers.emplace(std::vector<ApiServer>{{"https://a"}});
  Reflector node(ObjectKind::kNode, "node/1", {.version = "7", .count = 1, .delivered = {{{"", "node/1"}, "", "3"}}}, 1,
                 *servers, transport);
  node.Advance(transport.now);
  EXPECT_THAT(Newest().request.target, HasSubstr("/api/v1/nodes?fieldSelector=metadata.name%3Dnode%2F1&"));
  Newest().handler->OnHead({.status = 200});
  Newest().handler->OnBody(ListBody(ObjectKind::kNode, {}, "9"));
  Newest().handler->OnEnd(absl::OkStatus());
  node.Advance(transport.now);
  EXPECT_TRUE(node.current());
  EXPECT_THAT(node.TakeEvents(), SizeIs(1));
}

}  // namespace
}  // namespace shunt::sources::kubernetes
