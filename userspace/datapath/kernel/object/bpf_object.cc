// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/object/bpf_object.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "link_iter.skel.h"
#include "sock.skel.h"
#include "sock_iter.skel.h"
#include "sweep.skel.h"
#include "tc.skel.h"
#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/datapath/kernel/object/libbpf_messages.h"

namespace shunt::datapath {
namespace {

constexpr char kConfigSection[] = ".rodata";

// Returns where `variable` lies in `section`, or null if it is not there.
const btf_var_secinfo* FindVariable(const btf* types, const char* section, const char* variable) {
  int id = btf__find_by_name_kind(types, section, BTF_KIND_DATASEC);
  if (id < 0) return nullptr;
  const btf_type* contents = btf__type_by_id(types, static_cast<__u32>(id));
  const btf_var_secinfo* variables = btf_var_secinfos(contents);
  for (int i = 0; i < btf_vlen(contents); ++i) {
    const btf_type* type = btf__type_by_id(types, variables[i].type);
    if (std::strcmp(btf__name_by_offset(types, type->name_off), variable) == 0) return &variables[i];
  }
  return nullptr;
}

}  // namespace

void BpfObject::Close::operator()(bpf_object* object) const {
  bpf_object__close(object);
}

absl::StatusOr<BpfObject> BpfObject::OpenMemory(const char* object_name, std::string name,
                                                const void* (*elf_bytes)(size_t*)) {
  LibbpfMessages messages;
  size_t size = 0;
  const void* bytes = elf_bytes(&size);
  LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = object_name);
  bpf_object* object = bpf_object__open_mem(bytes, size, &options);
  if (object == nullptr) return KernelError(errno, absl::StrCat("read the ", name, ": ", messages.Summary()));
  return BpfObject(std::move(name), object);
}

absl::StatusOr<BpfObject> BpfObject::OpenBuiltIn() {
  return OpenMemory("sock", "built-in BPF object", &sock__elf_bytes);
}

absl::StatusOr<BpfObject> BpfObject::OpenSocketIterators() {
  return OpenMemory("sock_iter", "built-in socket iterators", &sock_iter__elf_bytes);
}

absl::StatusOr<BpfObject> BpfObject::OpenLinkIterator() {
  return OpenMemory("link_iter", "built-in link iterator", &link_iter__elf_bytes);
}

absl::StatusOr<BpfObject> BpfObject::OpenPackets() {
  return OpenMemory("tc", "built-in packet path", &tc__elf_bytes);
}

absl::StatusOr<BpfObject> BpfObject::OpenSweep() {
  return OpenMemory("sweep", "built-in collector of flows", &sweep__elf_bytes);
}

absl::StatusOr<BpfObject> BpfObject::OpenFile(const std::string& path) {
  LibbpfMessages messages;
  // The object's name becomes part of the names of its internal maps, so it must not depend on the path.
  LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "sock");
  bpf_object* object = bpf_object__open_file(path.c_str(), &options);
  if (object == nullptr) return KernelError(errno, absl::StrCat("read BPF object ", path, ": ", messages.Summary()));
  return BpfObject(absl::StrCat("BPF object ", path), object);
}

std::vector<MapSpec> BpfObject::Maps() const {
  std::vector<MapSpec> specs;
  const bpf_map* map = nullptr;
  while ((map = bpf_object__next_map(object_.get(), map)) != nullptr) {
    if (bpf_map__is_internal(map)) continue;
    specs.push_back(MapSpec{.name = bpf_map__name(map),
                            .type = static_cast<uint32_t>(bpf_map__type(map)),
                            .key_size = bpf_map__key_size(map),
                            .value_size = bpf_map__value_size(map),
                            .flags = bpf_map__map_flags(map),
                            .max_entries = bpf_map__max_entries(map)});
  }
  return specs;
}

absl::Status BpfObject::SetConfig(const shunt_config& config) {
  return SetVariable("shunt_config", &config, sizeof(config));
}

absl::Status BpfObject::SetPacketConfig(const shunt_packet_config& config) {
  return SetVariable("packet_config", &config, sizeof(config));
}

absl::Status BpfObject::SetVariable(const char* variable, const void* value, size_t size) {
  absl::StatusOr<bpf_map*> section = FindMap(kConfigSection);
  if (!section.ok()) return section.status();
  size_t section_size = 0;
  void* bytes = const_cast<void*>(bpf_map__initial_value(*section, &section_size));
  const btf_var_secinfo* place = FindVariable(bpf_object__btf(object_.get()), kConfigSection, variable);
  if (bytes == nullptr || place == nullptr || place->size != size || place->offset + place->size > section_size) {
    return absl::FailedPreconditionError(absl::StrCat(
        name_, ": its ", variable, " has ", place == nullptr ? 0 : place->size, " bytes, this build's has ", size));
  }
  std::memcpy(static_cast<char*>(bytes) + place->offset, value, size);
  return absl::OkStatus();
}

absl::StatusOr<bpf_map*> BpfObject::FindMap(const std::string& map) const {
  bpf_map* found = bpf_object__find_map_by_name(object_.get(), map.c_str());
  if (found == nullptr) return absl::FailedPreconditionError(absl::StrCat(name_, " has no map ", map));
  return found;
}

absl::Status BpfObject::UseMap(const std::string& map, int fd) {
  absl::StatusOr<bpf_map*> found = FindMap(map);
  if (!found.ok()) return found.status();
  if (int error = bpf_map__reuse_fd(*found, fd); error < 0) {
    return KernelError(error, absl::StrCat(name_, ": use the pinned map ", map));
  }
  return absl::OkStatus();
}

absl::Status BpfObject::SetMaxEntries(const std::string& map, uint32_t max_entries) {
  absl::StatusOr<bpf_map*> found = FindMap(map);
  if (!found.ok()) return found.status();
  if (int error = bpf_map__set_max_entries(*found, max_entries); error < 0) {
    return KernelError(error, absl::StrCat(name_, ": give map ", map, " ", max_entries, " rows"));
  }
  return absl::OkStatus();
}

absl::Status BpfObject::LeaveOutPrograms() {
  bpf_program* program = nullptr;
  while ((program = bpf_object__next_program(object_.get(), program)) != nullptr) {
    if (int error = bpf_program__set_autoload(program, false); error < 0) {
      return KernelError(error, absl::StrCat(name_, ": leave out ", bpf_program__name(program)));
    }
  }
  return absl::OkStatus();
}

absl::Status BpfObject::Load() {
  LibbpfMessages messages;
  if (int error = bpf_object__load(object_.get()); error < 0) {
    return KernelError(error, absl::StrCat("load the ", name_, ": ", messages.Summary()));
  }
  return absl::OkStatus();
}

int BpfObject::MapFd(const std::string& map) const {
  const bpf_map* found = bpf_object__find_map_by_name(object_.get(), map.c_str());
  return found == nullptr ? -1 : bpf_map__fd(found);
}

int BpfObject::ProgramFd(const std::string& program) const {
  const bpf_program* found = bpf_object__find_program_by_name(object_.get(), program.c_str());
  return found == nullptr ? -1 : bpf_program__fd(found);
}

}  // namespace shunt::datapath
