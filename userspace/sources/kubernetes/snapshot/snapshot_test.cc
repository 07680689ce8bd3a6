// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/snapshot/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "kubernetes/snapshot.pb.h"
#include "userspace/sources/kubernetes/snapshot/compression.h"
#include "userspace/sources/kubernetes/snapshot/snapshot_format.h"
#include "userspace/sources/kubernetes/snapshot/snapshot_reader.h"
#include "userspace/sources/kubernetes/snapshot/snapshot_writer.h"
#include "userspace/sources/kubernetes/testing/sample_objects.h"
#include "userspace/sources/kubernetes/testing/scratch_directory.h"
#include "userspace/sources/kubernetes/testing/snapshot_bytes.h"
#include "userspace/sources/kubernetes/wire/object_encoder.h"

namespace shunt::sources::kubernetes {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

Snapshot Sample() {
  Snapshot snapshot;
  snapshot.summary.node_name = "node-a";
  snapshot.summary.saved_ms = 1'769'860'800'123;
  snapshot.summary.api_servers = {"https://192.0.2.10:6443", "https://[2001:db8::10]:6443"};
  snapshot.summary.resources = {
      {ObjectKind::kService, "219", 1}, {ObjectKind::kEndpointSlice, "220", 1}, {ObjectKind::kNode, "221", 1}};
  snapshot.objects = {SampleService(), SampleSlice(), SampleNode()};
  return snapshot;
}

// Noise that does not compress.
Snapshot Large() {
  std::mt19937_64 random(7);  // NOLINT: the same noise every time
  Snapshot snapshot = Sample();
  model::Service service = SampleService();
  for (int i = 0; i < 5'000; ++i) {
    service.uid = absl::StrCat(random(), random(), random());
    snapshot.objects.emplace_back(service);
  }
  return snapshot;
}

absl::Status Decode(absl::string_view bytes) {
  return DecodeSnapshot("x", bytes, {.usable = [](Object) {}, .unusable = [](ObjectKind, const UnusableObject&) {}})
      .status();
}

class SnapshotTest : public testing::Test {
 protected:
  std::vector<std::string> FilesInDirectory() const {
    std::vector<std::string> names;
    for (const fs::directory_entry& entry : fs::directory_iterator(path_.parent_path())) {
      names.push_back(entry.path().filename());
    }
    return names;
  }
  std::string FileBytes() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Overwrite(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }

  const ScratchDirectory scratch_;
  const fs::path root_ = scratch_.path();
  const fs::path path_ = root_ / "state" / "cluster";
};

TEST_F(SnapshotTest, GivesBackWhatWasWritten) {
  ASSERT_EQ(WriteSnapshot(path_, Sample()), absl::OkStatus());
  const absl::StatusOr<Snapshot> snapshot = ReadSnapshot(path_);
  ASSERT_EQ(snapshot.status(), absl::OkStatus());
  EXPECT_TRUE(*snapshot == Sample());
  EXPECT_THAT(FilesInDirectory(), ElementsAre("cluster"));
}

TEST_F(SnapshotTest, SaysWhatItIsWithoutItsObjects) {
  ASSERT_EQ(WriteSnapshot(path_, Sample()), absl::OkStatus());
  const absl::StatusOr<SnapshotSummary> summary = ReadSnapshotSummary(path_);
  ASSERT_EQ(summary.status(), absl::OkStatus());
  EXPECT_TRUE(*summary == Sample().summary);
  Overwrite(FileBytes() + "x");
  EXPECT_EQ(ReadSnapshotSummary(path_).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(SnapshotTest, OfNothingIsASnapshotToo) {
  ASSERT_EQ(WriteSnapshot(path_, {}), absl::OkStatus());
  const absl::StatusOr<Snapshot> snapshot = ReadSnapshot(path_);
  ASSERT_EQ(snapshot.status(), absl::OkStatus());
  EXPECT_TRUE(*snapshot == Snapshot());
}

TEST_F(SnapshotTest, IsNobodyElsesToRead) {
  const mode_t umask_before = umask(0);
  const absl::Cleanup restore = [umask_before] { umask(umask_before); };
  ASSERT_EQ(WriteSnapshot(path_, Sample()), absl::OkStatus());
  EXPECT_EQ(fs::status(path_).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(fs::status(path_.parent_path()).permissions(), fs::perms::owner_all);
}

TEST_F(SnapshotTest, ReplacesTheOneBefore) {
  ASSERT_EQ(WriteSnapshot(path_, Large()), absl::OkStatus());
  ASSERT_EQ(WriteSnapshot(path_, Sample()), absl::OkStatus());
  EXPECT_TRUE(ReadSnapshot(path_).value() == Sample());
}

TEST_F(SnapshotTest, ThatIsGivenUpLeavesTheOneBeforeAndNothingElse) {
  ASSERT_EQ(WriteSnapshot(path_, Sample()), absl::OkStatus());
  {
    absl::StatusOr<SnapshotWriter> writer = SnapshotWriter::Create(path_, {});
    ASSERT_EQ(writer.status(), absl::OkStatus());
    ASSERT_EQ(writer->Add(SampleService()), absl::OkStatus());
  }
  EXPECT_TRUE(ReadSnapshot(path_).value() == Sample());
  EXPECT_THAT(FilesInDirectory(), ElementsAre("cluster"));
}

TEST_F(SnapshotTest, OverwritesWhatACrashHasLeft) {
  ASSERT_EQ(WriteSnapshot(path_, {}), absl::OkStatus());
  fs::create_symlink(root_ / "elsewhere", path_.string() + ".new");
  ASSERT_EQ(WriteSnapshot(path_, Sample()), absl::OkStatus());
  EXPECT_TRUE(ReadSnapshot(path_).value() == Sample());
  EXPECT_FALSE(fs::exists(root_ / "elsewhere"));
  EXPECT_THAT(FilesInDirectory(), ElementsAre("cluster"));
}

// The limit on a process' file size plays a full disk: write fails in the middle.
TEST_F(SnapshotTest, AFullDiskLeavesTheOneBeforeAndNothingElse) {
  ASSERT_EQ(WriteSnapshot(path_, Sample()), absl::OkStatus());
  const auto signal_before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit_before = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit_before), 0);
  const absl::Cleanup restore = [&] {
    setrlimit(RLIMIT_FSIZE, &limit_before);
    std::signal(SIGXFSZ, signal_before);
  };
  const rlimit limit = {.rlim_cur = 100'000, .rlim_max = limit_before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);

  const absl::Status status = WriteSnapshot(path_, Large());
  EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("write ", path_.string(), ".new: File too large")));
  EXPECT_TRUE(ReadSnapshot(path_).value() == Sample());
  EXPECT_THAT(FilesInDirectory(), ElementsAre("cluster"));
}

TEST_F(SnapshotTest, ThatIsNotThereIsNotFound) {
  const absl::Status status = ReadSnapshot(path_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr(path_.string()));
}

TEST_F(SnapshotTest, MakesItsDirectoryButNotThatOnesParents) {
  const absl::Status status = WriteSnapshot(root_ / "no" / "such" / "cluster", Sample());
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("create directory " + (root_ / "no" / "such").string()));
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(SnapshotTest, WhatIsNoFileIsNotRead) {
  fs::create_directories(path_);
  EXPECT_THAT(std::string(ReadSnapshot(path_).status().message()), HasSubstr("is not a regular file"));
}

TEST_F(SnapshotTest, CutShortAnywhereIsDamaged) {
  ASSERT_EQ(WriteSnapshot(path_, Sample()), absl::OkStatus());
  const std::string bytes = FileBytes();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(Decode(absl::string_view(bytes).substr(0, size)).code(), absl::StatusCode::kDataLoss) << size;
  }
  Overwrite(bytes.substr(0, bytes.size() / 2));
  EXPECT_THAT(std::string(ReadSnapshot(path_).status().message()),
              HasSubstr(absl::StrCat("snapshot ", path_.string(), ": the checksum is wrong")));
}

TEST_F(SnapshotTest, WithOneBitChangedAnywhereIsRefused) {
  ASSERT_EQ(WriteSnapshot(path_, Sample()), absl::OkStatus());
  const std::string bytes = FileBytes();
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string changed = bytes;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
    const bool in_version = bit / 8 >= kSnapshotMagic.size() && bit / 8 < kSnapshotMagic.size() + 4;
    EXPECT_EQ(Decode(changed).code(), in_version ? absl::StatusCode::kFailedPrecondition : absl::StatusCode::kDataLoss)
        << bit;
  }
}

TEST(SnapshotFormatTest, AnotherVersionsFileIsNamedAsSuch) {
  const absl::Status status = Decode(SnapshotHead(2, 0));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("format 2 of another version of shuntd"));
}

TEST(SnapshotFormatTest, BehindARightChecksumEverythingIsStillChecked) {
  struct Row {
    std::string sentence;
    std::string payload;
    std::string error;
  };
  const Row kRows[] = {
      {"not compressed", "hello", "the compressed part is damaged"},
      {"nothing", "", "the compressed part is damaged"},
      {"more behind it", Compressed("") + "x", "something follows the compressed part"},
      {"no message", Compressed("\x0b"), "broken protobuf"},
      {"an object that is cut short", Compressed("\x12\x05xx"), "an object is cut short"},
      {"a summary that is none", Compressed("\x0a\x01\x0b"), "the summary is broken"},
      {"an object that is too large", Compressed("\x12\xff\xff\xff\xff\x7f"), "an item of 34359738367 bytes"},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.sentence);
    const absl::Status status = Decode(WithChecksum(row.payload));
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.error));
  }
}

TEST(SnapshotFormatTest, AnObjectThatThisVersionDoesNotAcceptCostsOnlyItself) {
  model::Service odd = SampleService();
  odd.name.name = "Odd";
  ::shunt::kubernetes::Snapshot message;
  EncodeService(odd, message.add_services());
  EncodeService(SampleService(), message.add_services());
  std::vector<std::string> seen;
  const absl::Status status =
      DecodeSnapshot("x", WithChecksum(Compressed(message.SerializeAsString())),
                     {.usable = [&](const Object& object) { seen.push_back(NameOf(object).ToString()); },
                      .unusable =
                          [&](ObjectKind kind, const UnusableObject& object) {
                            seen.push_back(absl::StrCat(KindName(kind), ": ", object.why));
                          }})
          .status();
  EXPECT_EQ(status, absl::OkStatus());
  EXPECT_THAT(seen,
              ElementsAre("Service: Service \"shop/Odd\": metadata.name must be lower-case letters, digits and '-', "
                          "no '-' at either end",
                          "shop/web"));
}

TEST(SnapshotFormatTest, FieldsOfALaterVersionArePassedOver) {
  EXPECT_EQ(Decode(WithChecksum(Compressed("\xa2\x06\x02hi"))), absl::OkStatus());
}

TEST(CompressionTest, WhatWouldNotFitIsRefused) {
  const std::string zeros(1'000'000, '\0');
  size_t taken = 0;
  const absl::Status status = Decompress(Compressed(zeros), 500'000, [&taken](absl::string_view piece) {
    taken += piece.size();
    return absl::OkStatus();
  });
  EXPECT_EQ(status, absl::DataLossError("contains more than 500000 bytes"));
  EXPECT_LE(taken, 500'000);
}

}  // namespace
}  // namespace shunt::sources::kubernetes
