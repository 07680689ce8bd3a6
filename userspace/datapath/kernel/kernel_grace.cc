// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/kernel_grace.h"

#include <bpf/bpf.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <utility>

#include "userspace/datapath/kernel/kernel_error.h"

namespace shunt::datapath {

absl::StatusOr<MapOfMapsGrace> MapOfMapsGrace::Create() {
  constexpr uint32_t kRows = 1;
  posix::FileDescriptor inner(
      bpf_map_create(BPF_MAP_TYPE_ARRAY, "shunt_grace", sizeof(uint32_t), sizeof(uint32_t), kRows, nullptr));
  if (!inner.ok()) return KernelError(inner.get(), "grace period: create a map");
  LIBBPF_OPTS(bpf_map_create_opts, options, .inner_map_fd = static_cast<__u32>(inner.get()));
  posix::FileDescriptor outer(
      bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "shunt_grace", sizeof(uint32_t), sizeof(uint32_t), kRows, &options));
  if (!outer.ok()) return KernelError(outer.get(), "grace period: create a map of maps");
  return MapOfMapsGrace(std::move(outer), std::move(inner));
}

absl::Status MapOfMapsGrace::Wait() const {
  const uint32_t row = 0;
  const int inner = inner_.get();
  if (int error = bpf_map_update_elem(outer_.get(), &row, &inner, BPF_ANY); error < 0) {
    return KernelError(error, "grace period: update a map of maps");
  }
  return absl::OkStatus();
}

absl::Status MembarrierGrace() {
  // Counted before and after, because a CPU may come or go meanwhile.
  const bool one_before = sysconf(_SC_NPROCESSORS_ONLN) < 2;
  if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0) {
    if (errno != EINVAL && errno != ENOSYS)
      return KernelError(errno, "grace period: membarrier(MEMBARRIER_CMD_GLOBAL)");
    return absl::UnimplementedError("grace period: this kernel has no membarrier(MEMBARRIER_CMD_GLOBAL)");
  }
  if (one_before || sysconf(_SC_NPROCESSORS_ONLN) < 2) {
    return absl::UnimplementedError("grace period: membarrier does not wait with one CPU online");
  }
  return absl::OkStatus();
}

std::function<absl::Status()> ChooseKernelGrace() {
  absl::StatusOr<MapOfMapsGrace> created = MapOfMapsGrace::Create();
  if (created.ok() && created->Wait().ok()) {
    // A std::function has to be copyable.
    auto grace = std::make_shared<MapOfMapsGrace>(*std::move(created));
    return [grace] { return grace->Wait(); };
  }
  if (MembarrierGrace().ok()) return MembarrierGrace;
  return nullptr;
}

}  // namespace shunt::datapath
