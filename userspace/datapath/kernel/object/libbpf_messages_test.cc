// SPDX-License-Identifier: Apache-2.0
// An operator reads one screen: what failed and the verifier's verdict.
#include "userspace/datapath/kernel/object/libbpf_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace shunt::datapath {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(LibbpfMessages, KeepTheFirstWarningAndTheLogsEnd) {
  std::string text =
      "libbpf: prog 'sock_connect4': BPF program load failed: Permission denied\n"
      "libbpf: prog 'sock_connect4': -- BEGIN PROG LOAD LOG --\n";
  for (int line = 0; line < 100; ++line) text += std::to_string(line) + ": (b7) r0 = 0\n";
  text +=
      "R0 invalid mem access 'map_value_or_null'\n"
      "processed 8 insns\n"
      "-- END PROG LOAD LOG --\n"
      "libbpf: failed to load object 'sock'\n";
  EXPECT_THAT(SummarizeLibbpfMessages(text),
              AllOf(HasSubstr("prog 'sock_connect4': BPF program load failed: Permission denied; "),
                    HasSubstr("R0 invalid mem access"), HasSubstr("processed 8 insns"), HasSubstr("\n  92: "),
                    Not(HasSubstr("\n  91: ")), Not(HasSubstr("failed to load object"))));
  EXPECT_EQ(SummarizeLibbpfMessages("libbpf: elf: not found\n"), "elf: not found");
  EXPECT_EQ(SummarizeLibbpfMessages(""), "");
}

}  // namespace
}  // namespace shunt::datapath
