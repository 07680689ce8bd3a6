// SPDX-License-Identifier: Apache-2.0
// What a reflector does with a watch, and when it begins the next one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "userspace/sources/kubernetes/testing/reflector_fixture.h"

namespace shunt::sources::kubernetes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ReflectorWatchTest : public ReflectorTest {
 protected:
  void SetUp() override {
    Follow();
    Sync({Service("a", "3"), Service("b", "5")});
    Events();
  }
};

TEST_F(ReflectorWatchTest, AsksForBookmarksAndARandomTimeout) {
  const std::string& target = Newest().request.target;
  EXPECT_THAT(target, HasSubstr("&watch=1&allowWatchBookmarks=true&resourceVersion=7&timeoutSeconds="));
  const int timeout = std::atoi(target.substr(target.rfind('=') + 1).c_str());
  EXPECT_GE(timeout, 300);
  EXPECT_LT(timeout, 600);
  EXPECT_EQ(Newest().request.accept, "application/vnd.kubernetes.protobuf;stream=watch");
}

TEST_F(ReflectorWatchTest, DeliversWhatChanges) {
  Event("ADDED", Service("c", "8"));
  EXPECT_THAT(Events(), ElementsAre("+ns/c"));
  Event("MODIFIED", Service("a", "9"));
  EXPECT_THAT(Events(), ElementsAre("+ns/a"));
  Event("DELETED", Service("b", "10"));
  EXPECT_THAT(Events(), ElementsAre("-ns/b"));
  EXPECT_EQ(reflector->version(), "10");
  EXPECT_EQ(reflector->object_count(), 2);
}

TEST_F(ReflectorWatchTest, EventsThatCameTogetherAreTakenTogether) {
  Send(EventFrame("ADDED", SmallObject(kKind, Service("c", "8"))) +
       EventFrame("DELETED", SmallObject(kKind, Service("a", "9"))));
  EXPECT_THAT(Events(), ElementsAre("+ns/c", "-ns/a"));
}

TEST_F(ReflectorWatchTest, WhatWasSaidBeforeChangesNothing) {
  Event("MODIFIED", Service("a", "9"));
  Event("DELETED", Service("b", "10"));
  Events();
  Event("MODIFIED", Service("a", "9"));
  Event("MODIFIED", Service("a", "8"));
  Event("ADDED", Service("b", "6"));
  Bookmark("9");
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_EQ(reflector->version(), "10");
}

TEST_F(ReflectorWatchTest, ABookmarkMovesTheVersionOn) {
  Bookmark("20");
  EXPECT_EQ(reflector->version(), "20");
  EXPECT_EQ(Status().bookmarks, 1);
  EndWatch();
  Pass(seconds(1));
  EXPECT_EQ(Asked(), "watch 20 at a");
}

TEST_F(ReflectorWatchTest, TheNextWatchBeginsWhereACleanEndLeftOffWithoutAList) {
  Bookmark("20");
  Pass(seconds(299));
  EndWatch();
  EXPECT_EQ(Asked(), "watch 20 at a");
  EXPECT_EQ(NewRequests(), 1);
  EXPECT_EQ(ProblemText(), "");
}

TEST_F(ReflectorWatchTest, AFrameThatIsCutOffHasNotHappened) {
  const std::string frame = EventFrame("ADDED", SmallObject(kKind, Service("c", "8")));
  Bookmark("7");
  Pass(seconds(60));
  for (const char byte : frame.substr(0, frame.size() - 1)) Send(std::string(1, byte));
  Break(absl::UnavailableError("https://a: the connection broke"));
  Pass(Reflector::kSpread);
  EXPECT_THAT(Events(), IsEmpty());
  List({}, "8");
  EXPECT_EQ(Asked(), "watch 7 at a");
  Accept();
  Event("ADDED", Service("c", "8"));
  EXPECT_THAT(Events(), ElementsAre("+ns/c"));
}

TEST_F(ReflectorWatchTest, AWatchThatBreaksAfterALongTimeIsBegunAgainAtOnceAndIsNoProblem) {
  Bookmark("7");
  Pass(Reflector::kLongEnough);
  Break(absl::UnavailableError("https://a: the connection broke"));
  Pass(Reflector::kSpread);
  EXPECT_EQ(Asked(), "probe 7 at a") << "another server may answer to this name now";
  List({}, "7");
  EXPECT_EQ(Asked(), "watch 7 at a");
  EXPECT_EQ(ProblemText(), "");
  EXPECT_EQ(Status().errors, 1);
}

TEST_F(ReflectorWatchTest, AServerThatIsBackAtOnceWithOlderStateIsNotWatchedFromTheFuture) {
  Bookmark("7");
  Break(absl::UnavailableError("https://a: the connection broke"));
  Pass(2 * RetryDelay::kShortest);
  EXPECT_EQ(Asked(), "probe 7 at a");
  Refuse({.code = 504, .version_too_large = true});
  EXPECT_FALSE(IsOpen()) << "until it has caught up, or a minute is over";
}

TEST_F(ReflectorWatchTest, AServerThatOnlyTellsWhatIsOldIsTakenForSilent) {
  for (SteadyTime begin = transport.now; transport.now - begin < Reflector::kSilence;) {
    EXPECT_EQ(Asked(), "watch 7 at a");
    Bookmark("4");
    Pass(seconds(60));
  }
  EXPECT_EQ(Asked(), "probe 7 at a");
}

TEST_F(ReflectorWatchTest, AWatchThatBreaksSoonIsBegunAgainAfterADelay) {
  Bookmark("7");
  Break(absl::UnavailableError("https://a: the connection broke"));
  EXPECT_FALSE(IsOpen());
  Pass(RetryDelay::kShortest - milliseconds(1));
  EXPECT_FALSE(IsOpen());
  Pass(RetryDelay::kShortest);
  EXPECT_EQ(Asked(), "probe 7 at a");
}

TEST_F(ReflectorWatchTest, AWatchThatEndsAtOnceHasFailed) {
  EndWatch();
  EXPECT_FALSE(IsOpen());
  EXPECT_THAT(ProblemText(), HasSubstr("the watch ended as soon as it began"));
  Pass(2 * RetryDelay::kShortest);
  EXPECT_EQ(Asked(), "watch 7 at a");
  Accept();
  EXPECT_NE(ProblemText(), "");
  Pass(Reflector::kTooShort);
  EXPECT_EQ(ProblemText(), "");
}

TEST_F(ReflectorWatchTest, WatchesThatSaySomethingAndEndAtOnceAreBegunOnceASecond) {
  const SteadyTime begin = transport.now;
  for (int i = 0; i < 10; ++i) {
    Bookmark(std::to_string(20 + i));
    EndWatch();
    Pass(seconds(1));
    Accept();
  }
  EXPECT_EQ(NewRequests(), 10);
  EXPECT_EQ(transport.now - begin, seconds(10));
}

TEST_F(ReflectorWatchTest, AWatchWhoseVersionIsGoneIsFollowedByAListOfTheNewestAtOnce) {
  Send(ErrorFrame(410, "Expired", ""));
  EXPECT_EQ(Asked(), "list newest 500 at a");
  List({Service("a", "3"), Service("c", "90")}, "100");
  EXPECT_THAT(Events(), ElementsAre("+ns/c", "-ns/b"));
  EXPECT_EQ(Asked(), "watch 100 at a");
}

TEST_F(ReflectorWatchTest, AWatchWhoseVersionIsGoneByItsStatusLikewise) {
  Break(absl::UnavailableError("broke"));
  Pass(seconds(2));
  Refuse({.code = 410, .reason = "Expired"});
  EXPECT_EQ(Asked(), "list newest 500 at a");
}

TEST_F(ReflectorWatchTest, VersionsThatAreGoneAsSoonAsTheyAreListedDoNotMakeAStorm) {
  Send(ErrorFrame(410, "", ""));
  NewRequests();
  List({}, "100");
  Accept();
  Send(ErrorFrame(410, "", ""));
  EXPECT_EQ(NewRequests(), 1) << "the watch only";
  Pass(2 * RetryDelay::kShortest);
  EXPECT_EQ(Asked(), "list newest 500 at a");
}

TEST_F(ReflectorWatchTest, AnErrorInTheStreamIsFollowedByAListThatIsNotOlder) {
  Event("ADDED", Service("c", "8"));
  Send(ErrorFrame(500, "InternalError", ""));
  EXPECT_FALSE(IsOpen());
  Pass(2 * RetryDelay::kShortest);
  EXPECT_EQ(Asked(), "list >=8 at a");
}

TEST_F(ReflectorWatchTest, AFrameThatCannotBeReadIsFollowedByAList) {
  Event("ADDED", Service("c", "8"));
  Send(std::string("\0\0\0\3abc", 7));
  EXPECT_FALSE(IsOpen());
  EXPECT_EQ(Status().errors, 1);
  EXPECT_EQ(Status().rejected_objects, 0) << "it is not known which object it was";
  Pass(2 * RetryDelay::kShortest);
  EXPECT_EQ(Asked(), "list >=8 at a");
}

TEST_F(ReflectorWatchTest, AWatchThatIsSilentForFiveMinutesIsLeftAndTheServerIsAskedWhatItKnows) {
  Bookmark("20");
  Pass(Reflector::kSilence - seconds(1));
  EXPECT_EQ(NewRequests(), 0);
  Pass(seconds(1));
  EXPECT_EQ(Asked(), "probe 20 at a");
  EXPECT_EQ(Status().stalls, 1);
  List({}, "25");
  EXPECT_THAT(Events(), IsEmpty()) << "a probe's answer is not a list";
  EXPECT_EQ(Asked(), "watch 20 at a");
}

TEST_F(ReflectorWatchTest, AWatchThatOutlivesItsTimeoutIsCut) {
  int bookmarks = 0;
  while (NewRequests() == 0) {
    ASSERT_LT(transport.now - Newest().at, Reflector::kWatchLongest + Reflector::kOverdue + seconds(1));
    Bookmark(std::to_string(20 + ++bookmarks));
    Pass(seconds(1));
  }
  EXPECT_GE(bookmarks, (Reflector::kWatchShortest + Reflector::kOverdue).count());
  EXPECT_EQ(Asked(), "watch " + reflector->version() + " at a");
}

TEST_F(ReflectorWatchTest, StatusCountsAndDates) {
  Pass(seconds(5));
  Event("ADDED", Service("c", "8"));
  Pass(seconds(2));
  const report::ReflectorStatus status = Status();
  EXPECT_EQ(status.resource, "services");
  EXPECT_EQ(status.objects, 3);
  EXPECT_EQ(status.events, 3);
  EXPECT_EQ(status.watch_starts, 1);
  EXPECT_EQ(status.relists, 0);
  EXPECT_EQ(status.resource_version, "8");
  EXPECT_TRUE(status.synced);
  EXPECT_EQ(status.last_event_time_ms, 1'000'000'000 - 2000);
}

}  // namespace
}  // namespace shunt::sources::kubernetes
