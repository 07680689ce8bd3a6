// SPDX-License-Identifier: Apache-2.0
#include "userspace/report/map_rows.h"

#include <cstddef>
#include <iterator>

#include "absl/strings/str_format.h"

namespace shunt::report {
namespace {

template <typename Flags>
struct NamedFlag {
  bool Flags::* flag;
  absl::string_view name;
};

constexpr NamedFlag<Features> kFeatures[] = {
    {&Features::sockets, "sockets"}, {&Features::observe, "observe"}, {&Features::packets, "packets"}};

constexpr NamedFlag<FrontendFlags> kFrontendFlags[] = {
    {&FrontendFlags::source_ranges, "source_ranges"},
    {&FrontendFlags::node_in_ranges, "node_in_ranges"},
    {&FrontendFlags::snat, "snat"},
    {&FrontendFlags::snat_inside, "snat_inside"},
    {&FrontendFlags::node_address, "node_address"},
    {&FrontendFlags::host_only, "host_only"},
    {&FrontendFlags::cluster_ip, "cluster_ip"},
};

constexpr NamedFlag<SocketFlags> kSocketFlags[] = {
    {&SocketFlags::translated, "translated"}, {&SocketFlags::peers, "peers"},   {&SocketFlags::exempt, "exempt"},
    {&SocketFlags::answers, "answers"},       {&SocketFlags::direct, "direct"}, {&SocketFlags::unserved, "unserved"},
};

constexpr NamedFlag<FlowFlags> kFlowFlags[] = {{&FlowFlags::snat, "snat"}, {&FlowFlags::host, "host"}};

constexpr NamedFlag<FlowState> kFlowStates[] = {
    {&FlowState::settled, "settled"},         {&FlowState::replied, "replied"},
    {&FlowState::confirmed, "confirmed"},     {&FlowState::fin_forward, "fin_forward"},
    {&FlowState::fin_reverse, "fin_reverse"}, {&FlowState::reset, "reset"},
    {&FlowState::retired, "retired"},         {&FlowState::withdrawn, "withdrawn"},
};

template <typename Flags, size_t kCount>
std::vector<absl::string_view> NamesOf(const Flags& flags, const NamedFlag<Flags> (&all)[kCount]) {
  std::vector<absl::string_view> names;
  for (const NamedFlag<Flags>& one : all) {
    if (flags.*one.flag) names.push_back(one.name);
  }
  return names;
}

}  // namespace

std::vector<absl::string_view> FlagNames(const Features& features) {
  return NamesOf(features, kFeatures);
}

std::vector<absl::string_view> FlagNames(const FrontendFlags& flags) {
  return NamesOf(flags, kFrontendFlags);
}

std::vector<absl::string_view> FlagNames(const SocketFlags& flags) {
  return NamesOf(flags, kSocketFlags);
}

std::vector<absl::string_view> FlagNames(const FlowFlags& flags) {
  return NamesOf(flags, kFlowFlags);
}

std::vector<absl::string_view> FlagNames(const FlowState& state) {
  return NamesOf(state, kFlowStates);
}

absl::string_view EmptyPoolName(model::EmptyPool empty) {
  switch (empty) {
    case model::EmptyPool::kNoEndpoints:
      return "no_endpoints";
    case model::EmptyPool::kLocalMiss:
      return "local_miss";
  }
  return "";
}

absl::string_view ScopeKindName(ScopeKind kind) {
  switch (kind) {
    case ScopeKind::kCgroup:
      return "cgroup";
    case ScopeKind::kNetworkNamespace:
      return "network_namespace";
    case ScopeKind::kPods:
      return "pods";
    case ScopeKind::kKernel:
      return "kernel";
  }
  return "";
}

absl::string_view PeerDirectionName(PeerDirection direction) {
  switch (direction) {
    case PeerDirection::kForward:
      return "forward";
    case PeerDirection::kReverse:
      return "reverse";
  }
  return "";
}

absl::string_view FlowModeName(FlowMode mode) {
  switch (mode) {
    case FlowMode::kStack:
      return "stack";
    case FlowMode::kRedirect:
      return "redirect";
  }
  return "";
}

absl::string_view FlowKindName(FlowKind kind) {
  static constexpr absl::string_view kNames[] = {"opening",   "open",     "half_closed", "closed",
                                                 "datagrams", "answered", "retired"};
  static_assert(std::size(kNames) == kFlowKinds);
  return static_cast<size_t>(kind) < kFlowKinds ? kNames[static_cast<size_t>(kind)] : "";
}

std::optional<FlowKind> ParseFlowKind(absl::string_view name) {
  for (size_t i = 0; i < kFlowKinds; ++i) {
    if (name == FlowKindName(static_cast<FlowKind>(i))) return static_cast<FlowKind>(i);
  }
  return std::nullopt;
}

std::string HopText(uint64_t hop) {
  if (hop == 0) return "";
  const auto byte = [hop](int i) { return static_cast<unsigned>(hop >> (40 - 8 * i) & 0xff); };
  return absl::StrFormat("%02x:%02x:%02x:%02x:%02x:%02x", byte(0), byte(1), byte(2), byte(3), byte(4), byte(5));
}

absl::string_view DeviceRoleName(DeviceRole role) {
  switch (role) {
    case DeviceRole::kExternal:
      return "external";
    case DeviceRole::kPod:
      return "pod";
    case DeviceRole::kOverlay:
      return "overlay";
  }
  return "";
}

}  // namespace shunt::report
