// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/object/map_spec.h"

#include <linux/bpf.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"

namespace shunt::datapath {

std::string MapTypeName(uint32_t type) {
  switch (type) {
    case BPF_MAP_TYPE_HASH:
      return "hash";
    case BPF_MAP_TYPE_ARRAY:
      return "array";
    case BPF_MAP_TYPE_LRU_HASH:
      return "lru_hash";
    case BPF_MAP_TYPE_LPM_TRIE:
      return "lpm_trie";
    case BPF_MAP_TYPE_SK_STORAGE:
      return "sk_storage";
    default:
      return absl::StrCat("type ", type);
  }
}

absl::StatusOr<MapSpec> VerifyMap(int fd, const MapSpec& spec) {
  absl::StatusOr<bpf_map_info> found = DescribeMap(fd, absl::StrCat("map ", spec.name));
  if (!found.ok()) return found.status();
  auto differs = [&spec](absl::string_view what, absl::string_view is, absl::string_view expected) {
    return absl::FailedPreconditionError(
        absl::StrCat("map ", spec.name, ": its ", what, " is ", is, ", this build's is ", expected));
  };
  if (found->type != spec.type) return differs("type", MapTypeName(found->type), MapTypeName(spec.type));
  if (found->key_size != spec.key_size) {
    return differs("key size", absl::StrCat(found->key_size), absl::StrCat(spec.key_size));
  }
  if (found->value_size != spec.value_size) {
    return differs("value size", absl::StrCat(found->value_size), absl::StrCat(spec.value_size));
  }
  if (found->map_flags != spec.flags) {
    return differs("flag word", absl::StrFormat("%#x", found->map_flags), absl::StrFormat("%#x", spec.flags));
  }
  MapSpec verified = spec;
  verified.max_entries = found->max_entries;
  return verified;
}

}  // namespace shunt::datapath
