// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/attach/pin_search.h"

#include <linux/bpf.h>

#include <cstddef>
#include <utility>

#include "absl/status/statusor.h"
#include "userspace/datapath/kernel/attach/mounts.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/object/pin_removal.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {
namespace {

constexpr int kDepthMax = 4;             // of directories below a mount
constexpr size_t kDirectoriesMax = 500;  // of all mounts

// Appends the directories in `directory`, and it itself, that may be an agent's --bpffs.
void AppendBpffs(const std::string& directory, int depth, size_t* visited, std::vector<std::string>* found) {
  if (++*visited > kDirectoriesMax) return;
  if (IsDirectory(PinRoot(directory) + "/links") || !PinDirectory::Unchecked(directory).EarlierLayouts().empty()) {
    found->push_back(directory);
  }
  if (depth == kDepthMax) return;
  for (const std::string& path : PathsIn(directory)) {
    if (path != PinRoot(directory) && IsDirectory(path)) AppendBpffs(path, depth + 1, visited, found);
  }
}

}  // namespace

std::vector<PinnedLink> FindLinksIn(const PinDirectory& pins) {
  std::vector<std::string> layouts = pins.EarlierLayouts();
  layouts.push_back(pins.path());
  std::vector<PinnedLink> links;
  for (const std::string& layout : layouts) {
    for (const std::string& path : PathsIn(layout + "/links")) {
      const absl::StatusOr<posix::FileDescriptor> link = OpenPin(path, BpfKind::kLink);
      if (!link.ok()) continue;
      const absl::StatusOr<bpf_link_info> facts = DescribeLink(link->get(), path);
      if (!facts.ok()) continue;
      links.push_back({path, facts->id, facts->type == BPF_LINK_TYPE_CGROUP && facts->cgroup.cgroup_id != 0});
    }
  }
  return links;
}

std::vector<uint32_t> PinnedLinks(const PinDirectory& pins) {
  std::vector<uint32_t> ids;
  for (const PinnedLink& link : FindLinksIn(pins)) ids.push_back(link.id);
  return ids;
}

std::map<uint32_t, std::string> FindPinnedLinks() {
  size_t visited = 0;
  std::vector<std::string> bpffs;
  for (const Mount& mount : ReadMounts(OwnMountInfo(), "bpf")) AppendBpffs(mount.point, 0, &visited, &bpffs);
  std::map<uint32_t, std::string> found;
  for (const std::string& directory : bpffs) {
    for (const uint32_t id : PinnedLinks(PinDirectory::Unchecked(directory))) found.emplace(id, directory);
  }
  return found;
}

}  // namespace shunt::datapath
