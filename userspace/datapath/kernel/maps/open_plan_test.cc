// SPDX-License-Identifier: Apache-2.0
// What is found pinned is verified before it is used, used as it is if it fits, copied if its rows can be read, and
// otherwise left to the programs that use it.
#include "userspace/datapath/kernel/maps/open_plan.h"

#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>

#include "absl/strings/str_cat.h"
#include "bpf/abi.h"
#include "bpf/packet_abi.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/kernel/maps/features.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/datapath/kernel/testing/open_plan_fixture.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"

namespace shunt::datapath {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr size_t kPlanMaps = 16;

mode_t ModeOf(const std::string& path) {
  struct stat entry{};
  EXPECT_EQ(stat(path.c_str(), &entry), 0) << path;
  return entry.st_mode & 07777;
}

TEST_F(OpenPlanTest, AFirstStartPinsEveryMapForItsOwnerAlone) {
  absl::StatusOr<OpenedPlan> plan = Open();
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_TRUE(plan->may_serve);
  EXPECT_EQ(plan->takes_over_from, "");
  EXPECT_EQ(plan->pins.plan.path, bpffs_ + "/shunt/plan-v1-1");
  EXPECT_EQ(plan->pins.memory.path, bpffs_ + "/shunt/memory-v1-1");
  EXPECT_EQ(std::filesystem::read_symlink(plan->pins.plan.path + "/memory"), "../memory-v1-1");
  EXPECT_THAT(plan->pins.plan.MapNames(), AllOf(SizeIs(kPlanMaps), Contains("pools"), Not(Contains("meta"))));
  EXPECT_THAT(plan->pins.memory.MapNames(),
              AllOf(Contains("meta"), Contains("reasons"), Contains("source_versions"), Contains("socket_peers"),
                    Contains("socket_state"), Contains("socket_storage"), Contains("socket_taken"),
                    Contains("flow_index"), Contains("flow_rows"), Contains("flow_taken"), Contains("flow_level"),
                    Contains("snat_ports"), Contains("fragments")));
  for (const auto& [name, map] : plan->maps.maps()) EXPECT_EQ(ModeOf(plan->pins.MapPath(name)), 0600u) << name;
  for (const char* directory : {"", "/plan-v1-1", "/memory-v1-1", "/links", "/programs"}) {
    EXPECT_EQ(ModeOf(absl::StrCat(bpffs_, "/shunt", directory)), 0700u) << directory;
  }
  EXPECT_FALSE(Pins().Current()->has_value()) << "nothing is in force before programs are";
}

TEST_F(OpenPlanTest, AStartThatWasInterruptedIsMadeAgain) {
  ASSERT_TRUE(Open().ok());
  std::filesystem::create_directory(bpffs_ + "/shunt/plan-v7-3");
  ASSERT_EQ(symlink("plan-v1-1", (bpffs_ + "/shunt/current_next").c_str()), 0);
  absl::StatusOr<OpenedPlan> plan = Open();
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(Pins().PutInForce(plan->pins).ok());
  EXPECT_THAT(notes_, IsEmpty());
  std::vector<std::string> left;
  for (const auto& entry : std::filesystem::directory_iterator(bpffs_ + "/shunt")) {
    left.push_back(entry.path().filename());
  }
  EXPECT_THAT(left, ::testing::UnorderedElementsAre("current", "links", "memory-v1-1", "plan-v1-1", "programs"));
}

TEST_F(OpenPlanTest, WhatFitsIsUsedAsItIs) {
  const OpenedPlan first = OpenInForce();
  Apply(first.maps, {Web(), Dns()});
  absl::StatusOr<OpenedPlan> second = Open();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_TRUE(second->may_serve);
  EXPECT_EQ(second->takes_over_from, "");
  EXPECT_EQ(second->pins.plan.path, first.pins.plan.path);
  EXPECT_EQ(Differences(second->maps, {Web(), Dns()}), 0u);
}

TEST_F(OpenPlanTest, TheSeedIsDrawnOnceAndKept) {
  auto seed = [this] {
    absl::StatusOr<BpfObject> object = BpfObject::OpenBuiltIn();
    shunt_config config{};
    EXPECT_TRUE(OpenInForce().maps.GiveTo(*object, &config).ok());
    EXPECT_EQ(config.index_mask, 7u);
    EXPECT_EQ(config.socket_mask, 63u);
    EXPECT_EQ(config.service_stride, 16u);
    EXPECT_EQ(config.backend_stride, 16u);
    return config.index_seed;
  };
  const uint64_t first = seed();
  EXPECT_NE(first, 0u);
  EXPECT_EQ(seed(), first);
  sandbox::RemovePins(bpffs_ + "/shunt");
  EXPECT_NE(seed(), first);
}

// Upwards and downwards, as long as everything fits: the copy serves at once, under the same ids.
TEST_F(OpenPlanTest, OtherSizesAreACopyThatHasEverything) {
  const OpenedPlan first = OpenInForce();
  Apply(first.maps, {Web(), Dns()});
  const shunt_affinity_key key = {.client = {}, .service_port = 0, .client_kind = SHUNT_CLIENT_NETNS};
  const shunt_affinity affinity = {.last_use_ns = 5, .choice = shunt_affinity_choice(1, 7)};
  ASSERT_EQ(bpf_map_update_elem(first.maps.Fd("affinities"), &key, &affinity, BPF_ANY), 0);
  Limits limits = TinyLimits();
  limits.pools = 32;
  limits.slots = 32;
  limits.frontends = 200;
  limits.backends = 12;
  limits.affinities = 32;
  absl::StatusOr<OpenedPlan> second = Open(limits);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(second->may_serve);
  EXPECT_EQ(second->takes_over_from, bpffs_ + "/shunt/plan-v1-1");
  EXPECT_EQ(second->pins.plan.path, bpffs_ + "/shunt/plan-v1-2");
  EXPECT_EQ(second->pins.memory.path, first.pins.memory.path);
  EXPECT_THAT(notes_, ElementsAre(AllOf(HasSubstr("map pools with 16 rows instead of 32"),
                                        HasSubstr("plan-v1-2, which has all its rows"))));
  EXPECT_EQ(PoolWords(second->maps), PoolWords(first.maps)) << "published words are the same";
  EXPECT_EQ(Differences(second->maps, {Web(), Dns()}), 0u);
  shunt_affinity found = {};
  EXPECT_EQ(bpf_map_lookup_elem(second->maps.Fd("affinities"), &key, &found), 0);
  EXPECT_EQ(found.choice, affinity.choice);
  EXPECT_EQ(IdOf(second->maps, "meta"), IdOf(first.maps, "meta")) << "one counter of generations";
  EXPECT_EQ(IdOf(second->maps, "socket_state"), IdOf(first.maps, "socket_state"));
  EXPECT_EQ(IdOf(second->maps, "service_counters"), IdOf(first.maps, "service_counters")) << "the same size";
  EXPECT_NE(IdOf(second->maps, "backend_counters"), IdOf(first.maps, "backend_counters"));
  EXPECT_EQ(Pins().Current()->value().plan.path, first.pins.plan.path) << "the plan in force stays so";
}

TEST_F(OpenPlanTest, CountsAreCopiedBlockByBlock) {
  const OpenedPlan first = OpenInForce();
  const absl::StatusOr<uint32_t> cpus = PossibleCpus();
  ASSERT_TRUE(cpus.ok());
  const uint64_t chosen = 41;
  const uint32_t row = (*cpus - 1) * 16 + 3;
  ASSERT_EQ(bpf_map_update_elem(first.maps.Fd("backend_counters"), &row, &chosen, BPF_ANY), 0);
  Limits limits = TinyLimits();
  limits.backends = 24;
  absl::StatusOr<OpenedPlan> second = Open(limits);
  ASSERT_TRUE(second.ok()) << second.status();
  const uint32_t row_now = (*cpus - 1) * 24 + 3;
  uint64_t found = 0;
  ASSERT_EQ(bpf_map_lookup_elem(second->maps.Fd("backend_counters"), &row_now, &found), 0);
  EXPECT_EQ(found, chosen);
}

TEST_F(OpenPlanTest, WhatDoesNotFitIsLeftOutAndNotServedFrom) {
  const OpenedPlan first = OpenInForce();
  Apply(first.maps, {Web(), Dns()});
  const std::function<void(Limits&)> shrinks[] = {
      [](Limits& limits) { limits.frontends = 1; }, [](Limits& limits) { limits.service_ports = 1; },
      [](Limits& limits) { limits.pools = 1; },     [](Limits& limits) { limits.slots = 1; },
      [](Limits& limits) { limits.backends = 1; },
  };
  for (const auto& shrink : shrinks) {
    Limits limits = TinyLimits();
    shrink(limits);
    absl::StatusOr<OpenedPlan> second = Open(limits);
    ASSERT_TRUE(second.ok()) << second.status();
    EXPECT_FALSE(second->may_serve);
    EXPECT_THAT(notes_, ElementsAre(HasSubstr("whose programs take over once everything is applied")));
    EXPECT_TRUE(second->maps.OpenTables().ok());
  }
}

TEST_F(OpenPlanTest, AMapMoreOrLessIsACopyToo) {
  OpenedPlan first = OpenInForce();
  Apply(first.maps, {Web()});
  PinForeign(first.pins.plan.MapPath("of_a_later_build"), BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
  absl::StatusOr<OpenedPlan> second = Open();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(second->may_serve);
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("plan-v1-1 (with of_a_later_build) gives way to")));
  EXPECT_THAT(second->pins.plan.MapNames(), SizeIs(kPlanMaps));
  EXPECT_EQ(Differences(second->maps, {Web()}), 0u);
  ASSERT_EQ(unlink(first.pins.plan.MapPath("of_a_later_build").c_str()), 0);

  // A map without which nothing can be read.
  ASSERT_EQ(unlink(first.pins.plan.MapPath("backends").c_str()), 0);
  second = Open();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_FALSE(second->may_serve);
  EXPECT_THAT(notes_, Contains(HasSubstr("plan-v1-1 (without backends) gives way to")));
  EXPECT_EQ(second->pins.memory.path, first.pins.memory.path);
  EXPECT_THAT(second->pins.plan.MapNames(), SizeIs(kPlanMaps));

  Limits limits = TinyLimits();
  limits.sockets = 128;
  ASSERT_TRUE(Open(limits).ok());
  EXPECT_THAT(notes_, Contains(HasSubstr("(map socket_state with 64 rows instead of 128, without backends)")));
}

TEST_F(OpenPlanTest, AMapThatDoesNotFitIsNeverUsed) {
  struct Row {
    const char* why;
    bpf_map_type type;
    uint32_t key, value, rows, flags;
  };
  const Row rows[] = {
      {"its value size is 24, this build's is 16", BPF_MAP_TYPE_ARRAY, 4, 24, 64, BPF_F_MMAPABLE},
      {"its type is hash, this build's is array", BPF_MAP_TYPE_HASH, 4, 16, 64, 0},
      {"its flag word is 0, this build's is 0x400", BPF_MAP_TYPE_ARRAY, 4, 16, 64, 0},
  };
  for (const Row& row : rows) {
    const OpenedPlan first = OpenInForce();
    PinForeign(first.pins.MapPath("slots"), row.type, row.key, row.value, row.rows, row.flags);
    absl::StatusOr<OpenedPlan> second = Open();
    ASSERT_TRUE(second.ok()) << second.status();
    EXPECT_FALSE(second->may_serve);
    EXPECT_EQ(second->takes_over_from, first.pins.plan.path);
    EXPECT_THAT(notes_, ElementsAre(AllOf(HasSubstr("slots does not fit"), HasSubstr(row.why))));
    EXPECT_EQ(second->pins.memory.path, first.pins.memory.path);
    sandbox::RemovePins(bpffs_ + "/shunt");
  }
}

TEST_F(OpenPlanTest, APlanOfAnotherVersionIsLeftToItsPrograms) {
  const OpenedPlan first = OpenInForce();
  Apply(first.maps, {Web()});
  ASSERT_EQ(rename(first.pins.plan.path.c_str(), (bpffs_ + "/shunt/plan-v2-1").c_str()), 0);
  MapDirectory other{.path = bpffs_ + "/shunt/plan-v2-1", .version = 2};
  ASSERT_TRUE(Pins().PutInForce({.plan = other, .memory = first.pins.memory}).ok());
  absl::StatusOr<OpenedPlan> second = Open();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_FALSE(second->may_serve);
  EXPECT_EQ(second->takes_over_from, other.path);
  EXPECT_THAT(notes_, ElementsAre(AllOf(HasSubstr("its version is 2, this build's is 1"),
                                        HasSubstr("take over once everything is applied"))));
  EXPECT_EQ(second->pins.memory.path, first.pins.memory.path);
  EXPECT_EQ(PoolWords(second->maps), std::vector<uint64_t>(16, 0));
  EXPECT_FALSE(Holds(second->maps, "10.96.0.1", SHUNT_PREFIX_FRONTENDS));
  EXPECT_FALSE(Holds(second->maps, "10.96.0.1", SHUNT_PREFIX_SERVICES));
  EXPECT_TRUE(Holds(second->maps, "10.244.0.7", SHUNT_PREFIX_BACKENDS)) << "sockets may remember it";
  Apply(second->maps, {Web()});
  for (const uint64_t before : PoolWords(first.maps)) {
    if (before == 0) continue;
    EXPECT_THAT(PoolWords(second->maps), Not(Contains(before))) << "a generation is never used twice";
  }
}

// Its bits mean something else, so those of the rows are set: programs may use the copy before anything is applied.
TEST_F(OpenPlanTest, AFilterOfAnotherSizeIsMadeFromTheRows) {
  const OpenedPlan first = OpenInForce();
  Apply(first.maps, {Web(), Dns()});
  PinFilterOfHalfTheSize(first);
  absl::StatusOr<OpenedPlan> second = Open();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(second->may_serve);
  EXPECT_THAT(notes_, ElementsAre(AllOf(HasSubstr("map prefix_filter with 2048 rows instead of 4096"),
                                        HasSubstr("which has all its rows"))));
  EXPECT_TRUE(Holds(second->maps, "10.96.0.1", SHUNT_PREFIX_FRONTENDS));
  EXPECT_TRUE(Holds(second->maps, "10.96.0.1", SHUNT_PREFIX_SERVICES));
  EXPECT_FALSE(Holds(second->maps, "10.96.0.1", SHUNT_PREFIX_BACKENDS));
  EXPECT_TRUE(Holds(second->maps, "10.244.0.7", SHUNT_PREFIX_BACKENDS));
  EXPECT_FALSE(Holds(second->maps, "10.244.0.7", SHUNT_PREFIX_FRONTENDS));
  EXPECT_EQ(Differences(second->maps, {Web(), Dns()}), 0u);
}

TEST_F(OpenPlanTest, AMemoryThatCannotBeReadIsReplaced) {
  struct Row {
    const char* why;
    std::function<void(const OpenedPlan&)> spoil;
  };
  const auto other_version = [](const OpenedPlan& plan) {
    const uint32_t row = 0;
    shunt_meta meta{};
    meta.index_seed = 1;
    meta.memory_version = SHUNT_MEMORY_VERSION + 1;
    ASSERT_EQ(bpf_map_update_elem(plan.maps.Fd("meta"), &row, &meta, BPF_ANY), 0);
  };
  const auto unpin = [](const OpenedPlan& plan) { ASSERT_EQ(unlink(plan.pins.MapPath("socket_taken").c_str()), 0); };
  const auto odd_size = [](const OpenedPlan& plan) {
    PinForeign(plan.pins.MapPath("socket_taken"), BPF_MAP_TYPE_ARRAY, 4, 8, 2, BPF_F_MMAPABLE);
  };
  const Row rows[] = {{"it says memory version 2, this build's is 1", other_version},
                      {"its map socket_taken is missing", unpin},
                      {"it has 2 rows, the set that it is in needs 1", odd_size}};
  for (const Row& row : rows) {
    const OpenedPlan first = OpenInForce();
    row.spoil(first);
    absl::StatusOr<OpenedPlan> second = Open();
    ASSERT_TRUE(second.ok()) << second.status();
    EXPECT_FALSE(second->may_serve);
    EXPECT_THAT(notes_, Contains(AllOf(HasSubstr(row.why), HasSubstr("show their pod's address"))));
    EXPECT_EQ(second->pins.memory.path, bpffs_ + "/shunt/memory-v1-2");
    sandbox::RemovePins(bpffs_ + "/shunt");
  }
}

TEST_F(OpenPlanTest, AMapThatTheMemoryLacksIsMadeInIt) {
  const OpenedPlan first = OpenInForce();
  ASSERT_EQ(unlink(first.pins.MapPath("source_versions").c_str()), 0);
  absl::StatusOr<OpenedPlan> second = Open();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(second->may_serve);
  EXPECT_EQ(second->pins.memory.path, first.pins.memory.path);
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("have been created: source_versions")));
  EXPECT_EQ(access(first.pins.MapPath("source_versions").c_str(), F_OK), 0);
}

TEST_F(OpenPlanTest, SizesAsFoundAreKeptOnRequest) {
  const OpenedPlan first = OpenInForce();
  Limits larger = TinyLimits();
  larger.pools = 1000;
  absl::StatusOr<OpenedPlan> second = Open(larger, PlanSizes::kAsFound);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->pins.plan.path, first.pins.plan.path);
  EXPECT_EQ(second->maps.Capacity("pools"), 16u);
}

TEST_F(OpenPlanTest, LimitsThatCannotBeAreRefused) {
  struct Row {
    const char* why;
    Limits limits;
  };
  Limits none = TinyLimits(), odd = TinyLimits(), far = TinyLimits();
  none.backends = 0;
  odd.sockets = 96;
  far.slots = SHUNT_POOL_FIRST_MAX + 2;
  for (const Row& row : {Row{"limit backends is 0", none}, Row{"is 96, not a power of two", odd},
                         Row{"limit slots is 16777217, not from 1 to 16777216", far}}) {
    absl::StatusOr<OpenedPlan> plan = Open(row.limits);
    EXPECT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument) << row.why;
    EXPECT_THAT(plan.status().message(), HasSubstr(row.why));
  }
}

TEST_F(OpenPlanTest, AReaderOpensWithoutTheRightToWrite) {
  const OpenedPlan plan = OpenInForce();
  absl::StatusOr<MapSet> maps = MapSet::OpenReadOnly(plan.pins);
  ASSERT_TRUE(maps.ok()) << maps.status();
  absl::StatusOr<Tables> tables = maps->OpenTables();
  ASSERT_TRUE(tables.ok()) << tables.status();
  const uint64_t word = 1;
  EXPECT_EQ(tables->pools->Store(0, BytesOf(word)).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(tables->pools->StoreWord(0, 0, word).code(), absl::StatusCode::kPermissionDenied);
  const uint32_t device = 2;
  EXPECT_EQ(tables->devices->Put(BytesOf(device), BytesOf(shunt_device{})).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(tables->devices->Remove(BytesOf(device)).code(), absl::StatusCode::kPermissionDenied);
  const shunt_affinity_key key{};
  const shunt_affinity affinity{};
  EXPECT_EQ(bpf_map_update_elem(maps->Fd("affinities"), &key, &affinity, BPF_ANY), -EPERM);
  PlanPins other = plan.pins;
  other.plan.version = 2;
  EXPECT_THAT(MapSet::OpenReadOnly(other).status().message(), HasSubstr("is another build's"));
  ASSERT_EQ(unlink(plan.pins.MapPath("pools").c_str()), 0);
  const absl::Status missing = MapSet::OpenReadOnly(plan.pins).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kFailedPrecondition) << "an agent has run, so start it again";
  EXPECT_THAT(missing.message(), HasSubstr(": pools; start shuntd again"));
}

TEST_F(OpenPlanTest, FeaturesAndTheUseOfStorageAreOneStoreEach) {
  const OpenedPlan plan = OpenInForce();
  const uint32_t row = 0;
  shunt_meta meta{};
  ASSERT_EQ(bpf_map_lookup_elem(plan.maps.Fd("meta"), &row, &meta), 0);
  ASSERT_TRUE(WriteFeatures(plan.pins.memory, SHUNT_FEATURE_SOCKETS).ok());
  ASSERT_TRUE(plan.maps.UseStorage().ok());
  shunt_meta now{};
  ASSERT_EQ(bpf_map_lookup_elem(plan.maps.Fd("meta"), &row, &now), 0);
  EXPECT_EQ(now.features, SHUNT_FEATURE_SOCKETS);
  EXPECT_EQ(now.storage_in_use, 1u);
  EXPECT_EQ(now.index_seed, meta.index_seed);
  EXPECT_EQ(now.memory_version, SHUNT_MEMORY_VERSION);
}

TEST_F(OpenPlanTest, DirectoriesOfOthersAreRefused) {
  OpenInForce();
  for (const char* name : {"/shunt/links", "/shunt/plan-v1-1", "/shunt/memory-v1-1"}) {
    const std::string directory = bpffs_ + name;
    const auto error = [&] {
      const absl::StatusOr<PinDirectory> pins = PinDirectory::OpenOrCreate(bpffs_);
      return std::string(pins.ok() ? pins->Current().status().message() : pins.status().message());
    };
    ASSERT_EQ(chmod(directory.c_str(), 0750), 0);
    EXPECT_THAT(error(), AllOf(HasSubstr(directory), HasSubstr("mode 0750"), HasSubstr("chmod 700")));
    ASSERT_EQ(chmod(directory.c_str(), 0700), 0);
    ASSERT_EQ(chown(directory.c_str(), 65534, 65534), 0);
    EXPECT_THAT(error(), HasSubstr("belongs to user 65534"));
    ASSERT_EQ(chown(directory.c_str(), 0, 0), 0);
  }
}

TEST_F(OpenPlanTest, AnotherUserIsToldToBeTheOwnerAndOnlyRootToChangeIt) {
  char name[] = "/tmp/open_plan_test.XXXXXX";
  ASSERT_NE(mkdtemp(name), nullptr);
  EXPECT_TRUE(CheckPrivate(name).ok());
  ASSERT_EQ(seteuid(65534), 0);
  const absl::Status as_another = CheckPrivate(name);
  ASSERT_EQ(seteuid(0), 0);
  EXPECT_EQ(as_another.message(), absl::StrCat(name, " belongs to user 0, not to 65534: run this as user 0"));
  ASSERT_EQ(chown(name, 65534, 65534), 0);
  EXPECT_EQ(CheckPrivate(name).message(),
            absl::StrCat(name, " belongs to user 65534, not to 0: remove it or chown it"));
  EXPECT_EQ(rmdir(name), 0);
}

TEST_F(OpenPlanTest, OnlyABpfFileSystemHoldsPins) {
  absl::Status status = PinDirectory::OpenOrCreate("/tmp").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("mount -t bpf -o mode=700 bpf /tmp"));
  EXPECT_EQ(access("/tmp/shunt", F_OK), -1);
  status = PinDirectory::Open("/tmp").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(),
            "/tmp is not in a BPF file system, so nothing of Shunt is pinned in it: name the agent's with --bpffs");
  EXPECT_EQ(PinDirectory::Open(bpffs_).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace shunt::datapath
