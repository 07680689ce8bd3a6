// SPDX-License-Identifier: Apache-2.0
// One dial after another, when only the backend matters.
#ifndef SHUNT_TESTS_KERNEL_DIALS_H_
#define SHUNT_TESTS_KERNEL_DIALS_H_

#include <map>
#include <string>

#include "tests/sandbox/network_namespace.h"
#include "userspace/model/service_plan.h"

namespace shunt::kernel_test {

// The backend that a new TCP connection reaches, "ADDRESS:PORT"; "errno N" if it fails.
std::string DialTcp(const sandbox::NetworkNamespace& from, const std::string& service);

// One new socket (SOCK_DGRAM or SOCK_STREAM) in the calling thread's namespace, connected once; 0, or an errno.
// An IPv4 socket connected to a local address has that address as its own too, so `reached` is the backend
// without a packet from it. IPv4 only.
int ConnectOnce(const model::SocketAddress& to, int type, model::IpAddress& reached);

// How often each backend was reached, by address.
using Shares = std::map<std::string, int>;

// `count` UDP sockets by ConnectOnce().
Shares ConnectUdp(const sandbox::NetworkNamespace& from, const std::string& service, int count);

// `count` unconnected UDP sockets, each sending once and reading the server's name from the answer.
Shares SendUdp(const sandbox::NetworkNamespace& from, const std::string& service, int count);

}  // namespace shunt::kernel_test

#endif  // SHUNT_TESTS_KERNEL_DIALS_H_
