// SPDX-License-Identifier: Apache-2.0
// One object that cannot be used costs only itself, in lists and in watches.
#include "userspace/sources/kubernetes/follow/left_out.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "userspace/sources/kubernetes/testing/reflector_fixture.h"

namespace shunt::sources::kubernetes {
namespace {

using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// The message of an object whose metadata are broken in front of the name.
constexpr char kNameless[] = "\x0a\x01x";

class LeftOutTest : public ReflectorTest {
 protected:
  void Event(absl::string_view type, const KnownObject& object) { ReflectorTest::Event(type, object); }
  void BrokenEvent(absl::string_view type, absl::string_view message) { Send(EventFrameAround(type, kKind, message)); }
};

TEST_F(LeftOutTest, TheRestOfAListIsServed) {
  Follow();
  ListAround({BrokenService("bad", "4")}, {Service("a", "3"), Service("b", "5")}, "7");
  EXPECT_THAT(Events(), ElementsAre("+ns/a", "+ns/b"));
  EXPECT_TRUE(reflector->current());
  EXPECT_EQ(Asked(), "watch 7 at a");
  EXPECT_EQ(Status().objects_left_out, 1);
  EXPECT_EQ(Status().rejected_objects, 1);
  EXPECT_EQ(Status().errors, 0);
  EXPECT_THAT(ProblemText(), AllOf(HasSubstr("services: an object cannot be used and is left out"),
                                   HasSubstr("Service \"ns/bad\": broken protobuf")));
  EXPECT_EQ(reflector->problems().at(0).refused_service, (model::ObjectName{"ns", "bad"}));
}

TEST_F(LeftOutTest, InAListItsLastGoodStateStays) {
  Follow();
  Sync({Service("a", "3"), Service("gone", "5")});
  Events();
  Send(ErrorFrame(410, "Expired", ""));
  ListAround({BrokenService("a", "8")}, {}, "10");
  EXPECT_THAT(Events(), ElementsAre("-ns/gone")) << "a is in the list, in whatever state";
  EXPECT_EQ(Status().objects, 1);
}

TEST_F(LeftOutTest, AnotherObjectUnderItsNameDoesNotKeepIt) {
  Follow();
  Sync({Service("a", "3", "before")});
  Events();
  Send(ErrorFrame(410, "Expired", ""));
  ListAround({BrokenService("a", "8", "after")}, {}, "10");
  EXPECT_THAT(Events(), ElementsAre("-ns/a"));
}

TEST_F(LeftOutTest, InAWatchItsLastGoodStateStaysAndTheWatchGoesOn) {
  Follow();
  Sync({Service("a", "3")});
  Events();
  BrokenEvent("MODIFIED", BrokenService("a", "8"));
  EXPECT_TRUE(IsOpen());
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_EQ(reflector->version(), "8");
  EXPECT_EQ(Status().objects_left_out, 1);
  Event("ADDED", Service("b", "9"));
  EXPECT_THAT(Events(), ElementsAre("+ns/b"));
  Event("MODIFIED", Service("a", "10"));
  EXPECT_THAT(Events(), ElementsAre("+ns/a"));
  EXPECT_EQ(Status().objects_left_out, 0);
  EXPECT_EQ(Status().rejected_objects, 1);
  EXPECT_EQ(ProblemText(), "");
}

TEST_F(LeftOutTest, InAWatchItIsRemovedByItsNameAlone) {
  Follow();
  Sync({Service("a", "3")});
  Events();
  BrokenEvent("MODIFIED", BrokenService("a", "8"));
  BrokenEvent("DELETED", BrokenService("a", "9"));
  EXPECT_THAT(Events(), ElementsAre("-ns/a"));
  EXPECT_EQ(Status().objects_left_out, 0);
}

TEST_F(LeftOutTest, OfANodeLikewise) {
  EXPECT_EQ(DescribeUnusable(ObjectKind::kNode, "\x0a\x08\x0a\x06node-1\x12\x01x", absl::InternalError("x")).name,
            (model::ObjectName{"", "node-1"}));
}

TEST_F(LeftOutTest, ANamelessOneKeepsWhatAListLacksUntilAListIsLegible) {
  Follow();
  Sync({Service("a", "3"), Service("b", "5")});
  Events();
  Send(ErrorFrame(410, "Expired", ""));
  ListAround({kNameless}, {Service("b", "5")}, "10");
  EXPECT_THAT(Events(), IsEmpty()) << "a may be the one that cannot be read";
  EXPECT_THAT(ProblemText(), HasSubstr("its name is illegible, so objects that a list lacks are kept"));
  EXPECT_EQ(Asked(), "watch 10 at a");
  Accept();
  NewRequests();
  Pass(seconds(60));
  Bookmark("20");
  EndWatch();
  EXPECT_EQ(Asked(), "watch 20 at a") << "not after every watch";
  Accept();
  Pass(Reflector::kWatchShortest - seconds(61));
  Bookmark("30");
  Pass(seconds(2));
  EndWatch();
  EXPECT_EQ(Asked(), "list >=30 at a");
  List({Service("b", "5")}, "40");
  EXPECT_THAT(Events(), ElementsAre("-ns/a"));
  EXPECT_EQ(ProblemText(), "");
}

TEST_F(LeftOutTest, ANamelessEventMovesNothingAndEndsNothing) {
  Follow();
  Sync({Service("a", "3")});
  Events();
  BrokenEvent("MODIFIED", kNameless);
  EXPECT_TRUE(IsOpen());
  EXPECT_EQ(reflector->version(), "7") << "its version is unknown";
  EXPECT_EQ(Status().objects_left_out, 1);
  Event("ADDED", Service("b", "9"));
  EXPECT_THAT(Events(), ElementsAre("+ns/b"));
}

TEST_F(LeftOutTest, AnEventFromThePastDoesNotCount) {
  Follow();
  Sync({Service("a", "3")});
  BrokenEvent("MODIFIED", BrokenService("a", "6"));
  EXPECT_EQ(Status().objects_left_out, 0);
}

TEST_F(LeftOutTest, WhatASnapshotCouldNotGiveIsToldUntilTheFirstList) {
  Follow({.version = "7",
          .delivered = {Service("a", "3")},
          .left_out = {{.name = {"ns", "bad"}, .why = "Service \"ns/bad\": of another version"}}});
  EXPECT_EQ(Status().objects_left_out, 1);
  EXPECT_THAT(ProblemText(), HasSubstr("Service \"ns/bad\": of another version"));
  List({Service("a", "3")}, "9");
  EXPECT_EQ(Status().objects_left_out, 0);
}

TEST_F(LeftOutTest, AListThatBreaksOffLeavesNoTrace) {
  Follow();
  Newest().handler->OnHead({.status = 200});
  const std::string body = ListBodyAround(kKind, {BrokenService("bad", "4")}, {}, "7");
  Newest().handler->OnBody(body.substr(0, body.size() - 1));
  Break(absl::UnavailableError("broke"));
  EXPECT_EQ(Status().objects_left_out, 0);
  EXPECT_EQ(Status().rejected_objects, 0);
}

TEST(LeftOutBoundsTest, TellsAFewAndHoldsAThousand) {
  LeftOut left_out;
  for (size_t i = 0; i < LeftOut::kHeldMax + 10; ++i) {
    left_out.Add({.name = {"ns", absl::StrCat("s", i)}, .why = absl::StrCat("s", i)});
  }
  left_out.Add({.name = {"ns", "s0"}, .why = "again"});
  EXPECT_EQ(left_out.count(), LeftOut::kHeldMax + 10);
  EXPECT_EQ(left_out.Descriptions().size(), LeftOut::kToldMax + 1);
  EXPECT_EQ(left_out.Descriptions().back().what, "and 1005 more objects are left out");
  left_out.Erase({"ns", "s0"});
  EXPECT_EQ(left_out.count(), LeftOut::kHeldMax + 9);
  EXPECT_THAT(left_out.Descriptions().front().what, Not(HasSubstr("again")));
}

}  // namespace
}  // namespace shunt::sources::kubernetes
