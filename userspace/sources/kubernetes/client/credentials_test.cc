// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/client/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "userspace/sources/kubernetes/testing/scratch_directory.h"

namespace shunt::sources::kubernetes {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Token(CredentialReader& reader) {
  const absl::StatusOr<CredentialTexts> texts = reader.Read();
  return texts.ok() ? texts->token : std::string(texts.status().message());
}

TEST(Credentials, ATokenFileIsReadWithoutItsLineEnd) {
  const ScratchDirectory directory;
  CredentialReader reader({.token = {.file = directory.Write("token", "abc\n")}});
  EXPECT_EQ(Token(reader), "abc");
}

TEST(Credentials, AFileThatIsReplacedOrWrittenOverIsReadAnew) {
  const ScratchDirectory directory;
  const std::string file = directory.Write("token", "first");
  CredentialReader reader({.token = {.file = file}});
  EXPECT_EQ(Token(reader), "first");
  directory.Write("token", "second");
  EXPECT_EQ(Token(reader), "second");
  std::ofstream(file) << "third, longer";
  EXPECT_EQ(Token(reader), "third, longer");
}

TEST(Credentials, TheSwapOfLinksOfAMountedVolumeIsSeen) {
  const ScratchDirectory directory;
  std::filesystem::create_directories(directory.path() + "/one");
  std::filesystem::create_directories(directory.path() + "/two");
  directory.Write("one/token", "first");
  directory.Write("two/token", "other");
  std::filesystem::create_symlink("one", directory.path() + "/..data");
  std::filesystem::create_symlink("..data/token", directory.path() + "/token");
  CredentialReader reader({.token = {.file = directory.path() + "/token"}});
  EXPECT_EQ(Token(reader), "first");
  std::filesystem::create_symlink("two", directory.path() + "/..data_tmp");
  std::filesystem::rename(directory.path() + "/..data_tmp", directory.path() + "/..data");
  EXPECT_EQ(Token(reader), "other");
}

TEST(Credentials, AFileThatVanishesOrIsEmptiedLeavesItsLastTextInForceAndAProblem) {
  const ScratchDirectory directory;
  const std::string file = directory.Write("token", "first");
  CredentialReader reader({.token = {.file = file}});
  EXPECT_EQ(Token(reader), "first");
  directory.Write("token", " \n");
  EXPECT_EQ(Token(reader), "first");
  EXPECT_THAT(reader.problems(), ElementsAre(HasSubstr("token is empty; its previous content is still used")));
  std::filesystem::remove(file);
  EXPECT_EQ(Token(reader), "first");
  EXPECT_THAT(reader.problems(), ElementsAre(HasSubstr("No such file")));
  directory.Write("token", "second");
  EXPECT_EQ(Token(reader), "second");
  EXPECT_THAT(reader.problems(), IsEmpty());
}

TEST(Credentials, AFileThatWasNeverReadIsAnErrorThatNamesIt) {
  CredentialReader reader({.certificate_authority = {.file = "/nonexistent/ca.crt"}});
  const absl::StatusOr<CredentialTexts> texts = reader.Read();
  EXPECT_EQ(texts.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(texts.status().message()), HasSubstr("the API server's CA: read /nonexistent/ca.crt"));
}

TEST(Credentials, ATokenThatWouldForgeAHeaderIsRefused) {
  CredentialReader reader({.token = {.text = "abc\r\nX-Remote-User: root"}});
  EXPECT_THAT(Token(reader), HasSubstr("it is not a token"));
}

TEST(Credentials, AFifoAndAHugeFileAreRefusedAtOnce) {
  const ScratchDirectory directory;
  const std::string fifo = directory.path() + "/fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  CredentialReader of_fifo({.token = {.file = fifo}});
  EXPECT_THAT(Token(of_fifo), HasSubstr("not a regular file"));
  CredentialReader of_huge({.token = {.file = directory.Write("huge", std::string(kTextFileBytesMax + 1, 'a'))}});
  EXPECT_THAT(Token(of_huge), HasSubstr("larger than 1 MiB"));
}

}  // namespace
}  // namespace shunt::sources::kubernetes
