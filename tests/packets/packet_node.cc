// SPDX-License-Identifier: Apache-2.0
#include "tests/packets/packet_node.h"

#include <net/if.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/packets/parse.h"
#include "tests/packets/test_run.h"
#include "tests/sandbox/devices.h"

namespace shunt::packets {
namespace {

// Evaluates and returns the error, if there is one.
#define SHUNT_TRY(expression)                                         \
  do {                                                                \
    if (absl::Status tried = (expression); !tried.ok()) return tried; \
  } while (false)

struct DeviceLine {
  ToldDevice told;
  uint8_t number;  // the last byte of its MAC address
};

constexpr DeviceLine kDevices[] = {
    {{"eth0", SHUNT_DEVICE_EXTERNAL, "192.0.2.10", "2001:db8::10"}, 0x10},
    {{"eth1", SHUNT_DEVICE_EXTERNAL, "198.18.0.10", "2001:db8:3::10"}, 0x11},
    {{"flannel.1", SHUNT_DEVICE_OVERLAY, "10.244.1.0", "fd00:244:1::"}, 0x20},
    {{"pod1", SHUNT_DEVICE_POD, "192.0.2.10", "2001:db8::10"}, 0x31},
    {{"pod2", SHUNT_DEVICE_POD, "192.0.2.10", "2001:db8::10"}, 0x32},
    {{"cni0", SHUNT_DEVICE_POD, "10.244.1.65", "fd00:244:1:0:b::1"}, 0x40},
    {{"br1", SHUNT_DEVICE_POD, "10.244.1.65", "fd00:244:1:0:b::1", "cni0"}, 0x41},
    {{"br2", SHUNT_DEVICE_POD, "10.244.1.65", "fd00:244:1:0:b::1", "cni0"}, 0x42},
};

struct NeighbourLine {
  const char* device;  // by which the kernel reaches it
  const char* port;    // by which its frames come
  const char* v4;
  const char* v6;
  uint8_t number;
};

constexpr NeighbourLine kNeighbours[] = {
    {"eth0", "eth0", "192.0.2.1", "2001:db8::1", 0x01},
    {"eth0", "eth0", "192.0.2.11", "2001:db8::11", 0x0b},
    {"eth1", "eth1", "198.18.0.1", "2001:db8:3::1", 0x02},
    {"flannel.1", "flannel.1", "10.244.2.0", "fd00:244:2::", 0x20},
    {"pod1", "pod1", "10.244.1.2", "fd00:244:1::2", 0x31},
    {"pod2", "pod2", "10.244.1.3", "fd00:244:1::3", 0x32},
    {"cni0", "br1", "10.244.1.66", "fd00:244:1:0:b::2", 0x41},
    {"cni0", "br2", "10.244.1.67", "fd00:244:1:0:b::3", 0x42},
};

constexpr Mac OwnMac(uint8_t number) {
  return {2, 0, 0, 0, 0, number};
}

constexpr Mac OthersMac(uint8_t number) {
  return {2, 0, 0, 0, 1, number};
}

[[noreturn]] void Abort(const std::string& why) {
  std::fprintf(stderr, "packet_node: %s\n", why.c_str());
  std::abort();
}

}  // namespace

absl::StatusOr<std::unique_ptr<PacketNode>> PacketNode::Create(const std::string& bpffs, const std::string& cgroup,
                                                               const ProgramOptions& options) {
  absl::StatusOr<sandbox::NetworkNamespace> node = sandbox::NetworkNamespace::Create();
  if (!node.ok()) return node.status();
  absl::StatusOr<sandbox::NetworkNamespace> others = sandbox::NetworkNamespace::Create();
  if (!others.ok()) return others.status();
  std::unique_ptr<PacketNode> made(new PacketNode(*std::move(node), *std::move(others)));
  SHUNT_TRY(made->AddDevices());
  SHUNT_TRY(made->AddNeighbours());
  ProgramOptions with = options;
  with.node_addresses = {"192.0.2.10", "2001:db8::10", "198.18.0.10", "2001:db8:3::10", "10.244.1.65"};
  auto programs = PacketPrograms::Create(bpffs, cgroup, with);
  if (!programs.ok()) return programs.status();
  made->programs_ = *std::move(programs);
  SHUNT_TRY(made->TellDevices());
  return made;
}

absl::Status PacketNode::AddDevice(const std::string& name, const Mac& mac) {
  if (name == "cni0") {
    SHUNT_TRY(sandbox::AddBridge(name));
  } else {
    SHUNT_TRY(sandbox::AddVethPair(name, name, others_.fd()));
    sandbox::InNamespace there(others_);
    SHUNT_TRY(sandbox::SetDeviceUp(name));
  }
  macs_[name] = mac;
  SHUNT_TRY(sandbox::SetMac(name, mac));
  return sandbox::SetDeviceUp(name);
}

absl::Status PacketNode::AddDevices() {
  SHUNT_TRY(sandbox::SetSysctl("ipv4/ip_forward", "1"));
  SHUNT_TRY(sandbox::SetSysctl("ipv6/conf/all/forwarding", "1"));
  SHUNT_TRY(sandbox::SetSysctl("ipv6/conf/default/accept_dad", "0"));
  for (const DeviceLine& line : kDevices) SHUNT_TRY(AddDevice(line.told.name, OwnMac(line.number)));
  const std::pair<const char*, const char*> addresses[] = {
      {"eth0", "192.0.2.10/24"},     {"eth0", "2001:db8::10/64"},     {"eth1", "198.18.0.10/24"},
      {"eth1", "2001:db8:3::10/64"}, {"flannel.1", "10.244.1.0/32"},  {"flannel.1", "fd00:244:1::/128"},
      {"cni0", "10.244.1.65/26"},    {"cni0", "fd00:244:1:0:b::1/80"}};
  for (const auto& [device, address] : addresses) SHUNT_TRY(sandbox::AddDeviceAddress(device, address));
  SHUNT_TRY(sandbox::SetMtu("flannel.1", 1450));
  for (const char* port : {"br1", "br2"}) SHUNT_TRY(sandbox::SetMaster(port, "cni0"));
  for (const DeviceLine& line : kDevices) SHUNT_TRY(sandbox::WaitUntilRunning(line.told.name));
  const sandbox::Route routes[] = {{"0.0.0.0/0", "192.0.2.1", "eth0"},
                                   {"::/0", "2001:db8::1", "eth0"},
                                   {"10.244.2.0/24", "10.244.2.0", "flannel.1", /*onlink=*/true},
                                   {"fd00:244:2::/64", "fd00:244:2::", "flannel.1", /*onlink=*/true},
                                   {"10.244.1.2/32", "", "pod1"},
                                   {"fd00:244:1::2/128", "", "pod1"},
                                   {"10.244.1.3/32", "", "pod2"},
                                   {"fd00:244:1::3/128", "", "pod2"}};
  for (const sandbox::Route& route : routes) SHUNT_TRY(sandbox::AddRoute(route));
  return absl::OkStatus();
}

absl::Status PacketNode::AddNeighbours() {
  for (const NeighbourLine& line : kNeighbours) {
    for (const char* address : {line.v4, line.v6}) {
      SHUNT_TRY(sandbox::AddNeighbour(line.device, address, OthersMac(line.number)));
      neighbours_[address] = OthersMac(line.number);
    }
  }
  return absl::OkStatus();
}

absl::Status PacketNode::TellDevices() {
  for (const DeviceLine& line : kDevices) SHUNT_TRY(programs_->Tell(line.told));
  return absl::OkStatus();
}

Packet PacketNode::Arriving(absl::string_view device, Packet packet) const {
  for (const NeighbourLine& line : kNeighbours) {
    // A pod behind a bridge sends to the bridge, which routes.
    if (line.port == device) return packet.Macs(OthersMac(line.number), macs_.find(line.device)->second);
  }
  Abort(absl::StrCat("nothing arrives by ", device));
}

Packet PacketNode::Leaving(absl::string_view device, absl::string_view neighbour, Packet packet) const {
  const auto to = neighbours_.find(neighbour);
  const auto from = macs_.find(device);
  if (to == neighbours_.end() || from == macs_.end()) Abort(absl::StrCat(device, " or ", neighbour, " is unknown"));
  return packet.Macs(from->second, to->second);
}

absl::StatusOr<Fate> PacketNode::TryRun(Hook hook, absl::string_view device, const Bytes& bytes) {
  const int program = hook == Hook::kIngress ? programs_->ingress_fd() : programs_->egress_fd();
  const uint32_t ifindex = if_nametoindex(std::string(device).c_str());
  const std::vector<uint64_t> before = programs_->Reasons();
  const RunContext context = {.ifindex = ifindex, .ingress_ifindex = ifindex};
  absl::StatusOr<RunResult> run = RunProgram(program, bytes, context);
  // A packet for which an old next hop is renewed is the kernel's to send; the next one like it goes by that hop.
  for (int i = 0; i < 100 && run.ok() && IsLeftToKernel(bytes, *run); ++i) run = RunProgram(program, bytes, context);
  if (!run.ok()) return run.status();
  const std::vector<uint64_t> after = programs_->Reasons();
  Fate fate{.verdict = run->verdict, .bytes = std::move(run->packet)};
  Parsed parsed = Parse(fate.bytes);
  fate.packet = std::move(parsed.packet);
  fate.faults = std::move(parsed.faults);
  for (size_t i = 0; i < after.size(); ++i) {
    if (after[i] != before[i]) fate.reasons.emplace_back(PacketPrograms::ReasonName(i));
  }
  return fate;
}

Fate PacketNode::Run(Hook hook, absl::string_view device, const Bytes& bytes) {
  absl::StatusOr<Fate> fate = TryRun(hook, device, bytes);
  if (!fate.ok()) Abort(fate.status().ToString());
  return *std::move(fate);
}

#undef SHUNT_TRY

}  // namespace shunt::packets
