// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/sockets/socket_iterators.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/kernel/attach/host_config.h"
#include "userspace/datapath/kernel/attach/programs.h"
#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/datapath/kernel/object/bpf_object.h"

namespace shunt::datapath {
namespace {

// Records read at a time. The kernel returns whole records: a socket whose record does not fit is visited again.
constexpr size_t kRecords = 512;

absl::StatusOr<posix::FileDescriptor> LinkOf(const BpfObject& object, const char* program) {
  posix::FileDescriptor link(bpf_link_create(object.ProgramFd(program), 0, BPF_TRACE_ITER, nullptr));
  if (!link.ok()) return KernelError(link.get(), absl::StrCat("attach the socket iterator ", program));
  return link;
}

}  // namespace

absl::StatusOr<SocketIterators> SocketIterators::Load(const MapSet& maps, Method method) {
  absl::StatusOr<BpfObject> object = BpfObject::OpenSocketIterators();
  if (!object.ok()) return object.status();
  shunt_config config{};
  if (absl::Status status = maps.GiveTo(*object, &config); !status.ok()) return status;
  if (absl::Status status = ConfigureForHost(&config); !status.ok()) return status;
  config.has_sock_destroy = method == Method::kEnd ? 1 : 0;
  if (absl::Status status = LoadPrograms(*object, config); !status.ok()) return status;
  SocketIterators iterators(method);
  absl::StatusOr<posix::FileDescriptor> udp = LinkOf(*object, "end_udp_sockets");
  if (!udp.ok()) return udp.status();
  absl::StatusOr<posix::FileDescriptor> tcp = LinkOf(*object, "end_tcp_sockets");
  if (!tcp.ok()) return tcp.status();
  iterators.udp_ = *std::move(udp);
  iterators.tcp_ = *std::move(tcp);
  return iterators;
}

absl::StatusOr<std::vector<shunt_gone_socket>> SocketIterators::Visit(model::Protocol protocol) const {
  const posix::FileDescriptor& link = protocol == model::Protocol::kTcp ? tcp_ : udp_;
  const posix::FileDescriptor reader(bpf_iter_create(link.get()));
  if (!reader.ok()) return KernelError(reader.get(), "visit sockets: open the iterator");
  std::vector<shunt_gone_socket> gone;
  std::array<shunt_gone_socket, kRecords> records;
  std::vector<char> bytes;  // of an incomplete record
  for (;;) {
    const ssize_t size = read(reader.get(), records.data(), sizeof(records));
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (size < 0) return KernelError(errno, "visit sockets: read the iterator");
    if (size == 0) return gone;
    const char* const begin = reinterpret_cast<const char*>(records.data());
    bytes.insert(bytes.end(), begin, begin + size);
    const size_t whole = bytes.size() / sizeof(shunt_gone_socket);
    const size_t before = gone.size();
    gone.resize(before + whole);
    std::memcpy(gone.data() + before, bytes.data(), whole * sizeof(shunt_gone_socket));
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<ssize_t>(whole * sizeof(shunt_gone_socket)));
  }
}

}  // namespace shunt::datapath
