// SPDX-License-Identifier: Apache-2.0
// Runs a tc program (BPF_PROG_TYPE_SCHED_CLS) on one packet by the kernel's BPF_PROG_TEST_RUN. No packet is sent: what
// a redirect would do is told by the verdict alone.
#ifndef SHUNT_PACKETS_TEST_RUN_H_
#define SHUNT_PACKETS_TEST_RUN_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "tests/packets/packet.h"

namespace shunt::packets {

// What the program finds in its __sk_buff beside the packet. The kernel takes these fields and no others.
struct RunContext {
  uint32_t ifindex = 0;          // of a device in the calling thread's network namespace; 0: its loopback device
  uint32_t ingress_ifindex = 0;  // the device by which the packet came
  uint32_t mark = 0;
  uint32_t gso_size = 0;  // above 0: a packet of several segments
  uint32_t gso_segs = 0;
};

struct RunResult {
  int verdict = 0;  // TC_ACT_*
  Bytes packet;     // with the Ethernet header
  uint32_t mark = 0;
};

// Returns whether a program has redirected a packet and left its link-layer addresses to the kernel.
bool IsLeftToKernel(const Bytes& before, const RunResult& result);

// Returns kNotFound if there is no such device, kInvalidArgument if the kernel takes no such packet: below 14 bytes, of
// newer kernels without a whole IP header, or above what fits into a page with the kernel's own reserve (about 3,500
// bytes).
absl::StatusOr<RunResult> RunProgram(int program_fd, const Bytes& packet, const RunContext& context = {});

// Runs the program `times` times, each time on the packet as it was given, and returns the median of the kernel's
// figures. Each contains the kernel's own two clock readings and the program's call: subtract what an empty program
// takes in the same process.
absl::StatusOr<std::chrono::nanoseconds> TimeProgram(int program_fd, const Bytes& packet, const RunContext& context,
                                                     int times);

// "TC_ACT_OK", or the number.
std::string VerdictName(int verdict);

}  // namespace shunt::packets

#endif  // SHUNT_PACKETS_TEST_RUN_H_
