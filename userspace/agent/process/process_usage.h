// SPDX-License-Identifier: Apache-2.0
// Reads from /proc/self what this process uses.
#ifndef SHUNT_AGENT_PROCESS_PROCESS_USAGE_H_
#define SHUNT_AGENT_PROCESS_PROCESS_USAGE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "userspace/report/agent_metrics.h"

namespace shunt::agent {

// The texts of the kernel's files, and what their numbers are counted in.
struct ProcessFiles {
  std::string stat;         // /proc/self/stat
  std::string limits;       // /proc/self/limits
  std::string system_stat;  // /proc/stat
  double ticks_per_second = 100;
  uint64_t page_bytes = 4096;
};

// Decodes the files. What they do not say is 0; open_descriptors is in none of them.
report::ProcessUsage DecodeProcessFiles(const ProcessFiles& files);

// Reads the files of this process and counts its descriptors. What cannot be read is 0. Thread-safe.
report::ProcessUsage ReadProcessUsage();

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_PROCESS_PROCESS_USAGE_H_
