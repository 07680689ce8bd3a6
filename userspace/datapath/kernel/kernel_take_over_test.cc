// SPDX-License-Identifier: Apache-2.0
// The datapath meets what agents of other builds have pinned, and is killed at every step of taking it over.
#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/sandbox/echo_server.h"
#include "userspace/datapath/kernel/attach/agent_lock.h"
#include "userspace/datapath/kernel/attach/cgroup_root.h"
#include "userspace/datapath/kernel/attach/cleanup.h"
#include "userspace/datapath/kernel/attach/host_config.h"
#include "userspace/datapath/kernel/attach/programs.h"
#include "userspace/datapath/kernel/kernel_datapath.h"
#include "userspace/datapath/kernel/maps/map_set.h"
#include "userspace/datapath/kernel/maps/open_plan.h"
#include "userspace/datapath/kernel/maps/previous_rows.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/object/bpf_object.h"
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
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class TakeOverTest : public DatapathFixture {
 protected:
  // This build's programs, as the datapath loads them, with `change` made to their configuration.
  static absl::StatusOr<BpfObject> Load(const MapSet& maps, const std::function<void(shunt_config&)>& change) {
    absl::StatusOr<BpfObject> object = BpfObject::OpenBuiltIn();
    if (!object.ok()) return object;
    shunt_config config{};
    absl::Status status = maps.GiveTo(*object, &config);
    status.Update(ConfigureForHost(&config));
    change(config);
    if (status.ok()) status.Update(LoadPrograms(*object, config));
    if (!status.ok()) return status;
    return object;
  }
};

// Another number of rows, up and down: what is served stays served.
TEST_F(TakeOverTest, OtherLimitsApplyAtTheNextStart) {
  ASSERT_NO_FATAL_FAILURE(StartServing());
  for (const uint32_t rows : {64u, 16u}) {
    datapath_.reset();
    KernelOptions options = Options();
    options.limits.pools = rows;
    ASSERT_NO_FATAL_FAILURE(Restart(options));
    EXPECT_TRUE(datapath_->programs_current());
    EXPECT_THAT(datapath_->problems(), IsEmpty());
    EXPECT_THAT(datapath_->notes(), ElementsAre(HasSubstr("which has all its rows")));
    EXPECT_EQ(Dial(), kPod);
    EXPECT_THAT(FillLevels(),
                Contains(AllOf(Field(&report::MapFill::name, "pools"), Field(&report::MapFill::capacity, rows))));
    EXPECT_THAT(Directories(),
                UnorderedElementsAre("links", "programs", "memory-v1-1", rows == 64 ? "plan-v1-2" : "plan-v1-1"))
        << "the plan before is gone";
  }
}

// What this build cannot read goes on serving until everything has been applied.
TEST_F(TakeOverTest, APlanOfAnotherVersionServesUntilTheTakeOver) {
  ASSERT_NO_FATAL_FAILURE(StartServing());
  datapath_.reset();
  BecomeVersion2();
  ASSERT_NO_FATAL_FAILURE(Restart(Options()));
  EXPECT_FALSE(datapath_->programs_current());
  EXPECT_THAT(datapath_->problems(),
              ElementsAre(AllOf(HasSubstr("the programs of"), HasSubstr("/shunt/plan-v2-1 serve"),
                                HasSubstr("once everything is applied"))));
  EXPECT_TRUE(datapath_->Serves());
  EXPECT_EQ(Dial(), kPod);
  Serve(*datapath_);
  EXPECT_EQ(Dial(), kPod);
  EXPECT_EQ(std::filesystem::read_symlink(bpffs_ + "/shunt/current"), "plan-v2-1");
  ASSERT_TRUE(datapath_->TakeOver().ok());
  EXPECT_TRUE(datapath_->programs_current());
  EXPECT_THAT(datapath_->problems(), IsEmpty());
  EXPECT_EQ(Dial(), kPod);
  EXPECT_EQ(std::filesystem::read_symlink(bpffs_ + "/shunt/current"), "plan-v1-1");
  EXPECT_THAT(Directories(), UnorderedElementsAre("links", "programs", "memory-v1-1", "plan-v1-1"));
  EXPECT_TRUE(datapath_->TakeOver().ok()) << "again";
}

// The one change that live sockets notice: after it they show their pod. They go on, and everything else is as with a
// plan of another version. It has no plan to be copied either, because a pool's word means nothing with other
// generations.
TEST_F(TakeOverTest, WithAMemoryOfAnotherVersionLiveSocketsGoOnUnderTheNamesOfTheirPods) {
  ASSERT_NO_FATAL_FAILURE(StartServing());
  const sandbox::ClientSocket live = Client(SOCK_STREAM);
  ASSERT_EQ(live.Connect(sandbox::At(kService)), 0);
  EXPECT_EQ(live.Receive().text, kPod);
  datapath_.reset();
  GetMemoryOfVersion2();

  ASSERT_NO_FATAL_FAILURE(Restart(Options()));
  EXPECT_FALSE(datapath_->programs_current());
  EXPECT_THAT(datapath_->notes(),
              Contains(AllOf(HasSubstr("memory-v2-1 cannot be used: its version is 2, this build's is 1"),
                             HasSubstr("show their pod's address"))));
  EXPECT_EQ(Dial(), kPod);
  EXPECT_EQ(peer_, kService);
  EXPECT_EQ(live.PeerName().from, sandbox::At(kService)) << "the programs in force remember it";

  Serve(*datapath_);
  ASSERT_TRUE(datapath_->TakeOver().ok());
  EXPECT_THAT(Directories(), UnorderedElementsAre("links", "programs", "memory-v1-1", "plan-v1-2"));
  EXPECT_EQ(Dial(), kPod);
  EXPECT_EQ(peer_, kService) << "what is dialled now is remembered";
  EXPECT_EQ(live.PeerName().from, sandbox::At(kPod));
  ASSERT_EQ(live.Send("still there?"), 0);
  EXPECT_EQ(live.Receive().text, "still there?");
  // Its row is gone with the maps that had it, so its end frees none.
  const auto has_rows = [](uint64_t used) {
    return Contains(AllOf(Field(&report::MapFill::name, "socket_state"), Field(&report::MapFill::used, used)));
  };
  EXPECT_THAT(FillLevels(), has_rows(0));
}

// The programs in force know only the rows of before, and so those have to show them the agent's own sockets.
TEST_F(TakeOverTest, BeforeATakeOverWithOtherRowsTheAgentsSocketsAreExemptFromTheOldPrograms) {
  sandbox::EchoServer at_the_service;
  ASSERT_TRUE(at_the_service.Listen(world_->host(), 80).ok());
  ASSERT_NO_FATAL_FAILURE(StartServing());
  datapath_.reset();
  BecomeVersion2();
  KernelOptions options = Options();
  options.limits.sockets = 128;
  ASSERT_NO_FATAL_FAILURE(Restart(options));
  EXPECT_FALSE(datapath_->programs_current());
  EXPECT_THAT(datapath_->notes(), ElementsAre(AllOf(HasSubstr("its version is 2, this build's is 1"),
                                                    HasSubstr("map socket_state with 64 rows instead of 128"))));
  EXPECT_EQ(Dial(), kPod);
  EXPECT_EQ(Dial(datapath_.get()), kService);
  Serve(*datapath_);
  ASSERT_TRUE(datapath_->TakeOver().ok());
  EXPECT_EQ(Dial(), kPod);
  EXPECT_EQ(Dial(datapath_.get()), kService);
}

// An agent of another build has attached a program that refuses every connect.
TEST_F(TakeOverTest, ALinkThatThisBuildDoesNotKnowIsDetachedAndNamed) {
  ASSERT_NO_FATAL_FAILURE(StartServing());
  datapath_.reset();
  const posix::FileDescriptor link = RefuseEverything();
  ASSERT_TRUE(ReplacePin(link.get(), bpffs_ + "/shunt/links/sock_of_a_later_build").ok());
  EXPECT_EQ(Dial(), "Operation not permitted");
  ASSERT_NO_FATAL_FAILURE(Restart(Options()));
  EXPECT_EQ(Dial(), kPod);
  EXPECT_THAT(datapath_->notes(), ElementsAre(HasSubstr("link sock_of_a_later_build of another build")));
  EXPECT_FALSE(std::filesystem::exists(bpffs_ + "/shunt/links/sock_of_a_later_build"));
}

// What cannot be detached may claim one.
TEST_F(TakeOverTest, PreviousRowsStayOpenUntilNoLinkOfAnotherBuildIsLeft) {
  ASSERT_NO_FATAL_FAILURE(StartServing());
  datapath_.reset();
  const std::string pin = bpffs_ + "/shunt/links/sock_of_a_later_build";
  ASSERT_EQ(mkdir(pin.c_str(), 0700), 0);
  ASSERT_EQ(mount("busy", pin.c_str(), "tmpfs", 0, nullptr), 0);
  KernelOptions options = Options();
  options.limits.sockets = 128;
  datapath_ = Open(options);
  ASSERT_EQ(umount(pin.c_str()), 0);
  const auto are_open = [this] {
    const absl::StatusOr<MapSet> maps = MapSet::OpenReadOnly(datapath_->pins());
    EXPECT_TRUE(maps.ok()) << maps.status();
    return maps.ok() && maps->HasPreviousRows() && PreviousRowsAreOpen(*maps).value();
  };
  ASSERT_NE(datapath_, nullptr);
  EXPECT_THAT(datapath_->notes(), Contains(HasSubstr("what is left of an earlier agent cannot be removed: ")));
  EXPECT_TRUE(are_open());
  EXPECT_EQ(Dial(), kPod);
  ASSERT_NO_FATAL_FAILURE(Restart(options));
  EXPECT_FALSE(are_open());
  EXPECT_EQ(Dial(), kPod);
}

// An agent has died between the two steps by which a hook's pin gets another link, and the next one cannot load its own
// programs: what is attached is all there is.
TEST_F(TakeOverTest, ALinkUnderItsSecondNameIsTheHooksUnlessThatHasOne) {
  ASSERT_NO_FATAL_FAILURE(StartServing());
  datapath_.reset();
  const std::string pin = bpffs_ + "/shunt/links/sock_connect4", next = pin + "_next";
  const Hook& hook = kHooks.back();
  const absl::StatusOr<posix::FileDescriptor> program =
      OpenPin(bpffs_ + "/shunt/programs/sock_connect4", BpfKind::kProgram);
  const absl::StatusOr<Cgroup> cgroup = OpenCgroup(cgroup_), below = OpenCgroup(NewInnerCgroup());
  ASSERT_TRUE(program.ok() && cgroup.ok() && below.ok());
  KernelOptions broken = Options();
  broken.object_path = "/nowhere.bpf.o";
  const auto expect_whole = [&](const char* what) {
    SCOPED_TRACE(what);
    ASSERT_NO_FATAL_FAILURE(Restart(broken));
    EXPECT_FALSE(std::filesystem::exists(next));
    EXPECT_THAT(Programs(), AllOf(SizeIs(9), Each(Field(&report::ProgramStatus::attached, true))));
    EXPECT_EQ(Dial(), kPod);
    datapath_.reset();
  };

  ASSERT_EQ(rename(pin.c_str(), next.c_str()), 0);
  expect_whole("the hook has no link");

  ASSERT_EQ(rename(pin.c_str(), next.c_str()), 0);
  absl::StatusOr<posix::FileDescriptor> link = CreateLink(hook, program->get(), *cgroup);
  ASSERT_TRUE(link.ok() && bpf_obj_pin(link->get(), pin.c_str()) == 0);
  ASSERT_EQ(bpf_link_detach(link->get()), 0);
  expect_whole("the hook's link was detached");

  link = CreateLink(hook, program->get(), *below);
  ASSERT_TRUE(link.ok() && bpf_obj_pin(link->get(), next.c_str()) == 0);
  expect_whole("the hook has a link, and was about to move");
  EXPECT_EQ(DescribeLink(link->get(), next)->cgroup.cgroup_id, 0u) << "it no longer runs";
}

// Links and maps in one directory a version, as they were once pinned.
TEST_F(TakeOverTest, AnEarlierLayoutIsReplacedWhenEverythingIsApplied) {
  ASSERT_NO_FATAL_FAILURE(StartServing());
  datapath_.reset();
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
  ASSERT_NO_FATAL_FAILURE(Restart(Options()));
  EXPECT_FALSE(datapath_->programs_current());
  EXPECT_THAT(datapath_->problems(), ElementsAre(HasSubstr(earlier)));
  EXPECT_EQ(Dial(), kPod);
  Serve(*datapath_);
  ASSERT_TRUE(datapath_->TakeOver().ok());
  EXPECT_EQ(Dial(), kPod);
  EXPECT_FALSE(std::filesystem::exists(earlier));
  EXPECT_THAT(datapath_->notes(), Contains(HasSubstr("the programs of an earlier layout")));
  EXPECT_THAT(Programs(), AllOf(SizeIs(9), Each(Field(&report::ProgramStatus::attached, true))));
}

// Programs on a cgroup and on one above it both run for one call, the lower ones first.
class RunTwiceTest : public TakeOverTest {
 protected:
  // Loads the programs with this setting and puts them at both cgroups. Those of the inner one stay until the
  // descriptors are closed.
  void RunInBoth(const KernelDatapath& datapath, const std::string& inner, bool runs_twice,
                 std::vector<posix::FileDescriptor>* links) {
    const absl::StatusOr<MapSet> maps = MapSet::OpenReadOnly(datapath.pins());
    ASSERT_TRUE(maps.ok()) << maps.status();
    const absl::StatusOr<BpfObject> object =
        Load(*maps, [&](shunt_config& config) { config.runs_twice = runs_twice ? 1 : 0; });
    ASSERT_TRUE(object.ok()) << object.status();
    const absl::StatusOr<PinDirectory> pins = PinDirectory::Open(bpffs_);
    ASSERT_TRUE(pins.ok()) << pins.status();
    ASSERT_TRUE(AttachedPrograms::ReplaceInPlace(*pins, *object, [] { return absl::OkStatus(); }).ok());
    const absl::StatusOr<Cgroup> below = OpenCgroup(inner);
    ASSERT_TRUE(below.ok()) << below.status();
    for (const Hook& hook : kHooks) {
      absl::StatusOr<posix::FileDescriptor> link = CreateLink(hook, object->ProgramFd(hook.program), *below);
      ASSERT_TRUE(link.ok()) << link.status();
      links->push_back(*std::move(link));
    }
  }
};

TEST_F(RunTwiceTest, WhileTheyMoveASecondRunForgetsNothing) {
  const std::string inner = dial_from_ = NewInnerCgroup();
  ASSERT_NO_FATAL_FAILURE(StartServing());
  for (const bool runs_twice : {false, true}) {
    std::vector<posix::FileDescriptor> links;
    ASSERT_NO_FATAL_FAILURE(RunInBoth(*datapath_, inner, runs_twice, &links));
    EXPECT_EQ(Dial(), kPod);
    EXPECT_EQ(peer_, runs_twice ? kService : kPod);
  }
}

TEST_F(RunTwiceTest, WhileTheyMoveASecondRunOfASendIsNotTranslatedAgain) {
  ASSERT_NO_FATAL_FAILURE(StartPod());
  const std::string inner = NewInnerCgroup();
  ASSERT_NO_FATAL_FAILURE(Restart(Options()));
  const auto datagrams = [](const char* name, const char* cluster_ip) {
    return sandbox::ServiceStory(name).ClusterIp(cluster_ip).Port(8080, model::Protocol::kUdp, 8080);
  };
  const model::ServicePlan outer = datagrams("outer", "10.96.0.2").Endpoints({"10.244.0.7"}).Plan();
  const model::ServicePlan front =
      datagrams("front", "10.96.0.3").LoadBalancerIp("10.244.0.7").Endpoints({"10.244.0.8"}).Plan();
  const model::ServicePlan* plans[] = {&outer, &front};
  ASSERT_THAT(datapath_->Apply(plans, ApplyScope::kAll), IsEmpty());
  std::vector<posix::FileDescriptor> links;
  ASSERT_NO_FATAL_FAILURE(RunInBoth(*datapath_, inner, /*runs_twice=*/true, &links));
  ASSERT_TRUE(sandbox::EnterCgroup(inner).ok());
  {
    const sandbox::ClientSocket client(world_->host(), AF_INET, SOCK_DGRAM);
    for (const char* way : {"the first", "a further"}) {
      EXPECT_EQ(client.SendTo(sandbox::At("10.96.0.2:8080"), way), 0);
      const sandbox::Received answer = client.Receive();
      EXPECT_EQ(answer.text, absl::StrCat("10.244.0.7:8080 ", way));
      EXPECT_EQ(answer.from, sandbox::At("10.96.0.2:8080"));
    }
  }
  ASSERT_TRUE(sandbox::EnterCgroup(world_->cgroup()).ok());
}

// Two Services at 10.96.0.1:53 and 10.96.0.2:53.
class RowsTest : public TakeOverTest {
 protected:
  void SetUp() override {
    TakeOverTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_TRUE(pods_.Listen(world_->host(), 8080).ok());
    std::unique_ptr<KernelDatapath> datapath = Open(Options());
    ASSERT_NE(datapath, nullptr);
    for (const auto& [address, pod] : {std::pair("10.96.0.1", "10.244.0.7"), std::pair("10.96.0.2", "10.244.0.8")}) {
      const model::ServicePlan plan = sandbox::ServiceStory(address)
                                          .ClusterIp(address)
                                          .Port(53, model::Protocol::kUdp, 8080)
                                          .Endpoints({pod})
                                          .Plan();
      const model::ServicePlan* const plans[] = {&plan};
      EXPECT_THAT(datapath->Apply(plans, ApplyScope::kChanged), IsEmpty());
    }
  }

  // Puts `after` in force at this many hooks and `before` at the others, in the order in which hooks are replaced.
  void Mix(const BpfObject& before, const BpfObject& after, size_t replaced) {
    const absl::StatusOr<PinDirectory> pins = PinDirectory::Open(bpffs_);
    ASSERT_TRUE(pins.ok()) << pins.status();
    for (size_t i = 0; i < kHooks.size(); ++i) {
      const absl::StatusOr<posix::FileDescriptor> link = OpenPin(pins->LinkPath(kHooks[i].program), BpfKind::kLink);
      ASSERT_TRUE(link.ok()) << link.status();
      const int program = (i < replaced ? after : before).ProgramFd(kHooks[i].program);
      ASSERT_EQ(bpf_link_update(link->get(), program, nullptr), 0) << kHooks[i].program;
    }
  }
  // Sends to one Service, connects to the other, and sends to the first again. Returns how many names are wrong.
  int WrongNames(const sandbox::ClientSocket& socket) const {
    EXPECT_EQ(socket.SendTo(first_, "x"), 0);
    int wrong = socket.Receive().from != first_;
    EXPECT_EQ(socket.Connect(second_), 0);
    wrong += socket.PeerName().from != second_;
    EXPECT_EQ(socket.Send("x"), 0);
    wrong += socket.Receive().from != second_;
    EXPECT_EQ(socket.Disconnect(), 0);
    EXPECT_EQ(socket.SendTo(first_, "x"), 0);
    return wrong + (socket.Receive().from != first_);
  }
  // The same of two new sockets, of which one has connected before.
  int WrongNamesOfNew() {
    const sandbox::ClientSocket connects = Client(SOCK_DGRAM), sends = Client(SOCK_DGRAM);
    EXPECT_EQ(connects.Connect(second_), 0);
    EXPECT_EQ(connects.Disconnect(), 0);
    return WrongNames(connects) + WrongNames(sends);
  }

  const model::SocketAddress first_ = sandbox::At("10.96.0.1:53"), second_ = sandbox::At("10.96.0.2:53");
  sandbox::EchoServer pods_;
};

// The hooks are replaced one by one. Whichever have been, a socket has one state, and they all find it.
TEST_F(RowsTest, WhileTheirNumberChangesEveryMixOfProgramsFindsThem) {
  const absl::StatusOr<PinDirectory> pins = PinDirectory::Open(bpffs_);
  ASSERT_TRUE(pins.ok()) << pins.status();
  const absl::StatusOr<MapSet> old_maps = MapSet::OpenReadOnly((*pins->Current()).value());
  ASSERT_TRUE(old_maps.ok()) << old_maps.status();
  Limits limits = TinyLimits();
  limits.sockets = 128;
  std::vector<std::string> notes;
  const absl::StatusOr<OpenedPlan> plan = OpenPlan(*pins, limits, PlanSizes::kConfigured, &notes);
  ASSERT_TRUE(plan.ok()) << plan.status();
  const auto as_it_is = [](shunt_config&) {};
  const absl::StatusOr<BpfObject> before = Load(*old_maps, as_it_is), after = Load(plan->maps, as_it_is),
                                  between = Load(plan->maps, [](auto& config) { config.claims_previous = 1; });
  ASSERT_TRUE(before.ok() && between.ok() && after.ok()) << before.status() << between.status() << after.status();

  int wrong = 0;
  const sandbox::ClientSocket live = Client(SOCK_DGRAM);
  EXPECT_EQ(WrongNames(live), 0);
  for (const auto& [from, to] : {std::pair(&*before, &*between), std::pair(&*between, &*after)}) {
    for (size_t replaced = 0; replaced <= kHooks.size(); ++replaced) {
      Mix(*from, *to, replaced);
      EXPECT_EQ(WrongNamesOfNew(), 0) << replaced << " hooks are replaced";
      EXPECT_EQ(WrongNames(live), 0) << replaced << " hooks are replaced";
    }
  }
  for (size_t replaced = 0; replaced <= kHooks.size(); ++replaced) {
    Mix(*before, *after, replaced);
    wrong += WrongNamesOfNew();
  }
  EXPECT_GT(wrong, 0) << "programs that know one kind of rows each make two states of a socket: this test sees that";
}

// The agent dies after every step of a start; the next one always gets through, and what was served stays served.
class KilledTest : public TakeOverTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(KilledTest, AfterAnyStepItIsMendedByTheNext) {
  const std::string before = GetParam();
  const bool moves = absl::StrContains(before, "the cgroup below");
  ASSERT_NO_FATAL_FAILURE(StartPod());
  if (moves) dial_from_ = NewInnerCgroup();
  bool finished = false;
  for (int step = 1; !finished; ++step) {
    SCOPED_TRACE(absl::StrCat("killed after step ", step));
    KernelOptions options = Options();
    if (moves) options.cgroup = dial_from_;
    const sandbox::ClientSocket live = Client(SOCK_STREAM);
    if (before != "nothing") {
      std::unique_ptr<KernelDatapath> datapath = Open(options);
      ASSERT_NE(datapath, nullptr);
      Serve(*datapath);
      ASSERT_EQ(live.Connect(sandbox::At(kService)), 0);
      datapath.reset();
      if (before == "another version") BecomeVersion2();
      if (before == "other sizes") options.limits.slots = 128;
      if (absl::StrContains(before, "other rows")) options.limits.sockets = 128;
      if (before == "a packet path") options.limits.flows = 1024;
      if (moves) options.cgroup = cgroup_;
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
      EXPECT_EQ(peer_, kService);
      EXPECT_EQ(live.PeerName().from, sandbox::At(kService));
    }
    for (const bool with_old_sizes : {true, false}) {
      std::unique_ptr<KernelDatapath> datapath = Open(with_old_sizes ? Options() : options);
      ASSERT_NE(datapath, nullptr);
      if (before != "nothing") {
        EXPECT_EQ(Dial(), kPod) << "before anything is applied";
        EXPECT_EQ(live.PeerName().from, sandbox::At(kService));
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

INSTANTIATE_TEST_SUITE_P(Over, KilledTest,
                         ::testing::Values("nothing", "the same", "other sizes", "other rows", "a packet path",
                                           "another version", "the cgroup below", "the cgroup below and other rows"),
                         [](const auto& param) {
                           std::string name = param.param;
                           std::erase(name, ' ');
                           return name;
                         });

}  // namespace
}  // namespace shunt::datapath
