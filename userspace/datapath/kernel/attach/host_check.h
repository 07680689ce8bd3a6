// SPDX-License-Identifier: Apache-2.0
// Finds out whether this host can run Shunt, and says so in plain words: `shuntd check`.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_HOST_CHECK_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_HOST_CHECK_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace shunt::datapath {

enum class Verdict {
  kOk,
  kWarning,  // it runs, but something is slower, less safe or unproven
  kMissing,  // the agent would not start
};

struct Finding {
  std::string what;
  Verdict verdict = Verdict::kOk;
  std::string detail;
  std::string what_to_do;  // empty if kOk
};

struct HostCheckOptions {
  std::string bpffs = "/sys/fs/bpf";
  std::string cgroup;  // empty: the host's root
};

// Loads the programs over tiny maps and, if it may, attaches them to an empty cgroup that it creates below the
// configured one. Leaves nothing behind. Takes well under a second.
std::vector<Finding> CheckHost(const HostCheckOptions& options);

// Returns whether a kernel release such as "6.1.0-18-amd64" is 6.1 or newer.
bool IsSupportedKernel(absl::string_view release);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_HOST_CHECK_H_
