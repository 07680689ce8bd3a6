// SPDX-License-Identifier: Apache-2.0
// The smallest HTTP client, for tests of our own servers on loopback.
#ifndef SHUNT_AGENT_TESTING_HTTP_GET_H_
#define SHUNT_AGENT_TESTING_HTTP_GET_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace shunt::agent {

// Returns the whole response of PORT at the address, 127.0.0.1 or ::1; empty if nothing listens there.
inline std::string HttpGet(uint16_t port, const std::string& path, const std::string& method = "GET",
                           const std::string& address = "127.0.0.1") {
  const bool v4 = address != "::1";
  const int client = ::socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in v4_server = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  sockaddr_in6 v6_server = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback};
  const auto* server = v4 ? reinterpret_cast<sockaddr*>(&v4_server) : reinterpret_cast<sockaddr*>(&v6_server);
  std::string answer;
  if (::connect(client, server, v4 ? sizeof(v4_server) : sizeof(v6_server)) == 0) {
    const std::string request = absl::StrCat(method, " ", path, " HTTP/1.0\r\n\r\n");
    ::send(client, request.data(), request.size(), MSG_NOSIGNAL);
    char bytes[4096];
    for (ssize_t count; (count = ::recv(client, bytes, sizeof(bytes), 0)) > 0;) {
      answer.append(bytes, static_cast<size_t>(count));
    }
  }
  ::close(client);
  return answer;
}

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_TESTING_HTTP_GET_H_
