// SPDX-License-Identifier: Apache-2.0
// Converts between the project's addresses and the kernel's.
#ifndef SHUNT_SANDBOX_SOCKET_ADDRESS_H_
#define SHUNT_SANDBOX_SOCKET_ADDRESS_H_

#include <sys/socket.h>

#include "userspace/model/service_plan.h"

namespace shunt::sandbox {

struct KernelAddress {
  sockaddr_storage storage = {};
  socklen_t size = sizeof(sockaddr_storage);

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// Converts for a socket of `family`: AF_INET6 takes IPv4 in its v4-mapped form, AF_INET takes the last four bytes.
KernelAddress ToKernel(const model::SocketAddress& address, int family);
// Returns an unset address if the family is neither AF_INET nor AF_INET6.
model::SocketAddress FromKernel(const KernelAddress& address);

}  // namespace shunt::sandbox

#endif  // SHUNT_SANDBOX_SOCKET_ADDRESS_H_
