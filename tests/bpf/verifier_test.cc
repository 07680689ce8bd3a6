// SPDX-License-Identifier: Apache-2.0
// Every program passes the verifier of the running kernel in every configuration that can be set.
#include <bpf/btf.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>
#include <tuple>

#include "bpf/config.h"  // the skeletons need them first
#include "bpf/packet/packet_config.h"
#include "bpf/scope_abi.h"
#include "sock.skel.h"
#include "sock_iter.skel.h"
#include "sweep.skel.h"
#include "tc.skel.h"

namespace {

// Keeps what libbpf says, the verifier's log of a refusal above all, while it lives.
class VerifierLog {
 public:
  VerifierLog() {
    current_ = &text_;
    libbpf_set_print(Keep);
  }
  ~VerifierLog() { current_ = nullptr; }
  VerifierLog(const VerifierLog&) = delete;
  VerifierLog& operator=(const VerifierLog&) = delete;

  // Returns the end, where the verifier says why.
  std::string Tail() const { return text_.substr(text_.size() > 4000 ? text_.size() - 4000 : 0); }

 private:
  static int Keep(libbpf_print_level level, const char* format, va_list args) {
    if (level == LIBBPF_DEBUG || current_ == nullptr) return 0;
    char line[4096];
    vsnprintf(line, sizeof(line), format, args);
    current_->append(line);
    return 0;
  }

  inline static std::string* current_ = nullptr;
  std::string text_;
};

// What the agent's capabilities and the kernel allow.
struct Abilities {
  uint8_t has_mptcp;
  uint8_t reads_sockets;
};

// What programs take into account while others are in force, or since.
struct TakeOver {
  uint32_t previous_mask;  // of the rows that sockets have had since before the size of their map was changed
  uint8_t claims_previous;
  uint8_t runs_twice;
};

using Configuration =
    std::tuple<uint32_t /*reader_window*/, uint8_t /*local_miss_drops*/, uint8_t /*observe*/, Abilities, TakeOver>;

// Names what is set: "MissDropsObserveMptcpReads" or "Plain".
std::string ConfigurationName(const testing::TestParamInfo<Configuration>& info) {
  const auto [reader_window, local_miss_drops, observe, abilities, take_over] = info.param;
  std::string name;
  if (reader_window) name += "Window";
  if (local_miss_drops) name += "MissDrops";
  if (observe) name += "Observe";
  if (abilities.has_mptcp) name += "Mptcp";
  if (abilities.reads_sockets) name += "Reads";
  if (take_over.previous_mask) name += take_over.claims_previous ? "ClaimsPrevious" : "FindsPrevious";
  if (take_over.runs_twice) name += "Twice";
  return name.empty() ? "Plain" : name;
}

class VerifierTest : public testing::TestWithParam<Configuration> {};

TEST_P(VerifierTest, AcceptsEveryProgram) {
  if (geteuid() != 0) GTEST_SKIP() << "loading programs needs root";
  const auto [reader_window, local_miss_drops, observe, abilities, take_over] = GetParam();
  if (abilities.has_mptcp && access("/proc/sys/net/mptcp", F_OK) != 0)
    return;  // this kernel cannot have the configuration
  const VerifierLog log;
  sock* skeleton = sock__open();
  ASSERT_NE(skeleton, nullptr) << log.Tail();
  skeleton->rodata->shunt_config.host_netns_cookie = 1;
  skeleton->rodata->shunt_config.socket_mask = 1023;
  skeleton->rodata->shunt_config.previous_mask = take_over.previous_mask;
  skeleton->rodata->shunt_config.claims_previous = take_over.claims_previous;
  skeleton->rodata->shunt_config.runs_twice = take_over.runs_twice;
  skeleton->rodata->shunt_config.reader_window = reader_window;
  skeleton->rodata->shunt_config.local_miss_drops = local_miss_drops;
  skeleton->rodata->shunt_config.has_mptcp = abilities.has_mptcp;
  skeleton->rodata->shunt_config.observe = observe;
  skeleton->rodata->shunt_config.reads_sockets = abilities.reads_sockets;
  // Nothing has to do with both.
  skeleton->rodata->shunt_config.stale_after_ms = local_miss_drops ? 60'000 : 0;
  skeleton->rodata->shunt_config.bypass = local_miss_drops ? SHUNT_BYPASS_PODS | SHUNT_BYPASS_KERNEL : 0;
  EXPECT_EQ(sock__load(skeleton), 0) << log.Tail();
  int programs = 0;
  bpf_program* program;
  bpf_object__for_each_program(program, skeleton->obj) {
    EXPECT_GE(bpf_program__fd(program), 0) << bpf_program__name(program);
    ++programs;
  }
  EXPECT_EQ(programs, 9);
  sock__destroy(skeleton);
}

INSTANTIATE_TEST_SUITE_P(EveryConfiguration, VerifierTest,
                         testing::Combine(testing::Values(0u, 1000u), testing::Values(uint8_t{0}, uint8_t{1}),
                                          testing::Values(uint8_t{0}, uint8_t{1}),
                                          testing::Values(Abilities{0, 0}, Abilities{0, 1}, Abilities{1, 1}),
                                          testing::Values(TakeOver{0, 0, 0}, TakeOver{0, 0, 1}, TakeOver{2047, 0, 0},
                                                          TakeOver{2047, 1, 1})),
                         ConfigurationName);

bool KernelHas(const char* function) {
  btf* types = btf__load_vmlinux_btf();
  const bool found = types != nullptr && btf__find_by_name_kind(types, function, BTF_KIND_FUNC) > 0;
  btf__free(types);
  return found;
}

using IteratorConfiguration =
    std::tuple<uint32_t /*reader_window*/, uint8_t /*has_destroy*/, uint32_t /*previous_mask*/>;

class IteratorVerifierTest : public testing::TestWithParam<IteratorConfiguration> {};

TEST_P(IteratorVerifierTest, AcceptsEveryProgram) {
  if (geteuid() != 0) GTEST_SKIP() << "loading programs needs root";
  const auto [reader_window, has_sock_destroy, previous_mask] = GetParam();
  if (has_sock_destroy && !KernelHas("bpf_sock_destroy")) return;  // this kernel cannot have the configuration
  const VerifierLog log;
  sock_iter* skeleton = sock_iter__open();
  ASSERT_NE(skeleton, nullptr) << log.Tail();
  skeleton->rodata->shunt_config.host_netns_cookie = 1;
  skeleton->rodata->shunt_config.socket_mask = 1023;
  skeleton->rodata->shunt_config.previous_mask = previous_mask;
  skeleton->rodata->shunt_config.reader_window = reader_window;
  skeleton->rodata->shunt_config.has_sock_destroy = has_sock_destroy;
  EXPECT_EQ(sock_iter__load(skeleton), 0) << log.Tail();
  EXPECT_GE(bpf_program__fd(skeleton->progs.end_udp_sockets), 0);
  EXPECT_GE(bpf_program__fd(skeleton->progs.end_tcp_sockets), 0);
  sock_iter__destroy(skeleton);
}

INSTANTIATE_TEST_SUITE_P(EveryConfiguration, IteratorVerifierTest,
                         testing::Combine(testing::Values(0u, 1000u), testing::Values(uint8_t{0}, uint8_t{1}),
                                          testing::Values(0u, 2047u)));

// On CPUs of either order.
TEST(SweepVerifierTest, AcceptsEveryProgram) {
  if (geteuid() != 0) GTEST_SKIP() << "loading programs needs root";
  for (const uint8_t weakly_ordered : {0, 1}) {
    const VerifierLog log;
    sweep* skeleton = sweep__open();
    ASSERT_NE(skeleton, nullptr) << log.Tail();
    skeleton->rodata->packet_config.weakly_ordered = weakly_ordered;
    skeleton->rodata->packet_config.flows = 1u << 20;
    skeleton->rodata->packet_config.index_mask = (1u << 19) - 1;
    skeleton->rodata->packet_config.hz = 250;
    EXPECT_EQ(sweep__load(skeleton), 0) << log.Tail();
    sweep__destroy(skeleton);
  }
}

using PacketConfiguration = std::tuple<uint32_t /*reader_window*/, uint8_t /*observe*/, uint8_t /*external_cluster_ip*/,
                                       uint8_t /*has_ipv6_csum_flag*/, uint8_t /*weakly_ordered*/>;

class PacketVerifierTest : public testing::TestWithParam<PacketConfiguration> {};

TEST_P(PacketVerifierTest, AcceptsEveryProgram) {
  if (geteuid() != 0) GTEST_SKIP() << "loading programs needs root";
  const auto [reader_window, observe, external_cluster_ip, has_ipv6_csum_flag, weakly_ordered] = GetParam();
  const VerifierLog log;
  tc* skeleton = tc__open();
  ASSERT_NE(skeleton, nullptr) << log.Tail();
  skeleton->rodata->shunt_config.reader_window = reader_window;
  skeleton->rodata->shunt_config.observe = observe;
  skeleton->rodata->shunt_config.stale_after_ms = observe ? 60'000 : 0;  // nothing has to do with both
  skeleton->rodata->packet_config.index_mask = 1023;
  skeleton->rodata->packet_config.flows = 1024;
  skeleton->rodata->packet_config.snat_sets = 1;
  skeleton->rodata->packet_config.hz = 250;
  skeleton->rodata->packet_config.external_cluster_ip = external_cluster_ip;
  skeleton->rodata->packet_config.has_ipv6_csum_flag = has_ipv6_csum_flag;
  skeleton->rodata->packet_config.weakly_ordered = weakly_ordered;
  EXPECT_EQ(tc__load(skeleton), 0) << log.Tail();
  EXPECT_GE(bpf_program__fd(skeleton->progs.packet_ingress), 0);
  EXPECT_GE(bpf_program__fd(skeleton->progs.packet_egress), 0);
  tc__destroy(skeleton);
}

INSTANTIATE_TEST_SUITE_P(EveryConfiguration, PacketVerifierTest,
                         testing::Combine(testing::Values(0u, 1000u), testing::Values(uint8_t{0}, uint8_t{1}),
                                          testing::Values(uint8_t{0}, uint8_t{1}),
                                          testing::Values(uint8_t{0}, uint8_t{1}),
                                          testing::Values(uint8_t{0}, uint8_t{1})));

}  // namespace
