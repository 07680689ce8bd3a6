// SPDX-License-Identifier: Apache-2.0
// A small world of one process: a "host" network namespace, pod namespaces, a cgroup, a bpffs. Nothing of
// the machine's is touched, and nothing is left of it when the process ends, however it ends.
#ifndef SHUNT_SANDBOX_SANDBOX_H_
#define SHUNT_SANDBOX_SANDBOX_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/sandbox/janitor.h"
#include "tests/sandbox/network_namespace.h"
#include "userspace/model/ip_address.h"

namespace shunt::sandbox {

struct SandboxOptions {
  // Every address of these is local in every namespace, so that a wildcard listener stands for all pods,
  // and a destination that nobody translated is answered by what was dialled instead of wandering off.
  std::vector<std::string> local_prefixes = {"10.0.0.0/8", "192.0.2.0/24", "198.51.100.0/24", "fd00::/16",
                                             "2001:db8::/32"};
  // On the loopback device of every namespace, /32 and /128.
  std::vector<std::string> addresses = {"10.0.0.1", "fd00::1"};
};

class Sandbox {
 public:
  // Moves the calling thread into a private mount namespace with a bpffs of its own at /sys/fs/bpf, and
  // into the sandbox's host namespace. Sweeps what sandboxes of dead processes left.
  // REQUIRES: one thread. kPermissionDenied, kFailedPrecondition: this machine cannot, and why.
  static absl::StatusOr<std::unique_ptr<Sandbox>> Create(SandboxOptions options = {});
  // Returns the process to where it was. REQUIRES: the calling thread is the one that called Create.
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  const NetworkNamespace& host() const { return *host_; }
  // Another network namespace with the same addresses: a pod's.
  absl::StatusOr<NetworkNamespace> NewPod() const;

  // A fresh cgroup below the sandbox's own, to attach programs to.
  absl::StatusOr<std::string> NewCgroup();
  // The sandbox's own: nothing is attached to it. EnterCgroup(cgroup()) takes the process out of a NewCgroup.
  const std::string& cgroup() const { return cgroup_; }
  // A fresh directory on the private bpffs.
  absl::StatusOr<std::string> NewBpffs();

  pid_t janitor_pid() const { return janitor_->pid(); }

 private:
  explicit Sandbox(SandboxOptions options) : options_(std::move(options)) {}
  absl::Status SetUp();
  absl::Status AddAddresses() const;

  SandboxOptions options_;
  std::string original_cgroup_;
  std::string cgroup_;
  std::unique_ptr<Janitor> janitor_;
  std::optional<NetworkNamespace> original_;
  std::optional<NetworkNamespace> host_;
  bool bpffs_mounted_ = false;
  int cgroups_made_ = 0;
  int directories_made_ = 0;
};

// Removes the pins below `directory` and the directory.
void RemovePins(const std::string& directory);

}  // namespace shunt::sandbox

#endif  // SHUNT_SANDBOX_SANDBOX_H_
