// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/devices/tcx_link.h"

#include <bpf/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/kernel/kernel_error.h"

namespace shunt::datapath {
namespace {

// Of Linux 6.6's linux/bpf.h, which the oldest system to build on does not have.
constexpr uint32_t kTcxIngress = 46, kTcxEgress = 47;  // BPF_TCX_INGRESS, BPF_TCX_EGRESS
constexpr uint32_t kFirst = 1u << 3;                   // BPF_F_BEFORE, before no program in particular: before all

struct LinkCreate {
  uint32_t program_fd;
  uint32_t device;
  uint32_t attach_type;
  uint32_t flags;
  uint32_t relative_fd;
  uint32_t pad;
  uint64_t expected_revision;
};

struct ProgramQuery {
  uint32_t device;
  uint32_t attach_type;
  uint32_t query_flags;
  uint32_t attach_flags;
  uint64_t program_ids;  // here and below: addresses of arrays of `count` elements
  uint32_t count;
  uint32_t pad;
  uint64_t program_attach_flags;
  uint64_t link_ids;
  uint64_t link_attach_flags;
  uint64_t revision;
};
static_assert(sizeof(LinkCreate) == 32 && sizeof(ProgramQuery) == 64);
static_assert(offsetof(ProgramQuery, program_ids) == offsetof(bpf_attr, query.prog_ids));

uint32_t AttachType(Direction direction) {
  return direction == Direction::kIngress ? kTcxIngress : kTcxEgress;
}

template <typename Attributes>
int Call(bpf_cmd command, Attributes* attributes) {
  return static_cast<int>(syscall(__NR_bpf, command, attributes, sizeof(*attributes)));
}

}  // namespace

bool HasTcx() {
  constexpr uint32_t kLoopback = 1;  // its index in every network namespace
  ProgramQuery query{};
  query.device = kLoopback;
  query.attach_type = kTcxIngress;
  return Call(BPF_PROG_QUERY, &query) == 0;
}

absl::StatusOr<posix::FileDescriptor> CreateTcxLink(int program_fd, uint32_t device, Direction direction) {
  LinkCreate create{};
  create.program_fd = static_cast<uint32_t>(program_fd);
  create.device = device;
  create.attach_type = AttachType(direction);
  create.flags = kFirst;
  posix::FileDescriptor link(Call(BPF_LINK_CREATE, &create));
  if (link.ok()) return link;
  return KernelError(errno,
                     absl::StrCat("attach a TCX link to the ", DirectionName(direction), " hook of device ", device));
}

absl::Status UpdateTcxLink(int link_fd, int program_fd) {
  const int error = bpf_link_update(link_fd, program_fd, nullptr);
  return error < 0 ? KernelError(error, "replace the program of a TCX link") : absl::OkStatus();
}

absl::StatusOr<std::vector<uint32_t>> TcxLinksOn(uint32_t device, Direction direction) {
  std::array<uint32_t, 64> programs{}, links{};  // the kernel's limit of a hook
  ProgramQuery query{};
  query.device = device;
  query.attach_type = AttachType(direction);
  query.program_ids = reinterpret_cast<uint64_t>(programs.data());
  query.link_ids = reinterpret_cast<uint64_t>(links.data());
  query.count = programs.size();
  if (Call(BPF_PROG_QUERY, &query) != 0) {
    return KernelError(errno, absl::StrCat("ask for the ", DirectionName(direction), " programs of device ", device));
  }
  std::vector<uint32_t> ids;
  for (uint32_t i = 0; i < query.count && i < links.size(); ++i) {
    if (links[i] != 0) ids.push_back(links[i]);  // 0: attached without a link
  }
  return ids;
}

}  // namespace shunt::datapath
