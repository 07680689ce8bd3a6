// SPDX-License-Identifier: Apache-2.0
// Real signals to this process, whose mask is restored after each test.
#include "userspace/agent/process/signals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spdlog/sinks/ostream_sink.h>
#include <unistd.h>

#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "userspace/agent/process/log.h"

namespace shunt::agent {
namespace {

class EndWatchTest : public testing::Test {
 protected:
  EndWatchTest() {
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask_);
    ::sigaction(SIGPIPE, nullptr, &on_broken_pipe_);
    OpenLog(LogFormat::kText, 0, std::make_shared<spdlog::sinks::ostream_sink_mt>(log_));
  }
  ~EndWatchTest() override {
    OpenLog(LogFormat::kText, 2);
    ::sigaction(SIGPIPE, &on_broken_pipe_, nullptr);
    ::pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
  }
  static EndWatch Opened() {
    absl::StatusOr<EndWatch> watch = EndWatch::Open();
    EXPECT_TRUE(watch.ok()) << watch.status();
    return *std::move(watch);
  }

  std::ostringstream log_;

 private:
  sigset_t mask_;
  struct sigaction on_broken_pipe_ = {};
};

TEST_F(EndWatchTest, BothSignalsThatAskForTheEndAreOk) {
  for (const int signal : {SIGTERM, SIGINT}) {
    const EndWatch watch = Opened();
    ASSERT_EQ(::kill(::getpid(), signal), 0);
    EXPECT_EQ(watch.Wait(), absl::OkStatus());
    EXPECT_THAT(log_.str(), testing::HasSubstr(signal == SIGTERM ? "\"Asked to stop\" signal=\"Terminated\""
                                                                 : "\"Asked to stop\" signal=\"Interrupt\""));
  }
}

TEST_F(EndWatchTest, ASignalThatCameBeforeAMoveIsSeenAfterIt) {
  EndWatch opened = Opened();
  ASSERT_EQ(::kill(::getpid(), SIGTERM), 0);
  const EndWatch watch = std::move(opened);
  EXPECT_EQ(watch.Wait(), absl::OkStatus());
}

TEST_F(EndWatchTest, AHangUpIsLoggedAndEndsNothing) {
  const EndWatch watch = Opened();
  ASSERT_EQ(::kill(::getpid(), SIGHUP), 0);
  ASSERT_EQ(::kill(::getpid(), SIGTERM), 0);
  EXPECT_EQ(watch.Wait(), absl::OkStatus());
  EXPECT_THAT(log_.str(), testing::ContainsRegex("signal=\"Hangup\"\n.*signal=\"Terminated\""));
}

TEST_F(EndWatchTest, TheFirstReasonOfAThreadCounts) {
  const EndWatch watch = Opened();
  std::thread([&] { watch.End(absl::UnavailableError("first")); }).join();
  watch.End(absl::AbortedError("second"));
  EXPECT_EQ(watch.Wait(), absl::UnavailableError("first"));
  EXPECT_EQ(watch.Wait(), absl::UnavailableError("first")) << "and stays";
}

TEST_F(EndWatchTest, AReaderThatWentAwayKillsNothing) {
  const EndWatch watch = Opened();
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  ::close(pipe[0]);
  EXPECT_EQ(::write(pipe[1], "x", 1), -1) << "and this process still runs";
  ::close(pipe[1]);
}

}  // namespace
}  // namespace shunt::agent
