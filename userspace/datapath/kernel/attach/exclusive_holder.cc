// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/attach/exclusive_holder.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {
namespace {

constexpr uint32_t kProgramsMax = 64;  // as many as the kernel allows at one hook

// Returns "NAME (id 7)", or "id 7" if this process may not look the program up.
std::string NameOf(uint32_t id) {
  const posix::FileDescriptor program(bpf_prog_get_fd_by_id(id));
  if (program.ok()) {
    const absl::StatusOr<bpf_prog_info> facts = DescribeProgram(program.get(), "program");
    if (facts.ok() && facts->name[0] != '\0') return absl::StrCat(facts->name, " (id ", id, ")");
  }
  return absl::StrCat("id ", id);
}

// Returns the programs attached to the cgroup itself if they are there without BPF_F_ALLOW_MULTI.
std::vector<uint32_t> ExclusivePrograms(const Cgroup& cgroup, bpf_attach_type type) {
  std::vector<uint32_t> ids(kProgramsMax);
  __u32 count = kProgramsMax, flags = 0;
  if (bpf_prog_query(cgroup.fd.get(), type, 0, &flags, ids.data(), &count) < 0) return {};
  if ((flags & BPF_F_ALLOW_MULTI) != 0) return {};
  ids.resize(std::min(count, kProgramsMax));
  return ids;
}

}  // namespace

std::string DescribeHolder(absl::string_view hook, bpf_attach_type type, const Cgroup& cgroup) {
  std::error_code error;
  const std::filesystem::path own = std::filesystem::canonical(cgroup.path, error);
  if (error) return "";
  std::vector<std::string> paths = CgroupsAbove(own.string());
  paths.insert(paths.begin(), own.string());
  for (const std::string& path : paths) {
    const absl::StatusOr<Cgroup> at = OpenCgroup(path);
    if (!at.ok()) return "";
    const std::vector<uint32_t> programs = ExclusivePrograms(*at, type);
    if (programs.empty()) continue;
    std::vector<std::string> names;
    for (const uint32_t id : programs) names.push_back(NameOf(id));
    return absl::StrCat("program ", absl::StrJoin(names, ", "), " holds ", hook, " of ", path,
                        " for itself (attached without BPF_F_ALLOW_MULTI): detach it (bpftool cgroup detach ", path,
                        " ", absl::StripPrefix(hook, "cgroup/"), " id ", programs.front(),
                        "), or let its owner attach it with BPF_F_ALLOW_MULTI");
  }
  return "";
}

}  // namespace shunt::datapath
