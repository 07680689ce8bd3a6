// SPDX-License-Identifier: Apache-2.0
// One rtnetlink request: a family header and attributes. It does not use iproute2, because the sandbox must work in an
// initramfs that holds only the test.
#ifndef SHUNT_SANDBOX_NETLINK_REQUEST_H_
#define SHUNT_SANDBOX_NETLINK_REQUEST_H_

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "userspace/model/ip_address.h"

namespace shunt::sandbox {

// Attributes under construction, to be nested in others.
class Attributes {
 public:
  template <typename Header>
  void AddHeader(const Header& header) {
    Append(&header, sizeof header);
  }
  void Add(uint16_t type, const void* value, size_t size);
  template <typename Integer>
  void AddInteger(uint16_t type, Integer value) {
    Add(type, &value, sizeof value);
  }
  void AddText(uint16_t type, absl::string_view text);              // with its zero
  void AddAddress(uint16_t type, const model::IpAddress& address);  // the bytes of its family: 4 or 16
  void Add(uint16_t type, const Attributes& nested) { Add(type, nested.bytes_.data(), nested.bytes_.size()); }
  const std::vector<char>& bytes() const { return bytes_; }

 private:
  void Append(const void* value, size_t size);
  std::vector<char> bytes_;
};

// Sends a request that creates, replaces or deletes an object, in the network namespace of the calling thread, and
// waits for the kernel's answer. Returns 0 or a positive errno. `family_header`: an ifinfomsg, rtmsg, ...
int SendRequest(uint16_t type, const void* family_header, size_t size, const Attributes& attributes);
template <typename FamilyHeader>
int SendRequest(uint16_t type, const FamilyHeader& header, const Attributes& attributes) {
  return SendRequest(type, &header, sizeof header, attributes);
}

// Asks for one object by its family header. Returns 0 with the answer, which is its netlink header, family header and
// attributes, or a positive errno.
int AskFor(uint16_t type, const void* family_header, size_t size, std::vector<char>* answer);

// OK if `error` is 0, else what the errno means, with the operation.
absl::Status Outcome(int error, absl::string_view operation);

// AF_INET or AF_INET6.
uint8_t FamilyOf(const model::IpAddress& address);

}  // namespace shunt::sandbox

#endif  // SHUNT_SANDBOX_NETLINK_REQUEST_H_
