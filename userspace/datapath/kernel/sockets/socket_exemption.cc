// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/sockets/socket_exemption.h"

#include <bpf/bpf.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "bpf/abi.h"
#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/datapath/kernel/maps/previous_rows.h"
#include "userspace/datapath/kernel/sockets/socket_rows.h"

namespace shunt::datapath {
namespace {

constexpr char kSocketStorage[] = "socket_storage";

// An MPTCP connection is always remembered in storage, because the programs see its subflows.
bool MayHaveRow(int socket_fd) {
  int protocol = 0;
  socklen_t length = sizeof(protocol);
  return getsockopt(socket_fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0 &&
         (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP);
}

}  // namespace

absl::Status ExemptSocket(const MapSet& maps, int socket_fd) {
  shunt_socket_state state{};
  state.first.flags = SHUNT_STATE_EXEMPT;
  socklen_t length = sizeof(state.cookie);
  if (getsockopt(socket_fd, SOL_SOCKET, SO_COOKIE, &state.cookie, &length) != 0) {
    return KernelError(errno, "exempt a socket from translation: read its cookie");
  }
  // Programs that have not been replaced yet may know no other rows than the previous ones.
  const absl::StatusOr<bool> previous_open = PreviousRowsAreOpen(maps);
  if (!previous_open.ok()) return previous_open.status();
  const SocketRows rows = *previous_open ? SocketRows::kPrevious : SocketRows::kCurrent;
  // In its row, if sock_release will free that again: storage would make every program on the node look there.
  absl::StatusOr<bool> has_row = MayHaveRow(socket_fd) ? SocketRowsAreReleased(maps, rows) : false;
  if (has_row.ok() && *has_row) has_row = ClaimSocketRow(maps, rows, state.cookie, state.first.flags);
  if (!has_row.ok()) return has_row.status();
  if (*has_row) return absl::OkStatus();
  // First, because programs look into the storage only once this is set.
  if (absl::Status status = maps.UseStorage(); !status.ok()) return status;
  if (int error = bpf_map_update_elem(maps.Fd(kSocketStorage), &socket_fd, &state, BPF_ANY); error < 0) {
    return KernelError(error, absl::StrCat("exempt a socket from translation: map ", kSocketStorage, ": update"));
  }
  return absl::OkStatus();
}

}  // namespace shunt::datapath
