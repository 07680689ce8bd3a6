// SPDX-License-Identifier: Apache-2.0
// One layout for two compilers: every shared struct has the same layout in the object's BTF, which clang wrote, as g++
// sees, member by member, and no byte lies outside a member.
#include "bpf/abi.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bpf/config.h"
#include "bpf/packet/packet_config.h"
#include "bpf/packet_abi.h"
#include "bpf/scope_abi.h"

namespace {

struct Member {
  std::string name;
  size_t offset;
  size_t size;
};

struct Layout {
  std::string name;
  size_t size;
  std::vector<Member> members;
};

#define MEMBER(type, name)                          \
  Member {                                          \
    #name, offsetof(type, name), sizeof(type::name) \
  }

const Layout kLayouts[] = {
    {"shunt_address", sizeof(shunt_address), {MEMBER(shunt_address, word)}},
    {"shunt_frontend_key",
     sizeof(shunt_frontend_key),
     {MEMBER(shunt_frontend_key, address), MEMBER(shunt_frontend_key, port), MEMBER(shunt_frontend_key, protocol),
      MEMBER(shunt_frontend_key, pad)}},
    {"shunt_frontend_row",
     sizeof(shunt_frontend_row),
     {MEMBER(shunt_frontend_row, key), MEMBER(shunt_frontend_row, service_port),
      MEMBER(shunt_frontend_row, internal_pool), MEMBER(shunt_frontend_row, external_pool),
      MEMBER(shunt_frontend_row, affinity_timeout_s), MEMBER(shunt_frontend_row, flags),
      MEMBER(shunt_frontend_row, kind), MEMBER(shunt_frontend_row, pad), MEMBER(shunt_frontend_row, source_ranges),
      MEMBER(shunt_frontend_row, external_hash), MEMBER(shunt_frontend_row, udp_idle_s),
      MEMBER(shunt_frontend_row, reserved)}},
    {"shunt_index_bucket",
     sizeof(shunt_index_bucket),
     {MEMBER(shunt_index_bucket, entry), MEMBER(shunt_index_bucket, passed_over)}},
    {"shunt_slot",
     sizeof(shunt_slot),
     {MEMBER(shunt_slot, backend), MEMBER(shunt_slot, alias), MEMBER(shunt_slot, threshold), MEMBER(shunt_slot, pad)}},
    {"shunt_backend",
     sizeof(shunt_backend),
     {MEMBER(shunt_backend, address), MEMBER(shunt_backend, port), MEMBER(shunt_backend, in_use),
      MEMBER(shunt_backend, pad)}},
    {"shunt_service_port",
     sizeof(shunt_service_port),
     {MEMBER(shunt_service_port, namespace_name), MEMBER(shunt_service_port, service_name),
      MEMBER(shunt_service_port, port_name), MEMBER(shunt_service_port, port), MEMBER(shunt_service_port, protocol),
      MEMBER(shunt_service_port, family), MEMBER(shunt_service_port, pad)}},
    {"shunt_socket_state",
     sizeof(shunt_socket_state),
     {MEMBER(shunt_socket_state, cookie), MEMBER(shunt_socket_state, first)}},
    {"shunt_translation",
     sizeof(shunt_translation),
     {MEMBER(shunt_translation, pool_word), MEMBER(shunt_translation, dialled),
      MEMBER(shunt_translation, backend_address), MEMBER(shunt_translation, dialled_port),
      MEMBER(shunt_translation, backend_port), MEMBER(shunt_translation, pool), MEMBER(shunt_translation, backend),
      MEMBER(shunt_translation, flags)}},
    {"shunt_near_peers",
     sizeof(shunt_near_peers),
     {MEMBER(shunt_near_peers, peer), MEMBER(shunt_near_peers, far_address), MEMBER(shunt_near_peers, far_port),
      MEMBER(shunt_near_peers, pad), MEMBER(shunt_near_peers, far_count), MEMBER(shunt_near_peers, count),
      MEMBER(shunt_near_peers, pad2)}},
    {"shunt_peer_key",
     sizeof(shunt_peer_key),
     {MEMBER(shunt_peer_key, cookie), MEMBER(shunt_peer_key, address), MEMBER(shunt_peer_key, port),
      MEMBER(shunt_peer_key, direction), MEMBER(shunt_peer_key, pad)}},
    {"shunt_peer",
     sizeof(shunt_peer),
     {MEMBER(shunt_peer, translation), MEMBER(shunt_peer, next_address), MEMBER(shunt_peer, next_port),
      MEMBER(shunt_peer, pad)}},
    {"shunt_affinity_key",
     sizeof(shunt_affinity_key),
     {MEMBER(shunt_affinity_key, client), MEMBER(shunt_affinity_key, service_port),
      MEMBER(shunt_affinity_key, client_kind)}},
    {"shunt_affinity", sizeof(shunt_affinity), {MEMBER(shunt_affinity, last_use_ns), MEMBER(shunt_affinity, choice)}},
    {"shunt_service_counters",
     sizeof(shunt_service_counters),
     {MEMBER(shunt_service_counters, translated), MEMBER(shunt_service_counters, no_endpoints),
      MEMBER(shunt_service_counters, local_misses), MEMBER(shunt_service_counters, reserved)}},
    {"shunt_backend_counters", sizeof(shunt_backend_counters), {MEMBER(shunt_backend_counters, chosen)}},
    {"shunt_meta",
     sizeof(shunt_meta),
     {MEMBER(shunt_meta, index_seed), MEMBER(shunt_meta, memory_version), MEMBER(shunt_meta, storage_in_use),
      MEMBER(shunt_meta, generation), MEMBER(shunt_meta, flow_seed), MEMBER(shunt_meta, features),
      MEMBER(shunt_meta, applied_ms), MEMBER(shunt_meta, stale_after_ms), MEMBER(shunt_meta, previous_closed)}},
    {"shunt_source_version",
     sizeof(shunt_source_version),
     {MEMBER(shunt_source_version, version), MEMBER(shunt_source_version, objects)}},
    {"shunt_scope_key",
     sizeof(shunt_scope_key),
     {MEMBER(shunt_scope_key, id), MEMBER(shunt_scope_key, kind), MEMBER(shunt_scope_key, pad)}},
    {"shunt_scope",
     sizeof(shunt_scope),
     {MEMBER(shunt_scope, origins), MEMBER(shunt_scope, pad), MEMBER(shunt_scope, name)}},
    {"shunt_scope_filter",
     sizeof(shunt_scope_filter),
     {MEMBER(shunt_scope_filter, cgroups), MEMBER(shunt_scope_filter, namespaces), MEMBER(shunt_scope_filter, reserved),
      MEMBER(shunt_scope_filter, bits)}},
    {"shunt_config",
     sizeof(shunt_config),
     {MEMBER(shunt_config, host_netns_cookie), MEMBER(shunt_config, index_seed), MEMBER(shunt_config, index_mask),
      MEMBER(shunt_config, socket_mask), MEMBER(shunt_config, previous_mask), MEMBER(shunt_config, service_stride),
      MEMBER(shunt_config, backend_stride), MEMBER(shunt_config, peers_per_netns), MEMBER(shunt_config, reader_window),
      MEMBER(shunt_config, stale_after_ms), MEMBER(shunt_config, local_miss_drops), MEMBER(shunt_config, has_mptcp),
      MEMBER(shunt_config, has_sock_destroy), MEMBER(shunt_config, observe), MEMBER(shunt_config, reads_sockets),
      MEMBER(shunt_config, runs_twice), MEMBER(shunt_config, claims_previous), MEMBER(shunt_config, bypass)}},
    {"shunt_flow_tuple",
     sizeof(shunt_flow_tuple),
     {MEMBER(shunt_flow_tuple, source), MEMBER(shunt_flow_tuple, destination), MEMBER(shunt_flow_tuple, source_port),
      MEMBER(shunt_flow_tuple, destination_port), MEMBER(shunt_flow_tuple, protocol), MEMBER(shunt_flow_tuple, pad)}},
    {"shunt_flow_bucket",
     sizeof(shunt_flow_bucket),
     {MEMBER(shunt_flow_bucket, entry), MEMBER(shunt_flow_bucket, passed_over)}},
    {"shunt_flow",
     sizeof(shunt_flow),
     {MEMBER(shunt_flow, client),          MEMBER(shunt_flow, frontend),       MEMBER(shunt_flow, client_port),
      MEMBER(shunt_flow, frontend_port),   MEMBER(shunt_flow, protocol),       MEMBER(shunt_flow, mode),
      MEMBER(shunt_flow, flags),           MEMBER(shunt_flow, state),          MEMBER(shunt_flow, last_use),
      MEMBER(shunt_flow, service_port),    MEMBER(shunt_flow, pool),           MEMBER(shunt_flow, pool_word),
      MEMBER(shunt_flow, backend_address), MEMBER(shunt_flow, source),         MEMBER(shunt_flow, backend_port),
      MEMBER(shunt_flow, source_port),     MEMBER(shunt_flow, backend),        MEMBER(shunt_flow, forward_hop),
      MEMBER(shunt_flow, reverse_hop),     MEMBER(shunt_flow, forward_device), MEMBER(shunt_flow, reverse_device)}},
    {"shunt_flow_level",
     sizeof(shunt_flow_level),
     {MEMBER(shunt_flow_level, pressure), MEMBER(shunt_flow_level, rows_taken), MEMBER(shunt_flow_level, next_row),
      MEMBER(shunt_flow_level, tick), MEMBER(shunt_flow_level, kinds), MEMBER(shunt_flow_level, ends),
      MEMBER(shunt_flow_level, rounds), MEMBER(shunt_flow_level, translating_since)}},
    {"shunt_source_key",
     sizeof(shunt_source_key),
     {MEMBER(shunt_source_key, prefix_length), MEMBER(shunt_source_key, list), MEMBER(shunt_source_key, address)}},
    {"shunt_device",
     sizeof(shunt_device),
     {MEMBER(shunt_device, role), MEMBER(shunt_device, link_header), MEMBER(shunt_device, mac),
      MEMBER(shunt_device, mtu), MEMBER(shunt_device, master), MEMBER(shunt_device, source_v4),
      MEMBER(shunt_device, source_v6), MEMBER(shunt_device, pad)}},
    {"shunt_fragment_key",
     sizeof(shunt_fragment_key),
     {MEMBER(shunt_fragment_key, source), MEMBER(shunt_fragment_key, destination), MEMBER(shunt_fragment_key, id),
      MEMBER(shunt_fragment_key, protocol), MEMBER(shunt_fragment_key, pad)}},
    {"shunt_fragment",
     sizeof(shunt_fragment),
     {MEMBER(shunt_fragment, source_port), MEMBER(shunt_fragment, destination_port), MEMBER(shunt_fragment, since),
      MEMBER(shunt_fragment, id), MEMBER(shunt_fragment, way), MEMBER(shunt_fragment, pad)}},
    {"shunt_packet_config",
     sizeof(shunt_packet_config),
     {MEMBER(shunt_packet_config, flow_seed), MEMBER(shunt_packet_config, index_mask),
      MEMBER(shunt_packet_config, flows), MEMBER(shunt_packet_config, snat_sets), MEMBER(shunt_packet_config, hz),
      MEMBER(shunt_packet_config, snat_first_port), MEMBER(shunt_packet_config, masquerade_always),
      MEMBER(shunt_packet_config, external_cluster_ip), MEMBER(shunt_packet_config, has_ipv6_csum_flag),
      MEMBER(shunt_packet_config, weakly_ordered), MEMBER(shunt_packet_config, pad)}},
};

#undef MEMBER

class AbiTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* path : {SHUNT_SOCK_OBJECT, SHUNT_SWEEP_OBJECT}) {
      objects_.emplace_back(btf__parse(path, nullptr));
      ASSERT_NE(objects_.back(), nullptr) << path;
    }
  }

  // Calls `check` with each object that has the struct; returns how many there are.
  template <typename Check>
  int InEveryObject(const std::string& name, const Check& check) const {
    int found = 0;
    for (const auto& object : objects_) {
      const int id = btf__find_by_name_kind(object.get(), name.c_str(), BTF_KIND_STRUCT);
      if (id <= 0) continue;
      ++found;
      check(object.get(), btf__type_by_id(object.get(), id));
    }
    return found;
  }

  struct FreeBtf {
    void operator()(btf* b) const { btf__free(b); }
  };
  std::vector<std::unique_ptr<btf, FreeBtf>> objects_;
};

void ExpectLaidOutAlike(const btf* types, const btf_type* type, const Layout& layout) {
  EXPECT_EQ(type->size, layout.size);
  ASSERT_EQ(btf_vlen(type), layout.members.size()) << "a member is missing in this test's table";
  for (size_t i = 0; i < layout.members.size(); ++i) {
    const btf_member& member = btf_members(type)[i];
    EXPECT_EQ(btf__name_by_offset(types, member.name_off), layout.members[i].name);
    EXPECT_EQ(btf_member_bit_offset(type, i), layout.members[i].offset * 8) << layout.members[i].name;
    EXPECT_EQ(btf__resolve_size(types, member.type), static_cast<int64_t>(layout.members[i].size))
        << layout.members[i].name;
  }
}

TEST_F(AbiTest, EveryStructIsLaidOutAlikeByBothCompilers) {
  for (const Layout& layout : kLayouts) {
    SCOPED_TRACE(layout.name);
    const int found = InEveryObject(
        layout.name, [&](const btf* types, const btf_type* type) { ExpectLaidOutAlike(types, type, layout); });
    EXPECT_GT(found, 0) << "in no object's BTF";
  }
}

TEST_F(AbiTest, EveryByteHasAName) {
  for (const Layout& layout : kLayouts) {
    SCOPED_TRACE(layout.name);
    size_t end = 0;
    for (const Member& member : layout.members) {
      EXPECT_EQ(member.offset, end) << "an unnamed hole before " << member.name;
      end = member.offset + member.size;
    }
    EXPECT_EQ(end, layout.size) << "unnamed bytes at the end";
  }
}

TEST(PoolWord, HoldsItsFourParts) {
  const uint64_t word = shunt_pool_word(SHUNT_POOL_FIRST_MAX, SHUNT_POOL_COUNT_MAX, SHUNT_EMPTY_LOCAL_MISS, 0xfffff);
  EXPECT_EQ(shunt_pool_first(word), SHUNT_POOL_FIRST_MAX);
  EXPECT_EQ(shunt_pool_count(word), SHUNT_POOL_COUNT_MAX);
  EXPECT_EQ(shunt_pool_generation(word), 0xfffffu);
  EXPECT_EQ(shunt_pool_emptiness(word), SHUNT_EMPTY_LOCAL_MISS);
  EXPECT_EQ(shunt_pool_emptiness(shunt_pool_word(1, 2, SHUNT_EMPTY_NOT, 3)), SHUNT_EMPTY_NOT);
  EXPECT_EQ(shunt_pool_word(1, 2, SHUNT_EMPTY_NOT, 0x100003), shunt_pool_word(1, 2, SHUNT_EMPTY_NOT, 3))
      << "the generation wraps";
  EXPECT_EQ(shunt_pool_emptiness(0), SHUNT_EMPTY_NO_ENDPOINTS) << "a fresh word refuses";
}

TEST(PoolWord, ProvesMembershipOnlyWhileItIsTheSameAndNotWithdrawn) {
  const uint64_t word = shunt_pool_word(1, 2, SHUNT_EMPTY_NOT, 3);
  EXPECT_TRUE(shunt_pool_is_same(word, word));
  EXPECT_FALSE(shunt_pool_is_same(word, shunt_pool_word(1, 2, SHUNT_EMPTY_NOT, 4)));
  const uint64_t withdrawn = shunt_pool_word(1, 2, SHUNT_EMPTY_NOT, 0);
  EXPECT_FALSE(shunt_pool_is_same(withdrawn, withdrawn));
}

TEST(Ticks, CountFromOneDatagramToTheNextAndWrap) {
  EXPECT_EQ(shunt_tick((uint64_t{5} << SHUNT_TICK_SHIFT) + 17), 5u);
  const uint32_t flags = shunt_flags_at(SHUNT_STATE_TRANSLATED | SHUNT_STATE_ANSWERS, 0xfffffe);
  EXPECT_EQ(flags & SHUNT_STATE_FLAGS, uint32_t{SHUNT_STATE_TRANSLATED | SHUNT_STATE_ANSWERS});
  EXPECT_EQ(shunt_silence(flags, 0xfffffe), 0u);
  EXPECT_EQ(shunt_silence(flags, 3), 5u) << "ticks wrap";
  EXPECT_EQ(shunt_flags_at(flags, 7) >> 8, 7u);
}

TEST(Ticks, AFlowIsIdleOnlyIfItsSilenceIsCertain) {
  EXPECT_FALSE(shunt_is_idle(0, 1));
  EXPECT_FALSE(shunt_is_idle(1, 1)) << "hardly any time may lie between two ticks";
  EXPECT_TRUE(shunt_is_idle(2, 1)) << "a whole tick is more than a second";
  EXPECT_FALSE(shunt_is_idle(112, 120));
  EXPECT_TRUE(shunt_is_idle(113, 120));
  EXPECT_FALSE(shunt_is_idle(SHUNT_TICK_MASK, 0)) << "without a limit";
  EXPECT_TRUE(shunt_is_idle(SHUNT_TICK_MASK, 86'400));
}

TEST(PeersPerNetns, AreAnEighthOfTheRowsAtTwoRowsEach) {
  EXPECT_EQ(shunt_peers_per_netns(65'536), 4096u);
  EXPECT_EQ(shunt_peers_per_netns(1), 1u);
}

TEST(AffinityChoice, HoldsTheBackendAndTheProof) {
  const uint64_t word = shunt_pool_word(77, 2, SHUNT_EMPTY_NOT, 3);
  const uint64_t choice = shunt_affinity_choice(SHUNT_POOL_FIRST_MAX, word);
  EXPECT_EQ(shunt_affinity_backend(choice), SHUNT_POOL_FIRST_MAX);
  EXPECT_TRUE(shunt_pool_is_same(choice, shunt_affinity_choice(SHUNT_POOL_FIRST_MAX, word)));
  EXPECT_FALSE(shunt_pool_is_same(
      choice, shunt_affinity_choice(SHUNT_POOL_FIRST_MAX, shunt_pool_word(77, 2, SHUNT_EMPTY_NOT, 4))));
}

TEST(SlotPosition, IsAUniformFixedPointNumberBelowTheCount) {
  for (const uint32_t count : {1u, 2u, 3u, 7u, 1000u, SHUNT_POOL_COUNT_MAX}) {
    EXPECT_EQ(shunt_slot_position(0, 0, count), 0u);
    EXPECT_EQ(shunt_slot_position(0xffffffff, 0xffffffff, count) >> 32, count - 1) << count;
    // Half of the random numbers lie below half of the slots.
    EXPECT_EQ(shunt_slot_position(0x80000000, 0, count), (uint64_t{count} << 32) / 2) << count;
  }
}

}  // namespace
