// SPDX-License-Identifier: Apache-2.0
// The hooks while this build's programs are not, or cannot be, in force: detached, refused, on another cgroup.
#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "userspace/datapath/kernel/kernel_datapath.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/testing/datapath_fixture.h"

namespace shunt::datapath {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class HooksTest : public DatapathFixture {
 protected:
  void Detach(const std::string& program) const {
    const absl::StatusOr<posix::FileDescriptor> link = OpenPin(bpffs_ + "/shunt/links/" + program, BpfKind::kLink);
    ASSERT_TRUE(link.ok()) << link.status();
    ASSERT_EQ(bpf_link_detach(link->get()), 0);
  }
  // Looks after the hooks at once. Returns what it has put right.
  std::vector<std::string> Heal() {
    const model::ServicePlan plan = Web();
    const model::ServicePlan* const plans[] = {&plan};
    const absl::StatusOr<Drift> drift = datapath_->Audit(plans, {});
    EXPECT_TRUE(drift.ok()) << drift.status();
    return drift.ok() ? drift->hooks : std::vector<std::string>();
  }
};

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

}  // namespace
}  // namespace shunt::datapath
