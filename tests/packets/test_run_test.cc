// SPDX-License-Identifier: Apache-2.0
#include "tests/packets/test_run.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "tests/packets/parse.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::packets {
namespace {

constexpr int kOk = 0;
constexpr int kShot = 2;

bpf_insn Instruction(uint8_t code, uint8_t to, uint8_t from, int16_t offset, int32_t immediate) {
  return {.code = code, .dst_reg = to, .src_reg = from, .off = offset, .imm = immediate};
}

bpf_insn Return(int value) {
  return Instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, value);
}

bpf_insn Exit() {
  return Instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

// Loads what runs on every kernel that has the test run, without an object file.
posix::FileDescriptor Load(const std::vector<bpf_insn>& program) {
  return posix::FileDescriptor(
      bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "test_run", "GPL", program.data(), program.size(), nullptr));
}

// Adds 1 to the mark, and returns the device's index as its verdict.
std::vector<bpf_insn> ContextProgram() {
  constexpr int16_t kMark = offsetof(__sk_buff, mark);
  constexpr int16_t kIfindex = offsetof(__sk_buff, ifindex);
  return {Instruction(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, kMark, 0),
          Instruction(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, 1),
          Instruction(BPF_STX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_2, kMark, 0),
          Instruction(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_0, BPF_REG_1, kIfindex, 0), Exit()};
}

// bpf_skb_change_tail(packet, 60, 0), and the helper's result as its verdict.
std::vector<bpf_insn> TailProgram() {
  return {Instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, 60),
          Instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, 0),
          Instruction(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_skb_change_tail), Exit()};
}

class TestRunTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: loads programs";
  }

  const Bytes packet_ = ToBytes(Tcp("198.51.100.7:40000", "192.0.2.10:30080").Syn());
};

TEST_F(TestRunTest, TheVerdictAndThePacketComeBack) {
  const posix::FileDescriptor shot = Load({Return(kShot), Exit()});
  const auto run = RunProgram(shot.get(), packet_);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(VerdictName(run->verdict), "TC_ACT_SHOT");
  EXPECT_EQ(run->packet, packet_);
}

TEST_F(TestRunTest, AProgramSeesItsContextAndMayChangeIt) {
  const posix::FileDescriptor program = Load(ContextProgram());
  const auto run = RunProgram(program.get(), packet_, {.ifindex = 1, .mark = 41});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->verdict, 1);
  EXPECT_EQ(run->mark, 42u);
}

TEST_F(TestRunTest, APacketMayBecomeLonger) {
  const posix::FileDescriptor program = Load(TailProgram());
  const auto run = RunProgram(program.get(), packet_);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(VerdictName(run->verdict), "TC_ACT_OK");
  EXPECT_EQ(Mismatch(Tcp("198.51.100.7:40000", "192.0.2.10:30080").Syn().Padding(6), run->packet), "");
}

TEST_F(TestRunTest, EveryRunOfATimedLoopHasThePacketAsItWas) {
  const posix::FileDescriptor program = Load(TailProgram());
  const auto once = TimeProgram(program.get(), packet_, {}, 1);
  const auto often = TimeProgram(program.get(), packet_, {}, 100);
  ASSERT_TRUE(once.ok() && often.ok()) << once.status() << often.status();
  EXPECT_EQ(RunProgram(program.get(), packet_)->packet.size(), packet_.size() + 6);
  EXPECT_EQ(TimeProgram(program.get(), packet_, {}, 0).status().message(), "run a program 0 times: at least 1");
}

TEST_F(TestRunTest, WhatTheKernelRefusesIsNamed) {
  const posix::FileDescriptor program = Load({Return(kOk), Exit()});
  const Bytes small(13, 0);
  EXPECT_EQ(RunProgram(program.get(), small).status(),
            absl::ErrnoToStatus(EINVAL, "run a program on a packet of 13 bytes with device 0"));
  EXPECT_EQ(RunProgram(program.get(), packet_, {.ifindex = 1'000'000}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(RunProgram(-1, packet_).status(),
            absl::ErrnoToStatus(EBADF, "run a program on a packet of 54 bytes with device 0"));
}

}  // namespace
}  // namespace shunt::packets
