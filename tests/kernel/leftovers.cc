// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/leftovers.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/sandbox/cgroup.h"

namespace shunt::kernel_test {
namespace {

int Bpf(bpf_cmd command, bpf_attr& attributes) {
  return static_cast<int>(syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

// Returns the cgroup that the link with this id is attached to; 0 if it is another kind of link or gone.
uint64_t CgroupOfLink(uint32_t id) {
  bpf_attr attributes = {};
  attributes.link_id = id;
  const int fd = Bpf(BPF_LINK_GET_FD_BY_ID, attributes);
  if (fd < 0) return 0;
  bpf_link_info link = {};
  attributes = {};
  attributes.info.bpf_fd = static_cast<uint32_t>(fd);
  attributes.info.info_len = sizeof link;
  attributes.info.info = reinterpret_cast<uint64_t>(&link);
  const bool known = Bpf(BPF_OBJ_GET_INFO_BY_FD, attributes) == 0;
  close(fd);
  return known && link.type == BPF_LINK_TYPE_CGROUP ? link.cgroup.cgroup_id : 0;
}

std::vector<std::string> Look(pid_t pid, const absl::flat_hash_set<uint64_t>& cgroups) {
  std::vector<std::string> left;
  if (const auto links = CountLinks(cgroups); !links.ok()) {
    left.push_back(links.status().ToString());
  } else if (*links != 0) {
    left.push_back(absl::StrCat(*links, " bpf_links on cgroups of the tests"));
  }
  if (const auto mount = sandbox::FindCgroupMount(); mount.ok()) {
    const std::string cgroup = absl::StrCat(*mount, "/shunt-test-", pid);
    if (access(cgroup.c_str(), F_OK) == 0) left.push_back(absl::StrCat("cgroup ", cgroup));
  }
  siginfo_t child = {};
  if (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) == 0) left.push_back("a child process");
  return left;
}

}  // namespace

absl::flat_hash_set<uint64_t>& CgroupsUsed() {
  static auto* const used = new absl::flat_hash_set<uint64_t>();
  return *used;
}

absl::StatusOr<int> CountLinks(const absl::flat_hash_set<uint64_t>& cgroups) {
  int count = 0;
  for (bpf_attr attributes = {};;) {
    if (Bpf(BPF_LINK_GET_NEXT_ID, attributes) != 0) {
      if (errno == ENOENT) return count;
      return absl::ErrnoToStatus(errno, "list bpf_links");
    }
    if (cgroups.contains(CgroupOfLink(attributes.next_id))) ++count;
    attributes.start_id = attributes.next_id;
  }
}

std::vector<std::string> Leftovers(pid_t pid, const absl::flat_hash_set<uint64_t>& cgroups) {
  std::vector<std::string> left = Look(pid, cgroups);
  for (int i = 0; i < 60 && !left.empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    left = Look(pid, cgroups);
  }
  return left;
}

}  // namespace shunt::kernel_test
