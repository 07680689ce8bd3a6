// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/attach/link_finder.h"

#include <cstddef>
#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "bpf/link_iter.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/object/bpf_object.h"

namespace shunt::datapath {
namespace {

constexpr char kLinks[] = "links";

std::vector<shunt_attached_link> RecordsIn(absl::string_view bytes) {
  std::vector<shunt_attached_link> records(bytes.size() / sizeof(shunt_attached_link));
  if (!records.empty()) std::memcpy(records.data(), bytes.data(), records.size() * sizeof(shunt_attached_link));
  return records;
}

}  // namespace

absl::StatusOr<LinkFinder> LinkFinder::Load() {
  absl::StatusOr<BpfObject> object = BpfObject::OpenLinkIterator();
  if (!object.ok()) return object.status();
  if (absl::Status status = object->Load(); !status.ok()) return status;
  absl::StatusOr<posix::FileDescriptor> iterator = AttachIterator(object->ProgramFd("find_attached_links"), kLinks);
  if (!iterator.ok()) return iterator.status();
  return LinkFinder(*std::move(iterator));
}

absl::StatusOr<std::vector<FoundLink>> LinkFinder::Find() const {
  const absl::StatusOr<std::string> bytes = ReadIterator(iterator_.get(), kLinks);
  if (!bytes.ok()) return bytes.status();
  const std::vector<shunt_attached_link> records = RecordsIn(*bytes);
  std::vector<FoundLink> found;
  for (auto hook = kHooks.rbegin(); hook != kHooks.rend(); ++hook) {
    for (const shunt_attached_link& record : records) {
      if (record.attach_type != static_cast<uint32_t>(hook->attach_type)) continue;
      found.push_back({*hook, record.cgroup_id, record.link_id, record.program_id});
    }
  }
  return found;
}

}  // namespace shunt::datapath
