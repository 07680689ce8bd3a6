// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/kernel_test.h"

#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/kernel/leftovers.h"
#include "tests/sandbox/cgroup.h"
#include "userspace/datapath/kernel/attach/cleanup.h"
#include "userspace/datapath/kernel/kernel_datapath.h"

namespace shunt::kernel_test {
namespace {

// The smallest number of rows that the datapath makes, so that a fixture can take them all.
constexpr uint32_t kFewRows = 64;

constexpr std::chrono::seconds kReleasePatience{10};

// Ends the world and checks what is left of it.
class EndOfSuite : public ::testing::Environment {
  void TearDown() override {
    World::Destroy();
    EXPECT_THAT(Leftovers(getpid(), CgroupsUsed()), ::testing::IsEmpty());
  }
};
const ::testing::Environment* const end_of_suite = ::testing::AddGlobalTestEnvironment(new EndOfSuite);

ServiceStory TwoPorts(const char* name, const char* v4, const char* v6) {
  return ServiceStory(name).ClusterIp(v4).ClusterIp(v6).Port(80, kTcp, 8080).Port(53, kUdp, 8081);
}

}  // namespace

const Dialling kDiallings[3] = {
    {"V4", AF_INET, "10.96.0.10", "10.244.1.1", "10.96.0.20", "10.244.2.1", "10.96.0.30"},
    {"V6", AF_INET6, "fd00:96::10", "fd00:244:1::1", "fd00:96::20", "fd00:244:2::1", "fd00:96::30"},
    {"V4Mapped", AF_INET6, "10.96.0.10", "10.244.1.1", "10.96.0.20", "10.244.2.1", "10.96.0.30"},
};

ServiceStory Web() {
  return TwoPorts("web", "10.96.0.10", "fd00:96::10").Endpoints({"10.244.1.1", "fd00:244:1::1"});
}
ServiceStory Api() {
  return TwoPorts("api", "10.96.0.20", "fd00:96::20").Endpoints({"10.244.2.1", "fd00:244:2::1"});
}
ServiceStory Empty() {
  return TwoPorts("empty", "10.96.0.30", "fd00:96::30");
}

std::string NameOf(const SocketAddress& address) {
  return address.address.ToStringWithPort(address.port);
}

std::string MemoryName(const ::testing::TestParamInfo<SocketMemory>& param) {
  return param.param == SocketMemory::kRow ? "Row" : "Storage";
}

std::string DiallingName(const ::testing::TestParamInfo<std::tuple<SocketMemory, Dialling>>& param) {
  return absl::StrCat(std::get<1>(param.param).name,
                      std::get<0>(param.param) == SocketMemory::kRow ? "Row" : "Storage");
}

KernelTest::KernelTest() = default;
KernelTest::~KernelTest() = default;

datapath::Datapath& KernelTest::datapath() {
  return *datapath_;
}

datapath::MapReader KernelTest::maps() const {
  return datapath::MapReader(datapath_->tables());
}

datapath::KernelOptions KernelTest::Options() const {
  datapath::KernelOptions options;
  options.bpffs = bpffs_;
  options.cgroup = cgroup_;
  options.limits = {.frontends = 8192,
                    .service_ports = 4096,
                    .pools = 4096,
                    .slots = 32'768,
                    .backends = 8192,
                    .sockets = memory() == SocketMemory::kRow ? 4096 : kFewRows,
                    .socket_peers = 32'768,
                    .affinities = 1024};
  return options;
}

void KernelTest::SetUp() {
  if (World::Get() == nullptr) GTEST_SKIP() << World::WhyNot();
  auto cgroup = world().sandbox().NewCgroup();
  ASSERT_TRUE(cgroup.ok()) << cgroup.status();
  cgroup_ = *cgroup;
  CgroupsUsed().insert(sandbox::CgroupId(cgroup_));
  auto bpffs = world().sandbox().NewBpffs();
  ASSERT_TRUE(bpffs.ok()) << bpffs.status();
  bpffs_ = *bpffs;
  auto opened = datapath::KernelDatapath::Open(Options());
  ASSERT_TRUE(opened.ok()) << opened.status();
  datapath_ = std::move(*opened);
  ASSERT_TRUE(datapath_->programs_current()) << ::testing::PrintToString(datapath_->problems());
  ASSERT_TRUE(sandbox::EnterCgroup(cgroup_).ok());
  if (memory() == SocketMemory::kStorage) TakeAllRows();
}

void KernelTest::TearDown() {
  if (datapath_ != nullptr) {
    row_holders_.clear();
    // A process that looks at /proc/PID/fd holds a file meanwhile, and a socket is released by its file's last holder.
    const auto end = std::chrono::steady_clock::now() + kReleasePatience;
    while (RowsOf("socket_state") + RowsOf("socket_peers") != 0 && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_THAT(Sockets(), ::testing::IsEmpty()) << "closed sockets hold rows";
    EXPECT_EQ(RowsOf("socket_peers"), 0u) << "closed sockets hold rows";
  }
  datapath_.reset();
  if (cgroup_.empty()) return;
  EXPECT_TRUE(sandbox::EnterCgroup(world().sandbox().cgroup()).ok());
  std::vector<std::string> removed;
  const absl::Status cleaned = datapath::Cleanup(bpffs_, &removed);
  EXPECT_TRUE(cleaned.ok()) << cleaned;
  sandbox::RemovePins(bpffs_);
  const absl::Status gone = sandbox::RemoveCgroup(cgroup_);
  EXPECT_TRUE(gone.ok()) << gone;
}

// A holder is a socket with a translation. The kernel gives out cookies in sequence, in batches per CPU, so a few more
// sockets than rows take all rows.
void KernelTest::TakeAllRows() {
  Apply({ServiceStory("holder").ClusterIp("10.97.0.1").Port(9, kUdp).Endpoints({"10.244.255.1"})});
  for (int i = 0; i < 16'384 && row_holders_.size() < kFewRows; ++i) {
    ClientSocket holder = HostSocket(AF_INET, SOCK_DGRAM);
    ASSERT_EQ(holder.Connect(At("10.97.0.1:9")), 0);
    size_t rows = 0;
    ASSERT_TRUE(maps().Dump("socket_state", [&](const report::MapRow&) { return ++rows, true; }).ok());
    // Only a socket with a row is kept; one without a row has its memory in socket storage.
    if (rows > row_holders_.size()) row_holders_.push_back(std::move(holder));
  }
  ASSERT_EQ(row_holders_.size(), kFewRows);
}

void KernelTest::Reopen(const datapath::KernelOptions& options) {
  datapath_.reset();
  auto opened = datapath::KernelDatapath::Open(options);
  ASSERT_TRUE(opened.ok()) << opened.status();
  datapath_ = std::move(*opened);
}

void KernelTest::Apply(const std::vector<ServiceStory>& stories) {
  std::vector<model::ServicePlan> plans;
  std::vector<const model::ServicePlan*> pointers;
  for (const ServiceStory& story : stories) plans.push_back(story.Plan());
  for (const model::ServicePlan& plan : plans) {
    EXPECT_THAT(plan.warnings, ::testing::IsEmpty()) << plan.service.ToString();
    pointers.push_back(&plan);
  }
  for (const auto& failure : datapath_->Apply(pointers, datapath::ApplyScope::kChanged)) {
    ADD_FAILURE() << failure.service.ToString() << ": " << failure.status;
  }
}

void KernelTest::Remove(const ServiceStory& story) {
  const model::ServicePlan plan = story.Removed();
  const model::ServicePlan* const pointers[] = {&plan};
  EXPECT_TRUE(datapath_->Apply(pointers, datapath::ApplyScope::kChanged).empty());
}

uint64_t KernelTest::Reason(absl::string_view name) {
  uint64_t count = ~uint64_t{0};
  const absl::Status dumped = maps().Dump("reasons", [&](const report::MapRow& row) {
    const auto& reason = std::get<report::ReasonRow>(row);
    if (reason.name == name) count = reason.count;
    return true;
  });
  EXPECT_TRUE(dumped.ok()) << dumped;
  return count;
}

size_t KernelTest::RowsOf(absl::string_view map) {
  size_t rows = 0;
  const absl::Status dumped = maps().Dump(map, [&](const report::MapRow&) { return ++rows, true; });
  EXPECT_TRUE(dumped.ok()) << dumped;
  return map == "socket_state" ? rows - row_holders_.size() : rows;
}

std::vector<std::string> KernelTest::Sockets() {
  std::vector<std::string> sockets;
  const absl::Status dumped = maps().Dump("socket_state", [&](const report::MapRow& row) {
    const auto& socket = std::get<report::SocketStateRow>(row);
    sockets.push_back(absl::StrCat("cookie ", socket.cookie, " dialled ", NameOf(socket.dialled), " and reached ",
                                   NameOf(socket.backend_address)));
    return true;
  });
  EXPECT_TRUE(dumped.ok()) << dumped;
  return sockets;
}

void DiallingTest::SetUp() {
  KernelTest::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  Apply({Web(), Api(), Empty()});
}

}  // namespace shunt::kernel_test
