// SPDX-License-Identifier: Apache-2.0
#include "tests/packets/test_run.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace shunt::packets {
namespace {

constexpr size_t kGrowth = 256;  // what a program may add to a packet

struct TimedResult {
  RunResult result;
  uint32_t nanoseconds = 0;
};

absl::StatusOr<TimedResult> RunOnce(int program_fd, const Bytes& packet, const RunContext& context) {
  __sk_buff fields = {};
  fields.ifindex = context.ifindex;
  fields.ingress_ifindex = context.ingress_ifindex;
  fields.mark = context.mark;
  fields.gso_size = context.gso_size;
  fields.gso_segs = context.gso_segs;
  Bytes out(packet.size() + kGrowth);
  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.data_in = packet.data();
  options.data_size_in = static_cast<uint32_t>(packet.size());
  options.data_out = out.data();
  options.data_size_out = static_cast<uint32_t>(out.size());
  options.ctx_in = options.ctx_out = &fields;
  options.ctx_size_in = options.ctx_size_out = sizeof fields;
  options.repeat = 1;
  if (bpf_prog_test_run_opts(program_fd, &options) != 0) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat("run a program on a packet of ", packet.size(), " bytes with device ", context.ifindex));
  }
  out.resize(options.data_size_out);
  return TimedResult{
      .result = {.verdict = static_cast<int>(options.retval), .packet = std::move(out), .mark = fields.mark},
      .nanoseconds = options.duration};
}

}  // namespace

absl::StatusOr<RunResult> RunProgram(int program_fd, const Bytes& packet, const RunContext& context) {
  absl::StatusOr<TimedResult> run = RunOnce(program_fd, packet, context);
  if (!run.ok()) return run.status();
  return std::move(run->result);
}

absl::StatusOr<std::chrono::nanoseconds> TimeProgram(int program_fd, const Bytes& packet, const RunContext& context,
                                                     int times) {
  if (times < 1) return absl::InvalidArgumentError(absl::StrCat("run a program ", times, " times: at least 1"));
  std::vector<uint32_t> figures;
  for (int i = 0; i < times; ++i) {
    const absl::StatusOr<TimedResult> run = RunOnce(program_fd, packet, context);
    if (!run.ok()) return run.status();
    figures.push_back(run->nanoseconds);
  }
  std::nth_element(figures.begin(), figures.begin() + figures.size() / 2, figures.end());
  return std::chrono::nanoseconds(figures[figures.size() / 2]);
}

bool IsLeftToKernel(const Bytes& before, const RunResult& result) {
  constexpr size_t kAddresses = 12;
  return result.verdict == TC_ACT_REDIRECT && before.size() >= kAddresses && result.packet.size() >= kAddresses &&
         std::equal(before.begin(), before.begin() + kAddresses, result.packet.begin());
}

std::string VerdictName(int verdict) {
  switch (verdict) {
    case TC_ACT_UNSPEC:
      return "TC_ACT_UNSPEC";
    case TC_ACT_OK:
      return "TC_ACT_OK";
    case TC_ACT_SHOT:
      return "TC_ACT_SHOT";
    case TC_ACT_PIPE:
      return "TC_ACT_PIPE";
    case TC_ACT_STOLEN:
      return "TC_ACT_STOLEN";
    case TC_ACT_REDIRECT:
      return "TC_ACT_REDIRECT";
    default:
      return absl::StrCat("verdict ", verdict);
  }
}

}  // namespace shunt::packets
