// SPDX-License-Identifier: Apache-2.0
// The hooks while this build's programs are not, or cannot be, in force: detached, refused, on another cgroup.
#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "bpf/abi.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/kernel/attach/agent_lock.h"
#include "userspace/datapath/kernel/attach/cgroup_root.h"
#include "userspace/datapath/kernel/attach/programs.h"
#include "userspace/datapath/kernel/kernel_datapath.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/testing/datapath_fixture.h"

namespace shunt::datapath {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using ::testing::UnorderedElementsAreArray;

class HooksTest : public DatapathFixture {
 protected:
  // An agent of other sizes, on a cgroup below the test's own, has served and is gone. Returns the options of the next,
  // which is to move the programs to the test's own cgroup.
  void ServeBelow(KernelOptions* next) {
    ASSERT_NO_FATAL_FAILURE(StartPod());
    *next = Options();
    next->cgroup = dial_from_ = NewInnerCgroup();
    ASSERT_NO_FATAL_FAILURE(Restart(*next));
    Serve(*datapath_);
    datapath_.reset();
    next->cgroup = cgroup_;
    next->limits.slots = 128;
  }

  // The ids of the programs that run at the hooks.
  std::vector<uint32_t> Running() const {
    std::vector<uint32_t> ids;
    for (const Hook& hook : kHooks) {
      const std::string pin = absl::StrCat(bpffs_, "/shunt/links/", hook.program);
      const absl::StatusOr<posix::FileDescriptor> link = OpenPin(pin, BpfKind::kLink);
      EXPECT_TRUE(link.ok()) << link.status();
      if (link.ok()) ids.push_back(DescribeLink(link->get(), pin)->prog_id);
    }
    return ids;
  }
  void Detach(const std::string& program) const {
    const absl::StatusOr<posix::FileDescriptor> link = OpenPin(bpffs_ + "/shunt/links/" + program, BpfKind::kLink);
    ASSERT_TRUE(link.ok()) << link.status();
    ASSERT_EQ(bpf_link_detach(link->get()), 0);
  }
  // Takes away what RefuseEverything(0) has attached.
  void Free(const posix::FileDescriptor& program) const {
    const absl::StatusOr<Cgroup> cgroup = OpenCgroup(cgroup_);
    ASSERT_TRUE(cgroup.ok()) << cgroup.status();
    ASSERT_EQ(bpf_prog_detach2(program.get(), cgroup->fd.get(), BPF_CGROUP_INET4_CONNECT), 0);
  }
  std::chrono::milliseconds LastSignOfLife() const {
    shunt_meta meta{};
    EXPECT_TRUE(datapath_->tables().meta->Load(0, MutableBytesOf(meta)).ok());
    return std::chrono::milliseconds(meta.applied_ms);
  }
  // Looks after the hooks at once. Returns what it has put right.
  std::vector<std::string> Heal() {
    const model::ServicePlan plan = Web();
    const model::ServicePlan* const plans[] = {&plan};
    const absl::StatusOr<Drift> drift = datapath_->Audit(plans, {});
    EXPECT_TRUE(drift.ok()) << drift.status();
    return drift.ok() ? drift->hooks : std::vector<std::string>();
  }
  std::string Current() const { return std::filesystem::read_symlink(bpffs_ + "/shunt/current"); }
};

TEST_F(HooksTest, AMoveThatTheKernelRefusesChangesNothing) {
  KernelOptions options;
  ASSERT_NO_FATAL_FAILURE(ServeBelow(&options));
  const std::vector<uint32_t> before = Running();
  const posix::FileDescriptor holder = RefuseEverything(0);
  ASSERT_NO_FATAL_FAILURE(Restart(options));
  const auto is_refused =
      AllOf(HasSubstr("the pinned ones of an earlier agent are, with what that agent applied last"),
            HasSubstr("program refuses (id "), HasSubstr(absl::StrCat("holds cgroup/connect4 of ", cgroup_)));
  EXPECT_THAT(datapath_->problems(), ElementsAre(is_refused));
  Serve(*datapath_);
  for (int attempt = 0; attempt < 6; ++attempt) EXPECT_FALSE(datapath_->TakeOver().ok());
  EXPECT_THAT(datapath_->problems(), ElementsAre(is_refused));
  EXPECT_EQ(Running(), before);
  EXPECT_EQ(Current(), "plan-v1-1");
  EXPECT_EQ(Dial(), kPod);
  ASSERT_TRUE(datapath_->GiveSignOfLife(std::chrono::hours(9999)).ok());
  EXPECT_NE(LastSignOfLife(), std::chrono::hours(9999)) << "nobody keeps up to date what is served";

  ASSERT_NO_FATAL_FAILURE(Free(holder));
  Heal();
  EXPECT_FALSE(datapath_->programs_current()) << "after six failures the next attempt is half a minute away";
  ASSERT_TRUE(datapath_->TakeOver().ok());
  EXPECT_THAT(datapath_->problems(), IsEmpty());
  EXPECT_THAT(Programs(), AllOf(SizeIs(9), Each(Field(&report::ProgramStatus::attached, true)),
                                Each(Field(&report::ProgramStatus::attach_point, cgroup_))));
  EXPECT_THAT(datapath_->notes(), Contains(HasSubstr(absl::StrCat("the programs were on ", dial_from_))));
  EXPECT_EQ(Dial(), kPod);
}

// Another process takes the hook for itself after the kernel has been asked.
TEST_F(HooksTest, AMoveThatIsRefusedHalfWayIsServedWhereItIs) {
  KernelOptions options;
  ASSERT_NO_FATAL_FAILURE(ServeBelow(&options));
  std::optional<posix::FileDescriptor> holder;
  options.on_step = [&] {
    if (Current() == "plan-v1-2" && !holder.has_value()) holder = RefuseEverything(0);
  };
  ASSERT_NO_FATAL_FAILURE(Restart(options));
  ASSERT_TRUE(holder.has_value());
  Serve(*datapath_);
  EXPECT_THAT(datapath_->problems(), ElementsAre(AllOf(HasSubstr("are in force where those of an earlier agent were"),
                                                       HasSubstr(absl::StrCat("and not on ", cgroup_, ": ")),
                                                       HasSubstr("program refuses (id "))));
  EXPECT_EQ(Dial(), kPod);
  ASSERT_TRUE(datapath_->GiveSignOfLife(std::chrono::hours(9999)).ok());
  EXPECT_EQ(LastSignOfLife(), std::chrono::hours(9999)) << "what is served is this agent's";
  EXPECT_THAT(Programs(), Each(Field(&report::ProgramStatus::attached, true)));

  Detach("sock_getpeername4");
  Dial();
  EXPECT_EQ(peer_, kPod);
  EXPECT_THAT(Heal(), ElementsAre("sock_getpeername4"));
  Dial();
  EXPECT_EQ(peer_, kService);
  ASSERT_NO_FATAL_FAILURE(Free(*holder));
  ASSERT_TRUE(datapath_->TakeOver().ok());
  EXPECT_THAT(datapath_->problems(), IsEmpty());
  EXPECT_THAT(Programs(), Each(Field(&report::ProgramStatus::attach_point, cgroup_)));
  EXPECT_EQ(Dial(), kPod);
}

// The last of the replacements fails, when all programs in force are this plan's already.
TEST_F(HooksTest, ATakeOverThatIsRefusedAfterItsFirstHalfIsServedByThat) {
  ASSERT_NO_FATAL_FAILURE(StartServing());
  datapath_.reset();
  BecomeVersion2();
  const std::string pin = bpffs_ + "/shunt/links/sock_connect4", aside = bpffs_ + "/shunt/connect4";
  const std::vector<uint32_t> before = Running();
  bool spoiled = false;
  KernelOptions options = Options();
  options.limits.sockets = 128;
  options.on_step = [&] {
    if (spoiled || absl::c_any_of(Running(), [&](uint32_t id) { return absl::c_linear_search(before, id); })) return;
    spoiled = rename(pin.c_str(), aside.c_str()) == 0 && mkdir(pin.c_str(), 0700) == 0;
  };
  ASSERT_NO_FATAL_FAILURE(Restart(options));
  Serve(*datapath_);
  EXPECT_FALSE(datapath_->TakeOver().ok());
  ASSERT_TRUE(spoiled);
  EXPECT_FALSE(datapath_->programs_current());
  EXPECT_THAT(datapath_->problems(), ElementsAre(AllOf(HasSubstr("this build's for the time of a take-over"),
                                                       HasSubstr("links/sock_connect4"))));
  ASSERT_TRUE(datapath_->GiveSignOfLife(std::chrono::hours(9999)).ok());
  EXPECT_EQ(LastSignOfLife(), std::chrono::hours(9999)) << "what is served is this agent's";
  EXPECT_EQ(Dial(), kPod);

  ASSERT_EQ(rmdir(pin.c_str()), 0);
  ASSERT_EQ(rename(aside.c_str(), pin.c_str()), 0);
  ASSERT_TRUE(datapath_->TakeOver().ok());
  EXPECT_THAT(datapath_->problems(), IsEmpty());
  EXPECT_EQ(Dial(), kPod);
}

TEST_F(HooksTest, FailuresAreTriedAgainAfterPausesThatDouble) {
  using std::chrono::seconds;
  EXPECT_EQ(KernelDatapath::PauseAfter(1), seconds(1));
  EXPECT_EQ(KernelDatapath::PauseAfter(2), seconds(2));
  EXPECT_EQ(KernelDatapath::PauseAfter(6), seconds(32));
  for (const uint32_t failures : {7u, 8u, 1000u}) EXPECT_EQ(KernelDatapath::PauseAfter(failures), seconds(60));
}

TEST_F(HooksTest, ATakeOverThatSucceedsAtALaterAttemptIsTold) {
  KernelOptions options;
  ASSERT_NO_FATAL_FAILURE(ServeBelow(&options));
  const posix::FileDescriptor holder = RefuseEverything(0);
  ASSERT_NO_FATAL_FAILURE(Restart(options));
  std::vector<std::vector<std::string>> heard;
  datapath_->ListenForTakeOver([&](const std::vector<std::string>& notes) { heard.push_back(notes); });
  Serve(*datapath_);
  EXPECT_FALSE(datapath_->TakeOver().ok());
  ASSERT_NO_FATAL_FAILURE(Free(holder));
  EXPECT_THAT(heard, IsEmpty());
  usleep(1'100'000);
  datapath_->Reclaim();
  EXPECT_TRUE(datapath_->programs_current());
  EXPECT_THAT(heard, ElementsAre(ElementsAre(HasSubstr(absl::StrCat("the programs were on ", dial_from_)))));
}

// What serves until the take-over is looked after as this build's programs are.
TEST_F(HooksTest, AHookOfOlderProgramsGetsItsProgramBack) {
  ASSERT_NO_FATAL_FAILURE(StartServing());
  datapath_.reset();
  BecomeVersion2();
  Detach("sock_connect6");
  ASSERT_NO_FATAL_FAILURE(Restart(Options()));
  Detach("sock_connect4");
  EXPECT_NE(Dial(), kPod);
  EXPECT_THAT(Heal(), UnorderedElementsAre("sock_connect4", "sock_connect6"));
  EXPECT_FALSE(datapath_->programs_current());
  EXPECT_EQ(Dial(), kPod);
  EXPECT_THAT(Heal(), IsEmpty());
  EXPECT_THAT(datapath_->problems(), SizeIs(1)) << "that of the take-over that is to come";

  // Without its program, a hook stays as it is, and is named.
  datapath_.reset();
  ASSERT_EQ(unlink((bpffs_ + "/shunt/programs/sock_connect4").c_str()), 0);
  Detach("sock_connect4");
  ASSERT_NO_FATAL_FAILURE(Restart(Options()));
  EXPECT_THAT(Heal(), IsEmpty());
  EXPECT_THAT(datapath_->problems(), Contains(HasSubstr("cgroup/connect4 has no program that the agent could attach")));
  Serve(*datapath_);
  ASSERT_TRUE(datapath_->TakeOver().ok());
  Heal();
  EXPECT_THAT(datapath_->problems(), IsEmpty());
  EXPECT_EQ(Dial(), kPod);
}

// An agent whose programs do not load needs those that are in force, all of them.
TEST_F(HooksTest, AHookThatWasDetachedBetweenTwoAgentsGetsItsProgramBack) {
  ASSERT_NO_FATAL_FAILURE(StartServing());
  datapath_.reset();
  Detach("sock_connect4");
  KernelOptions broken = Options();
  broken.object_path = "/nowhere.bpf.o";
  ASSERT_NO_FATAL_FAILURE(Restart(broken));
  EXPECT_FALSE(datapath_->programs_current());
  EXPECT_THAT(datapath_->notes(), Contains(HasSubstr("sock_connect4 of an earlier agent was not attached")));
  EXPECT_EQ(Dial(), kPod);
  Detach("sock_connect4");
  EXPECT_THAT(Heal(), ElementsAre("sock_connect4"));
  EXPECT_EQ(Dial(), kPod);

  datapath_.reset();
  Detach("sock_connect4");
  ASSERT_EQ(unlink((bpffs_ + "/shunt/programs/sock_connect4").c_str()), 0);
  EXPECT_THAT(KernelDatapath::Open(broken).status().message(),
              AllOf(HasSubstr("BPF object /nowhere.bpf.o"), HasSubstr("not whole: cgroup/connect4 has no program")));
}

// What the kernel runs is held by descriptors; the next agent finds it by its pins.
TEST_F(HooksTest, PinsThatSomebodyRemovesArePinnedAgain) {
  ASSERT_NO_FATAL_FAILURE(StartServing());
  const std::vector<uint32_t> running = Running();
  std::vector<std::string> pinned = Left();
  const absl::Status other_lock = AgentLock::Take(bpffs_ + "/shunt").status();
  for (const char* what : {"/shunt", "/shunt/links", "/shunt/plan-v1-1", "/shunt/memory-v1-1", "/shunt/current"}) {
    SCOPED_TRACE(what);
    std::filesystem::remove_all(bpffs_ + what);
    Heal();
    EXPECT_THAT(datapath_->problems(), IsEmpty());
    EXPECT_THAT(Left(), UnorderedElementsAreArray(pinned));
    EXPECT_EQ(Running(), running);
    EXPECT_EQ(AgentLock::Take(bpffs_ + "/shunt").status(), other_lock);
  }
  EXPECT_EQ(Dial(), kPod);
  EXPECT_THAT(datapath_->notes(), Contains(HasSubstr("shunt were gone: everything is pinned there again")));
  ASSERT_NO_FATAL_FAILURE(Restart(Options()));
  EXPECT_THAT(datapath_->problems(), IsEmpty());
  EXPECT_EQ(Dial(), kPod);
}

TEST_F(HooksTest, PinsThatAMountCoversArePinnedInIt) {
  ASSERT_NO_FATAL_FAILURE(StartServing());
  const std::vector<uint32_t> running = Running();
  for (const char* type : {"tmpfs", "bpf"}) {
    SCOPED_TRACE(type);
    ASSERT_EQ(mount(type, bpffs_.c_str(), type, 0, "mode=0700"), 0);
    Heal();
    if (type == std::string("bpf")) {
      EXPECT_THAT(datapath_->problems(), IsEmpty());
      EXPECT_EQ(Running(), running);
      ASSERT_NO_FATAL_FAILURE(Restart(Options()));
      EXPECT_THAT(Programs(), AllOf(SizeIs(9), Each(Field(&report::ProgramStatus::attached, true))));
    } else {
      EXPECT_THAT(datapath_->problems(),
                  ElementsAre(HasSubstr(absl::StrCat(bpffs_, " is not in a BPF file system: mount one"))));
    }
    EXPECT_EQ(Dial(), kPod);
    ASSERT_EQ(umount2(bpffs_.c_str(), MNT_DETACH), 0);
  }
  Heal();
  EXPECT_THAT(datapath_->problems(), IsEmpty());
  EXPECT_EQ(Dial(), kPod);
}

// What covers this agent's pins may hold those of another one, alive or gone, under other names or the same.
TEST_F(HooksTest, PinsOfAnotherAgentThatCoverOursStay) {
  ASSERT_NO_FATAL_FAILURE(StartServing());
  const absl::StatusOr<std::string> theirs = world_->NewBpffs();
  ASSERT_TRUE(theirs.ok()) << theirs.status();
  KernelOptions options = Options();
  options.bpffs = *theirs;
  options.cgroup = NewInnerCgroup();
  for (const uint32_t slots : {64u, 128u}) {
    SCOPED_TRACE(slots);
    options.limits.slots = slots;
    std::unique_ptr<KernelDatapath> other = Open(options);
    ASSERT_NE(other, nullptr);
    EXPECT_EQ(std::filesystem::path(other->pin_directory()).filename(), slots == 64 ? "plan-v1-1" : "plan-v1-2");
    const std::vector<std::string> pinned = PathsBelow(*theirs);
    const std::string current = std::filesystem::read_symlink(*theirs + "/shunt/current");
    ASSERT_EQ(mount(theirs->c_str(), bpffs_.c_str(), nullptr, MS_BIND, nullptr), 0);
    const auto expect_untouched = [&](const std::string& problem) {
      for (int look = 0; look < 2; ++look) {
        Heal();
        EXPECT_THAT(datapath_->problems(), Contains(HasSubstr(problem)));
        EXPECT_THAT(PathsBelow(*theirs), UnorderedElementsAreArray(pinned));
        EXPECT_EQ(std::filesystem::read_symlink(*theirs + "/shunt/current"), current);
        EXPECT_EQ(Dial(), kPod);
      }
    };
    expect_untouched(absl::StrCat("pin directory ", bpffs_, "/shunt is in use by another agent, pid "));
    other.reset();
    expect_untouched(absl::StrCat("with pins of another agent covers this agent's in ", bpffs_, "/shunt: "));
    EXPECT_TRUE(AgentLock::Take(*theirs + "/shunt").ok()) << "for who removes them";
    ASSERT_EQ(umount2(bpffs_.c_str(), MNT_DETACH), 0);
    Heal();
    EXPECT_THAT(datapath_->problems(), Not(Contains(HasSubstr("another agent covers"))));
  }
  sandbox::RemovePins(*theirs);
}

TEST_F(HooksTest, ACgroupThatIsMadeAgainIsServedAgain) {
  ASSERT_NO_FATAL_FAILURE(StartPod());
  KernelOptions options = Options();
  options.cgroup = dial_from_ = NewInnerCgroup();
  ASSERT_NO_FATAL_FAILURE(Restart(options));
  Serve(*datapath_);
  EXPECT_EQ(Dial(), kPod);
  ASSERT_EQ(rmdir(options.cgroup.c_str()), 0);
  Heal();
  EXPECT_THAT(
      datapath_->problems(),
      ElementsAre(HasSubstr(absl::StrCat("cgroup ", options.cgroup, ", which this agent serves, has been removed"))));
  ASSERT_EQ(mkdir(options.cgroup.c_str(), 0755), 0);
  EXPECT_THAT(Heal(), SizeIs(9));
  EXPECT_THAT(datapath_->problems(), IsEmpty());
  EXPECT_EQ(Dial(), kPod);
  EXPECT_THAT(Programs(), Each(Field(&report::ProgramStatus::attach_point, options.cgroup)));
  options.bpffs = bpffs_ + "/other";
  ASSERT_EQ(mkdir(options.bpffs.c_str(), 0700), 0);
  EXPECT_THAT(KernelDatapath::Open(options).status().message(), HasSubstr("is served by another agent"));
}

}  // namespace
}  // namespace shunt::datapath
