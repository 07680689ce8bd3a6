// SPDX-License-Identifier: Apache-2.0
// Where everything that outlives the agent is pinned:
//
//   BPFFS/shunt/v1/maps/NAME        every map, by its name in bpf/maps.h
//   BPFFS/shunt/v1/links/NAME       every link, by the name of its program
//   BPFFS/shunt/v1/programs/NAME    the programs, for readers beside the agent
//
// v1 is the ABI version: another layout has another directory. A pin's file mode is its whole access control (a process
// that may open a link's pin may detach it), so directories are 0700 and pins 0600.
#ifndef SHUNT_DATAPATH_KERNEL_OBJECT_PINS_H_
#define SHUNT_DATAPATH_KERNEL_OBJECT_PINS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace shunt::datapath {

class PinDirectory {
 public:
  // Creates the directories that are missing. Returns kFailedPrecondition if `bpffs` is not in a BPF file system (the
  // message says how to mount one), or if a directory belongs to another user or is open to others.
  static absl::StatusOr<PinDirectory> OpenOrCreate(const std::string& bpffs);
  // As above, but creates nothing. Returns kNotFound if a directory is missing.
  static absl::StatusOr<PinDirectory> Open(const std::string& bpffs);

  const std::string& path() const { return path_; }
  std::string MapPath(absl::string_view name) const;
  std::string LinkPath(absl::string_view program) const;
  std::string ProgramPath(absl::string_view program) const;

  // Return the names that exist, sorted, without leftovers of an interrupted ReplacePin().
  std::vector<std::string> MapNames() const;
  std::vector<std::string> LinkNames() const;

 private:
  explicit PinDirectory(std::string path) : path_(std::move(path)) {}

  std::string path_;  // BPFFS/shunt/v1
};

// BPFFS/shunt and BPFFS/shunt/v1.
std::string PinRoot(absl::string_view bpffs);
std::string PinPath(absl::string_view bpffs);
// Returns SHUNT_ABI_VERSION, the 1 of v1, for callers that do not know bpf/abi.h.
uint32_t PinAbiVersion();

// Returns kNotFound if there is no `path`, and kFailedPrecondition unless it is a directory (a symbolic link to one
// does not count) that only this user can enter.
absl::Status CheckPrivate(const std::string& path);

// Returns kFailedPrecondition unless `bpffs` is a directory in a BPF file system.
absl::Status CheckBpffs(const std::string& bpffs);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_OBJECT_PINS_H_
