// SPDX-License-Identifier: Apache-2.0
// The whole datapath on a real kernel: opened, adopted, upgraded, cleaned up, and refused where it has to be.
#include "userspace/datapath/kernel/kernel_datapath.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "sock_rejected.skel.h"
#include "tests/sandbox/cgroup.h"
#include "tests/sandbox/client_socket.h"
#include "tests/sandbox/echo_server.h"
#include "tests/sandbox/service_story.h"
#include "userspace/datapath/kernel/attach/cleanup.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/pinned_reader.h"
#include "userspace/datapath/kernel/testing/object_file.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"

namespace shunt::datapath {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kService[] = "10.96.0.1:80";
constexpr char kPod[] = "10.244.0.7:8080";

class KernelDatapathTest : public SandboxTest {
 protected:
  KernelOptions Options() const { return {.bpffs = bpffs_, .cgroup = cgroup_, .limits = TinyLimits()}; }

  std::unique_ptr<KernelDatapath> Open(const KernelOptions& options) {
    absl::StatusOr<std::unique_ptr<KernelDatapath>> opened = KernelDatapath::Open(options);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? *std::move(opened) : nullptr;
  }

  static void Serve(Datapath& datapath) {
    const model::ServicePlan plan = sandbox::ServiceStory("web")
                                        .ClusterIp("10.96.0.1")
                                        .Port(80, model::Protocol::kTcp, 8080)
                                        .Endpoints({"10.244.0.7"})
                                        .Plan();
    const model::ServicePlan* plans[] = {&plan};
    EXPECT_THAT(datapath.Apply(plans, ApplyScope::kAll), IsEmpty());
  }

  // Where a connection to the service arrives: the server says at which of its addresses.
  std::string Dial(KernelDatapath* exempt_by = nullptr) {
    EXPECT_TRUE(sandbox::EnterCgroup(cgroup_).ok());
    sandbox::ClientSocket client(world_->host(), AF_INET, SOCK_STREAM);
    EXPECT_TRUE(sandbox::EnterCgroup(world_->cgroup()).ok());
    if (exempt_by != nullptr) {
      absl::Status exempt = exempt_by->ExemptSocket(client.fd());
      EXPECT_TRUE(exempt.ok()) << exempt;
    }
    if (int error = client.Connect(sandbox::At(kService)); error != 0) return strerror(error);
    return client.Receive().text;
  }

  // What a reader beside the agent sees.
  std::vector<report::MapFill> FillLevels() const {
    const absl::StatusOr<std::unique_ptr<PinnedReader>> reader = PinnedReader::Open(bpffs_);
    EXPECT_TRUE(reader.ok()) << reader.status();
    return reader.ok() ? (*reader)->FillLevels() : std::vector<report::MapFill>();
  }
  std::vector<report::ProgramStatus> Programs() const {
    const absl::StatusOr<std::unique_ptr<PinnedReader>> reader = PinnedReader::Open(bpffs_);
    EXPECT_TRUE(reader.ok()) << reader.status();
    return reader.ok() ? (*reader)->Programs() : std::vector<report::ProgramStatus>();
  }

  const ObjectFile rejected_{&sock_rejected__elf_bytes};

  // Every path below the test's bpffs directory.
  std::vector<std::string> Left() const {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(bpffs_)) paths.push_back(entry.path());
    return paths;
  }
};

TEST_F(KernelDatapathTest, TranslatesAndGoesOnWithoutItsAgent) {
  sandbox::EchoServer pods;
  ASSERT_TRUE(pods.Listen(world_->host(), 8080).ok());
  std::unique_ptr<KernelDatapath> datapath = Open(Options());
  ASSERT_NE(datapath, nullptr);
  EXPECT_TRUE(datapath->programs_current());
  EXPECT_THAT(datapath->problems(), IsEmpty());
  EXPECT_THAT(datapath->notes(), IsEmpty());
  EXPECT_EQ(datapath->pin_directory(), bpffs_ + "/shunt/v1");
  Serve(*datapath);
  EXPECT_EQ(Dial(), kPod);
  datapath.reset();
  EXPECT_EQ(Dial(), kPod);

  datapath = Open(Options());
  ASSERT_NE(datapath, nullptr);
  EXPECT_EQ(Dial(), kPod) << "the next agent has taken over what it found";
  std::vector<report::MapFill> levels = FillLevels();
  auto pools = std::find_if(levels.begin(), levels.end(), [](const auto& level) { return level.name == "pools"; });
  ASSERT_NE(pools, levels.end());
  EXPECT_GE(pools->used, 1u);
  EXPECT_EQ(pools->capacity, 16u);
}

TEST_F(KernelDatapathTest, AnExemptSocketReachesWhatItDialled) {
  sandbox::EchoServer servers;
  ASSERT_TRUE(servers.Listen(world_->host(), 8080).ok());
  ASSERT_TRUE(servers.Listen(world_->host(), 80).ok());
  std::unique_ptr<KernelDatapath> datapath = Open(Options());
  ASSERT_NE(datapath, nullptr);
  Serve(*datapath);
  EXPECT_EQ(Dial(datapath.get()), kService);
  EXPECT_EQ(Dial(), kPod) << "others are translated as before";
  EXPECT_FALSE(datapath->ExemptSocket(STDIN_FILENO).ok());
}

TEST_F(KernelDatapathTest, TheKernelSaysTypeAndMemoryOfEveryMap) {
  std::unique_ptr<KernelDatapath> datapath = Open(Options());
  ASSERT_NE(datapath, nullptr);
  std::vector<report::MapFill> levels = FillLevels();
  EXPECT_THAT(levels, Each(Field(&report::MapFill::type, testing::Not(""))));
  EXPECT_THAT(levels, Contains(AllOf(Field(&report::MapFill::name, "socket_storage"),
                                     Field(&report::MapFill::type, "sk_storage"))));
  // 64 rows of 64 bytes, in whole pages.
  EXPECT_THAT(levels, Contains(AllOf(Field(&report::MapFill::name, "socket_state"),
                                     Field(&report::MapFill::memory_bytes, testing::Ge(4096u)))));
}

TEST_F(KernelDatapathTest, ASecondAgentIsRefusedByThePidOfTheFirst) {
  std::unique_ptr<KernelDatapath> datapath = Open(Options());
  ASSERT_NE(datapath, nullptr);
  absl::Status second = KernelDatapath::Open(Options()).status();
  EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(second.message(), HasSubstr(absl::StrCat("in use by another agent, pid ", getpid())));
  std::vector<std::string> removed;
  const absl::Status cleanup = Cleanup(bpffs_, &removed);
  EXPECT_EQ(cleanup.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(cleanup.message(), HasSubstr(absl::StrCat("an agent, pid ", getpid(), ", is running")));
  EXPECT_THAT(removed, IsEmpty());
}

TEST_F(KernelDatapathTest, AFailedUpgradeLeavesTheOldProgramsInForce) {
  sandbox::EchoServer pods;
  ASSERT_TRUE(pods.Listen(world_->host(), 8080).ok());
  std::unique_ptr<KernelDatapath> datapath = Open(Options());
  ASSERT_NE(datapath, nullptr);
  Serve(*datapath);
  datapath.reset();
  KernelOptions broken = Options();
  broken.object_path = rejected_.path();
  datapath = Open(broken);
  ASSERT_NE(datapath, nullptr);
  EXPECT_FALSE(datapath->programs_current());
  EXPECT_THAT(datapath->problems(), ElementsAre(AllOf(HasSubstr("of an earlier agent are"), HasSubstr("sock_connect4"),
                                                      HasSubstr("map_value_or_null"))));
  EXPECT_THAT(Programs(), AllOf(SizeIs(9), Each(Field(&report::ProgramStatus::attached, true))));
  EXPECT_EQ(Dial(), kPod);

  datapath.reset();
  datapath = Open(Options());
  ASSERT_NE(datapath, nullptr);
  EXPECT_TRUE(datapath->programs_current());
  EXPECT_EQ(Dial(), kPod);
}

TEST_F(KernelDatapathTest, WithoutOldProgramsAFailedLoadIsAnErrorThatAttachesNothing) {
  KernelOptions broken = Options();
  broken.object_path = rejected_.path();
  EXPECT_THAT(KernelDatapath::Open(broken).status().message(), HasSubstr("map_value_or_null"));
  EXPECT_TRUE(std::filesystem::is_empty(bpffs_ + "/shunt/v1/links"));
  EXPECT_NE(Open(Options()), nullptr) << "and the next start is a first start";
}

TEST_F(KernelDatapathTest, BadOptionsAreErrorsThatChangeNothing) {
  KernelOptions options = Options();
  options.cgroup = "/proc";
  EXPECT_EQ(KernelDatapath::Open(options).status().code(), absl::StatusCode::kInvalidArgument);
  options = Options();
  options.limits.slots = 0;
  EXPECT_EQ(KernelDatapath::Open(options).status().code(), absl::StatusCode::kInvalidArgument);
  options = Options();
  options.bpffs = "/tmp";
  EXPECT_EQ(KernelDatapath::Open(options).status().code(), absl::StatusCode::kFailedPrecondition);
  options = Options();
  options.object_path = "/nowhere.bpf.o";
  EXPECT_THAT(KernelDatapath::Open(options).status().message(), HasSubstr("BPF object /nowhere.bpf.o"));
}

TEST_F(KernelDatapathTest, ThePinsCanBeReadWithAndWithoutAnAgent) {
  EXPECT_EQ(PinnedReader::Open(bpffs_).status().code(), absl::StatusCode::kNotFound);
  std::unique_ptr<KernelDatapath> datapath = Open(Options());
  ASSERT_NE(datapath, nullptr);
  Serve(*datapath);
  for (bool agent : {true, false}) {
    if (!agent) datapath.reset();
    absl::StatusOr<std::unique_ptr<PinnedReader>> reader = PinnedReader::Open(bpffs_);
    ASSERT_TRUE(reader.ok()) << reader.status();
    EXPECT_THAT((*reader)->Programs(), AllOf(SizeIs(9), Each(Field(&report::ProgramStatus::attached, true)),
                                             Each(Field(&report::ProgramStatus::attach_point, cgroup_))));
    std::vector<std::string> backends;
    absl::Status dumped = (*reader)->DumpMap("backends", [&backends](const report::MapRow& row) {
      const model::SocketAddress& address = std::get<report::BackendRow>(row).address;
      backends.push_back(address.address.ToStringWithPort(address.port));
      return true;
    });
    EXPECT_TRUE(dumped.ok()) << dumped;
    EXPECT_THAT(backends, ElementsAre(kPod));
    EXPECT_THAT((*reader)->MapNames(), Contains("pools"));
    EXPECT_THAT((*reader)->FillLevels(), Contains(Field(&report::MapFill::name, "socket_storage")));
    EXPECT_EQ((*reader)->DumpMap("nothing", nullptr).code(), absl::StatusCode::kNotFound);
  }
}

TEST_F(KernelDatapathTest, HowFarASourceWasFollowedOutlivesTheAgent) {
  std::unique_ptr<KernelDatapath> datapath = Open(Options());
  ASSERT_NE(datapath, nullptr);
  EXPECT_EQ(datapath->source_version(SHUNT_RESOURCE_SERVICES), report::SourceVersion{});
  ASSERT_TRUE(datapath->KeepSourceVersion(SHUNT_RESOURCE_SERVICES, {.version = "4711", .objects = 12}).ok());
  datapath.reset();
  datapath = Open(Options());
  ASSERT_NE(datapath, nullptr);
  EXPECT_EQ(datapath->source_version(SHUNT_RESOURCE_SERVICES),
            (report::SourceVersion{.version = "4711", .objects = 12}));
  EXPECT_EQ(datapath->source_version(SHUNT_RESOURCE_ENDPOINT_SLICES), report::SourceVersion{});
  const absl::Status status = datapath->KeepSourceVersion(SHUNT_RESOURCE_SERVICES, {.version = std::string(56, '9')});
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_EQ(datapath->source_version(SHUNT_RESOURCE_SERVICES).version, "4711");
}

TEST_F(KernelDatapathTest, CleanupLeavesNothingAndCanBeRepeated) {
  sandbox::EchoServer servers;
  ASSERT_TRUE(servers.Listen(world_->host(), 80).ok());
  std::unique_ptr<KernelDatapath> datapath = Open(Options());
  ASSERT_NE(datapath, nullptr);
  Serve(*datapath);
  datapath.reset();
  // What an interrupted replacement, another build or a passer-by may have left.
  std::filesystem::create_directory(bpffs_ + "/shunt/v1/links/odd");
  std::filesystem::create_directory(bpffs_ + "/shunt/v0");
  absl::StatusOr<posix::FileDescriptor> map = OpenPin(bpffs_ + "/shunt/v1/maps/meta", BpfKind::kMap);
  ASSERT_TRUE(map.ok()) << map.status();
  ASSERT_TRUE(ReplacePin(map->get(), bpffs_ + "/shunt/v1/maps/pools_next").ok());

  const size_t paths = Left().size();
  std::vector<std::string> removed;
  absl::Status cleaned = Cleanup(bpffs_, &removed);
  EXPECT_TRUE(cleaned.ok()) << cleaned;
  EXPECT_THAT(removed, SizeIs(paths));
  EXPECT_THAT(removed, Contains(bpffs_ + "/shunt"));
  EXPECT_EQ(std::find(removed.begin(), removed.end(), bpffs_ + "/shunt/v1/links/sock_connect4"),
            std::find(removed.begin(), removed.end(), bpffs_ + "/shunt/v0") + 1)
      << "whoever translates goes first";
  EXPECT_THAT(Left(), IsEmpty());
  EXPECT_EQ(Dial(), kService) << "nothing translates any more";

  removed.clear();
  EXPECT_TRUE(Cleanup(bpffs_, &removed).ok());
  EXPECT_THAT(removed, IsEmpty());
}

// A BPF file system that others may write to can hold a link to anywhere, and root empties what it leads to.
TEST_F(KernelDatapathTest, CleanupTouchesNothingThatIsNotItsOwn) {
  const std::string elsewhere = bpffs_ + "/elsewhere";
  ASSERT_EQ(mkdir(elsewhere.c_str(), 0700), 0);
  ASSERT_EQ(mkdir((elsewhere + "/v1").c_str(), 0700), 0);
  ASSERT_EQ(symlink(elsewhere.c_str(), (bpffs_ + "/shunt").c_str()), 0);
  std::vector<std::string> removed;
  EXPECT_THAT(Cleanup(bpffs_, &removed).message(), HasSubstr("is not a directory"));
  EXPECT_EQ(access((elsewhere + "/v1").c_str(), F_OK), 0);
  ASSERT_EQ(unlink((bpffs_ + "/shunt").c_str()), 0);
  ASSERT_EQ(rename(elsewhere.c_str(), (bpffs_ + "/shunt").c_str()), 0);
  ASSERT_EQ(chmod((bpffs_ + "/shunt").c_str(), 0777), 0);
  EXPECT_THAT(Cleanup(bpffs_, &removed).message(), HasSubstr("open to others"));
  EXPECT_THAT(removed, IsEmpty());
  ASSERT_EQ(chmod((bpffs_ + "/shunt").c_str(), 0700), 0);
  EXPECT_TRUE(Cleanup(bpffs_, &removed).ok());
}

// The agent dies at any point of its first start, again and again; the next one always gets through.
TEST_F(KernelDatapathTest, AStartThatIsKilledAnywhereIsMendedByTheNext) {
  for (int round = 0; round < 8; ++round) {
    const pid_t agent = fork();
    if (agent == 0) {
      (void)KernelDatapath::Open(Options());
      pause();
    }
    usleep(static_cast<useconds_t>(30'000 * round));
    kill(agent, SIGKILL);
    ASSERT_EQ(waitpid(agent, nullptr, 0), agent);
    std::unique_ptr<KernelDatapath> datapath = Open(Options());
    ASSERT_NE(datapath, nullptr) << "killed after " << 30 * round << " ms";
    EXPECT_TRUE(datapath->programs_current());
    datapath.reset();
    std::vector<std::string> removed;
    ASSERT_TRUE(Cleanup(bpffs_, &removed).ok());
  }
}

}  // namespace
}  // namespace shunt::datapath
