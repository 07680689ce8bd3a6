// SPDX-License-Identifier: Apache-2.0
// Dials a service one or many times, for tests that only ask which backend it reached.
#ifndef SHUNT_TESTS_KERNEL_DIALS_H_
#define SHUNT_TESTS_KERNEL_DIALS_H_

#include <map>
#include <string>

#include "tests/sandbox/network_namespace.h"
#include "userspace/model/service_plan.h"

namespace shunt::kernel_test {

// Returns the backend that a new TCP connection reaches, "ADDRESS:PORT", or "errno N" if it fails.
std::string DialTcp(const sandbox::NetworkNamespace& from, const std::string& service);

// Connects one new IPv4 socket (SOCK_DGRAM or SOCK_STREAM) in the calling thread's namespace. Returns 0 or an errno.
// A socket connected to a local address also has that address as its own, so `reached` is the backend even if the
// backend sends nothing. Sets `peer`, unless it is null, to the peer that the socket names.
int ConnectOnce(const model::SocketAddress& to, int type, model::IpAddress& reached,
                model::SocketAddress* peer = nullptr);

// How often each backend was reached, by address.
using Shares = std::map<std::string, int>;

// Connects `count` UDP sockets by ConnectOnce().
Shares ConnectUdp(const sandbox::NetworkNamespace& from, const std::string& service, int count);

// Sends once from each of `count` unconnected UDP sockets, and reads the server's name from the answers.
Shares SendUdp(const sandbox::NetworkNamespace& from, const std::string& service, int count);

}  // namespace shunt::kernel_test

#endif  // SHUNT_TESTS_KERNEL_DIALS_H_
