// SPDX-License-Identifier: Apache-2.0
// The whole datapath on a real kernel: opened, adopted, upgraded, cleaned up, and refused where it has to be.
#include "userspace/datapath/kernel/kernel_datapath.h"

#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/stat.h>
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
#include "userspace/datapath/kernel/attach/agent_lock.h"
#include "userspace/datapath/kernel/attach/cgroup_root.h"
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

  // Gives the pinned plan the name of another version, which this build cannot read.
  void BecomeVersion2() {
    const std::string root = bpffs_ + "/shunt";
    ASSERT_EQ(rename((root + "/plan-v1-1").c_str(), (root + "/plan-v2-1").c_str()), 0);
    ASSERT_EQ(unlink((root + "/current").c_str()), 0);
    ASSERT_EQ(symlink("plan-v2-1", (root + "/current").c_str()), 0);
  }

  // Attaches a program to connect4 that refuses every call.
  posix::FileDescriptor RefuseEverything(uint32_t flags = BPF_F_ALLOW_MULTI) {
    const bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
                             {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_CGROUP_INET4_CONNECT);
    posix::FileDescriptor program(bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "refuses", "GPL", code, 2, &options));
    EXPECT_TRUE(program.ok());
    const absl::StatusOr<Cgroup> cgroup = OpenCgroup(cgroup_);
    EXPECT_TRUE(cgroup.ok()) << cgroup.status();
    if ((flags & BPF_F_ALLOW_MULTI) == 0) {
      EXPECT_EQ(bpf_prog_attach(program.get(), cgroup->fd.get(), BPF_CGROUP_INET4_CONNECT, flags), 0);
      return program;
    }
    posix::FileDescriptor link(bpf_link_create(program.get(), cgroup->fd.get(), BPF_CGROUP_INET4_CONNECT, nullptr));
    EXPECT_TRUE(link.ok());
    return link;
  }

  // The names of the directories in the pin directory, sorted.
  std::vector<std::string> Directories() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(bpffs_ + "/shunt")) {
      if (!entry.is_symlink()) names.push_back(entry.path().filename());
    }
    return names;
  }

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
  EXPECT_EQ(datapath->pin_directory(), bpffs_ + "/shunt/plan-v1-1");
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
  EXPECT_TRUE(std::filesystem::is_empty(bpffs_ + "/shunt/links"));
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
  std::filesystem::create_directory(bpffs_ + "/shunt/links/odd");
  std::filesystem::create_directory(bpffs_ + "/shunt/v0");
  absl::StatusOr<posix::FileDescriptor> map = OpenPin(bpffs_ + "/shunt/memory-v1-1/meta", BpfKind::kMap);
  ASSERT_TRUE(map.ok()) << map.status();
  ASSERT_TRUE(ReplacePin(map->get(), bpffs_ + "/shunt/plan-v1-1/pools_next").ok());

  const size_t paths = Left().size();
  std::vector<std::string> removed;
  absl::Status cleaned = Cleanup(bpffs_, &removed);
  EXPECT_TRUE(cleaned.ok()) << cleaned;
  EXPECT_THAT(removed, SizeIs(paths));
  EXPECT_THAT(removed, Contains(bpffs_ + "/shunt"));
  EXPECT_EQ(removed.front(), bpffs_ + "/shunt/links/sock_connect4") << "whoever translates goes first";
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

TEST_F(KernelDatapathTest, OneCgroupHasOneAgentWhateverItsBpfFileSystem) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t first = fork();
  if (first == 0) {
    const absl::StatusOr<std::unique_ptr<KernelDatapath>> datapath = KernelDatapath::Open(Options());
    const char serves = datapath.ok() ? 1 : 0;
    (void)!write(ready[1], &serves, 1);
    pause();
  }
  char serves = 0;
  ASSERT_EQ(read(ready[0], &serves, 1), 1);
  EXPECT_EQ(serves, 1);
  KernelOptions options = Options();
  const absl::StatusOr<std::string> other = world_->NewBpffs();
  ASSERT_TRUE(other.ok()) << other.status();
  options.bpffs = *other;
  const absl::Status second = KernelDatapath::Open(options).status();
  EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(
      std::string(second.message()),
      absl::StrCat("cgroup ", cgroup_, " is served by another agent, pid ", first, ", with pin directory ", bpffs_,
                   "/shunt: stop it first, or use another --cgroup (an agent in a container needs the host's BPF "
                   "file system, too)"));
  EXPECT_FALSE(std::filesystem::exists(*other + "/shunt/current"));
  kill(first, SIGKILL);
  ASSERT_EQ(waitpid(first, nullptr, 0), first);
  EXPECT_NE(Open(options), nullptr);
  sandbox::RemovePins(*other);
  close(ready[0]);
  close(ready[1]);
}

// Another number of rows, up and down: what is served stays served.
TEST_F(KernelDatapathTest, OtherLimitsApplyAtTheNextStart) {
  sandbox::EchoServer pods;
  ASSERT_TRUE(pods.Listen(world_->host(), 8080).ok());
  std::unique_ptr<KernelDatapath> datapath = Open(Options());
  ASSERT_NE(datapath, nullptr);
  Serve(*datapath);
  for (const uint32_t rows : {64u, 16u}) {
    datapath.reset();
    KernelOptions options = Options();
    options.limits.pools = rows;
    datapath = Open(options);
    ASSERT_NE(datapath, nullptr);
    EXPECT_TRUE(datapath->programs_current());
    EXPECT_THAT(datapath->problems(), IsEmpty());
    EXPECT_THAT(datapath->notes(), ElementsAre(HasSubstr("which has all its rows")));
    EXPECT_EQ(Dial(), kPod);
    EXPECT_THAT(FillLevels(),
                Contains(AllOf(Field(&report::MapFill::name, "pools"), Field(&report::MapFill::capacity, rows))));
    EXPECT_THAT(Directories(), ::testing::UnorderedElementsAre("links", "programs", "memory-v1-1",
                                                               rows == 64 ? "plan-v1-2" : "plan-v1-1"))
        << "the plan before is gone";
  }
}

// What this build cannot read goes on serving until everything has been applied.
TEST_F(KernelDatapathTest, APlanOfAnotherVersionServesUntilTheTakeOver) {
  sandbox::EchoServer pods;
  ASSERT_TRUE(pods.Listen(world_->host(), 8080).ok());
  std::unique_ptr<KernelDatapath> datapath = Open(Options());
  ASSERT_NE(datapath, nullptr);
  Serve(*datapath);
  datapath.reset();
  BecomeVersion2();
  datapath = Open(Options());
  ASSERT_NE(datapath, nullptr);
  EXPECT_FALSE(datapath->programs_current());
  EXPECT_THAT(datapath->problems(), ElementsAre(AllOf(HasSubstr("the programs of"), HasSubstr("/shunt/plan-v2-1 serve"),
                                                      HasSubstr("once everything is applied"))));
  EXPECT_TRUE(datapath->Serves());
  EXPECT_EQ(Dial(), kPod);
  Serve(*datapath);
  EXPECT_EQ(Dial(), kPod);
  EXPECT_EQ(std::filesystem::read_symlink(bpffs_ + "/shunt/current"), "plan-v2-1");
  ASSERT_TRUE(datapath->TakeOver().ok());
  EXPECT_TRUE(datapath->programs_current());
  EXPECT_THAT(datapath->problems(), IsEmpty());
  EXPECT_EQ(Dial(), kPod);
  EXPECT_EQ(std::filesystem::read_symlink(bpffs_ + "/shunt/current"), "plan-v1-1");
  EXPECT_THAT(Directories(), ::testing::UnorderedElementsAre("links", "programs", "memory-v1-1", "plan-v1-1"));
  EXPECT_TRUE(datapath->TakeOver().ok()) << "again";
}

// An agent of another build has attached a program that refuses every connect.
TEST_F(KernelDatapathTest, ALinkThatThisBuildDoesNotKnowIsDetachedAndNamed) {
  sandbox::EchoServer pods;
  ASSERT_TRUE(pods.Listen(world_->host(), 8080).ok());
  std::unique_ptr<KernelDatapath> datapath = Open(Options());
  ASSERT_NE(datapath, nullptr);
  Serve(*datapath);
  datapath.reset();
  const posix::FileDescriptor link = RefuseEverything();
  ASSERT_TRUE(ReplacePin(link.get(), bpffs_ + "/shunt/links/sock_of_a_later_build").ok());
  EXPECT_EQ(Dial(), "Operation not permitted");
  datapath = Open(Options());
  ASSERT_NE(datapath, nullptr);
  EXPECT_EQ(Dial(), kPod);
  EXPECT_THAT(datapath->notes(), ElementsAre(HasSubstr("link sock_of_a_later_build of another build")));
  EXPECT_FALSE(std::filesystem::exists(bpffs_ + "/shunt/links/sock_of_a_later_build"));
}

// Links and maps in one directory a version, as they were once pinned.
TEST_F(KernelDatapathTest, AnEarlierLayoutIsReplacedWhenEverythingIsApplied) {
  sandbox::EchoServer pods;
  ASSERT_TRUE(pods.Listen(world_->host(), 8080).ok());
  std::unique_ptr<KernelDatapath> datapath = Open(Options());
  ASSERT_NE(datapath, nullptr);
  Serve(*datapath);
  datapath.reset();
  const std::string root = bpffs_ + "/shunt", earlier = root + "/v1";
  ASSERT_EQ(mkdir(earlier.c_str(), 0700), 0);
  ASSERT_EQ(rename((root + "/links").c_str(), (earlier + "/links").c_str()), 0);
  ASSERT_EQ(rename((root + "/programs").c_str(), (earlier + "/programs").c_str()), 0);
  ASSERT_EQ(rename((root + "/plan-v1-1").c_str(), (earlier + "/maps").c_str()), 0);
  ASSERT_EQ(unlink((root + "/current").c_str()), 0);
  {
    const absl::StatusOr<AgentLock> other = AgentLock::Take(earlier);
    EXPECT_THAT(KernelDatapath::Open(Options()).status().message(), HasSubstr("in use by another agent"))
        << "an agent of that time locks its own directory";
  }
  datapath = Open(Options());
  ASSERT_NE(datapath, nullptr);
  EXPECT_FALSE(datapath->programs_current());
  EXPECT_THAT(datapath->problems(), ElementsAre(HasSubstr(earlier)));
  EXPECT_EQ(Dial(), kPod);
  Serve(*datapath);
  ASSERT_TRUE(datapath->TakeOver().ok());
  EXPECT_EQ(Dial(), kPod);
  EXPECT_FALSE(std::filesystem::exists(earlier));
  EXPECT_THAT(datapath->notes(), Contains(HasSubstr("the programs of an earlier layout")));
  EXPECT_THAT(Programs(), AllOf(SizeIs(9), Each(Field(&report::ProgramStatus::attached, true))));
}

// The agent dies after every step of a start; the next one always gets through, and what was served stays served.
class KilledTest : public KernelDatapathTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(KilledTest, AfterAnyStepItIsMendedByTheNext) {
  const std::string before = GetParam();
  sandbox::EchoServer pods;
  ASSERT_TRUE(pods.Listen(world_->host(), 8080).ok());
  bool finished = false;
  for (int step = 1; !finished; ++step) {
    SCOPED_TRACE(absl::StrCat("killed after step ", step));
    KernelOptions options = Options();
    if (before != "nothing") {
      std::unique_ptr<KernelDatapath> datapath = Open(options);
      ASSERT_NE(datapath, nullptr);
      Serve(*datapath);
      datapath.reset();
      if (before == "another version") BecomeVersion2();
      if (before == "other sizes") options.limits.slots = 128;
    }
    const pid_t agent = fork();
    if (agent == 0) {
      int steps = 0;
      options.on_step = [&] {
        if (++steps == step) kill(getpid(), SIGKILL);
      };
      absl::StatusOr<std::unique_ptr<KernelDatapath>> datapath = KernelDatapath::Open(options);
      if (!datapath.ok()) _exit(1);
      Serve(**datapath);
      _exit((*datapath)->TakeOver().ok() ? 0 : 2);
    }
    int status = 0;
    ASSERT_EQ(waitpid(agent, &status, 0), agent);
    finished = WIFEXITED(status);
    EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : 0, 0);
    if (before != "nothing") {
      EXPECT_EQ(Dial(), kPod) << "what was served is served without an agent";
    }
    for (const bool with_old_sizes : {true, false}) {
      std::unique_ptr<KernelDatapath> datapath = Open(with_old_sizes ? Options() : options);
      ASSERT_NE(datapath, nullptr);
      if (before != "nothing") {
        EXPECT_EQ(Dial(), kPod) << "before anything is applied";
      }
      Serve(*datapath);
      ASSERT_TRUE(datapath->TakeOver().ok());
      EXPECT_EQ(Dial(), kPod);
      EXPECT_THAT(Directories(), SizeIs(4)) << "links, programs, one plan, one memory";
      EXPECT_THAT(Programs(), AllOf(SizeIs(9), Each(Field(&report::ProgramStatus::attached, true))));
    }
    std::vector<std::string> removed;
    ASSERT_TRUE(Cleanup(bpffs_, &removed).ok());
  }
}

INSTANTIATE_TEST_SUITE_P(Over, KilledTest, ::testing::Values("nothing", "the same", "other sizes", "another version"),
                         [](const auto& param) {
                           std::string name = param.param;
                           std::erase(name, ' ');
                           return name;
                         });

}  // namespace
}  // namespace shunt::datapath
