// SPDX-License-Identifier: Apache-2.0
// Programs that an agent which is gone has left beside those of the one that serves.
#include "userspace/datapath/kernel/attach/leftovers.h"

#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sys/mount.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/kernel/attach/cleanup.h"
#include "userspace/datapath/kernel/attach/host_check.h"
#include "userspace/datapath/kernel/attach/pin_search.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/testing/capabilities.h"
#include "userspace/datapath/kernel/testing/datapath_fixture.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kNewPod[] = "10.244.0.8:8080";

class LeftoversTest : public DatapathFixture {
 protected:
  void SetUp() override {
    DatapathFixture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    absl::StatusOr<std::string> other = world_->NewBpffs();
    ASSERT_TRUE(other.ok()) << other.status();
    other_bpffs_ = *other;
  }
  void TearDown() override {
    Uncover();
    if (!other_bpffs_.empty()) sandbox::RemovePins(other_bpffs_);
    DatapathFixture::TearDown();
  }

  // An agent with other pins has served kPod on `cgroup`, and is gone. The next one starts on the test's own.
  void LeaveProgramsOn(const std::string& cgroup) {
    ASSERT_NO_FATAL_FAILURE(StartPod());
    KernelOptions options = Options();
    options.bpffs = other_bpffs_;
    options.cgroup = cgroup;
    ASSERT_NO_FATAL_FAILURE(Restart(options));
    Serve(*datapath_);
    datapath_.reset();
  }
  // Mounts another BPF file system over the pins of the agent that is gone.
  void Cover() {
    is_covered_ = mount("bpf", other_bpffs_.c_str(), "bpf", 0, "mode=0700") == 0;
    ASSERT_TRUE(is_covered_);
  }
  void Uncover() {
    if (std::exchange(is_covered_, false)) {
      EXPECT_EQ(umount(other_bpffs_.c_str()), 0);
    }
  }
  // The pod of the Service has been replaced.
  void ServeNewPod() {
    const model::ServicePlan plan = NewWeb();
    const model::ServicePlan* plans[] = {&plan};
    EXPECT_THAT(datapath_->Apply(plans, ApplyScope::kAll), IsEmpty());
  }
  void LookAgain() {
    const model::ServicePlan plan = NewWeb();
    const model::ServicePlan* const plans[] = {&plan};
    EXPECT_TRUE(datapath_->Audit(plans, {}).ok());
  }
  // Loads a program for connect4 that has the name of ours, uses the maps, and lets every call pass.
  static posix::FileDescriptor LoadPasser(const std::vector<int>& maps) {
    std::vector<bpf_insn> code;
    for (const int map : maps) {
      code.push_back({BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map});
      code.push_back({});
    }
    code.push_back({BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1});
    code.push_back({BPF_JMP | BPF_EXIT, 0, 0, 0, 0});
    LIBBPF_OPTS(bpf_prog_load_opts, load, .expected_attach_type = BPF_CGROUP_INET4_CONNECT);
    return posix::FileDescriptor(
        bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "sock_connect4", "GPL", code.data(), code.size(), &load));
  }
  Finding OtherPrograms() const {
    for (const Finding& finding : CheckHost({.bpffs = bpffs_, .cgroup = cgroup_})) {
      if (finding.what == "other programs") return finding;
    }
    return {};
  }

  std::string other_bpffs_;

 private:
  static model::ServicePlan NewWeb() {
    return sandbox::ServiceStory("web")
        .ClusterIp("10.96.0.1")
        .Port(80, model::Protocol::kTcp, 8080)
        .Endpoints({"10.244.0.8"})
        .Plan();
  }

  bool is_covered_ = false;
};

const std::vector<int> kAgentsCapabilities = {CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON};

TEST_F(LeftoversTest, ProgramsOfAnotherPinDirectoryServeUntilThisAgentDoes) {
  ASSERT_NO_FATAL_FAILURE(LeaveProgramsOn(cgroup_));
  WithCapabilities(kAgentsCapabilities, [&] {
    ASSERT_NO_FATAL_FAILURE(Restart(Options()));
    std::vector<std::string> heard, problems;
    datapath_->ListenForOthers([&](const std::vector<std::string>& notes, const std::string& problem) {
      heard.insert(heard.end(), notes.begin(), notes.end());
      problems.push_back(problem);
    });
    LookAgain();
    EXPECT_THAT(datapath_->problems(),
                ElementsAre(AllOf(StartsWith(absl::StrCat("programs of an agent that is gone are attached to cgroup ",
                                                          cgroup_, ", and translate by what it knew last: ")),
                                  HasSubstr("sock_connect4 (program "), HasSubstr(": this agent detaches them once"))));
    EXPECT_EQ(datapath_->named_problems().front().where, "leftovers");
    EXPECT_THAT(problems, ElementsAre(datapath_->problems().front()));
    LookAgain();
    EXPECT_TRUE(std::filesystem::exists(other_bpffs_ + "/shunt")) << "nothing else serves yet";
    ServeNewPod();
    LookAgain();
    EXPECT_THAT(datapath_->problems(), IsEmpty());
    EXPECT_THAT(heard, ElementsAre(AllOf(HasSubstr("are detached: sock_connect4 (program "),
                                         HasSubstr(absl::StrCat("pinned in ", other_bpffs_, "/shunt is removed")))));
  });
  EXPECT_EQ(Dial(), kNewPod);
  EXPECT_FALSE(std::filesystem::exists(other_bpffs_ + "/shunt"));
  EXPECT_EQ(OtherPrograms().verdict, Verdict::kOk) << OtherPrograms().detail;
}

TEST_F(LeftoversTest, WhatIsCoveredByAMountIsNamedOrDetachedByItsId) {
  ASSERT_NO_FATAL_FAILURE(LeaveProgramsOn(cgroup_));
  ASSERT_NO_FATAL_FAILURE(Cover());
  const auto is_named = AllOf(HasSubstr(absl::StrCat("an agent that is gone are attached to cgroup ", cgroup_)),
                              HasSubstr("sock_connect4 (program "), HasSubstr("run `for link in "),
                              HasSubstr("; do bpftool link detach id $link; done`"));
  WithCapabilities(kAgentsCapabilities, [&] {
    std::vector<std::string> notes;
    EXPECT_THAT(std::string(CleanUpCgroup(bpffs_, cgroup_, &notes).message()), is_named);
    EXPECT_THAT(notes, IsEmpty());
    ASSERT_NO_FATAL_FAILURE(Restart(Options()));
    ServeNewPod();
    LookAgain();
    EXPECT_THAT(datapath_->problems(), ElementsAre(is_named));
  });
  EXPECT_EQ(Dial(), kPod);
  EXPECT_EQ(OtherPrograms().verdict, Verdict::kWarning);
  EXPECT_THAT(OtherPrograms().detail, is_named);

  LookAgain();  // with CAP_SYS_ADMIN
  EXPECT_THAT(datapath_->problems(), IsEmpty());
  EXPECT_THAT(datapath_->notes(), Contains(HasSubstr("are detached: sock_connect4 (program ")));
  EXPECT_EQ(Dial(), kNewPod);
}

// The agent needs no other capability than its usual ones once their pins can be seen.
TEST_F(LeftoversTest, WhatIsUncoveredIsDetached) {
  ASSERT_NO_FATAL_FAILURE(LeaveProgramsOn(cgroup_));
  ASSERT_NO_FATAL_FAILURE(Cover());
  const Cgroup cgroup = *OpenCgroup(cgroup_);
  const PinDirectory pins = PinDirectory::Unchecked(bpffs_);
  WithCapabilities(kAgentsCapabilities, [&] {
    EXPECT_THAT(Leftovers().Look(pins, cgroup, {}, Leftovers::Then::kDetach).here, HasSubstr("bpftool link detach"));
  });
  Uncover();
  WithCapabilities(kAgentsCapabilities, [&] {
    const Leftovers::Found found = Leftovers().Look(pins, cgroup, {}, Leftovers::Then::kDetach);
    EXPECT_EQ(found.Problem(), "");
    EXPECT_THAT(found.notes, ElementsAre(HasSubstr("are detached: ")));
  });
}

TEST_F(LeftoversTest, CleanupDetachesThem) {
  ASSERT_NO_FATAL_FAILURE(LeaveProgramsOn(cgroup_));
  ASSERT_NO_FATAL_FAILURE(Cover());
  std::vector<std::string> removed, notes;
  ASSERT_TRUE(Cleanup(bpffs_, &removed).ok());
  EXPECT_EQ(Dial(), kPod);
  EXPECT_TRUE(CleanUpCgroup(bpffs_, cgroup_, &notes).ok());
  EXPECT_THAT(notes, ElementsAre(HasSubstr("are detached: ")));
  EXPECT_NE(Dial(), kPod);
}

TEST_F(LeftoversTest, CleanupLeavesThoseOfARunningAgent) {
  ASSERT_NO_FATAL_FAILURE(StartServing());
  std::vector<std::string> removed, notes;
  ASSERT_TRUE(Cleanup(other_bpffs_, &removed).ok());
  EXPECT_TRUE(CleanUpCgroup(other_bpffs_, cgroup_, &notes).ok());
  EXPECT_THAT(notes, ElementsAre(HasSubstr("is served by another agent, pid ")));
  EXPECT_EQ(Dial(), kPod);
}

// Those may be of a cluster within this node, whose agent is just being replaced: they are named, and stay.
TEST_F(LeftoversTest, ThoseOfCgroupsAboveAndBelowAreNamed) {
  for (const bool below : {true, false}) {
    SCOPED_TRACE(below);
    KernelOptions options = Options();
    const std::string inner = below ? NewInnerCgroup() : cgroup_ + "/inner";
    ASSERT_NO_FATAL_FAILURE(LeaveProgramsOn(below ? inner : cgroup_));
    options.cgroup = below ? cgroup_ : inner;
    dial_from_ = inner;
    ASSERT_NO_FATAL_FAILURE(Restart(options));
    ServeNewPod();
    LookAgain();
    EXPECT_THAT(datapath_->problems(),
                ElementsAre(AllOf(HasSubstr(below ? absl::StrCat(inner, ", below ", cgroup_, ",")
                                                  : absl::StrCat(cgroup_, ", above ", inner, ",")),
                                  HasSubstr(absl::StrCat("unless it is about to return: `shuntd cleanup --bpffs ",
                                                         other_bpffs_, "` removes them")))));
    EXPECT_EQ(Dial(), below ? kPod : kNewPod) << "the lower one runs first";
    std::vector<std::string> removed;
    datapath_.reset();
    ASSERT_TRUE(Cleanup(bpffs_, &removed).ok());
    ASSERT_TRUE(Cleanup(other_bpffs_, &removed).ok());
  }
}

// One pin directory may hold programs on two cgroups: an agent that moved them has been interrupted, or they were
// pinned by hand.
TEST_F(LeftoversTest, WhatIsPinnedBesideThemForAnotherCgroupStays) {
  ASSERT_NO_FATAL_FAILURE(LeaveProgramsOn(cgroup_));
  const std::string below = other_bpffs_ + "/shunt/links/below";
  const Cgroup inner = *OpenCgroup(NewInnerCgroup());
  {
    const posix::FileDescriptor program = *OpenPin(other_bpffs_ + "/shunt/programs/sock_connect4", BpfKind::kProgram);
    const posix::FileDescriptor link(bpf_link_create(program.get(), inner.fd.get(), BPF_CGROUP_INET4_CONNECT, nullptr));
    ASSERT_TRUE(link.ok());
    ASSERT_EQ(bpf_obj_pin(link.get(), below.c_str()), 0);
  }
  ASSERT_NO_FATAL_FAILURE(Restart(Options()));
  ServeNewPod();
  LookAgain();
  EXPECT_THAT(datapath_->notes(),
              Contains(AllOf(HasSubstr("are detached: sock_connect4 (program "),
                             HasSubstr(absl::StrCat("; what else is pinned in ", other_bpffs_, "/shunt stays")))));
  EXPECT_EQ(Dial(), kNewPod);
  const absl::StatusOr<posix::FileDescriptor> link = OpenPin(below, BpfKind::kLink);
  ASSERT_TRUE(link.ok()) << link.status();
  EXPECT_EQ(DescribeLink(link->get(), below)->cgroup.cgroup_id, inner.id);
  EXPECT_THAT(datapath_->problems(), ElementsAre(HasSubstr(absl::StrCat(inner.path, ", below ", cgroup_, ","))));
  EXPECT_EQ(PinnedLinks(PinDirectory::Unchecked(other_bpffs_)).size(), 1u);
}

// A hook takes 64 programs: this agent's cannot be attached again, and the older one is all that serves.
TEST_F(LeftoversTest, TheyServeWhileAHookCannotGetItsProgramBack) {
  ASSERT_NO_FATAL_FAILURE(LeaveProgramsOn(cgroup_));
  ASSERT_NO_FATAL_FAILURE(Restart(Options()));
  DetachPinnedLink(bpffs_ + "/shunt/links/sock_connect4");
  const posix::FileDescriptor program = LoadPasser({});
  const Cgroup cgroup = *OpenCgroup(cgroup_);
  std::vector<posix::FileDescriptor> others;
  for (int i = 0; i < 63; ++i) {
    others.emplace_back(bpf_link_create(program.get(), cgroup.fd.get(), BPF_CGROUP_INET4_CONNECT, nullptr));
    ASSERT_TRUE(others.back().ok());
  }
  ServeNewPod();
  LookAgain();
  EXPECT_THAT(datapath_->problems(),
              ElementsAre(HasSubstr("attach sock_connect4 to "), HasSubstr(": this agent detaches them once its own")));
  EXPECT_EQ(Dial(), kPod);
  others.clear();
  LookAgain();
  EXPECT_THAT(datapath_->problems(), IsEmpty());
  EXPECT_EQ(Dial(), kNewPod);
}

TEST_F(LeftoversTest, ProgramsOfAnotherVendorAreNone) {
  ASSERT_NO_FATAL_FAILURE(StartServing());
  const Cgroup cgroup = *OpenCgroup(cgroup_);
  const posix::FileDescriptor data(bpf_map_create(BPF_MAP_TYPE_ARRAY, "sock.rodata", 4, 16, 1, nullptr));
  const posix::FileDescriptor hash(bpf_map_create(BPF_MAP_TYPE_HASH, "socket_state", 8, 64, 8, nullptr));
  const posix::FileDescriptor narrow(bpf_map_create(BPF_MAP_TYPE_ARRAY, "socket_state", 4, 16, 8, nullptr));
  ASSERT_TRUE(data.ok() && hash.ok() && narrow.ok());
  const std::vector<std::vector<int>> all_maps = {{}, {data.get(), hash.get()}, {data.get(), narrow.get()}};
  for (const std::vector<int>& maps : all_maps) {
    const posix::FileDescriptor program = LoadPasser(maps);
    ASSERT_TRUE(program.ok());
    const posix::FileDescriptor link(
        bpf_link_create(program.get(), cgroup.fd.get(), BPF_CGROUP_INET4_CONNECT, nullptr));
    ASSERT_TRUE(link.ok());
    LookAgain();
    EXPECT_THAT(datapath_->problems(), IsEmpty());
    EXPECT_THAT(datapath_->notes(), Not(Contains(HasSubstr("detached"))));
  }
}
}  // namespace
}  // namespace shunt::datapath
