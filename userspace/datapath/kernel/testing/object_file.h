// SPDX-License-Identifier: Apache-2.0
// For tests: a compiled object as a file, on machines that do not have the build's files.
#ifndef SHUNT_DATAPATH_KERNEL_TESTING_OBJECT_FILE_H_
#define SHUNT_DATAPATH_KERNEL_TESTING_OBJECT_FILE_H_

#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {

// A file in memory, which vanishes with this object.
class ObjectFile {
 public:
  // `elf_bytes` is a skeleton's NAME__elf_bytes.
  explicit ObjectFile(const void* (*elf_bytes)(size_t*)) : fd_(memfd_create("object", MFD_CLOEXEC)) {
    size_t size = 0;
    const void* bytes = elf_bytes(&size);
    written_ = write(fd_.get(), bytes, size) == static_cast<ssize_t>(size);
  }

  // A path that only this process can use; empty if the file could not be written.
  std::string path() const { return written_ ? "/proc/self/fd/" + std::to_string(fd_.get()) : ""; }

 private:
  posix::FileDescriptor fd_;
  bool written_ = false;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_TESTING_OBJECT_FILE_H_
