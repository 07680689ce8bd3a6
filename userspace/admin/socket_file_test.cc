// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/socket_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace shunt::admin {
namespace {

using ::testing::HasSubstr;

mode_t ModeOf(const std::string& path) {
  struct stat found;
  EXPECT_EQ(lstat(path.c_str(), &found), 0) << path;
  return found.st_mode;
}

bool Connects(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  const bool connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return connected;
}

// Makes a socket without a listener, as a killed process leaves it. Returns whether it could.
bool LeavesDeadSocket(const std::string& path) {
  const int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  const bool bound = bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(dead);
  return bound;
}

class SocketFileTest : public ::testing::Test {
 protected:
  SocketFileTest() {
    char name[] = "/tmp/shunt-socket-XXXXXX";
    directory_ = mkdtemp(name);
  }
  ~SocketFileTest() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
};

TEST_F(SocketFileTest, HasMode0600WhateverTheUmaskAndDirectoriesHave0700) {
  const std::string path = directory_ + "/run/shunt/admin.sock";
  for (const mode_t mask : {0000, 0022, 0077}) {
    const mode_t before = umask(mask);
    const auto listener = SocketFile::Listen(path);
    umask(before);
    ASSERT_TRUE(listener.ok()) << listener.status();
    EXPECT_EQ(ModeOf(path), static_cast<mode_t>(S_IFSOCK | 0600));
    EXPECT_EQ(ModeOf(directory_ + "/run") & 07777, 0700u);
    EXPECT_EQ(ModeOf(directory_ + "/run/shunt") & 07777, 0700u);
    EXPECT_TRUE(Connects(path));
  }
}

TEST_F(SocketFileTest, LeavesNothingBehindAndNothingBesides) {
  const std::string path = directory_ + "/admin.sock";
  {
    const auto listener = SocketFile::Listen(path);
    ASSERT_TRUE(listener.ok()) << listener.status();
    int files = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory_)) ++files;
    EXPECT_EQ(files, 1) << "the name it was bound to first is gone";
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(SocketFileTest, TakesThePlaceOfASocketThatNobodyListensOn) {
  const std::string path = directory_ + "/admin.sock";
  ASSERT_TRUE(LeavesDeadSocket(path));
  const auto listener = SocketFile::Listen(path);
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_TRUE(Connects(path));
}

TEST_F(SocketFileTest, RefusesASocketThatAnswersAndLeavesItAlone) {
  const std::string path = directory_ + "/admin.sock";
  const auto first = SocketFile::Listen(path);
  ASSERT_TRUE(first.ok());
  const auto second = SocketFile::Listen(path);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(second.status().message(), HasSubstr(path));
  EXPECT_THAT(second.status().message(), HasSubstr(absl::StrCat("pid ", getpid(), ",")));
  EXPECT_THAT(second.status().message(), HasSubstr("--admin-socket"));
  EXPECT_EQ(SocketFile::Check(path), second.status());
  EXPECT_TRUE(Connects(path));
}

TEST_F(SocketFileTest, ACheckTakesNothing) {
  const std::string path = directory_ + "/run/admin.sock";
  EXPECT_EQ(SocketFile::Check(path), absl::OkStatus());
  EXPECT_TRUE(std::filesystem::is_empty(directory_ + "/run"));
  ASSERT_TRUE(LeavesDeadSocket(path));
  EXPECT_EQ(SocketFile::Check(path), absl::OkStatus()) << "Listen would replace it";
  EXPECT_EQ(ModeOf(path) & S_IFMT, static_cast<mode_t>(S_IFSOCK));
}

TEST_F(SocketFileTest, DoesNotRemoveASocketThatIsAnothersByNow) {
  const std::string path = directory_ + "/admin.sock";
  auto first = SocketFile::Listen(path);
  ASSERT_TRUE(first.ok());
  std::filesystem::remove(path);
  const auto second = SocketFile::Listen(path);
  ASSERT_TRUE(second.ok()) << second.status();
  {
    const SocketFile ended = *std::move(first);
  }
  EXPECT_TRUE(Connects(path));
}

TEST_F(SocketFileTest, RefusesWhatCannotOrMustNotBeASocket) {
  std::ofstream(directory_ + "/file") << "kept";
  std::filesystem::create_symlink(directory_ + "/elsewhere", directory_ + "/link");
  struct Row {
    const char* sentence;
    std::string path;
    absl::StatusCode code;
    const char* message;
  };
  const Row rows[] = {
      {"no path", "", absl::StatusCode::kInvalidArgument, "empty"},
      {"an abstract name", "@shunt", absl::StatusCode::kInvalidArgument, "abstract"},
      {"an abstract name in the kernel's form", std::string("\0shunt", 6), absl::StatusCode::kInvalidArgument,
       "abstract"},
      {"a directory", directory_ + "/", absl::StatusCode::kInvalidArgument, "is a directory"},
      {"108 bytes", "/" + std::string(107, 'x'), absl::StatusCode::kInvalidArgument, "108 bytes"},
      {"a file that is no socket", directory_ + "/file", absl::StatusCode::kFailedPrecondition, "is no socket"},
      {"a symbolic link, wherever it leads", directory_ + "/link", absl::StatusCode::kFailedPrecondition,
       "is no socket"},
      {"a directory that cannot be", directory_ + "/file/admin.sock", absl::StatusCode::kFailedPrecondition, "look at"},
  };
  for (const Row& row : rows) {
    const auto listener = SocketFile::Listen(row.path);
    EXPECT_EQ(listener.status().code(), row.code) << row.sentence << ": " << listener.status();
    EXPECT_THAT(listener.status().message(), HasSubstr(row.message)) << row.sentence;
    EXPECT_EQ(SocketFile::Check(row.path), listener.status()) << row.sentence;
  }
  std::string text;
  std::ifstream(directory_ + "/file") >> text;
  EXPECT_EQ(text, "kept");
}

}  // namespace
}  // namespace shunt::admin
