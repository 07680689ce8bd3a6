// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/attach/host_config.h"

#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {

bool HasCapability(int capability) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3]{};
  return syscall(SYS_capget, &header, sets) == 0 && (sets[capability / 32].effective >> capability % 32 & 1) != 0;
}

std::string MissingCapabilities() {
  if (HasCapability(CAP_SYS_ADMIN)) return "";
  // Without CAP_PERFMON the verifier allows neither a pointer that is one of two nor a stack slot that held a pointer
  // before, and compilers make both.
  std::vector<absl::string_view> missing;
  if (!HasCapability(CAP_BPF)) missing.emplace_back("CAP_BPF");
  if (!HasCapability(CAP_NET_ADMIN)) missing.emplace_back("CAP_NET_ADMIN");
  if (!HasCapability(CAP_PERFMON)) missing.emplace_back("CAP_PERFMON");
  return absl::StrJoin(missing, ", ");
}

absl::Status WithMissingCapabilities(const absl::Status& error) {
  const std::string missing = MissingCapabilities();
  if (error.ok() || missing.empty()) return error;
  return absl::Status(error.code(),
                      absl::StrCat("missing: ", missing, "; grant them or run as root: ", error.message()));
}

bool KernelHasMptcp() {
  return access("/proc/sys/net/mptcp", F_OK) == 0;
}

bool CanFindMptcpConnections() {
  return KernelHasMptcp() && (HasCapability(CAP_PERFMON) || HasCapability(CAP_SYS_ADMIN));
}

bool CanReadKernelSockets() {
  for (const bpf_func_id function : {BPF_FUNC_probe_read_kernel, BPF_FUNC_skc_to_tcp_sock}) {
    if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, function, nullptr) != 1) return false;
  }
  return true;
}

absl::StatusOr<uint64_t> NetnsCookie() {
  posix::FileDescriptor socket_fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket_fd.ok()) return KernelError(errno, "network namespace cookie: make a socket");
  uint64_t cookie = 0;
  socklen_t length = sizeof(cookie);
  if (getsockopt(socket_fd.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) != 0) {
    return KernelError(errno, "network namespace cookie: SO_NETNS_COOKIE");
  }
  return cookie;
}

absl::Status ConfigureForHost(shunt_config* config) {
  absl::StatusOr<uint64_t> cookie = NetnsCookie();
  if (!cookie.ok()) return cookie.status();
  config->host_netns_cookie = *cookie;
  config->has_mptcp = CanFindMptcpConnections() ? 1 : 0;
  config->reads_sockets = CanReadKernelSockets() ? 1 : 0;
  return absl::OkStatus();
}

}  // namespace shunt::datapath
