// SPDX-License-Identifier: Apache-2.0
// Every chain of calls fits into the stack by the rule of Linux 6.1, the strictest of the kernels that must load the
// programs: it rounds each frame up to 32 bytes, and all frames of a chain together have 512. The verifier of a later
// kernel rounds less, so loading the programs there does not show it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "bpf/config.h"  // the skeletons need it first
#include "bpf/packet/packet_config.h"
#include "sock.skel.h"
#include "sock_iter.skel.h"
#include "sweep.skel.h"
#include "tc.skel.h"

namespace {

constexpr int kStack = 512;
constexpr int kFrameUnit = 32;

// The functions of one program, by the index of their first instruction. The entry is at 0.
class Program {
 public:
  explicit Program(std::vector<bpf_insn> instructions) : instructions_(std::move(instructions)) {
    starts_.insert(0);
    for (int i = 0; i < Count(); ++i) {
      if (CallsFunction(i)) starts_.insert(Target(i));
    }
  }

  // Returns the frames of the chain of calls that needs the most stack, rounded up, from this function on.
  std::vector<int> DeepestFrom(int function = 0) const {
    const auto next = starts_.upper_bound(function);
    const int end = next == starts_.end() ? Count() : *next;
    std::vector<int> deepest;
    for (int i = function; i < end; ++i) {
      if (!CallsFunction(i)) continue;
      std::vector<int> called = DeepestFrom(Target(i));
      if (Sum(called) > Sum(deepest)) deepest = std::move(called);
    }
    const int frame = std::max(Frame(function, end), 1);
    deepest.insert(deepest.begin(), (frame + kFrameUnit - 1) / kFrameUnit * kFrameUnit);
    return deepest;
  }

  static int Sum(const std::vector<int>& frames) {
    int sum = 0;
    for (const int frame : frames) sum += frame;
    return sum;
  }

 private:
  int Count() const { return static_cast<int>(instructions_.size()); }

  // True for a call of another function of the program, and for one that is handed to a helper to be called.
  bool CallsFunction(int i) const {
    const bpf_insn& instruction = instructions_[i];
    return (instruction.code == (BPF_JMP | BPF_CALL) && instruction.src_reg == BPF_PSEUDO_CALL) ||
           (instruction.code == (BPF_LD | BPF_IMM | BPF_DW) && instruction.src_reg == BPF_PSEUDO_FUNC);
  }
  int Target(int i) const { return i + instructions_[i].imm + 1; }

  // Returns how far below the frame pointer the function reaches: by an access, or by a pointer that it makes.
  int Frame(int begin, int end) const {
    int lowest = 0;
    std::array<bool, MAX_BPF_REG> is_frame_pointer = {};
    is_frame_pointer[BPF_REG_10] = true;
    for (int i = begin; i < end; ++i) {
      const bpf_insn& one = instructions_[i];
      const int kind = BPF_CLASS(one.code);
      if (kind == BPF_LDX && is_frame_pointer[one.src_reg]) lowest = std::min<int>(lowest, one.off);
      if ((kind == BPF_ST || kind == BPF_STX) && is_frame_pointer[one.dst_reg]) lowest = std::min<int>(lowest, one.off);
      if (one.code == (BPF_ALU64 | BPF_ADD | BPF_K) && is_frame_pointer[one.dst_reg])
        lowest = std::min(lowest, one.imm);
      // Only a copy of the frame pointer is one, until something is added to it.
      if (kind == BPF_ALU64 || kind == BPF_ALU || kind == BPF_LDX || kind == BPF_LD) {
        is_frame_pointer[one.dst_reg] = one.code == (BPF_ALU64 | BPF_MOV | BPF_X) && is_frame_pointer[one.src_reg];
      }
    }
    return -lowest;
  }

  std::vector<bpf_insn> instructions_;
  std::set<int> starts_;
};

TEST(StackTest, AFrameReachesToItsLowestAccessOrPointerAndChainsAddUp) {
  const auto at = [](uint8_t code, uint8_t to, uint8_t from, int16_t offset, int32_t value) {
    return bpf_insn{.code = code, .dst_reg = to, .src_reg = from, .off = offset, .imm = value};
  };
  const bpf_insn end = at(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  const Program program({
      at(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_1, -40, 0),                       // 0: 40 bytes
      at(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 4),                                    // 1: calls 6
      at(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_2, BPF_PSEUDO_FUNC, 0, 5), at(0, 0, 0, 0, 0),  // 2: hands 8 to a helper
      at(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_loop), end, at(BPF_LDX | BPF_MEM | BPF_B, BPF_REG_1, BPF_REG_10, -1, 0),
      end,                                                           // 6: one byte
      at(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_10, 0, 0),  // 8: a pointer to 100 bytes
      at(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_3, 0, 0, -100), at(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_3, 0, 0, -500),
      end,  // no longer the frame pointer
  });
  EXPECT_THAT(program.DeepestFrom(), testing::ElementsAre(64, 128));
}

TEST(StackTest, EveryChainOfCallsFitsByTheStrictestRule) {
  if (geteuid() != 0) GTEST_SKIP() << "loading programs needs root";
  sock* hooks = sock__open_and_load();
  sock_iter* iterators = sock_iter__open_and_load();
  sweep* collector = sweep__open_and_load();
  tc* packets = tc__open_and_load();
  ASSERT_TRUE(hooks && iterators && collector && packets);
  std::map<std::string, std::vector<int>> frames;
  for (const bpf_object* object : {hooks->obj, iterators->obj, collector->obj, packets->obj}) {
    bpf_program* program;
    bpf_object__for_each_program(program, object) {
      const bpf_insn* code = bpf_program__insns(program);
      frames[bpf_program__name(program)] = Program({code, code + bpf_program__insn_cnt(program)}).DeepestFrom();
    }
  }
  tc__destroy(packets);
  sweep__destroy(collector);
  sock_iter__destroy(iterators);
  sock__destroy(hooks);
  EXPECT_EQ(frames.size(), 16u);
  for (const auto& [program, chain] : frames) {
    const std::string sum = absl::StrCat(absl::StrJoin(chain, " + "), " = ", Program::Sum(chain), " bytes");
    std::printf("%s: %s\n", program.c_str(), sum.c_str());
    EXPECT_LE(Program::Sum(chain), kStack) << program << ": " << sum;
  }
}

}  // namespace
