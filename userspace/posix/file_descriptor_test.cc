// SPDX-License-Identifier: Apache-2.0
#include "userspace/posix/file_descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <type_traits>
#include <utility>

namespace shunt::posix {
namespace {

static_assert(!std::is_copy_constructible_v<FileDescriptor> && !std::is_copy_assignable_v<FileDescriptor>);

int OpenNull() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

bool IsOpen(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

TEST(FileDescriptorTest, ItIsClosedWithItsOwner) {
  int number = -1;
  {
    const FileDescriptor owner(OpenNull());
    ASSERT_TRUE(owner.ok());
    number = owner.get();
    EXPECT_TRUE(IsOpen(number));
  }
  EXPECT_FALSE(IsOpen(number));
}

TEST(FileDescriptorTest, AFailedCallLeavesAnEmptyOwnerWithItsResultAndErrno) {
  errno = ENXIO;
  const FileDescriptor owner(-ENOENT);
  EXPECT_FALSE(owner.ok());
  EXPECT_EQ(owner.get(), -ENOENT);
  EXPECT_EQ(errno, ENXIO);
  EXPECT_FALSE(FileDescriptor().ok());
}

TEST(FileDescriptorTest, AMoveLeavesOneOwner) {
  FileDescriptor first(OpenNull());
  const int number = first.get();
  const FileDescriptor second(std::move(first));
  EXPECT_FALSE(first.ok());  // NOLINT(bugprone-use-after-move): the state is documented
  EXPECT_EQ(second.get(), number);
  EXPECT_TRUE(IsOpen(number));
}

TEST(FileDescriptorTest, AnAssignmentClosesWhatWasOwnedBefore) {
  FileDescriptor target(OpenNull());
  FileDescriptor source(OpenNull());
  const int before = target.get();
  const int after = source.get();
  target = std::move(source);
  EXPECT_FALSE(IsOpen(before));
  EXPECT_EQ(target.get(), after);
  EXPECT_TRUE(IsOpen(after));
  EXPECT_FALSE(source.ok());  // NOLINT(bugprone-use-after-move): the state is documented
}

TEST(FileDescriptorTest, AnAssignmentToItselfKeepsTheDescriptor) {
  FileDescriptor owner(OpenNull());
  const int number = owner.get();
  FileDescriptor& same = owner;
  owner = std::move(same);
  EXPECT_EQ(owner.get(), number);
  EXPECT_TRUE(IsOpen(number));
}

TEST(FileDescriptorTest, CloseLeavesItEmpty) {
  FileDescriptor owner(OpenNull());
  const int number = owner.get();
  owner.Close();
  EXPECT_FALSE(owner.ok());
  EXPECT_FALSE(IsOpen(number));
  owner.Close();  // nothing is left to close
  EXPECT_EQ(owner.get(), -1);
}

TEST(FileDescriptorTest, ReleaseLeavesTheDescriptorOpen) {
  FileDescriptor owner(OpenNull());
  const FileDescriptor taken(owner.Release());
  EXPECT_FALSE(owner.ok());
  EXPECT_TRUE(IsOpen(taken.get()));
}

}  // namespace
}  // namespace shunt::posix
