// SPDX-License-Identifier: Apache-2.0
// Requests to rtnetlink (devices, addresses, traffic control) and its answers. Each call acts on the network namespace
// of the calling thread.
#ifndef SHUNT_DATAPATH_KERNEL_ROUTE_SOCKET_H_
#define SHUNT_DATAPATH_KERNEL_ROUTE_SOCKET_H_

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {

// One request under construction: netlink's header, a family's header, attributes.
class RouteRequest {
 public:
  // `type` is an RTM_*, `flags` are NLM_F_*; those that every request or every change needs are added.
  template <typename Header>
  RouteRequest(uint16_t type, uint16_t flags, const Header& header) : bytes_(NLMSG_SPACE(sizeof(header))) {
    Begin(type, flags, &header, sizeof(header));
  }

  void Add(uint16_t attribute, absl::string_view value);
  // With the zero byte that ends it.
  void AddText(uint16_t attribute, absl::string_view text);
  template <typename Value>
  void AddValue(uint16_t attribute, const Value& value) {
    Add(attribute, absl::string_view(reinterpret_cast<const char*>(&value), sizeof(value)));
  }
  // What is added before EndNest becomes the value of `attribute`. BeginNest returns what EndNest takes.
  size_t BeginNest(uint16_t attribute);
  void EndNest(size_t nest);

  // The whole message, its length set.
  const std::vector<char>& bytes() const { return bytes_; }

 private:
  void Begin(uint16_t type, uint16_t flags, const void* header, size_t size);
  void SetLength();

  std::vector<char> bytes_;
};

// The kernel's answer to a dump, as far as it has been read.
struct RouteDump {
  bool done = false;         // this was the last datagram
  bool interrupted = false;  // something changed meanwhile: the dump is inconsistent
};

// Calls `take` for every message of a datagram, except those that end a dump or carry an error. Returns an error if the
// kernel answered with one; `what` begins its text. What is cut off is left out.
absl::Status ParseRouteMessages(absl::string_view what, const char* bytes, size_t length, RouteDump* dump,
                                const std::function<void(const nlmsghdr&)>& take);

// Calls `take` with the type and the value of every attribute that follows a family's header of `header_size` bytes.
void ForEachAttribute(const nlmsghdr& message, size_t header_size,
                      const std::function<void(uint16_t, absl::string_view)>& take);
// As above, of the attributes in a nested one's value.
void ForEachAttribute(absl::string_view nested, const std::function<void(uint16_t, absl::string_view)>& take);

// Returns the value of an attribute as a number or struct of this size, or `otherwise` if it has another size.
template <typename Value>
Value ValueOf(absl::string_view attribute, Value otherwise = {}) {
  if (attribute.size() != sizeof(Value)) return otherwise;
  Value value;
  std::memcpy(&value, attribute.data(), sizeof(value));
  return value;
}
// Returns the text of an attribute, without the zero byte that ends it.
std::string TextOf(absl::string_view attribute);

// Sends the request and returns the kernel's verdict; `what` begins the text of an error.
absl::Status ChangeRoute(absl::string_view what, const RouteRequest& request);

// Sends a request with NLM_F_DUMP and calls `take` for every message of the answer. Returns kUnavailable if something
// changed while it was read, when a second try may succeed. With the protocol NETLINK_NETFILTER the request is one to
// nfnetlink, which has the same form.
absl::Status DumpRoute(absl::string_view what, const RouteRequest& request,
                       const std::function<void(const nlmsghdr&)>& take, int protocol = NETLINK_ROUTE);

// Returns a non-blocking socket that announces changes of these groups (RTMGRP_*) from now on.
absl::StatusOr<posix::FileDescriptor> OpenRouteAnnouncements(absl::string_view what, uint32_t groups);

// Reads what has been announced, and calls `take` with each datagram. Returns whether announcements were lost: a
// datagram was longer than any that matters here, or the socket's memory did not suffice.
absl::StatusOr<bool> DrainRouteAnnouncements(absl::string_view what, int fd,
                                             const std::function<void(const char*, size_t)>& take);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ROUTE_SOCKET_H_
