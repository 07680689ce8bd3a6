// SPDX-License-Identifier: Apache-2.0
#include "tests/sandbox/socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstring>

namespace shunt::sandbox {

KernelAddress ToKernel(const model::SocketAddress& address, int family) {
  KernelAddress kernel;
  const auto& bytes = address.address.bytes();
  if (family == AF_INET) {
    sockaddr_in in = {};
    in.sin_family = AF_INET;
    in.sin_port = htons(address.port);
    std::memcpy(&in.sin_addr, bytes.data() + 12, 4);
    std::memcpy(&kernel.storage, &in, sizeof in);
    kernel.size = sizeof in;
  } else {
    sockaddr_in6 in6 = {};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(address.port);
    std::memcpy(&in6.sin6_addr, bytes.data(), 16);
    std::memcpy(&kernel.storage, &in6, sizeof in6);
    kernel.size = sizeof in6;
  }
  return kernel;
}

model::SocketAddress FromKernel(const KernelAddress& address) {
  if (address.storage.ss_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, &address.storage, sizeof in);
    return {model::IpAddress::FromV4(ntohl(in.sin_addr.s_addr)), ntohs(in.sin_port)};
  }
  if (address.storage.ss_family == AF_INET6) {
    sockaddr_in6 in6;
    std::array<uint8_t, 16> bytes;
    std::memcpy(&in6, &address.storage, sizeof in6);
    std::memcpy(bytes.data(), &in6.sin6_addr, 16);
    return {model::IpAddress(bytes), ntohs(in6.sin6_port)};
  }
  return {};
}

}  // namespace shunt::sandbox
