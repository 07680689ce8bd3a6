// SPDX-License-Identifier: Apache-2.0
// Programs come into force without a gap, move with the configured cgroup, and stay when their successors fail.
#include "userspace/datapath/kernel/attach/programs.h"

#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <random>
#include <thread>

#include "sock.skel.h"
#include "sock_rejected.skel.h"
#include "tests/sandbox/cgroup.h"
#include "tests/sandbox/client_socket.h"
#include "tests/sandbox/echo_server.h"
#include "tests/seeds.h"
#include "userspace/datapath/kernel/maps/map_set.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/testing/object_file.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"

namespace shunt::datapath {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

std::vector<uint32_t> LinkedPrograms(const PinDirectory& pins) {
  std::vector<uint32_t> ids;
  for (const Hook& hook : kHooks) {
    absl::StatusOr<posix::FileDescriptor> link = OpenPin(pins.LinkPath(hook.program), BpfKind::kLink);
    if (link.ok()) ids.push_back(DescribeLink(link->get(), hook.program)->prog_id);
  }
  return ids;
}

class ProgramsTest : public SandboxTest {
 protected:
  void SetUp() override {
    SandboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    absl::StatusOr<PinDirectory> pins = PinDirectory::OpenOrCreate(bpffs_);
    ASSERT_TRUE(pins.ok()) << pins.status();
    pins_ = *pins;
    absl::StatusOr<MapSet> maps = MapSet::CreateUnpinned(TinyLimits());
    ASSERT_TRUE(maps.ok()) << maps.status();
    maps_ = *std::move(maps);
  }

  absl::StatusOr<BpfObject> Load(const std::string& file = "") {
    absl::StatusOr<BpfObject> object = file.empty() ? BpfObject::OpenBuiltIn() : BpfObject::OpenFile(file);
    if (!object.ok()) return object.status();
    shunt_config config{};
    if (absl::Status status = maps_.GiveTo(*object, &config); !status.ok()) return status;
    if (absl::Status status = LoadPrograms(*object, config); !status.ok()) return status;
    return object;
  }

  absl::StatusOr<AttachedPrograms> Attach(const std::string& cgroup_path, const std::string& file = "") {
    absl::StatusOr<BpfObject> object = Load(file);
    if (!object.ok()) return object.status();
    absl::StatusOr<Cgroup> cgroup = OpenCgroup(cgroup_path);
    if (!cgroup.ok()) return cgroup.status();
    return AttachedPrograms::Attach(*pins_, *object, *cgroup);
  }

  const ObjectFile rebuilt_{&sock__elf_bytes};
  const ObjectFile rejected_{&sock_rejected__elf_bytes};
  std::optional<PinDirectory> pins_;
  MapSet maps_;
};

TEST_F(ProgramsTest, EveryHookIsAttachedPinnedAndDescribed) {
  absl::StatusOr<AttachedPrograms> programs = Attach(cgroup_);
  ASSERT_TRUE(programs.ok()) << programs.status();
  std::vector<report::ProgramStatus> described = programs->Describe();
  ASSERT_THAT(described, SizeIs(9));
  EXPECT_EQ(described[0].name, "sock_connect4");
  EXPECT_EQ(described[0].hook, "cgroup/connect4");
  EXPECT_EQ(described[8].name, "sock_release");
  EXPECT_THAT(described, Each(AllOf(Field("attached", &report::ProgramStatus::attached, true),
                                    Field("attach_point", &report::ProgramStatus::attach_point, cgroup_),
                                    Field("tag", &report::ProgramStatus::tag, SizeIs(16)),
                                    Field("jited_bytes", &report::ProgramStatus::jited_bytes, testing::Gt(0u)))));
  for (const Hook& hook : kHooks) {
    for (const std::string& path : {pins_->LinkPath(hook.program), pins_->ProgramPath(hook.program)}) {
      struct stat pin{};
      ASSERT_EQ(stat(path.c_str(), &pin), 0) << path;
      EXPECT_EQ(pin.st_mode & 07777, 0600u) << path;
    }
  }
}

TEST_F(ProgramsTest, WithoutTheirAgentTheyStayAndCanBeRead) {
  EXPECT_EQ(AttachedPrograms::OpenPinned(*pins_, world_->cgroup()).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(Attach(cgroup_).ok());
  absl::StatusOr<AttachedPrograms> pinned = AttachedPrograms::OpenPinned(*pins_, world_->cgroup());
  ASSERT_TRUE(pinned.ok()) << pinned.status();
  EXPECT_THAT(pinned->Describe(), AllOf(SizeIs(9), Each(Field(&report::ProgramStatus::attached, true)),
                                        Each(Field(&report::ProgramStatus::attach_point, cgroup_))));
}

// What an operator has to see is which hook is missing, not that something is.
TEST_F(ProgramsTest, AReaderIsToldWhichHookHasLostItsProgram) {
  EXPECT_THAT(AttachedPrograms::FindPinned(*pins_, world_->cgroup()).Describe(), SizeIs(0));
  ASSERT_TRUE(Attach(cgroup_).ok());
  absl::StatusOr<posix::FileDescriptor> link = OpenPin(pins_->LinkPath("sock_connect4"), BpfKind::kLink);
  ASSERT_TRUE(link.ok()) << link.status();
  ASSERT_EQ(bpf_link_detach(link->get()), 0);
  ASSERT_EQ(unlink(pins_->LinkPath("sock_sendmsg6").c_str()), 0);
  const std::vector<report::ProgramStatus> described =
      AttachedPrograms::FindPinned(*pins_, world_->cgroup()).Describe();
  ASSERT_THAT(described, SizeIs(9));
  for (const report::ProgramStatus& program : described) {
    EXPECT_EQ(program.attached, program.name != "sock_connect4" && program.name != "sock_sendmsg6") << program.name;
  }
}

// Any of the 2^18 subsets of the pins of links and programs; SHUNT_SEED=n repeats one.
TEST_F(ProgramsTest, WhicheverPinsAreGoneTheNextStartAttachesWhatIsMissing) {
  for (const uint32_t seed : seeds::UpTo(24)) {
    SCOPED_TRACE(seeds::Trace(seed));
    ASSERT_TRUE(Attach(cgroup_).ok());
    std::mt19937 random(seed);
    for (const Hook& hook : kHooks) {
      for (const std::string& path : {pins_->LinkPath(hook.program), pins_->ProgramPath(hook.program)}) {
        if (random() % 2 == 0) {
          ASSERT_EQ(unlink(path.c_str()), 0) << path;
        }
      }
    }
    const absl::StatusOr<AttachedPrograms> healed = Attach(cgroup_);
    ASSERT_TRUE(healed.ok()) << healed.status();
    EXPECT_THAT(healed->Describe(), AllOf(SizeIs(9), Each(Field(&report::ProgramStatus::attached, true))));
    EXPECT_THAT(LinkedPrograms(*pins_), SizeIs(9)) << "one link a hook";
  }
}

TEST_F(ProgramsTest, AnUpgradeChangesTheProgramsOfTheSameLinks) {
  ASSERT_TRUE(Attach(cgroup_).ok());
  const std::vector<uint32_t> before = LinkedPrograms(*pins_);
  struct stat old_pin{}, new_pin{};
  ASSERT_EQ(stat(pins_->LinkPath("sock_connect4").c_str(), &old_pin), 0);
  absl::StatusOr<AttachedPrograms> upgraded = Attach(cgroup_, rebuilt_.path());
  ASSERT_TRUE(upgraded.ok()) << upgraded.status();
  EXPECT_THAT(LinkedPrograms(*pins_), SizeIs(9));
  for (size_t hook = 0; hook < before.size(); ++hook) EXPECT_NE(LinkedPrograms(*pins_)[hook], before[hook]);
  ASSERT_EQ(stat(pins_->LinkPath("sock_connect4").c_str(), &new_pin), 0);
  EXPECT_EQ(old_pin.st_ino, new_pin.st_ino) << "updated in place";
  EXPECT_THAT(upgraded->Describe(), Each(Field(&report::ProgramStatus::attached, true)));
}

TEST_F(ProgramsTest, UpgradesUnderLoadFailNoConnect) {
  constexpr int kUpgrades = 1000;
  absl::StatusOr<BpfObject> built_in = Load(), rebuilt = Load(rebuilt_.path());
  ASSERT_TRUE(built_in.ok() && rebuilt.ok()) << built_in.status() << rebuilt.status();
  absl::StatusOr<Cgroup> cgroup = OpenCgroup(cgroup_);
  ASSERT_TRUE(cgroup.ok()) << cgroup.status();
  ASSERT_TRUE(AttachedPrograms::Attach(*pins_, *built_in, *cgroup).ok());
  sandbox::EchoServer server;
  ASSERT_TRUE(server.Listen(world_->host(), 8080).ok());
  ASSERT_TRUE(sandbox::EnterCgroup(cgroup_).ok());
  std::atomic<bool> stop = false;
  std::atomic<int> connects = 0, failures = 0;
  std::thread load([&] {
    while (!stop) {
      sandbox::ClientSocket client(world_->host(), AF_INET, SOCK_STREAM);
      if (client.Connect(sandbox::At("10.0.0.1:8080")) != 0) ++failures;
      ++connects;
    }
  });
  for (int upgrade = 0; upgrade < kUpgrades; ++upgrade) {
    absl::StatusOr<AttachedPrograms> programs =
        AttachedPrograms::Attach(*pins_, upgrade % 2 == 0 ? *rebuilt : *built_in, *cgroup);
    EXPECT_TRUE(programs.ok()) << programs.status();
  }
  stop = true;
  load.join();
  EXPECT_TRUE(sandbox::EnterCgroup(world_->cgroup()).ok());
  EXPECT_GT(connects, 100);
  EXPECT_EQ(failures, 0);
}

TEST_F(ProgramsTest, ARejectedObjectChangesNothingAndTheVerifierIsQuoted) {
  ASSERT_TRUE(Attach(cgroup_).ok());
  const std::vector<uint32_t> before = LinkedPrograms(*pins_);
  absl::Status status = Attach(cgroup_, rejected_.path()).status();
  EXPECT_THAT(status.message(),
              AllOf(HasSubstr("sock_connect4"), HasSubstr("map_value_or_null"), Not(HasSubstr("BEGIN PROG LOAD LOG"))));
  EXPECT_EQ(LinkedPrograms(*pins_), before);
}

TEST_F(ProgramsTest, AnObjectThatIsNoneIsNamed) {
  EXPECT_THAT(Attach(cgroup_, "/proc/self/status").status().message(), HasSubstr("BPF object /proc/self/status"));
}

TEST_F(ProgramsTest, LinksFollowTheConfiguredCgroup) {
  absl::StatusOr<std::string> other = world_->NewCgroup();
  ASSERT_TRUE(other.ok()) << other.status();
  ASSERT_TRUE(Attach(cgroup_).ok());
  ASSERT_TRUE(Attach(*other).ok());
  absl::StatusOr<Cgroup> expected = OpenCgroup(*other);
  ASSERT_TRUE(expected.ok()) << expected.status();
  for (const Hook& hook : kHooks) {
    absl::StatusOr<posix::FileDescriptor> link = OpenPin(pins_->LinkPath(hook.program), BpfKind::kLink);
    ASSERT_TRUE(link.ok()) << link.status();
    EXPECT_EQ(DescribeLink(link->get(), hook.program)->cgroup.cgroup_id, expected->id) << hook.program;
  }
  EXPECT_THAT(pins_->LinkNames(), SizeIs(9)) << "no leftovers of the move";
}

TEST_F(ProgramsTest, LinksOfARemovedCgroupAreMadeAnew) {
  absl::StatusOr<std::string> gone = world_->NewCgroup();
  ASSERT_TRUE(gone.ok()) << gone.status();
  ASSERT_TRUE(Attach(*gone).ok());
  ASSERT_EQ(rmdir(gone->c_str()), 0);
  // The kernel detaches the links a little later.
  absl::Status in_force;
  for (int wait = 0; wait < 500 && in_force.ok(); ++wait) {
    usleep(10'000);
    in_force = AttachedPrograms::OpenPinned(*pins_, world_->cgroup()).status();
  }
  EXPECT_EQ(in_force.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(in_force.message(), HasSubstr("the cgroup that it was attached to is gone"));
  absl::StatusOr<AttachedPrograms> programs = Attach(cgroup_);
  ASSERT_TRUE(programs.ok()) << programs.status();
  EXPECT_THAT(programs->Describe(), Each(Field(&report::ProgramStatus::attached, true)));
}

TEST_F(ProgramsTest, AFirstAttachThatFailsLeavesNoLink) {
  // The last hook's pin is a map: what was attached before it is detached again.
  ASSERT_TRUE(ReplacePin(maps_.Fd("meta"), pins_->LinkPath("sock_connect4")).ok());
  absl::Status status = Attach(cgroup_).status();
  EXPECT_THAT(status.message(), HasSubstr("links/sock_connect4 is not a BPF link"));
  EXPECT_THAT(pins_->LinkNames(), ElementsAre("sock_connect4"));
}

TEST_F(ProgramsTest, ALinkOfAnotherHookIsNotUpdated) {
  ASSERT_TRUE(Attach(cgroup_).ok());
  absl::StatusOr<posix::FileDescriptor> link = OpenPin(pins_->LinkPath("sock_connect6"), BpfKind::kLink);
  ASSERT_TRUE(link.ok()) << link.status();
  ASSERT_TRUE(ReplacePin(link->get(), pins_->LinkPath("sock_connect4")).ok());
  EXPECT_THAT(Attach(cgroup_).status().message(), HasSubstr("is not a link of cgroup/connect4"));
}

}  // namespace
}  // namespace shunt::datapath
