// SPDX-License-Identifier: Apache-2.0
// Observe mode: the programs count what they would do, and change nothing.
#include <cerrno>

#include "tests/kernel/kernel_test.h"
#include "userspace/datapath/kernel/kernel_datapath.h"

namespace shunt::kernel_test {
namespace {

class ObserveTest : public KernelTest {
 protected:
  datapath::KernelOptions Options() const override {
    datapath::KernelOptions options = KernelTest::Options();
    options.observe = true;
    return options;
  }
  datapath::KernelOptions Translating() const { return KernelTest::Options(); }

  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    Apply({Web(), Api(), Empty()});
  }
};

TEST_F(ObserveTest, AConnectGoesWhereItDialsAndIsCounted) {
  for (const char* service : {"10.96.0.10:80", "[fd00:96::10]:80"}) {
    ClientSocket socket = PodSocket(service[0] == '[' ? AF_INET6 : AF_INET, SOCK_STREAM);
    ASSERT_EQ(socket.Connect(At(service)), 0);
    EXPECT_EQ(socket.Receive().text, service);
    EXPECT_EQ(socket.PeerName().from, At(service));
  }
  EXPECT_EQ(Reason("would_translate"), 2u);
  EXPECT_EQ(RowsOf("socket_state"), 0u);
}

TEST_F(ObserveTest, ADatagramGoesWhereItIsSentAndIsCounted) {
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(socket.SendTo(At("10.96.0.10:53"), "hello"), 0);
    const Received answer = socket.Receive();
    EXPECT_EQ(answer.text, "10.96.0.10:53 hello");
    EXPECT_EQ(answer.from, At("10.96.0.10:53"));
  }
  EXPECT_EQ(Reason("would_translate"), 3u);
  EXPECT_EQ(RowsOf("socket_state"), 0u);
}

TEST_F(ObserveTest, WhatWouldBeRefusedIsLetThroughAndCountedWithItsReason) {
  ClientSocket connected = PodSocket(AF_INET, SOCK_STREAM), unused = PodSocket(AF_INET, SOCK_STREAM),
               sent = PodSocket(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(connected.Connect(At("10.96.0.30:80")), 0);
  EXPECT_EQ(unused.Connect(At("10.96.0.10:443")), 0);
  EXPECT_EQ(sent.SendTo(At("10.96.0.30:53"), "hello"), 0);
  EXPECT_EQ(Reason("would_refuse"), 3u);
  EXPECT_EQ(Reason("no_endpoints"), 2u);
  EXPECT_EQ(Reason("unused_port"), 1u);
  EXPECT_EQ(Reason("would_translate"), 0u);
}

TEST_F(ObserveTest, AUdpConnectThatNobodyWouldRefuseIsNotCountedAsRefused) {
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(socket.Connect(At("10.96.0.30:53")), 0);
  EXPECT_EQ(Reason("would_refuse"), 0u);
  EXPECT_EQ(Reason("udp_connect_unserved"), 1u);
}

TEST_F(ObserveTest, AffinityRemembersNoChoiceThatNobodyFollowed) {
  Apply({Web().Affinity(100)});
  ClientSocket socket = PodSocket(AF_INET, SOCK_STREAM);
  ASSERT_EQ(socket.Connect(At("10.96.0.10:80")), 0);
  EXPECT_EQ(Reason("would_translate"), 1u);
  EXPECT_EQ(RowsOf("affinities"), 0u);
}

TEST_F(ObserveTest, SocketsOfATranslatingAgentKeepTheirBackendAndTheirNameUntilTheyEnd) {
  Reopen(Translating());
  ClientSocket before = PodSocket(AF_INET, SOCK_DGRAM), loose = PodSocket(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(before.Connect(At("10.96.0.10:53")), 0);
  ASSERT_EQ(loose.SendTo(At("10.96.0.10:53"), "late"), 0);
  ASSERT_GT(RowsOf("socket_state"), 0u);

  Reopen(Options());
  EXPECT_EQ(before.PeerName().from, At("10.96.0.10:53"));
  ASSERT_EQ(before.Send("hello"), 0);
  EXPECT_EQ(before.Receive().text, "10.244.1.1:8081 hello");
  EXPECT_EQ(loose.Receive().from, At("10.96.0.10:53")) << "an answer to what was sent while it was translated";
  ASSERT_EQ(loose.SendTo(At("10.96.0.10:53"), "now"), 0);
  EXPECT_EQ(loose.Receive().text, "10.96.0.10:53 now");
  ASSERT_EQ(before.Connect(At("10.96.0.20:53")), 0);
  EXPECT_EQ(before.PeerName().from, At("10.96.0.20:53"));
  ASSERT_EQ(before.Send("hello"), 0);
  EXPECT_EQ(before.Receive().text, "10.96.0.20:53 hello");
  before.Close();
  loose.Close();
  EXPECT_EQ(RowsOf("socket_state"), 0u);
}

TEST_F(ObserveTest, AnotherAgentOnTheSamePinsTranslatesAgainAndNothingElseChanges) {
  const auto rows = [this] {
    return std::vector<size_t>{RowsOf("frontend_rows"), RowsOf("pools"), RowsOf("slots"), RowsOf("backends")};
  };
  const std::vector<size_t> observing = rows();
  Reopen(Translating());
  EXPECT_TRUE(kernel_datapath().programs_current());
  EXPECT_EQ(rows(), observing);
  ClientSocket socket = PodSocket(AF_INET, SOCK_STREAM);
  ASSERT_EQ(socket.Connect(At("10.96.0.10:80")), 0);
  EXPECT_EQ(socket.Receive().text, "10.244.1.1:8080");
}

}  // namespace
}  // namespace shunt::kernel_test
