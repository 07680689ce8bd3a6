// SPDX-License-Identifier: Apache-2.0
// A small world in one process: a "host" network namespace, pod namespaces, a cgroup, a bpffs. It does not touch the
// machine's own, and nothing of it is left when the process ends, even by a crash.
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
  // Every address of these is local in every namespace, so that a wildcard listener stands for all pods, and a
  // destination that was not translated answers itself.
  std::vector<std::string> local_prefixes = {"10.0.0.0/8", "192.0.2.0/24", "198.51.100.0/24", "fd00::/16",
                                             "2001:db8::/32"};
  // Addresses (/32 and /128) on the loopback device of every namespace.
  std::vector<std::string> addresses = {"10.0.0.1", "fd00::1"};
};

class Sandbox {
 public:
  // Moves the calling thread into a private mount namespace with a bpffs of its own at /sys/fs/bpf, and into the
  // sandbox's host namespace. Removes what sandboxes of dead processes left. Returns kPermissionDenied or
  // kFailedPrecondition, with the reason, if this machine cannot have a sandbox. A process may make one within another,
  // which ends first. REQUIRES: the process has one thread.
  static absl::StatusOr<std::unique_ptr<Sandbox>> Create(SandboxOptions options = {});
  // Returns the process to where it was. REQUIRES: the calling thread is the one that called Create.
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  const NetworkNamespace& host() const { return *host_; }
  // Creates a pod's network namespace, with the same addresses.
  absl::StatusOr<NetworkNamespace> NewPod() const;

  // Creates a cgroup below the sandbox's own, to attach programs to.
  absl::StatusOr<std::string> NewCgroup();
  // The sandbox's own cgroup, to which nothing is attached. EnterCgroup(cgroup()) takes the process out of a NewCgroup.
  const std::string& cgroup() const { return cgroup_; }
  // Creates a directory on the private bpffs.
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

// Removes `directory` and the pins below it.
void RemovePins(const std::string& directory);

}  // namespace shunt::sandbox

#endif  // SHUNT_SANDBOX_SANDBOX_H_
