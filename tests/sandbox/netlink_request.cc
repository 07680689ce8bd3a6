// SPDX-License-Identifier: Apache-2.0
#include "tests/sandbox/netlink_request.h"

#include <sys/socket.h>

#include <cerrno>
#include <string>

#include "userspace/posix/file_descriptor.h"

namespace shunt::sandbox {

// Not inlined: where it is, g++ 12 at -O3 loses the vector's new size and warns of a write behind its end.
[[gnu::noinline]] void Attributes::Append(const void* value, size_t size) {
  const size_t start = bytes_.size();
  bytes_.resize(start + NLMSG_ALIGN(size));
  if (size != 0) std::memcpy(bytes_.data() + start, value, size);
}

void Attributes::Add(uint16_t type, const void* value, size_t size) {
  rtattr attribute = {};
  attribute.rta_type = type;
  attribute.rta_len = static_cast<uint16_t>(RTA_LENGTH(size));
  Append(&attribute, sizeof attribute);
  Append(value, size);
}

void Attributes::AddText(uint16_t type, absl::string_view text) {
  const std::string zero_ended(text);
  Add(type, zero_ended.c_str(), zero_ended.size() + 1);
}

void Attributes::AddAddress(uint16_t type, const model::IpAddress& address) {
  const auto& bytes = address.bytes();
  const size_t skipped = address.IsV4() ? 12 : 0;
  Add(type, bytes.data() + skipped, bytes.size() - skipped);
}

namespace {

// Sends one request and receives one answer. Returns 0 or a positive errno, the answer's own if it is one.
int Talk(nlmsghdr netlink, const void* family_header, size_t size, const std::vector<char>& attributes,
         std::vector<char>* answer) {
  netlink.nlmsg_len = static_cast<uint32_t>(NLMSG_SPACE(size) + attributes.size());
  netlink.nlmsg_seq = 1;
  std::vector<char> bytes(netlink.nlmsg_len);
  std::memcpy(bytes.data(), &netlink, sizeof netlink);
  std::memcpy(bytes.data() + NLMSG_HDRLEN, family_header, size);
  if (!attributes.empty()) std::memcpy(bytes.data() + NLMSG_SPACE(size), attributes.data(), attributes.size());
  const posix::FileDescriptor fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd.ok() || send(fd.get(), bytes.data(), bytes.size(), 0) < 0) return errno;
  answer->resize(16384);
  const ssize_t received = recv(fd.get(), answer->data(), answer->size(), 0);
  if (received < static_cast<ssize_t>(sizeof netlink)) return received < 0 ? errno : EIO;
  answer->resize(static_cast<size_t>(received));
  std::memcpy(&netlink, answer->data(), sizeof netlink);
  if (netlink.nlmsg_type != NLMSG_ERROR) return 0;
  nlmsgerr verdict;
  std::memcpy(&verdict, answer->data() + NLMSG_HDRLEN, sizeof verdict);
  return -verdict.error;
}

}  // namespace

int SendRequest(uint16_t type, const void* family_header, size_t size, const Attributes& attributes) {
  nlmsghdr netlink = {};
  netlink.nlmsg_type = type;
  netlink.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
  std::vector<char> answer;
  return Talk(netlink, family_header, size, attributes.bytes(), &answer);
}

int AskFor(uint16_t type, const void* family_header, size_t size, std::vector<char>* answer) {
  nlmsghdr netlink = {};
  netlink.nlmsg_type = type;
  netlink.nlmsg_flags = NLM_F_REQUEST;
  return Talk(netlink, family_header, size, {}, answer);
}

absl::Status Outcome(int error, absl::string_view operation) {
  return error == 0 ? absl::OkStatus() : absl::ErrnoToStatus(error, operation);
}

uint8_t FamilyOf(const model::IpAddress& address) {
  return address.IsV4() ? AF_INET : AF_INET6;
}

}  // namespace shunt::sandbox
