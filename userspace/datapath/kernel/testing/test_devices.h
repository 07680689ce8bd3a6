// SPDX-License-Identifier: Apache-2.0
// For tests: devices of the calling thread's network namespace, made and changed by rtnetlink, and a program for them.
#ifndef SHUNT_DATAPATH_KERNEL_TESTING_TEST_DEVICES_H_
#define SHUNT_DATAPATH_KERNEL_TESTING_TEST_DEVICES_H_

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cstdint>
#include <iterator>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "userspace/datapath/kernel/route_socket.h"
#include "userspace/model/ip_address.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath::testing {

// Loads a program for a device's hook that lets every packet pass.
inline posix::FileDescriptor LoadPassing() {
  const bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = -1},
                           {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  return posix::FileDescriptor(
      bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "passing", "GPL", code, std::size(code), nullptr));
}

inline ifinfomsg DeviceHeader(uint32_t index) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = static_cast<int>(index);
  return header;
}

// Creates a pair of virtual Ethernet devices with this name and index, one here and one in the namespace of `peer_fd`,
// where it gets an index of its own. Both are down.
inline absl::Status AddVeth(const std::string& name, uint32_t index, int peer_fd) {
  RouteRequest request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, DeviceHeader(index));
  request.AddText(IFLA_IFNAME, name);
  const size_t info = request.BeginNest(IFLA_LINKINFO);
  request.AddText(IFLA_INFO_KIND, "veth");
  const size_t data = request.BeginNest(IFLA_INFO_DATA);
  RouteRequest peer(RTM_NEWLINK, 0, DeviceHeader(0));
  peer.AddText(IFLA_IFNAME, name);
  peer.AddValue<int32_t>(IFLA_NET_NS_FD, peer_fd);
  // The value is a family's header and its attributes, without netlink's header.
  request.Add(VETH_INFO_PEER,
              absl::string_view(peer.bytes().data() + NLMSG_HDRLEN, peer.bytes().size() - NLMSG_HDRLEN));
  request.EndNest(data);
  request.EndNest(info);
  return ChangeRoute("add " + name, request);
}

inline absl::Status AddBridge(const std::string& name) {
  RouteRequest request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, DeviceHeader(0));
  request.AddText(IFLA_IFNAME, name);
  const size_t info = request.BeginNest(IFLA_LINKINFO);
  request.AddText(IFLA_INFO_KIND, "bridge");
  request.EndNest(info);
  return ChangeRoute("add " + name, request);
}

inline absl::Status SetMaster(uint32_t index, uint32_t master) {
  RouteRequest request(RTM_SETLINK, 0, DeviceHeader(index));
  request.AddValue<uint32_t>(IFLA_MASTER, master);
  return ChangeRoute("set a master", request);
}

inline absl::Status SetUp(uint32_t index, bool up) {
  ifinfomsg header = DeviceHeader(index);
  header.ifi_change = IFF_UP;
  header.ifi_flags = up ? IFF_UP : 0;
  return ChangeRoute("set a device up or down", RouteRequest(RTM_SETLINK, 0, header));
}

inline absl::Status Rename(uint32_t index, const std::string& name) {
  RouteRequest request(RTM_SETLINK, 0, DeviceHeader(index));
  request.AddText(IFLA_IFNAME, name);
  return ChangeRoute("rename a device", request);
}

inline absl::Status MoveTo(uint32_t index, int namespace_fd) {
  RouteRequest request(RTM_SETLINK, 0, DeviceHeader(index));
  request.AddValue<int32_t>(IFLA_NET_NS_FD, namespace_fd);
  return ChangeRoute("move a device", request);
}

inline absl::Status DeleteDevice(uint32_t index) {
  return ChangeRoute("delete a device", RouteRequest(RTM_DELLINK, 0, DeviceHeader(index)));
}

inline absl::Status ChangeAddress(uint16_t type, uint16_t flags, uint32_t index, const model::IpAddress& address,
                                  uint8_t prefix_length) {
  ifaddrmsg header{};
  header.ifa_family = address.IsV4() ? AF_INET : AF_INET6;
  header.ifa_prefixlen = prefix_length;
  header.ifa_flags = IFA_F_NODAD;
  header.ifa_index = index;
  RouteRequest request(type, flags, header);
  const auto bytes = address.bytes();
  const absl::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  request.Add(IFA_LOCAL, address.IsV4() ? all.substr(12) : all);
  request.Add(IFA_ADDRESS, address.IsV4() ? all.substr(12) : all);
  return ChangeRoute("change an address", request);
}

inline absl::Status AddAddress(uint32_t index, const model::IpAddress& address, uint8_t prefix_length) {
  return ChangeAddress(RTM_NEWADDR, NLM_F_CREATE, index, address, prefix_length);
}

inline absl::Status DeleteAddress(uint32_t index, const model::IpAddress& address, uint8_t prefix_length) {
  return ChangeAddress(RTM_DELADDR, 0, index, address, prefix_length);
}

}  // namespace shunt::datapath::testing

#endif  // SHUNT_DATAPATH_KERNEL_TESTING_TEST_DEVICES_H_
