// SPDX-License-Identifier: Apache-2.0
// What is found out about this host, held against what programs see.
#include "userspace/datapath/kernel/packets/packet_settings.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <thread>

#include "bpf/packet/sweep.h"
#include "userspace/datapath/flow_sizes.h"
#include "userspace/datapath/kernel/object/bpf_object.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"

namespace shunt::datapath {
namespace {

class PacketSettingsTest : public SandboxTest {};

double SecondsBetween(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// Whatever the machine does between the four looks at the clock, the jiffies between the two runs are between those of
// the inner and those of the outer time.
TEST_F(PacketSettingsTest, JiffiesTickAsOftenAsProgramsSee) {
  using Clock = std::chrono::steady_clock;
  const absl::StatusOr<uint32_t> hz = JiffiesPerSecond();
  ASSERT_TRUE(hz.ok()) << hz.status();
  absl::StatusOr<BpfObject> collector = BpfObject::OpenSweep();
  ASSERT_TRUE(collector.ok() && collector->Load().ok());
  const auto read = [&] {
    shunt_sweep_order order{};
    LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &order, .ctx_size_in = sizeof(order));
    EXPECT_EQ(bpf_prog_test_run_opts(collector->ProgramFd("read_jiffies"), &run), 0);
    return order.jiffies;
  };
  const auto before = Clock::now();
  const uint64_t first = read();
  const auto after_first = Clock::now();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const auto before_second = Clock::now();
  const uint64_t second = read();
  const auto after = Clock::now();
  EXPECT_GE(static_cast<double>(second - first), SecondsBetween(after_first, before_second) * *hz - 2);
  EXPECT_LE(static_cast<double>(second - first), SecondsBetween(before, after) * *hz + 2);
}

TEST_F(PacketSettingsTest, TheConfigurationSaysTheSizesOfTheMaps) {
  Limits limits = TinyLimits();
  limits.flows = 2048;
  const absl::StatusOr<MapSet> maps = MapSet::CreateUnpinned(limits);
  ASSERT_TRUE(maps.ok()) << maps.status();
  const absl::StatusOr<shunt_packet_config> config =
      PacketConfigOf(*maps, {.devices = {}, .first_snat_port = 20'000, .external_cluster_ip = true});
  ASSERT_TRUE(config.ok()) << config.status();
  const FlowSizes sizes = FlowSizesOf(2048);
  EXPECT_EQ(config->flow_seed, maps->ReadMeta()->flow_seed);
  EXPECT_EQ(config->flows, sizes.rows);
  EXPECT_EQ(config->index_mask, sizes.buckets - 1);
  EXPECT_EQ(config->snat_sets, sizes.snat_sets);
  EXPECT_EQ(config->snat_first_port, 20'000);
  EXPECT_EQ(config->external_cluster_ip, 1);
  EXPECT_EQ(config->hz, *JiffiesPerSecond());
  EXPECT_EQ(config->has_ipv6_csum_flag != 0, *HasIpv6ChecksumFlag());
}

}  // namespace
}  // namespace shunt::datapath
