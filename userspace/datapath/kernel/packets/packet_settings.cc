// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/packets/packet_settings.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <iterator>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/datapath/lent_ports.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {
namespace {

static_assert(kSnatPorts == SHUNT_SNAT_PORTS);

constexpr int32_t kIpv6Flag = 1 << 7;  // BPF_F_IPV6, which the oldest system's headers do not have

#if defined(__x86_64__)
constexpr uint8_t kWeaklyOrdered = 0;
#else
constexpr uint8_t kWeaklyOrdered = 1;
#endif

constexpr bpf_insn SetRegister(uint8_t to, int32_t value) {
  return {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = to, .src_reg = 0, .off = 0, .imm = value};
}

// A program that changes a checksum of its packet by nothing, with the flag, and returns whether that worked.
absl::StatusOr<posix::FileDescriptor> LoadFlagTrial() {
  constexpr int32_t kOffset = 40;  // within the packet; what stands there does not matter
  constexpr int32_t kFlags = BPF_F_PSEUDO_HDR | kIpv6Flag;
  const bpf_insn code[] = {
      SetRegister(BPF_REG_2, kOffset),
      SetRegister(BPF_REG_3, 0),
      SetRegister(BPF_REG_4, 0),
      SetRegister(BPF_REG_5, kFlags),
      {.code = BPF_JMP | BPF_CALL, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = BPF_FUNC_l4_csum_replace},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  posix::FileDescriptor program(
      bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "shunt_trial", "GPL", code, std::size(code), nullptr));
  if (!program.ok()) return KernelError(program.get(), "load a program to try a checksum's flag");
  return program;
}

}  // namespace

absl::StatusOr<uint32_t> JiffiesPerSecond() {
  constexpr int64_t kSecond = 1'000'000'000;
  timespec tick{};
  if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) != 0) return KernelError(errno, "ask for the length of a jiffy");
  if (tick.tv_sec != 0 || tick.tv_nsec <= 0) {
    return absl::InternalError(absl::StrCat("a jiffy has ", tick.tv_sec, " s and ", tick.tv_nsec, " ns"));
  }
  return static_cast<uint32_t>((kSecond + tick.tv_nsec / 2) / tick.tv_nsec);
}

absl::StatusOr<bool> HasIpv6ChecksumFlag() {
  const absl::StatusOr<posix::FileDescriptor> program = LoadFlagTrial();
  if (!program.ok()) return program.status();
  std::array<char, 64> packet{};
  LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet.data(), .data_size_in = packet.size());
  if (const int error = bpf_prog_test_run_opts(program->get(), &run); error < 0) {
    return KernelError(error, "try a checksum's flag");
  }
  return run.retval == 0;
}

absl::StatusOr<shunt_packet_config> PacketConfigOf(const MapSet& maps, const PacketOptions& options) {
  const absl::StatusOr<shunt_meta> meta = maps.ReadMeta();
  if (!meta.ok()) return meta.status();
  const absl::StatusOr<uint32_t> hz = JiffiesPerSecond();
  if (!hz.ok()) return hz.status();
  const absl::StatusOr<bool> has_flag = HasIpv6ChecksumFlag();
  if (!has_flag.ok()) return has_flag.status();
  shunt_packet_config config{};
  config.flow_seed = meta->flow_seed;
  config.index_mask = maps.Capacity("flow_index") - 1;
  config.flows = maps.Capacity("flow_rows");
  config.snat_sets = maps.Capacity("snat_ports") / SHUNT_SNAT_WORDS;
  config.hz = *hz;
  config.snat_first_port = options.first_snat_port;
  config.external_cluster_ip = options.external_cluster_ip ? 1 : 0;
  config.has_ipv6_csum_flag = *has_flag ? 1 : 0;
  config.weakly_ordered = kWeaklyOrdered;
  return config;
}

}  // namespace shunt::datapath
