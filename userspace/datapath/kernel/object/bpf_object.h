// SPDX-License-Identifier: Apache-2.0
// The compiled programs and the layout of their maps: an object that is built in, or one from a file.
#ifndef SHUNT_DATAPATH_KERNEL_OBJECT_BPF_OBJECT_H_
#define SHUNT_DATAPATH_KERNEL_OBJECT_BPF_OBJECT_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bpf/config.h"
#include "bpf/packet/packet_config.h"
#include "userspace/datapath/kernel/object/map_spec.h"

struct bpf_map;
struct bpf_object;

namespace shunt::datapath {

// An object is opened, configured, then loaded once. Maps and programs are found by name, so that an object from a file
// is treated exactly as the built-in one.
class BpfObject {
 public:
  // Reads the object. This needs no privilege, because the kernel is not involved.
  static absl::StatusOr<BpfObject> OpenBuiltIn();
  static absl::StatusOr<BpfObject> OpenSocketIterators();  // also built in
  static absl::StatusOr<BpfObject> OpenLinkIterator();     // also built in
  static absl::StatusOr<BpfObject> OpenPackets();          // also built in: the packet path at tc
  static absl::StatusOr<BpfObject> OpenSweep();            // also built in: the collector of flows
  static absl::StatusOr<BpfObject> OpenFile(const std::string& path);

  // Returns the maps that it declares, without its read-only data, with the sizes from bpf/maps.h.
  std::vector<MapSpec> Maps() const;

  // ---- before Load ----
  // Returns kFailedPrecondition if the object's shunt_config is not laid out as in bpf/config.h.
  absl::Status SetConfig(const shunt_config& config);
  // The same of packet_config, which only the packet path's objects have.
  absl::Status SetPacketConfig(const shunt_packet_config& config);
  // Makes the programs use the map behind `fd`, which stays the caller's.
  absl::Status UseMap(const std::string& map, int fd);
  absl::Status SetMaxEntries(const std::string& map, uint32_t max_entries);
  // Makes Load create the maps only.
  absl::Status LeaveOutPrograms();

  // Creates the maps not given by UseMap and passes every program through the verifier. An error names the program and
  // ends with the end of the verifier's log; nothing is left in the kernel then.
  absl::Status Load();

  // ---- after Load ----
  // Return a descriptor owned by the object, or -1 if it has nothing of this name.
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
  absl::Status SetVariable(const char* variable, const void* value, size_t size);

  std::string name_;  // for messages: "built-in object" or the path
  std::unique_ptr<bpf_object, Close> object_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_OBJECT_BPF_OBJECT_H_
