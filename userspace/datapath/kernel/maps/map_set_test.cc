// SPDX-License-Identifier: Apache-2.0
// What is found pinned is verified before it is used, kept if it fits, and never replaced under live programs.
#include "userspace/datapath/kernel/maps/map_set.h"

#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <thread>

#include "bpf/abi.h"
#include "userspace/datapath/kernel/attach/cgroup_root.h"
#include "userspace/datapath/kernel/attach/programs.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"

namespace shunt::datapath {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr size_t kMaps = 17;

mode_t ModeOf(const std::string& path) {
  struct stat entry{};
  EXPECT_EQ(stat(path.c_str(), &entry), 0) << path;
  return entry.st_mode & 07777;
}

// Pins a map that is not Shunt's.
void PinForeign(const std::string& path, bpf_map_type type, uint32_t key, uint32_t value, uint32_t rows,
                uint32_t flags) {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);
  posix::FileDescriptor fd(bpf_map_create(type, "foreign", key, value, rows, &options));
  ASSERT_TRUE(fd.ok());
  absl::Status pinned = ReplacePin(fd.get(), path);
  ASSERT_TRUE(pinned.ok()) << pinned;
}

class MapSetTest : public SandboxTest {
 protected:
  PinDirectory Pins() {
    absl::StatusOr<PinDirectory> pins = PinDirectory::OpenOrCreate(bpffs_);
    EXPECT_TRUE(pins.ok()) << pins.status();
    return *pins;
  }

  absl::StatusOr<MapSet> Open(const Limits& limits = TinyLimits()) {
    notes_.clear();
    return MapSet::OpenOrCreate(Pins(), limits, &notes_);
  }

  // One hook is enough to make the maps live.
  posix::FileDescriptor AttachOne(const MapSet& maps) {
    absl::StatusOr<BpfObject> object = BpfObject::OpenBuiltIn();
    EXPECT_TRUE(object.ok()) << object.status();
    shunt_config config{};
    EXPECT_TRUE(maps.GiveTo(*object, &config).ok());
    absl::Status loaded = LoadPrograms(*object, config);
    EXPECT_TRUE(loaded.ok()) << loaded;
    absl::StatusOr<Cgroup> cgroup = OpenCgroup(cgroup_);
    EXPECT_TRUE(cgroup.ok()) << cgroup.status();
    absl::StatusOr<posix::FileDescriptor> link = CreateLink(kHooks[0], object->ProgramFd(kHooks[0].program), *cgroup);
    EXPECT_TRUE(link.ok()) << link.status();
    EXPECT_TRUE(ReplacePin(link->get(), Pins().LinkPath(kHooks[0].program)).ok());
    return *std::move(link);
  }

  std::vector<std::string> notes_;
};

TEST_F(MapSetTest, AFirstStartPinsEveryMapForItsOwnerAlone) {
  absl::StatusOr<MapSet> maps = Open();
  ASSERT_TRUE(maps.ok()) << maps.status();
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_THAT(Pins().MapNames(), SizeIs(kMaps));
  for (const std::string& name : Pins().MapNames()) EXPECT_EQ(ModeOf(Pins().MapPath(name)), 0600u) << name;
  for (const char* directory : {"/shunt", "/shunt/v1", "/shunt/v1/maps", "/shunt/v1/links", "/shunt/v1/programs"}) {
    EXPECT_EQ(ModeOf(bpffs_ + directory), 0700u) << directory;
  }
}

TEST_F(MapSetTest, ASecondStartFindsTheSameRows) {
  const uint64_t word = shunt_pool_word(1, 2, SHUNT_EMPTY_NOT, 3);
  const auto bytes = Bytes(reinterpret_cast<const std::byte*>(&word), sizeof(word));
  {
    absl::StatusOr<Tables> tables = Open()->OpenTables();
    ASSERT_TRUE(tables.ok()) << tables.status();
    ASSERT_TRUE(tables->pools->Store(4, bytes).ok());
  }
  absl::StatusOr<Tables> tables = Open()->OpenTables();
  ASSERT_TRUE(tables.ok()) << tables.status();
  uint64_t found = 0;
  ASSERT_TRUE(tables->pools->Load(4, absl::Span<std::byte>(reinterpret_cast<std::byte*>(&found), 8)).ok());
  EXPECT_EQ(found, word);
}

// Sockets are exempted in threads of their own, while the agent's loop publishes.
TEST_F(MapSetTest, MarkingTheStorageAsInUseLeavesTheRestOfTheRowAlone) {
  absl::StatusOr<MapSet> maps = Open();
  ASSERT_TRUE(maps.ok()) << maps.status();
  absl::StatusOr<Tables> tables = maps->OpenTables();
  ASSERT_TRUE(tables.ok()) << tables.status();
  constexpr uint32_t kVersionWord = offsetof(shunt_meta, abi_version) / sizeof(uint64_t);
  constexpr uint32_t kGenerationWord = offsetof(shunt_meta, generation) / sizeof(uint64_t);
  shunt_meta meta{};
  const absl::Span<std::byte> row(reinterpret_cast<std::byte*>(&meta), sizeof(meta));
  std::atomic<bool> published = false;
  std::thread first_uses([&] {
    while (!published) {
      EXPECT_TRUE(tables->meta->StoreWord(0, kVersionWord, SHUNT_ABI_VERSION).ok());  // not in use
      EXPECT_TRUE(maps->UseStorage().ok());
    }
  });
  int went_back = 0;
  for (uint64_t generation = 1; generation <= 200'000; ++generation) {
    EXPECT_TRUE(tables->meta->StoreWord(0, kGenerationWord, generation).ok());
    EXPECT_TRUE(tables->meta->Load(0, row).ok());
    went_back += meta.generation != generation;
  }
  published = true;
  first_uses.join();
  EXPECT_EQ(went_back, 0);
  EXPECT_TRUE(tables->meta->Load(0, row).ok());
  EXPECT_EQ(meta.storage_in_use, 1u);
}

TEST_F(MapSetTest, TheSeedIsDrawnOnceAndKept) {
  auto seed = [this] {
    absl::StatusOr<BpfObject> object = BpfObject::OpenBuiltIn();
    shunt_config config{};
    EXPECT_TRUE(Open()->GiveTo(*object, &config).ok());
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

TEST_F(MapSetTest, PinsKeepTheirSizesAndSaySo) {
  ASSERT_TRUE(Open().ok());
  Limits larger = TinyLimits();
  larger.pools = 1000;
  absl::StatusOr<MapSet> maps = Open(larger);
  ASSERT_TRUE(maps.ok()) << maps.status();
  EXPECT_EQ(maps->Capacity("pools"), 16u);
  EXPECT_THAT(notes_, ElementsAre(AllOf(HasSubstr("map pools keeps the 16 rows"), HasSubstr("configured are 1000"))));
}

TEST_F(MapSetTest, LimitsThatCannotBeAreRefused) {
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
    absl::StatusOr<MapSet> maps = Open(row.limits);
    EXPECT_EQ(maps.status().code(), absl::StatusCode::kInvalidArgument) << row.why;
    EXPECT_THAT(maps.status().message(), HasSubstr(row.why));
    EXPECT_THAT(Pins().MapNames(), IsEmpty());
  }
}

TEST_F(MapSetTest, AMapThatDoesNotFitIsNeverUsed) {
  struct Row {
    const char* why;
    bpf_map_type type;
    uint32_t key, value, rows, flags;
  };
  const Row rows[] = {
      {"its value size is 24, this build's is 16", BPF_MAP_TYPE_ARRAY, 4, 24, 64, BPF_F_MMAPABLE},
      {"its type is hash, this build's is array", BPF_MAP_TYPE_HASH, 4, 16, 64, 0},
      {"its flags are 0, this build's is 0x400", BPF_MAP_TYPE_ARRAY, 4, 16, 64, 0},
  };
  for (const Row& row : rows) {
    ASSERT_TRUE(Open().ok());
    PinForeign(Pins().MapPath("slots"), row.type, row.key, row.value, row.rows, row.flags);
    absl::StatusOr<MapSet> maps = Open();
    EXPECT_EQ(maps.status().code(), absl::StatusCode::kFailedPrecondition) << row.why;
    EXPECT_THAT(maps.status().message(), AllOf(HasSubstr("/maps/slots does not fit"), HasSubstr("shuntd cleanup")));
    EXPECT_THAT(Pins().MapNames(), SizeIs(kMaps)) << "nothing was replaced";
    sandbox::RemovePins(bpffs_ + "/shunt");
  }
}

TEST_F(MapSetTest, SizesHaveToFitOneAnother) {
  struct Row {
    const char* map;
    uint32_t value, rows;
    const char* why;
  };
  const Row rows[] = {
      {"prefix_filter", 8, 64, "map prefix_filter: it has 64 rows, the set that it is in needs 2048"},
      {"socket_taken", 8, 2, "map socket_taken: it has 2 rows, the set that it is in needs 1"},
      {"frontend_index", sizeof(shunt_index_bucket), 64,
       "map frontend_index: it has 64 rows, the set that it is in needs 8"},
      {"socket_state", sizeof(shunt_socket_state), 65, "limit sockets is 65, not a power of two"},
  };
  for (const Row& row : rows) {
    ASSERT_TRUE(Open().ok());
    PinForeign(Pins().MapPath(row.map), BPF_MAP_TYPE_ARRAY, 4, row.value, row.rows, BPF_F_MMAPABLE);
    absl::Status status = Open().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << row.map;
    EXPECT_THAT(status.message(), AllOf(HasSubstr(row.why), HasSubstr("shuntd cleanup")));
    sandbox::RemovePins(bpffs_ + "/shunt");
  }
}

TEST_F(MapSetTest, AVersionThatIsNotOursIsRefused) {
  absl::StatusOr<MapSet> maps = Open();
  ASSERT_TRUE(maps.ok());
  const uint32_t row = 0;
  shunt_meta other{};
  other.index_seed = 1;
  other.abi_version = SHUNT_ABI_VERSION + 1;
  ASSERT_EQ(bpf_map_update_elem(maps->Fd("meta"), &row, &other, BPF_ANY), 0);
  EXPECT_THAT(Open().status().message(), HasSubstr("it says ABI version 2, this build's is 1"));
}

TEST_F(MapSetTest, APinThatIsNoMapIsRefused) {
  absl::StatusOr<MapSet> maps = Open();
  ASSERT_TRUE(maps.ok());
  posix::FileDescriptor link = AttachOne(*maps);
  ASSERT_TRUE(ReplacePin(link.get(), Pins().MapPath("pools")).ok());
  absl::Status status = Open().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("/maps/pools is not a BPF map"), HasSubstr("shuntd cleanup")));
}

TEST_F(MapSetTest, MissingMapsUnderLiveProgramsAreAnError) {
  absl::StatusOr<MapSet> maps = Open();
  ASSERT_TRUE(maps.ok());
  AttachOne(*maps);
  ASSERT_EQ(unlink(Pins().MapPath("backends").c_str()), 0);
  absl::Status status = Open().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("(backends)"), HasSubstr("shuntd cleanup")));
  EXPECT_THAT(Pins().MapNames(), SizeIs(kMaps - 1)) << "nothing was made";
}

TEST_F(MapSetTest, AnInterruptedFirstStartIsMadeAnew) {
  ASSERT_TRUE(Open().ok());
  ASSERT_EQ(unlink(Pins().MapPath("slots").c_str()), 0);
  ASSERT_EQ(unlink(Pins().MapPath("meta").c_str()), 0);
  Limits larger = TinyLimits();
  larger.pools = 32;
  absl::StatusOr<MapSet> maps = Open(larger);
  ASSERT_TRUE(maps.ok()) << maps.status();
  EXPECT_EQ(maps->Capacity("pools"), 32u) << "a set of one piece, not new maps among old ones";
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("was not in use and has been created again")));
  EXPECT_THAT(Pins().MapNames(), SizeIs(kMaps));
}

TEST_F(MapSetTest, AReaderOpensWithoutTheRightToWrite) {
  EXPECT_EQ(MapSet::OpenReadOnly(Pins()).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(Open().ok());
  absl::StatusOr<MapSet> maps = MapSet::OpenReadOnly(Pins());
  ASSERT_TRUE(maps.ok()) << maps.status();
  absl::StatusOr<Tables> tables = maps->OpenTables();
  ASSERT_TRUE(tables.ok()) << tables.status();
  const uint64_t word = 1;
  EXPECT_EQ(tables->pools->Store(0, Bytes(reinterpret_cast<const std::byte*>(&word), 8)).code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(tables->pools->StoreWord(0, 0, word).code(), absl::StatusCode::kPermissionDenied);
  const shunt_affinity_key key{};
  const shunt_affinity affinity{};
  EXPECT_EQ(bpf_map_update_elem(maps->Fd("affinities"), &key, &affinity, BPF_ANY), -EPERM);
}

TEST_F(MapSetTest, DirectoriesOfOthersAreRefused) {
  ASSERT_TRUE(Open().ok());
  const std::string directory = bpffs_ + "/shunt/v1";
  ASSERT_EQ(chmod(directory.c_str(), 0750), 0);
  EXPECT_THAT(PinDirectory::OpenOrCreate(bpffs_).status().message(),
              AllOf(HasSubstr(directory), HasSubstr("mode 0750"), HasSubstr("chmod 700")));
  ASSERT_EQ(chmod(directory.c_str(), 0700), 0);
  ASSERT_EQ(chown(directory.c_str(), 65534, 65534), 0);
  EXPECT_THAT(PinDirectory::OpenOrCreate(bpffs_).status().message(), HasSubstr("belongs to user 65534"));
  ASSERT_EQ(chown(directory.c_str(), 0, 0), 0);
}

TEST_F(MapSetTest, OnlyABpfFileSystemHoldsPins) {
  absl::Status status = PinDirectory::OpenOrCreate("/tmp").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("mount -t bpf -o mode=700 bpf /tmp"));
  EXPECT_EQ(access("/tmp/shunt", F_OK), -1);
  EXPECT_EQ(PinDirectory::Open(bpffs_).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace shunt::datapath
