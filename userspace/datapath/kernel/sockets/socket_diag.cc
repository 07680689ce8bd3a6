// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/sockets/socket_diag.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "userspace/datapath/kernel/kernel_error.h"

namespace shunt::datapath {
namespace {

constexpr char kWhat[] = "end a socket by SOCK_DESTROY";

struct Request {
  nlmsghdr header;
  inet_diag_req_v2 socket;
};

// Sets the address as the kernel keeps it in a socket of this family: all 16 bytes, or the last four as the first word.
void SetAddress(const shunt_address& address, uint16_t family, __be32 (&place)[4]) {
  if (family == AF_INET) {
    place[0] = address.word[3];
  } else {
    std::memcpy(place, address.word, sizeof(place));
  }
}

Request MakeRequest(const shunt_gone_socket& socket, model::Protocol protocol) {
  Request request{};
  request.header.nlmsg_len = sizeof(request);
  request.header.nlmsg_type = SOCK_DESTROY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.socket.sdiag_family = static_cast<__u8>(socket.family);
  request.socket.sdiag_protocol = protocol == model::Protocol::kTcp ? IPPROTO_TCP : IPPROTO_UDP;
  request.socket.idiag_states = ~0u;
  inet_diag_sockid& id = request.socket.id;
  id.idiag_sport = socket.local_port;
  id.idiag_dport = socket.peer_port;
  SetAddress(socket.local, socket.family, id.idiag_src);
  SetAddress(socket.peer, socket.family, id.idiag_dst);
  id.idiag_if = socket.interface;
  id.idiag_cookie[0] = static_cast<__u32>(socket.cookie);
  id.idiag_cookie[1] = static_cast<__u32>(socket.cookie >> 32);
  return request;
}

}  // namespace

absl::StatusOr<SocketDiag> SocketDiag::Open() {
  posix::FileDescriptor fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!fd.ok()) return KernelError(errno, "end sockets: open NETLINK_SOCK_DIAG");
  return SocketDiag(std::move(fd));
}

absl::StatusOr<bool> SocketDiag::End(const shunt_gone_socket& socket, model::Protocol protocol) const {
  const Request request = MakeRequest(socket, protocol);
  if (send(fd_.get(), &request, sizeof(request), 0) < 0) return KernelError(errno, kWhat);
  struct {
    nlmsghdr header;
    nlmsgerr answer;
    char rest[512];  // the request again
  } reply{};
  const ssize_t size = recv(fd_.get(), &reply, sizeof(reply), 0);
  if (size < 0) return KernelError(errno, kWhat);
  if (static_cast<size_t>(size) < sizeof(reply.header) + sizeof(reply.answer.error) ||
      reply.header.nlmsg_type != NLMSG_ERROR) {
    return absl::InternalError("end a socket by SOCK_DESTROY: the kernel's answer is not an acknowledgement");
  }
  switch (-reply.answer.error) {
    case 0:
      return true;
    case ENOENT:  // no socket with these addresses
    case ESTALE:  // another socket has them by now
      return false;
    default:
      return KernelError(reply.answer.error, kWhat);
  }
}

}  // namespace shunt::datapath
