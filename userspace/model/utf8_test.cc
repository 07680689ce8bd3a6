// SPDX-License-Identifier: Apache-2.0
#include "userspace/model/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace shunt::model {
namespace {

TEST(Utf8Test, FindsTheSequenceThatTheTextBeginsWith) {
  struct Row {
    const char* sentence;
    std::string text;
    size_t length;
    char32_t code_point;  // 0, unchanged, if there is none
  };
  const Row rows[] = {
      {"nothing begins an empty text", "", 0, 0},
      {"a letter, and no more of the text", "az", 1, U'a'},
      {"NUL is a character", std::string(1, '\0'), 1, 0},
      {"the last of one byte", "\x7f", 1, 0x7f},
      {"the first of two bytes", "\xc2\x80", 2, 0x80},
      {"the last of two bytes", "\xdf\xbf", 2, 0x7ff},
      {"the first of three bytes", "\xe0\xa0\x80", 3, 0x800},
      {"the last before the surrogates", "\xed\x9f\xbf", 3, 0xd7ff},
      {"the first after the surrogates", "\xee\x80\x80", 3, 0xe000},
      {"the last of three bytes", "\xef\xbf\xbf", 3, 0xffff},
      {"the first of four bytes", "\xf0\x90\x80\x80", 4, 0x10000},
      {"the last of all", "\xf4\x8f\xbf\xbf", 4, 0x10ffff},
      {"one beyond the last", "\xf4\x90\x80\x80", 0, 0},
      {"a lead byte of more than four bytes", "\xf8\x88\x80\x80\x80", 0, 0},
      {"a continuation byte without a lead", "\x80", 0, 0},
      {"an overlong slash of two bytes", "\xc0\xaf", 0, 0},
      {"an overlong slash of three bytes", "\xe0\x80\xaf", 0, 0},
      {"an overlong slash of four bytes", "\xf0\x80\x80\xaf", 0, 0},
      {"the first surrogate", "\xed\xa0\x80", 0, 0},
      {"the last surrogate", "\xed\xbf\xbf", 0, 0},
      {"cut short by the end", "\xe2\x82", 0, 0},
      {"cut short by a letter", "\xe2\x82z", 0, 0},
  };
  for (const Row& row : rows) {
    char32_t code_point = 0;
    EXPECT_EQ(DecodeUtf8(row.text, &code_point), row.length) << row.sentence;
    EXPECT_EQ(code_point, row.code_point) << row.sentence;
  }
}

}  // namespace
}  // namespace shunt::model
