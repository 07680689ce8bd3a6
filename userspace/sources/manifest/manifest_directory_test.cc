// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/manifest_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "userspace/sources/manifest/directory.h"

namespace shunt::sources {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

// A consumer's knowledge: the Services by name with their port, and the last report.
class RecordingSink final : public Sink {
 public:
  void Deliver(std::vector<Event> events) override {
    const std::lock_guard lock(mutex_);
    ++deliveries_;
    for (Event& event : events) {
      if (auto* upsert = std::get_if<Upsert>(&event)) {
        const auto& service = std::get<model::Service>(upsert->object);
        services_[service.name.name] = service.ports[0].port;
        ++upserts_;
      } else {
        services_.erase(std::get<Remove>(event).name.name);
        ++removals_;
      }
    }
    changed_.notify_all();
  }
  void Synced() override {
    const std::lock_guard lock(mutex_);
    ++synced_;
    changed_.notify_all();
  }
  void Report(std::vector<SourceProblem> problems) override {
    const std::lock_guard lock(mutex_);
    problems_ = std::move(problems);
    changed_.notify_all();
  }

  using Services = std::map<std::string, int>;
  // Waits until the condition holds. Returns false after ten seconds.
  bool Await(const std::function<bool()>& holds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), holds);
  }
  bool AwaitServices(const Services& services) {
    const bool reached = Await([&] { return synced_ > 0 && services_ == services; });
    EXPECT_TRUE(reached) << testing::PrintToString(services_);
    return reached;
  }
  bool AwaitProblems(size_t count) {
    return Await([&] { return problems_.size() == count; });
  }
  bool AwaitSynced(int times) {
    return Await([&] { return synced_ == times; });
  }
  std::vector<SourceProblem> problems() {
    const std::lock_guard lock(mutex_);
    return problems_;
  }
  struct Counts {
    int deliveries, upserts, removals, synced;
  };
  Counts counts() {
    const std::lock_guard lock(mutex_);
    return {deliveries_, upserts_, removals_, synced_};
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  Services services_;
  std::vector<SourceProblem> problems_;
  int deliveries_ = 0;
  int upserts_ = 0;
  int removals_ = 0;
  int synced_ = 0;
};

std::string Service(const std::string& name, int port) {
  return absl::StrCat("---\napiVersion: v1\nkind: Service\nmetadata: {name: ", name, "}\nspec: {ports: [{port: ", port,
                      "}]}\n");
}

// For a wait that lasts longer than any test.
constexpr std::chrono::hours kForEver(1);

class ManifestDirectoryTest : public testing::Test {
 protected:
  ManifestDirectoryTest() {
    std::string pattern = absl::StrCat(testing::TempDir(), "/manifests.XXXXXX");
    root_ = mkdtemp(pattern.data());
    directory_ = root_ / "manifests";
    fs::create_directory(directory_);
  }
  ~ManifestDirectoryTest() override {
    Stop();
    fs::remove_all(root_);
  }

  void Start(const fs::path& path) {
    thread_ = std::jthread([this, path](std::stop_token stop) {
      ManifestDirectory source(path.string(), pace_);
      result_ = source.Run(sink_, std::move(stop));
    });
  }
  void Start() { Start(directory_); }
  void Stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
    EXPECT_TRUE(result_.ok()) << result_;
  }
  // `path` is relative to the directory unless it is absolute.
  void Write(const fs::path& path, const std::string& text) { std::ofstream(directory_ / path) << text; }

  fs::path root_;
  fs::path directory_;
  ManifestPace pace_;
  RecordingSink sink_;
  absl::Status result_;
  std::jthread thread_;
};

TEST_F(ManifestDirectoryTest, WhatIsThereAtFirstIsDeliveredBeforeSynced) {
  Write("a.yaml", Service("one", 1) + Service("two", 2));
  Write("b.json", R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"three"},"spec":{"ports":[{"port":3}]}})");
  Write("c.yml", Service("four", 4));
  Write(".hidden.yaml", Service("hidden", 5));
  Write("notes.txt", Service("notes", 6));
  fs::create_directory(directory_ / "deeper");
  Write(directory_ / "deeper" / "d.yaml", Service("deeper", 7));
  Start();
  EXPECT_TRUE(sink_.AwaitServices({{"one", 1}, {"two", 2}, {"three", 3}, {"four", 4}}));
  EXPECT_EQ(sink_.counts().deliveries, 1);
  EXPECT_EQ(sink_.counts().synced, 1);
  EXPECT_THAT(sink_.problems(), IsEmpty());
}

TEST_F(ManifestDirectoryTest, AnEmptyDirectoryIsSyncedToo) {
  Start();
  EXPECT_TRUE(sink_.AwaitServices({}));
  EXPECT_EQ(sink_.counts().deliveries, 0);
}

TEST_F(ManifestDirectoryTest, AMissingDirectoryIsAnErrorAtFirst) {
  ManifestDirectory source((root_ / "nowhere").string());
  const absl::Status status = source.Run(sink_, {});
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_EQ(status.message(),
            absl::StrCat("open manifest directory ", (root_ / "nowhere").string(), ": No such file or directory"));
  Write("file", Service("one", 1));
  EXPECT_THAT(std::string(ManifestDirectory((directory_ / "file").string()).Run(sink_, {}).message()),
              HasSubstr("Not a directory"));
  EXPECT_EQ(sink_.counts().synced, 0);
}

TEST_F(ManifestDirectoryTest, FilesComeChangeAndGo) {
  Start();
  ASSERT_TRUE(sink_.AwaitServices({}));
  Write("a.yaml", Service("one", 1) + Service("two", 2));
  ASSERT_TRUE(sink_.AwaitServices({{"one", 1}, {"two", 2}}));
  Write("a.yaml", Service("one", 1) + Service("two", 3));
  ASSERT_TRUE(sink_.AwaitServices({{"one", 1}, {"two", 3}}));
  EXPECT_EQ(sink_.counts().upserts, 3) << "what did not change is not delivered again";
  fs::rename(directory_ / "a.yaml", directory_ / "b.yaml");
  Write("c.yaml", Service("three", 3));
  ASSERT_TRUE(sink_.AwaitServices({{"one", 1}, {"two", 3}, {"three", 3}}));
  EXPECT_EQ(sink_.counts().removals, 0) << "a renamed file says the same";
  fs::rename(directory_ / "b.yaml", directory_ / "b.yaml.off");
  ASSERT_TRUE(sink_.AwaitServices({{"three", 3}}));
  fs::remove(directory_ / "c.yaml");
  ASSERT_TRUE(sink_.AwaitServices({}));
}

TEST_F(ManifestDirectoryTest, AFileIsReadWhenItIsClosedAndNotBefore) {
  Write("a.yaml", Service("one", 1) + Service("two", 2));
  Start();
  ASSERT_TRUE(sink_.AwaitServices({{"one", 1}, {"two", 2}}));
  std::ofstream stream(directory_ / "a.yaml");
  stream << Service("one", 1) << std::flush;
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(sink_.counts().removals, 0) << "half of it would have lost a Service";
  stream << Service("two", 3);
  stream.close();
  ASSERT_TRUE(sink_.AwaitServices({{"one", 1}, {"two", 3}}));
  EXPECT_EQ(sink_.counts().removals, 0);
}

TEST_F(ManifestDirectoryTest, AtomicReplacement) {
  Write("a.yaml", Service("one", 1));
  Start();
  ASSERT_TRUE(sink_.AwaitServices({{"one", 1}}));
  Write(".a.yaml.tmp", Service("one", 2));
  fs::rename(directory_ / ".a.yaml.tmp", directory_ / "a.yaml");
  ASSERT_TRUE(sink_.AwaitServices({{"one", 2}}));
  Write(root_ / "elsewhere", Service("one", 3));
  fs::rename(root_ / "elsewhere", directory_ / "a.yaml");
  ASSERT_TRUE(sink_.AwaitServices({{"one", 3}}));
  EXPECT_EQ(sink_.counts().removals, 0);
}

TEST_F(ManifestDirectoryTest, LinksAreFilesFromTheStart) {
  Write(root_ / "soft", Service("soft", 1));
  Write(root_ / "hard", Service("hard", 2));
  Start();
  ASSERT_TRUE(sink_.AwaitServices({}));
  fs::create_symlink(root_ / "soft", directory_ / "soft.yaml");
  fs::create_hard_link(root_ / "hard", directory_ / "hard.yaml");
  ASSERT_TRUE(sink_.AwaitServices({{"soft", 1}, {"hard", 2}}));
  fs::remove(directory_ / "soft.yaml");
  ASSERT_TRUE(sink_.AwaitServices({{"hard", 2}}));
  EXPECT_THAT(sink_.problems(), IsEmpty());
}

TEST_F(ManifestDirectoryTest, ALinkToNothingRemovesNothingAndIsAProblem) {
  Write("a.yaml", Service("one", 1));
  Start();
  ASSERT_TRUE(sink_.AwaitServices({{"one", 1}}));
  const auto replace_by_a_link_to_nothing = [&] {
    fs::create_symlink(root_ / "nowhere", root_ / "link");
    fs::rename(root_ / "link", directory_ / "a.yaml");
    return sink_.AwaitProblems(1);
  };
  ASSERT_TRUE(replace_by_a_link_to_nothing());
  EXPECT_THAT(
      sink_.problems(),
      ElementsAre(SourceProblem{"a.yaml", "cannot be opened: it is a symbolic link to a file that does not exist"}));
  EXPECT_EQ(sink_.counts().removals, 0);
  Write(root_ / "new", Service("two", 2));
  fs::rename(root_ / "new", directory_ / "a.yaml");
  ASSERT_TRUE(sink_.AwaitServices({{"two", 2}}));
  EXPECT_TRUE(sink_.AwaitProblems(0));
  ASSERT_TRUE(replace_by_a_link_to_nothing());
  fs::remove(directory_ / "a.yaml");
  ASSERT_TRUE(sink_.AwaitServices({})) << "the link itself is gone";
  EXPECT_TRUE(sink_.AwaitProblems(0));
}

TEST_F(ManifestDirectoryTest, AFileThatIsMadeAndRemovedAllTheTimeIsNeverALink) {
  const absl::StatusOr<Directory> directory = Directory::Open(directory_);
  ASSERT_TRUE(directory.ok()) << directory.status();
  const std::jthread other([&](std::stop_token stop) {
    while (!stop.stop_requested()) {
      Write("a.yaml", "");
      fs::remove(directory_ / "a.yaml");
    }
  });
  for (int i = 0; i < 50'000; ++i) {
    const absl::Status status = directory->Read("a.yaml").status();
    ASSERT_TRUE(status.ok() || absl::IsNotFound(status)) << status;
  }
}

// As the kubelet mounts a ConfigMap: the files are links into ..data, a link that is replaced as a whole.
TEST_F(ManifestDirectoryTest, AConfigMapIsSwappedAsAWhole) {
  const auto publish = [this](const std::string& version, const std::map<std::string, std::string>& files) {
    fs::create_directory(directory_ / version);
    for (const auto& [name, text] : files) Write(directory_ / version / name, text);
    fs::create_symlink(version, directory_ / "..data_tmp");
    fs::rename(directory_ / "..data_tmp", directory_ / "..data");
  };
  publish("..2026_01", {{"a.yaml", Service("one", 1)}, {"b.yaml", Service("two", 2)}});
  fs::create_symlink("..data/a.yaml", directory_ / "a.yaml");
  fs::create_symlink("..data/b.yaml", directory_ / "b.yaml");
  Start();
  ASSERT_TRUE(sink_.AwaitServices({{"one", 1}, {"two", 2}}));
  publish("..2026_02", {{"a.yaml", Service("one", 11)}, {"b.yaml", Service("two", 22)}});
  fs::remove_all(directory_ / "..2026_01");
  ASSERT_TRUE(sink_.AwaitServices({{"one", 11}, {"two", 22}}));
  EXPECT_EQ(sink_.counts().deliveries, 2) << "one swap, one delivery";
  EXPECT_EQ(sink_.counts().removals, 0);
  publish("..2026_03", {{"b.yaml", Service("two", 22)}, {"c.yaml", Service("three", 3)}});
  fs::create_symlink("..data/c.yaml", directory_ / "c.yaml");
  fs::remove(directory_ / "a.yaml");
  ASSERT_TRUE(sink_.AwaitServices({{"two", 22}, {"three", 3}}));
}

TEST_F(ManifestDirectoryTest, WhatIsNotUsedIsReportedAsTheOtherFilesChange) {
  Write("endpoints.yaml",
        "apiVersion: v1\nkind: Endpoints\nmetadata: {name: one}\nsubsets: [{addresses: [{ip: 192.0.2.1}]}]\n");
  Start();
  ASSERT_TRUE(sink_.AwaitProblems(1));
  EXPECT_THAT(sink_.problems()[0].what, testing::HasSubstr("because there is no Service default/one"));
  Write("service.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: one}\nspec: {selector: {app: x}, ports: [{port: 1}]}\n");
  ASSERT_TRUE(sink_.AwaitServices({{"one", 1}}));
  ASSERT_THAT(sink_.problems(), SizeIs(1));
  EXPECT_THAT(sink_.problems()[0].what, testing::HasSubstr("because Service default/one has a selector"));
  fs::remove(directory_ / "endpoints.yaml");
  EXPECT_TRUE(sink_.AwaitProblems(0));
}

TEST_F(ManifestDirectoryTest, BadThenGoodThenBad) {
  Write("a.yaml", Service("one", 1) + "---\nspec: [\n" + Service("two", 2));
  Start();
  ASSERT_TRUE(sink_.AwaitServices({{"one", 1}, {"two", 2}}));
  ASSERT_THAT(sink_.problems(), SizeIs(1));
  EXPECT_EQ(sink_.problems()[0].where, "a.yaml:8");
  EXPECT_THAT(sink_.problems()[0].what, StartsWith("not valid YAML: "));
  Write("a.yaml", Service("two", 2));
  ASSERT_TRUE(sink_.AwaitServices({{"two", 2}}));
  EXPECT_TRUE(sink_.AwaitProblems(0));
  Write("a.yaml", Service("three", 3) + Service("four", 0));
  ASSERT_TRUE(sink_.AwaitServices({{"two", 2}, {"three", 3}}));
  EXPECT_THAT(sink_.problems(),
              ElementsAre(SourceProblem{"a.yaml:10",
                                        "Service default/four: spec.ports[0].port must be a whole number from 1 to "
                                        "65535, not \"0\"",
                                        model::ObjectName{"default", "four"}}));
  fs::remove(directory_ / "a.yaml");
  ASSERT_TRUE(sink_.AwaitServices({}));
  EXPECT_TRUE(sink_.AwaitProblems(0));
}

TEST_F(ManifestDirectoryTest, WhatIsNoReadableFileIsAProblem) {
  fs::create_directory(directory_ / "directory.yaml");
  ASSERT_EQ(mkfifo((directory_ / "fifo.yaml").c_str(), 0600), 0);
  fs::create_symlink("loop.yaml", directory_ / "loop.yaml");
  Write("huge.yaml", Service("huge", 1) + "# ");
  fs::resize_file(directory_ / "huge.yaml", size_t{17} << 20);
  Start();
  EXPECT_TRUE(sink_.AwaitServices({}));
  EXPECT_THAT(sink_.problems(),
              ElementsAre(SourceProblem{"directory.yaml", "cannot be read: not a regular file"},
                          SourceProblem{"fifo.yaml", "cannot be read: not a regular file"},
                          SourceProblem{"huge.yaml", "larger than 16 MiB: split the file"},
                          SourceProblem{"loop.yaml", "cannot be opened: Too many levels of symbolic links"}));
}

TEST_F(ManifestDirectoryTest, ADirectoryThatGoesAwayKeepsWhatItSaid) {
  Write("a.yaml", Service("one", 1));
  Write("b.yaml", Service("two", 2));
  Start();
  ASSERT_TRUE(sink_.AwaitServices({{"one", 1}, {"two", 2}}));
  fs::remove_all(directory_);
  ASSERT_TRUE(sink_.AwaitProblems(1));
  EXPECT_EQ(sink_.problems()[0].where, directory_.string());
  EXPECT_THAT(sink_.problems()[0].what, StartsWith("the directory is gone, its last content stays in force: "));
  EXPECT_EQ(sink_.counts().removals, 0);
  // It comes back whole.
  const fs::path other = root_ / "other";
  fs::create_directory(other);
  Write(other / "a.yaml", Service("one", 1));
  Write(other / "b.yaml", Service("two", 22));
  fs::rename(other, directory_);
  ASSERT_TRUE(sink_.AwaitServices({{"one", 1}, {"two", 22}}));
  EXPECT_EQ(sink_.counts().removals, 0);
  EXPECT_TRUE(sink_.AwaitProblems(0));
  EXPECT_EQ(sink_.counts().synced, 1);
  Write("a.yaml", Service("one", 11));
  ASSERT_TRUE(sink_.AwaitServices({{"one", 11}, {"two", 22}})) << "it is watched again";
}

// What is still missing in between must not be taken away.
TEST_F(ManifestDirectoryTest, ADirectoryThatComesBackInPiecesIsGivenTime) {
  pace_.after_return = {kForEver, kForEver};
  pace_.return_check = std::chrono::milliseconds(1);
  Write("a.yaml", Service("one", 1));
  Write("b.yaml", Service("two", 2));
  Start();
  ASSERT_TRUE(sink_.AwaitServices({{"one", 1}, {"two", 2}}));
  fs::remove_all(directory_);
  ASSERT_TRUE(sink_.AwaitProblems(1));
  fs::create_directory(directory_);
  Write("a.yaml", Service("one", 11));
  // Time for a mistake: a source that does not wait has read the directory by now, unless it is slower than this test.
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(sink_.counts().removals, 0);
  EXPECT_EQ(sink_.counts().deliveries, 1) << "half a directory is not read";
}

TEST_F(ManifestDirectoryTest, APathMayLeadToAnotherDirectory) {
  fs::create_directory(root_ / "v1");
  fs::create_directory(root_ / "v2");
  Write(root_ / "v1" / "a.yaml", Service("one", 1));
  Write(root_ / "v2" / "a.yaml", Service("one", 2));
  fs::create_symlink("v1", root_ / "current");
  Start(root_ / "current");
  ASSERT_TRUE(sink_.AwaitServices({{"one", 1}}));
  fs::create_symlink("v2", root_ / "next");
  fs::rename(root_ / "next", root_ / "current");
  ASSERT_TRUE(sink_.AwaitServices({{"one", 2}}));
  Write(root_ / "v1" / "a.yaml", Service("one", 3));
  Write(root_ / "v2" / "b.yaml", Service("two", 2));
  ASSERT_TRUE(sink_.AwaitServices({{"one", 2}, {"two", 2}})) << "no link leads to the old one";
}

TEST_F(ManifestDirectoryTest, AFileThatChangesAllTheTimeDoesNotHoldUpTheOthers) {
  Start();
  ASSERT_TRUE(sink_.AwaitServices({}));
  std::jthread writer([this](std::stop_token stop) {
    for (int i = 0; !stop.stop_requested(); ++i) {
      Write("busy.yaml", absl::StrCat("# ", i, "\n"));
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  Write("a.yaml", Service("one", 1));
  EXPECT_TRUE(sink_.AwaitServices({{"one", 1}}));
}

// If a wait does not end, the test would take an hour, and CTest stops it before.
TEST_F(ManifestDirectoryTest, AStopEndsEveryWait) {
  pace_.path_check = kForEver;
  pace_.return_check = kForEver;
  Start();
  ASSERT_TRUE(sink_.AwaitSynced(1));
  Stop();  // while nothing happens

  Start();
  ASSERT_TRUE(sink_.AwaitSynced(2));
  Write("a.yaml", Service("one", 1));
  ASSERT_TRUE(sink_.AwaitServices({{"one", 1}}));
  fs::remove_all(directory_);
  ASSERT_TRUE(sink_.AwaitProblems(1));
  Stop();  // while the directory is away

  fs::create_directory(directory_);
  pace_.after_change = {kForEver, kForEver};
  Start();
  ASSERT_TRUE(sink_.AwaitSynced(3));
  Write("a.yaml", Service("one", 1));
  Stop();  // while it comes to rest
}

}  // namespace
}  // namespace shunt::sources
