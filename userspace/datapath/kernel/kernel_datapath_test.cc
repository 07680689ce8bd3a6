// SPDX-License-Identifier: Apache-2.0
// The whole datapath on a real kernel: opened, adopted, upgraded, cleaned up, and refused where it has to be.
#include "userspace/datapath/kernel/kernel_datapath.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sock_rejected.skel.h"
#include "tests/sandbox/echo_server.h"
#include "userspace/datapath/kernel/attach/agent_lock.h"
#include "userspace/datapath/kernel/attach/cgroup_root.h"
#include "userspace/datapath/kernel/attach/cleanup.h"
#include "userspace/datapath/kernel/attach/programs.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/object/bpf_object.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/datapath/kernel/pinned_reader.h"
#include "userspace/datapath/kernel/testing/datapath_fixture.h"
#include "userspace/datapath/kernel/testing/object_file.h"

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

class KernelDatapathTest : public DatapathFixture {
 protected:
  const ObjectFile rejected_{&sock_rejected__elf_bytes};
};

TEST_F(KernelDatapathTest, TranslatesAndGoesOnWithoutItsAgent) {
  ASSERT_NO_FATAL_FAILURE(StartServing());
  EXPECT_TRUE(datapath_->programs_current());
  EXPECT_THAT(datapath_->problems(), IsEmpty());
  EXPECT_THAT(datapath_->notes(), IsEmpty());
  EXPECT_EQ(datapath_->pin_directory(), bpffs_ + "/shunt/plan-v1-1");
  EXPECT_EQ(Dial(), kPod);
  datapath_.reset();
  EXPECT_EQ(Dial(), kPod);

  ASSERT_NO_FATAL_FAILURE(Restart(Options()));
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
  ASSERT_NO_FATAL_FAILURE(StartServing());
  const sandbox::ClientSocket live = Client(SOCK_STREAM);
  ASSERT_EQ(live.Connect(sandbox::At(kService)), 0);
  KernelOptions options = Options();
  options.limits.sockets = 128;
  ASSERT_NO_FATAL_FAILURE(Restart(options));  // the live socket keeps its row, in maps of the previous size
  std::vector<report::MapFill> levels = FillLevels();
  EXPECT_THAT(levels, Each(Field(&report::MapFill::type, testing::Not(""))));
  const absl::StatusOr<BpfObject> object = BpfObject::OpenBuiltIn();
  ASSERT_TRUE(object.ok()) << object.status();
  for (const MapSpec& map : object->Maps()) {
    if (map.name == "previous_taken") continue;  // its bits are counted as the rows of previous_state
    EXPECT_THAT(levels, Contains(Field(&report::MapFill::name, map.name))) << "no list has it";
  }
  EXPECT_THAT(levels, Contains(AllOf(Field(&report::MapFill::name, "socket_storage"),
                                     Field(&report::MapFill::type, "sk_storage"))));
  // 128 rows of 64 bytes, in whole pages.
  EXPECT_THAT(levels, Contains(AllOf(Field(&report::MapFill::name, "socket_state"),
                                     Field(&report::MapFill::memory_bytes, testing::Ge(8192u)))));
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
  ASSERT_NO_FATAL_FAILURE(StartServing());
  datapath_.reset();
  KernelOptions broken = Options();
  broken.object_path = rejected_.path();
  ASSERT_NO_FATAL_FAILURE(Restart(broken));
  EXPECT_FALSE(datapath_->programs_current());
  EXPECT_THAT(datapath_->problems(), ElementsAre(AllOf(HasSubstr("of an earlier agent are"), HasSubstr("sock_connect4"),
                                                       HasSubstr("map_value_or_null"))));
  EXPECT_THAT(Programs(), AllOf(SizeIs(9), Each(Field(&report::ProgramStatus::attached, true))));
  EXPECT_EQ(Dial(), kPod);

  ASSERT_NO_FATAL_FAILURE(Restart(Options()));
  EXPECT_TRUE(datapath_->programs_current());
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
  std::ifstream sysctl("/proc/sys/kernel/bpf_stats_enabled");
  int enabled = -1;
  ASSERT_TRUE(sysctl >> enabled);
  for (bool agent : {true, false}) {
    if (!agent) datapath.reset();
    absl::StatusOr<std::unique_ptr<PinnedReader>> reader = PinnedReader::Open(bpffs_);
    ASSERT_TRUE(reader.ok()) << reader.status();
    EXPECT_THAT((*reader)->Programs(), AllOf(SizeIs(9), Each(Field(&report::ProgramStatus::attached, true)),
                                             Each(Field(&report::ProgramStatus::attach_point, cgroup_)),
                                             Each(Field(&report::ProgramStatus::runs_counted, enabled == 1))));
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
  const absl::StatusOr<std::unique_ptr<PinnedReader>> reader = PinnedReader::Open(bpffs_);
  ASSERT_TRUE(reader.ok()) << reader.status();
  std::vector<std::string> shown;
  const absl::Status dumped = (*reader)->DumpMap("source_versions", [&shown](const report::MapRow& row) {
    const auto& version = std::get<report::SourceVersionRow>(row);
    shown.push_back(absl::StrCat(version.resource, " ", version.version, " ", version.objects));
    return true;
  });
  EXPECT_TRUE(dumped.ok()) << dumped;
  EXPECT_THAT(shown, ElementsAre("services 4711 12"));
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
  EXPECT_FALSE(std::filesystem::exists(*other + "/shunt")) << "nothing is made for an agent that is refused";
  kill(first, SIGKILL);
  ASSERT_EQ(waitpid(first, nullptr, 0), first);
  EXPECT_NE(Open(options), nullptr);
  sandbox::RemovePins(*other);
  close(ready[0]);
  close(ready[1]);
}

// Of two agents that start at the same moment, one has the cgroup, and takes the lock of its pins next.
TEST_F(KernelDatapathTest, AnAgentThatIsRefusedNeverHoldsALockThatTheOtherNeeds) {
  const absl::StatusOr<PinDirectory> pins = PinDirectory::OpenOrCreate(bpffs_);
  ASSERT_TRUE(pins.ok()) << pins.status();
  // In a process of its own: a look at what its holder has open would keep a lock of this one for a moment longer.
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t holder = fork();
  if (holder == 0) {
    const absl::StatusOr<AgentLock> cgroup = AgentLock::TakeCgroup(cgroup_);
    const char holds = cgroup.ok() ? 1 : 0;
    (void)!write(ready[1], &holds, 1);
    pause();
  }
  char holds = 0;
  ASSERT_EQ(read(ready[0], &holds, 1), 1);
  ASSERT_EQ(holds, 1);
  std::atomic<int> refused = 0;
  std::thread other([&] {
    while (refused < 1000) refused += KernelDatapath::Open(Options()).ok() ? 1000 : 1;
  });
  absl::Status locked;
  while (refused < 1000) locked.Update(LockPins(*pins, AgentLock::Purpose::kServe).status());
  other.join();
  EXPECT_EQ(refused, 1000);
  EXPECT_TRUE(locked.ok()) << locked;
  kill(holder, SIGKILL);
  ASSERT_EQ(waitpid(holder, nullptr, 0), holder);
  close(ready[0]);
  close(ready[1]);
}

// Both serve, and both say so while it lasts.
TEST_F(KernelDatapathTest, AgentsOnCgroupsAboveAndBelowOneAnotherAreNamed) {
  const absl::StatusOr<std::string> other_bpffs = world_->NewBpffs(), beside = world_->NewCgroup();
  ASSERT_TRUE(other_bpffs.ok() && beside.ok());
  const auto look = [](KernelDatapath& datapath) {
    EXPECT_TRUE(datapath.Audit({}, {}).ok());
    return datapath.problems();
  };
  KernelOptions upper = Options(), lower = Options();
  lower.bpffs = *other_bpffs;
  lower.cgroup = NewInnerCgroup();
  const auto is_above = AllOf(HasSubstr(absl::StrCat("another agent, pid ", getpid(), ", with pin directory ")),
                              HasSubstr(absl::StrCat("serves cgroup ", upper.cgroup, ", above this agent's ")));
  const auto is_below = HasSubstr(absl::StrCat("serves a cgroup below this agent's ", upper.cgroup, ":"));
  std::vector<std::string> removed;
  for (const bool upper_first : {true, false}) {
    SCOPED_TRACE(upper_first);
    std::unique_ptr<KernelDatapath> first = Open(upper_first ? upper : lower);
    ASSERT_NE(first, nullptr);
    EXPECT_THAT(look(*first), IsEmpty());
    std::unique_ptr<KernelDatapath> second = Open(upper_first ? lower : upper);
    ASSERT_NE(second, nullptr);
    const std::vector<std::string> of_second = second->problems(), of_first = look(*first);
    EXPECT_THAT(upper_first ? of_second : of_first, ElementsAre(is_above));
    EXPECT_THAT(upper_first ? of_first : of_second, ElementsAre(is_below));
    EXPECT_TRUE(first->programs_current() && second->programs_current());
    second.reset();
    const auto is_left = HasSubstr("programs of an agent that is gone are attached to cgroup ");
    EXPECT_THAT(look(*first), ElementsAre(is_left)) << "the other one is gone, and its programs are not";
    first.reset();
    for (const KernelOptions* options : {&upper, &lower}) ASSERT_TRUE(Cleanup(options->bpffs, &removed).ok());
  }
  lower.cgroup = *beside;
  const std::unique_ptr<KernelDatapath> first = Open(upper), second = Open(lower);
  ASSERT_TRUE(first != nullptr && second != nullptr);
  EXPECT_THAT(look(*first), IsEmpty());
  EXPECT_THAT(look(*second), IsEmpty()) << "neither is above the other";
  sandbox::RemovePins(*other_bpffs);
}

// Any user may lock files that all may read, and an agent that looks for others does for a moment.
TEST_F(KernelDatapathTest, ALockOfSomeoneElseOnAFileOfTheCgroupIsNoAgent) {
  const std::unique_ptr<KernelDatapath> datapath = Open(Options());
  ASSERT_NE(datapath, nullptr);
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  for (const auto& [user, lock] : {std::pair(65534u, LOCK_SH), std::pair(0u, LOCK_SH), std::pair(0u, LOCK_EX)}) {
    SCOPED_TRACE(absl::StrCat("user ", user, ", lock ", lock));
    const pid_t other = fork();
    if (other == 0) {
      const int file = open((cgroup_ + "/cgroup.procs").c_str(), O_RDONLY | O_CLOEXEC);
      for (int fd = STDERR_FILENO + 1; user == 0 && fd < 1024; ++fd) {
        if (fd != file && fd != ready[1]) close(fd);  // so also the pins that this process has locked
      }
      const char holds = setresuid(user, user, user) == 0 && flock(file, lock | LOCK_NB) == 0 ? 1 : 0;
      (void)!write(ready[1], &holds, 1);
      pause();
    }
    char holds = 0;
    ASSERT_EQ(read(ready[0], &holds, 1), 1);
    EXPECT_EQ(holds, 1);
    EXPECT_TRUE(datapath->Audit({}, {}).ok());
    EXPECT_THAT(datapath->problems(), IsEmpty());
    kill(other, SIGKILL);
    ASSERT_EQ(waitpid(other, nullptr, 0), other);
  }
  close(ready[0]);
  close(ready[1]);
}

TEST_F(KernelDatapathTest, AHookThatSomebodyDetachesGetsItsProgramBack) {
  ASSERT_NO_FATAL_FAILURE(StartServing());
  std::vector<std::string> heard;
  datapath_->ListenForHealing([&](const std::vector<std::string>& programs, const absl::Status& status) {
    EXPECT_TRUE(status.ok()) << status;
    heard.insert(heard.end(), programs.begin(), programs.end());
  });
  for (const Hook& hook : kHooks) {
    absl::StatusOr<posix::FileDescriptor> link =
        OpenPin(absl::StrCat(bpffs_, "/shunt/links/", hook.program), BpfKind::kLink);
    ASSERT_TRUE(link.ok()) << link.status();
    ASSERT_EQ(bpf_link_detach(link->get()), 0);
  }
  EXPECT_NE(Dial(), kPod);
  ASSERT_EQ(unlink((bpffs_ + "/shunt/programs/sock_connect6").c_str()), 0);
  usleep(1'100'000);
  datapath_->Reclaim();
  EXPECT_EQ(Dial(), kPod);
  EXPECT_THAT(heard, SizeIs(kHooks.size()));
  EXPECT_THAT(Programs(), AllOf(SizeIs(9), Each(Field(&report::ProgramStatus::attached, true))));
  EXPECT_EQ(datapath_->Inspect(1000, [](const auto&) { return std::nullopt; }), Inspected::kDiffers);

  absl::StatusOr<posix::FileDescriptor> link = OpenPin(bpffs_ + "/shunt/links/sock_connect4", BpfKind::kLink);
  ASSERT_EQ(bpf_link_detach(link->get()), 0);
  const model::ServicePlan plan = Web();
  const model::ServicePlan* const plans[] = {&plan};
  const absl::StatusOr<Drift> drift = datapath_->Audit(plans, {});
  ASSERT_TRUE(drift.ok()) << drift.status();
  EXPECT_THAT(drift->hooks, AllOf(SizeIs(kHooks.size() + 1), Contains("sock_connect4")));
  EXPECT_EQ(drift->differences(), kHooks.size() + 1);
  EXPECT_EQ(Dial(), kPod);
  EXPECT_THAT(datapath_->Audit(plans, {})->hooks, IsEmpty());
}

// What a hook costs an agent that cannot have it: a name, and what to do.
TEST_F(KernelDatapathTest, AProgramThatHoldsAHookForItselfIsNamed) {
  const posix::FileDescriptor program = RefuseEverything(0);
  const std::string error(KernelDatapath::Open(Options()).status().message());
  EXPECT_THAT(error, AllOf(HasSubstr("attach sock_connect4 to"), HasSubstr("program refuses (id "),
                           HasSubstr(absl::StrCat("holds cgroup/connect4 of ", cgroup_, " for itself")),
                           HasSubstr(absl::StrCat("bpftool cgroup detach ", cgroup_, " connect4 id "))));
  const absl::StatusOr<Cgroup> cgroup = OpenCgroup(cgroup_);
  ASSERT_EQ(bpf_prog_detach2(program.get(), cgroup->fd.get(), BPF_CGROUP_INET4_CONNECT), 0);
  EXPECT_NE(Open(Options()), nullptr);
}

}  // namespace
}  // namespace shunt::datapath
