// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/object/bpf_fd.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "userspace/datapath/kernel/kernel_error.h"

namespace shunt::datapath {
namespace {

const char* KindName(BpfKind kind) {
  switch (kind) {
    case BpfKind::kMap:
      return "map";
    case BpfKind::kProgram:
      return "program";
    case BpfKind::kLink:
      return "link";
  }
  return "";
}

// Every BPF descriptor answers the same describing call with a struct of its kind, so the kind has to be known first.
// Some kernels spell a link's name with an underscore, some with a hyphen.
bool IsKind(int fd, BpfKind kind) {
  char target[64];
  ssize_t length = readlink(absl::StrCat("/proc/self/fd/", fd).c_str(), target, sizeof(target));
  if (length < 0) return false;
  absl::string_view name(target, static_cast<size_t>(length));
  switch (kind) {
    case BpfKind::kMap:
      return name == "anon_inode:bpf-map";
    case BpfKind::kProgram:
      return name == "anon_inode:bpf-prog";
    case BpfKind::kLink:
      return absl::StartsWith(name, "anon_inode:bpf_link") || absl::StartsWith(name, "anon_inode:bpf-link");
  }
  return false;
}

template <typename Facts>
absl::StatusOr<Facts> Describe(int fd, const std::string& what) {
  Facts facts{};
  __u32 length = sizeof(facts);
  if (int error = bpf_obj_get_info_by_fd(fd, &facts, &length); error < 0) {
    return KernelError(error, absl::StrCat(what, ": describe"));
  }
  return facts;
}

}  // namespace

absl::StatusOr<posix::FileDescriptor> OpenPin(const std::string& path, BpfKind kind, PinAccess access) {
  LIBBPF_OPTS(bpf_obj_get_opts, options);
  if (access == PinAccess::kReadOnly && kind == BpfKind::kMap) options.file_flags = BPF_F_RDONLY;
  int fd = bpf_obj_get_opts(path.c_str(), &options);
  if (fd < 0) return KernelError(fd, absl::StrCat("open pin ", path));
  posix::FileDescriptor owned(fd);
  if (!IsKind(fd, kind)) {
    return absl::FailedPreconditionError(absl::StrCat("pin ", path, " is not a BPF ", KindName(kind)));
  }
  return owned;
}

absl::Status ReplacePin(int fd, const std::string& path) {
  // No dot in the name: bpffs reserves those.
  const std::string next = path + "_next";
  if (unlink(next.c_str()) != 0 && errno != ENOENT) return KernelError(errno, absl::StrCat("remove ", next));
  if (int error = bpf_obj_pin(fd, next.c_str()); error < 0) return KernelError(error, absl::StrCat("pin ", next));
  if (rename(next.c_str(), path.c_str()) != 0) {
    absl::Status status = KernelError(errno, absl::StrCat("rename ", next, " to ", path));
    unlink(next.c_str());
    return status;
  }
  return absl::OkStatus();
}

void DetachPinnedLink(const std::string& path) {
  absl::StatusOr<posix::FileDescriptor> link = OpenPin(path, BpfKind::kLink);
  // A kind of link that cannot be detached at once ends with its pin.
  if (link.ok()) (void)bpf_link_detach(link->get());
}

absl::StatusOr<posix::FileDescriptor> AttachIterator(int program_fd, const std::string& what) {
  posix::FileDescriptor link(bpf_link_create(program_fd, 0, BPF_TRACE_ITER, nullptr));
  if (!link.ok()) return KernelError(link.get(), absl::StrCat("attach the iterator of ", what));
  return link;
}

absl::StatusOr<std::string> ReadIterator(int link_fd, const std::string& what) {
  constexpr size_t kReadAtATime = 32768;
  const posix::FileDescriptor reader(bpf_iter_create(link_fd));
  if (!reader.ok()) return KernelError(reader.get(), absl::StrCat("open the iterator of ", what));
  std::string bytes;
  std::string part(kReadAtATime, '\0');
  for (;;) {
    const ssize_t size = read(reader.get(), part.data(), part.size());
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (size < 0) return KernelError(errno, absl::StrCat("read the iterator of ", what));
    if (size == 0) return bytes;
    bytes.append(part, 0, static_cast<size_t>(size));
  }
}

absl::StatusOr<bpf_map_info> DescribeMap(int fd, const std::string& what) {
  return Describe<bpf_map_info>(fd, what);
}

absl::StatusOr<bpf_prog_info> DescribeProgram(int fd, const std::string& what) {
  return Describe<bpf_prog_info>(fd, what);
}

absl::StatusOr<bpf_link_info> DescribeLink(int fd, const std::string& what) {
  return Describe<bpf_link_info>(fd, what);
}

uint64_t MapMemoryBytes(int fd) {
  std::ifstream lines(absl::StrCat("/proc/self/fdinfo/", fd));
  std::string line;
  while (std::getline(lines, line)) {
    absl::string_view rest = line;
    uint64_t bytes = 0;
    if (absl::ConsumePrefix(&rest, "memlock:") && absl::SimpleAtoi(rest, &bytes)) return bytes;
  }
  return 0;
}

}  // namespace shunt::datapath
