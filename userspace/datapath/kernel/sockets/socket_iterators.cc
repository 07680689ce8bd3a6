// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/sockets/socket_iterators.h"

#include <cstring>
#include <string>

#include "userspace/datapath/kernel/attach/host_config.h"
#include "userspace/datapath/kernel/attach/programs.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/object/bpf_object.h"

namespace shunt::datapath {

absl::StatusOr<SocketIterators> SocketIterators::Load(const MapSet& maps, Method method) {
  absl::StatusOr<BpfObject> object = BpfObject::OpenSocketIterators();
  if (!object.ok()) return object.status();
  shunt_config config{};
  if (absl::Status status = maps.GiveTo(*object, &config); !status.ok()) return status;
  if (absl::Status status = ConfigureForHost(&config); !status.ok()) return status;
  config.has_sock_destroy = method == Method::kEnd ? 1 : 0;
  if (absl::Status status = LoadPrograms(*object, config); !status.ok()) return status;
  SocketIterators iterators(method);
  absl::StatusOr<posix::FileDescriptor> udp = AttachIterator(object->ProgramFd("end_udp_sockets"), "sockets");
  if (!udp.ok()) return udp.status();
  absl::StatusOr<posix::FileDescriptor> tcp = AttachIterator(object->ProgramFd("end_tcp_sockets"), "sockets");
  if (!tcp.ok()) return tcp.status();
  iterators.udp_ = *std::move(udp);
  iterators.tcp_ = *std::move(tcp);
  return iterators;
}

absl::StatusOr<std::vector<shunt_gone_socket>> SocketIterators::Visit(model::Protocol protocol) const {
  const posix::FileDescriptor& link = protocol == model::Protocol::kTcp ? tcp_ : udp_;
  const absl::StatusOr<std::string> bytes = ReadIterator(link.get(), "sockets");
  if (!bytes.ok()) return bytes.status();
  std::vector<shunt_gone_socket> gone(bytes->size() / sizeof(shunt_gone_socket));
  std::memcpy(gone.data(), bytes->data(), gone.size() * sizeof(shunt_gone_socket));
  return gone;
}

}  // namespace shunt::datapath
