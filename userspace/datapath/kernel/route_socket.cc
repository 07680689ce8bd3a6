// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/route_socket.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/kernel/kernel_error.h"

namespace shunt::datapath {
namespace {

// What rtnetlink fills at most per read of a dump.
constexpr size_t kDatagramBytes = 32 * 1024;

absl::StatusOr<posix::FileDescriptor> OpenNetlink(absl::string_view what, int protocol, int flags, uint32_t groups) {
  posix::FileDescriptor fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, protocol));
  if (!fd.ok()) return KernelError(errno, absl::StrCat(what, ": open a netlink socket"));
  sockaddr_nl local{};
  local.nl_family = AF_NETLINK;
  local.nl_groups = groups;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&local), sizeof(local)) != 0) {
    return KernelError(errno, absl::StrCat(what, ": bind a netlink socket"));
  }
  return fd;
}

// Sends the request and reads answers until the one that ends them.
absl::Status Exchange(absl::string_view what, int protocol, const RouteRequest& request, RouteDump* dump,
                      const std::function<void(const nlmsghdr&)>& take) {
  const absl::StatusOr<posix::FileDescriptor> fd = OpenNetlink(what, protocol, 0, 0);
  if (!fd.ok()) return fd.status();
  if (send(fd->get(), request.bytes().data(), request.bytes().size(), 0) < 0) {
    return KernelError(errno, absl::StrCat(what, ": send a request to netlink"));
  }
  std::vector<char> datagram(kDatagramBytes);
  while (!dump->done) {
    const ssize_t length = recv(fd->get(), datagram.data(), datagram.size(), MSG_TRUNC);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return KernelError(errno, absl::StrCat(what, ": read the answer of netlink"));
    if (static_cast<size_t>(length) > datagram.size()) {
      return absl::InternalError(absl::StrCat(what, ": an answer of netlink longer than the kernel sends"));
    }
    absl::Status status = ParseRouteMessages(what, datagram.data(), static_cast<size_t>(length), dump, take);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

void ForEachFrom(const rtattr* first, size_t length, const std::function<void(uint16_t, absl::string_view)>& take) {
  auto rest = static_cast<int>(length);
  for (const rtattr* attribute = first; RTA_OK(attribute, rest); attribute = RTA_NEXT(attribute, rest)) {
    take(attribute->rta_type & NLA_TYPE_MASK,
         absl::string_view(static_cast<const char*>(RTA_DATA(attribute)), RTA_PAYLOAD(attribute)));
  }
}

}  // namespace

void RouteRequest::Begin(uint16_t type, uint16_t flags, const void* header, size_t size) {
  nlmsghdr netlink{};
  netlink.nlmsg_type = type;
  // A dump ends by itself; everything else is answered if one asks for it.
  const bool is_dump = (flags & NLM_F_DUMP) == NLM_F_DUMP;
  netlink.nlmsg_flags = static_cast<uint16_t>(flags | NLM_F_REQUEST | (is_dump ? 0 : NLM_F_ACK));
  netlink.nlmsg_seq = 1;
  std::memcpy(bytes_.data(), &netlink, sizeof(netlink));
  std::memcpy(bytes_.data() + NLMSG_HDRLEN, header, size);
  SetLength();
}

void RouteRequest::SetLength() {
  const auto length = static_cast<uint32_t>(bytes_.size());
  std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_len), &length, sizeof(length));
}

// Not inlined: where it is, g++ 12 at -O3 loses the vector's new size and warns of a write behind its end.
[[gnu::noinline]] void RouteRequest::Add(uint16_t attribute, absl::string_view value) {
  const size_t start = bytes_.size();
  bytes_.resize(start + RTA_SPACE(value.size()));
  const rtattr header{static_cast<uint16_t>(RTA_LENGTH(value.size())), attribute};
  std::memcpy(bytes_.data() + start, &header, sizeof(header));
  std::copy(value.begin(), value.end(), bytes_.begin() + static_cast<ptrdiff_t>(start + RTA_LENGTH(0)));
  SetLength();
}

void RouteRequest::AddText(uint16_t attribute, absl::string_view text) {
  std::string with_zero(text);
  with_zero.push_back('\0');
  Add(attribute, with_zero);
}

size_t RouteRequest::BeginNest(uint16_t attribute) {
  const size_t start = bytes_.size();
  Add(attribute, "");
  return start;
}

void RouteRequest::EndNest(size_t nest) {
  const auto length = static_cast<uint16_t>(bytes_.size() - nest);
  std::memcpy(bytes_.data() + nest + offsetof(rtattr, rta_len), &length, sizeof(length));
}

absl::Status ParseRouteMessages(absl::string_view what, const char* bytes, size_t length, RouteDump* dump,
                                const std::function<void(const nlmsghdr&)>& take) {
  // Netlink messages are aligned to 4; copying guards against a buffer that is not.
  std::vector<uint32_t> aligned(length / 4 + 1);
  std::memcpy(aligned.data(), bytes, length);
  auto rest = static_cast<uint32_t>(length);
  for (auto* header = reinterpret_cast<nlmsghdr*>(aligned.data()); NLMSG_OK(header, rest);
       header = NLMSG_NEXT(header, rest)) {
    if ((header->nlmsg_flags & NLM_F_DUMP_INTR) != 0) dump->interrupted = true;
    if (header->nlmsg_type == NLMSG_DONE) {
      dump->done = true;
      return absl::OkStatus();
    }
    if (header->nlmsg_type != NLMSG_ERROR) {
      take(*header);
      continue;
    }
    int error = EIO;
    if (header->nlmsg_len >= NLMSG_LENGTH(sizeof(error))) std::memcpy(&error, NLMSG_DATA(header), sizeof(error));
    dump->done = true;
    if (error != 0) return KernelError(error, absl::StrCat(what, ": the answer of rtnetlink"));
  }
  return absl::OkStatus();
}

void ForEachAttribute(const nlmsghdr& message, size_t header_size,
                      const std::function<void(uint16_t, absl::string_view)>& take) {
  const size_t before = NLMSG_SPACE(header_size);
  if (message.nlmsg_len < before) return;
  const char* first = reinterpret_cast<const char*>(&message) + before;
  ForEachFrom(reinterpret_cast<const rtattr*>(first), message.nlmsg_len - before, take);
}

void ForEachAttribute(absl::string_view nested, const std::function<void(uint16_t, absl::string_view)>& take) {
  // A nested attribute's value is aligned as its parent is.
  ForEachFrom(reinterpret_cast<const rtattr*>(nested.data()), nested.size(), take);
}

std::string TextOf(absl::string_view attribute) {
  return std::string(attribute.substr(0, attribute.find('\0')));
}

absl::Status ChangeRoute(absl::string_view what, const RouteRequest& request) {
  RouteDump verdict;
  return Exchange(what, NETLINK_ROUTE, request, &verdict, [](const nlmsghdr&) {});
}

absl::Status DumpRoute(absl::string_view what, const RouteRequest& request,
                       const std::function<void(const nlmsghdr&)>& take, int protocol) {
  RouteDump dump;
  if (absl::Status status = Exchange(what, protocol, request, &dump, take); !status.ok()) return status;
  if (dump.interrupted) return absl::UnavailableError(absl::StrCat(what, ": they changed while being read"));
  return absl::OkStatus();
}

absl::StatusOr<posix::FileDescriptor> OpenRouteAnnouncements(absl::string_view what, uint32_t groups) {
  return OpenNetlink(what, NETLINK_ROUTE, SOCK_NONBLOCK, groups);
}

absl::StatusOr<bool> DrainRouteAnnouncements(absl::string_view what, int fd,
                                             const std::function<void(const char*, size_t)>& take) {
  bool lost = false;
  std::array<char, 4096> datagram;
  for (;;) {
    const ssize_t length = recv(fd, datagram.data(), datagram.size(), MSG_TRUNC);
    if (length >= 0 && static_cast<size_t>(length) <= datagram.size()) {
      take(datagram.data(), static_cast<size_t>(length));
    } else if (length >= 0 || errno == ENOBUFS) {
      lost = true;
    } else if (errno == EAGAIN) {
      return lost;
    } else if (errno != EINTR) {
      return KernelError(errno, absl::StrCat(what, ": read announcements"));
    }
  }
}

}  // namespace shunt::datapath
