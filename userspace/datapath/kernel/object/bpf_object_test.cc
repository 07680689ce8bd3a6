// SPDX-License-Identifier: Apache-2.0
// The object built in is laid out as this program believes.
#include "userspace/datapath/kernel/object/bpf_object.h"

#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <iterator>
#include <map>
#include <string>

#include "bpf/abi.h"
#include "bpf/packet_abi.h"
#include "bpf/scope_abi.h"

namespace shunt::datapath {
namespace {

TEST(BuiltInObject, HasTheLayoutOfTheHeader) {
  absl::StatusOr<BpfObject> object = BpfObject::OpenBuiltIn();
  ASSERT_TRUE(object.ok()) << object.status();
  std::map<std::string, MapSpec> maps;
  for (const MapSpec& spec : object->Maps()) maps[spec.name] = spec;
  struct Row {
    const char* map;
    uint32_t type, key, value, flags;
  };
  const Row rows[] = {
      {"prefix_filter", BPF_MAP_TYPE_ARRAY, 4, 8, BPF_F_MMAPABLE},
      {"frontend_index", BPF_MAP_TYPE_ARRAY, 4, sizeof(shunt_index_bucket), BPF_F_MMAPABLE},
      {"frontend_rows", BPF_MAP_TYPE_ARRAY, 4, sizeof(shunt_frontend_row), BPF_F_MMAPABLE},
      {"pools", BPF_MAP_TYPE_ARRAY, 4, 8, BPF_F_MMAPABLE},
      {"slots", BPF_MAP_TYPE_ARRAY, 4, sizeof(shunt_slot), BPF_F_MMAPABLE},
      {"backends", BPF_MAP_TYPE_ARRAY, 4, sizeof(shunt_backend), BPF_F_MMAPABLE},
      {"service_ports", BPF_MAP_TYPE_ARRAY, 4, sizeof(shunt_service_port), BPF_F_MMAPABLE},
      {"socket_state", BPF_MAP_TYPE_ARRAY, 4, sizeof(shunt_socket_state), BPF_F_MMAPABLE},
      {"socket_taken", BPF_MAP_TYPE_ARRAY, 4, 8, BPF_F_MMAPABLE},
      {"previous_state", BPF_MAP_TYPE_ARRAY, 4, sizeof(shunt_socket_state), BPF_F_MMAPABLE},
      {"previous_taken", BPF_MAP_TYPE_ARRAY, 4, 8, BPF_F_MMAPABLE},
      {"socket_storage", BPF_MAP_TYPE_SK_STORAGE, 4, sizeof(shunt_socket_state), BPF_F_NO_PREALLOC},
      {"socket_near_peers", BPF_MAP_TYPE_SK_STORAGE, 4, sizeof(shunt_near_peers), BPF_F_NO_PREALLOC},
      {"socket_peers", BPF_MAP_TYPE_HASH, sizeof(shunt_peer_key), sizeof(shunt_peer), BPF_F_NO_PREALLOC},
      {"socket_peer_counts", BPF_MAP_TYPE_ARRAY, 4, 4, BPF_F_MMAPABLE},
      {"affinities", BPF_MAP_TYPE_LRU_HASH, sizeof(shunt_affinity_key), sizeof(shunt_affinity), 0},
      {"service_counters", BPF_MAP_TYPE_ARRAY, 4, sizeof(shunt_service_counters), BPF_F_MMAPABLE},
      {"backend_counters", BPF_MAP_TYPE_ARRAY, 4, sizeof(shunt_backend_counters), BPF_F_MMAPABLE},
      {"reasons", BPF_MAP_TYPE_ARRAY, 4, 8, BPF_F_MMAPABLE},
      {"meta", BPF_MAP_TYPE_ARRAY, 4, sizeof(shunt_meta), BPF_F_MMAPABLE},
      {"source_versions", BPF_MAP_TYPE_ARRAY, 4, sizeof(shunt_source_version), 0},
      {"scopes", BPF_MAP_TYPE_HASH, sizeof(shunt_scope_key), sizeof(shunt_scope), BPF_F_NO_PREALLOC},
      {"scope_filter", BPF_MAP_TYPE_ARRAY, 4, sizeof(shunt_scope_filter), BPF_F_MMAPABLE},
      {"flow_index", BPF_MAP_TYPE_ARRAY, 4, sizeof(shunt_flow_bucket), BPF_F_MMAPABLE},
      {"flow_rows", BPF_MAP_TYPE_ARRAY, 4, sizeof(shunt_flow), BPF_F_MMAPABLE},
      {"flow_taken", BPF_MAP_TYPE_ARRAY, 4, 8, BPF_F_MMAPABLE},
      {"snat_ports", BPF_MAP_TYPE_ARRAY, 4, 8, BPF_F_MMAPABLE},
      {"flow_level", BPF_MAP_TYPE_ARRAY, 4, sizeof(shunt_flow_level), BPF_F_MMAPABLE},
      {"fragments", BPF_MAP_TYPE_LRU_HASH, sizeof(shunt_fragment_key), sizeof(shunt_fragment), 0},
      {"node_ports", BPF_MAP_TYPE_ARRAY, 4, 8, BPF_F_MMAPABLE},
      {"endpoint_filter", BPF_MAP_TYPE_ARRAY, 4, 8, BPF_F_MMAPABLE},
      {"source_ranges", BPF_MAP_TYPE_LPM_TRIE, sizeof(shunt_source_key), 4, BPF_F_NO_PREALLOC},
      {"devices", BPF_MAP_TYPE_HASH, 4, sizeof(shunt_device), BPF_F_NO_PREALLOC},
  };
  EXPECT_EQ(maps.size(), std::size(rows));
  for (const Row& row : rows) {
    const MapSpec& spec = maps[row.map];
    EXPECT_EQ(spec.type, row.type) << row.map;
    EXPECT_EQ(spec.key_size, row.key) << row.map;
    EXPECT_EQ(spec.value_size, row.value) << row.map;
    EXPECT_EQ(spec.flags, row.flags) << row.map;
  }
  EXPECT_TRUE(object->SetConfig(shunt_config{}).ok());
}

TEST(BuiltInObject, OnlyThePacketPathsObjectsHaveItsConfiguration) {
  absl::StatusOr<BpfObject> sweep = BpfObject::OpenSweep();
  ASSERT_TRUE(sweep.ok()) << sweep.status();
  EXPECT_TRUE(sweep->SetPacketConfig(shunt_packet_config{}).ok());
  absl::StatusOr<BpfObject> packets = BpfObject::OpenPackets();
  ASSERT_TRUE(packets.ok()) << packets.status();
  EXPECT_TRUE(packets->SetPacketConfig(shunt_packet_config{}).ok());
  EXPECT_TRUE(packets->SetConfig(shunt_config{}).ok());
  absl::StatusOr<BpfObject> sockets = BpfObject::OpenBuiltIn();
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  EXPECT_EQ(sockets->SetPacketConfig(shunt_packet_config{}).code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace shunt::datapath
