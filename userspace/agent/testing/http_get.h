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

// Returns the whole response of 127.0.0.1:PORT; empty if nothing listens there.
inline std::string HttpGet(uint16_t port, const std::string& path, const std::string& method = "GET") {
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  std::string answer;
  if (::connect(client, reinterpret_cast<sockaddr*>(&server), sizeof(server)) == 0) {
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
