// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/maps/source_versions.h"

#include <bpf/bpf.h>
#include <string.h>

#include "absl/strings/str_cat.h"
#include "bpf/abi.h"
#include "userspace/datapath/kernel/kernel_error.h"

namespace shunt::datapath {
namespace {

constexpr char kMap[] = "source_versions";

}  // namespace

report::SourceVersion ReadSourceVersion(const MapSet& maps, uint32_t resource) {
  shunt_source_version row = {};
  if (bpf_map_lookup_elem(maps.Fd(kMap), &resource, &row) != 0) return {};
  const size_t length = ::strnlen(row.version, sizeof(row.version));
  if (length == 0 || length == sizeof(row.version)) return {};
  return {.version = std::string(row.version, length), .objects = row.objects};
}

absl::Status WriteSourceVersion(const MapSet& maps, uint32_t resource, const report::SourceVersion& version) {
  shunt_source_version row = {};
  if (version.version.size() >= sizeof(row.version)) {
    return absl::InvalidArgumentError(
        absl::StrCat("store how far the API server was followed: its resourceVersion has ", version.version.size(),
                     " bytes, more than ", sizeof(row.version) - 1));
  }
  version.version.copy(row.version, sizeof(row.version));
  row.objects = version.objects;
  if (const int error = bpf_map_update_elem(maps.Fd(kMap), &resource, &row, BPF_ANY); error < 0) {
    return KernelError(error, absl::StrCat("store how far the API server was followed: map ", kMap, ": update"));
  }
  return absl::OkStatus();
}

}  // namespace shunt::datapath
