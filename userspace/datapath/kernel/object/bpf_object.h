// SPDX-License-Identifier: Apache-2.0
// The compiled programs and the layout of their maps: an object built into this binary, or one from a file.
#ifndef SHUNT_DATAPATH_KERNEL_OBJECT_BPF_OBJECT_H_
#define SHUNT_DATAPATH_KERNEL_OBJECT_BPF_OBJECT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bpf/config.h"
#include "userspace/datapath/kernel/object/map_spec.h"

struct bpf_map;
struct bpf_object;

namespace shunt::datapath {

// Opened, configured, then loaded once. Everything goes by name, so that an object from a file is treated
// exactly as the built-in one.
class BpfObject {
 public:
  // Reads the object; nothing is asked of the kernel, no privilege is needed.
  static absl::StatusOr<BpfObject> OpenBuiltIn();
  static absl::StatusOr<BpfObject> OpenSocketIterators();  // built in too
  static absl::StatusOr<BpfObject> OpenFile(const std::string& path);

  // The maps that it declares, its read-only data left out, with the sizes that maps.h gives them.
  std::vector<MapSpec> Maps() const;

  // ---- before Load ----
  // kFailedPrecondition: the object's shunt_config is not laid out as in bpf/config.h.
  absl::Status SetConfig(const shunt_config& config);
  // Makes the programs use the map behind `fd`, which stays the caller's.
  absl::Status UseMap(const std::string& map, int fd);
  absl::Status SetMaxEntries(const std::string& map, uint32_t max_entries);
  // Makes Load create maps alone.
  absl::Status LeaveOutPrograms();

  // Creates the maps not given by UseMap and passes every program through the verifier. An error names the
  // program and ends with the verifier's last words; nothing is left in the kernel then.
  absl::Status Load();

  // ---- after Load ----
  // Owned by the object. -1 if it has none of the name.
  int MapFd(const std::string& map) const;
  int ProgramFd(const std::string& program) const;

 private:
  struct Close {
    void operator()(bpf_object* object) const;
  };
  static absl::StatusOr<BpfObject> OpenMemory(const char* object_name, std::string name,
                                              const void* (*elf_bytes)(size_t*));
  BpfObject(std::string name, bpf_object* object) : name_(std::move(name)), object_(object) {}
  absl::StatusOr<bpf_map*> FindMap(const std::string& map) const;

  std::string name_;  // for messages: "built-in object" or the path
  std::unique_ptr<bpf_object, Close> object_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_OBJECT_BPF_OBJECT_H_
