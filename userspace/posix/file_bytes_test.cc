// SPDX-License-Identifier: Apache-2.0
#include "userspace/posix/file_bytes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "userspace/posix/file_descriptor.h"

namespace shunt::posix {
namespace {

// More than one read(2) of ReadUpTo takes.
constexpr size_t kSize = 200'000;

class FileBytesTest : public testing::Test {
 protected:
  FileBytesTest() : file_(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)) {
    for (size_t i = 0; i < kSize; ++i) content_.push_back(static_cast<char>('a' + i % 26));
    EXPECT_EQ(::write(file_.get(), content_.data(), content_.size()), static_cast<ssize_t>(kSize));
    EXPECT_EQ(::lseek(file_.get(), 0, SEEK_SET), 0);
  }

  std::string content_;
  FileDescriptor file_;
};

TEST_F(FileBytesTest, AFileIsReadToItsEnd) {
  EXPECT_EQ(ReadUpTo(file_.get(), kSize + 1), content_);
}

TEST_F(FileBytesTest, NoMoreIsReadThanWasAskedFor) {
  EXPECT_EQ(ReadUpTo(file_.get(), 100'000), content_.substr(0, 100'000));
}

TEST_F(FileBytesTest, ReadingGoesOnFromWhereTheFileStands) {
  ASSERT_EQ(::lseek(file_.get(), kSize - 3, SEEK_SET), static_cast<off_t>(kSize - 3));
  EXPECT_EQ(ReadUpTo(file_.get(), 10), content_.substr(kSize - 3));
}

TEST(ReadUpToTest, AFileThatCannotBeReadSaysWhy) {
  const FileDescriptor directory(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_EQ(ReadUpTo(directory.get(), 1), std::nullopt);
  EXPECT_EQ(errno, EISDIR);
}

}  // namespace
}  // namespace shunt::posix
