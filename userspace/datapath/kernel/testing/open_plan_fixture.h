// SPDX-License-Identifier: Apache-2.0
// For tests of what an agent does with the pins that it finds: each test has a pin directory of its own.
#ifndef SHUNT_DATAPATH_KERNEL_TESTING_OPEN_PLAN_FIXTURE_H_
#define SHUNT_DATAPATH_KERNEL_TESTING_OPEN_PLAN_FIXTURE_H_

#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/sandbox/service_story.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/kernel/kernel_grace.h"
#include "userspace/datapath/kernel/maps/map_set.h"
#include "userspace/datapath/kernel/maps/open_plan.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/datapath/kernel/testing/map_id.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"
#include "userspace/datapath/limits.h"
#include "userspace/datapath/table.h"
#include "userspace/datapath/table_datapath.h"
#include "userspace/datapath/tables.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {

// Pins a map that is not Shunt's.
inline void PinForeign(const std::string& path, bpf_map_type type, uint32_t key, uint32_t value, uint32_t rows,
                       uint32_t flags) {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);
  posix::FileDescriptor fd(bpf_map_create(type, "foreign", key, value, rows, &options));
  ASSERT_TRUE(fd.ok());
  absl::Status pinned = ReplacePin(fd.get(), path);
  ASSERT_TRUE(pinned.ok()) << pinned;
}

inline sandbox::ServiceStory Web() {
  return sandbox::ServiceStory("web")
      .ClusterIp("10.96.0.1")
      .Port(80, model::Protocol::kTcp, 8080)
      .Endpoints({"10.244.0.7", "10.244.0.8"});
}
inline sandbox::ServiceStory Dns() {
  return sandbox::ServiceStory("dns")
      .ClusterIp("10.96.0.10")
      .Port(53, model::Protocol::kUdp, 5353)
      .Endpoints({"10.244.1.7"});
}

class OpenPlanTest : public SandboxTest {
 protected:
  PinDirectory Pins() {
    absl::StatusOr<PinDirectory> pins = PinDirectory::OpenOrCreate(bpffs_);
    EXPECT_TRUE(pins.ok()) << pins.status();
    return *pins;
  }

  absl::StatusOr<OpenedPlan> Open(const Limits& limits = TinyLimits(), PlanSizes sizes = PlanSizes::kConfigured) {
    notes_.clear();
    return OpenPlan(Pins(), limits, sizes, &notes_);
  }
  // What an agent does that puts its programs in force.
  OpenedPlan OpenInForce(const Limits& limits = TinyLimits()) {
    absl::StatusOr<OpenedPlan> plan = Open(limits);
    EXPECT_TRUE(plan.ok()) << plan.status();
    EXPECT_TRUE(Pins().PutInForce(plan->pins).ok());
    return *std::move(plan);
  }

  void Apply(const MapSet& maps, const std::vector<sandbox::ServiceStory>& stories) {
    const std::unique_ptr<TableDatapath> datapath = Rows(maps);
    const std::vector<model::ServicePlan> plans = Plans(stories);
    EXPECT_THAT(datapath->Apply(Pointers(plans), ApplyScope::kAll), ::testing::IsEmpty());
  }
  // Compares everything in the maps with what these Services need; repairs it too.
  size_t Differences(const MapSet& maps, const std::vector<sandbox::ServiceStory>& stories) {
    const std::unique_ptr<TableDatapath> datapath = Rows(maps);
    const std::vector<model::ServicePlan> plans = Plans(stories);
    const absl::StatusOr<Drift> drift = datapath->Audit(Pointers(plans), {});
    EXPECT_TRUE(drift.ok()) << drift.status();
    return drift.ok() ? drift->differences() : 99;
  }
  std::vector<uint64_t> PoolWords(const MapSet& maps) {
    const absl::StatusOr<std::unique_ptr<Table>> table = maps.OpenTable("pools");
    std::vector<uint64_t> words(16);
    for (uint32_t i = 0; i < words.size(); ++i) EXPECT_TRUE((*table)->Load(i, MutableBytesOf(words[i])).ok());
    return words;
  }

  // Returns whether the filter has the address in `set`.
  bool Holds(const MapSet& maps, const char* address, shunt_prefix_set set) {
    const shunt_address encoded = EncodeAddress(*model::IpAddress::Parse(address));
    const uint32_t bit = shunt_prefix_bit(&encoded, set), index = bit / 64;
    uint64_t word = 0;
    EXPECT_EQ(bpf_map_lookup_elem(maps.Fd("prefix_filter"), &index, &word), 0);
    return (word >> (bit % 64) & 1) != 0;
  }

  // Replaces the plan's filter by one of another layout, with every bit set.
  void PinFilterOfHalfTheSize(const OpenedPlan& plan) {
    constexpr uint32_t kWords = SHUNT_PREFIX_WORDS / 2;
    const std::string path = plan.pins.MapPath("prefix_filter");
    PinForeign(path, BPF_MAP_TYPE_ARRAY, 4, 8, kWords, BPF_F_MMAPABLE);
    const absl::StatusOr<posix::FileDescriptor> filter = OpenPin(path, BpfKind::kMap);
    ASSERT_TRUE(filter.ok()) << filter.status();
    const uint64_t every_bit = ~uint64_t{0};
    for (uint32_t i = 0; i < kWords; ++i) ASSERT_EQ(bpf_map_update_elem(filter->get(), &i, &every_bit, BPF_ANY), 0);
  }

  std::vector<std::string> notes_;

 private:
  std::unique_ptr<TableDatapath> Rows(const MapSet& maps) {
    absl::StatusOr<Tables> tables = maps.OpenTables();
    EXPECT_TRUE(tables.ok()) << tables.status();
    absl::StatusOr<std::unique_ptr<TableDatapath>> rows = TableDatapath::Open(*std::move(tables), grace_);
    EXPECT_TRUE(rows.ok()) << rows.status();
    return *std::move(rows);
  }
  static std::vector<model::ServicePlan> Plans(const std::vector<sandbox::ServiceStory>& stories) {
    std::vector<model::ServicePlan> plans;
    for (const sandbox::ServiceStory& story : stories) plans.push_back(story.Plan());
    return plans;
  }
  static std::vector<const model::ServicePlan*> Pointers(const std::vector<model::ServicePlan>& plans) {
    std::vector<const model::ServicePlan*> pointers;
    for (const model::ServicePlan& plan : plans) pointers.push_back(&plan);
    return pointers;
  }

  WorkerGracePeriod grace_{ChooseKernelGrace()};
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_TESTING_OPEN_PLAN_FIXTURE_H_
