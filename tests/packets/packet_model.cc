// SPDX-License-Identifier: Apache-2.0
#include "tests/packets/packet_model.h"

#include <linux/pkt_cls.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace shunt::packets {
namespace {

using Action = Expected::Action;

Expected Pass(const Packet& packet) {
  return {.action = Action::kPass, .packet = packet};
}

Expected Drop() {
  return {.action = Action::kDrop};
}

// Returns whether a packet is only a part of a datagram.
bool IsPart(const Packet& packet) {
  return packet.fragment && *packet.fragment != FragmentPart();
}

bool IsLater(const Packet& packet) {
  return packet.fragment && packet.fragment->offset != 0;
}

// Whether the packet path handles the packet at all. Of SCTP it needs a chunk, and the whole for its checksum.
bool IsOfAFlow(const Packet& packet) {
  if (packet.link && packet.link->vlan) return false;
  return packet.protocol == kTcp || packet.protocol == kUdp ||
         (packet.protocol == kSctp && packet.payload.size() >= 4 && !IsPart(packet));
}

bool BeginsFlow(const Packet& packet) {
  constexpr uint8_t kAll = TcpHeader::kSyn | TcpHeader::kAck | TcpHeader::kRst | TcpHeader::kFin;
  if (packet.protocol == kSctp) return packet.payload[0] == kSctpInit;
  return packet.protocol != kTcp || (packet.tcp.flags & kAll) == TcpHeader::kSyn;
}

bool EndsAtOnce(const Packet& packet) {
  if (packet.protocol == kTcp) return (packet.tcp.flags & TcpHeader::kRst) != 0;
  return packet.protocol == kSctp && (packet.payload[0] == kSctpAbort || packet.payload[0] == kSctpShutdownComplete);
}

bool IsHost(const model::IpAddress& address) {
  return !address.IsUnspecified() && !address.IsLoopback() && !address.IsMulticast();
}

// From the IP header on.
size_t LengthOf(Packet packet) {
  packet.link.reset();
  packet.padding = 0;
  return ToBytes(packet).size();
}

PacketModel::Tuple TupleOf(const Packet& packet) {
  return {packet.protocol, {packet.source, packet.source_port}, {packet.destination, packet.destination_port}};
}

Packet Translated(Packet packet, const PacketModel::Tuple& to) {
  packet.source = to.from.address;
  packet.destination = to.to.address;
  if (IsLater(packet)) return packet;
  packet.source_port = to.from.port;
  packet.destination_port = to.to.port;
  return packet;
}

// Returns whether two addresses are of one prefix by which the programs know a range of Services.
bool IsNear(const model::IpAddress& a, const model::IpAddress& b) {
  // A /20, of which the mapped form has 96 bits more, and a /64.
  const size_t whole = a.IsV4() ? 14 : 8;
  return a.IsV4() == b.IsV4() && std::equal(a.bytes().begin(), a.bytes().begin() + whole, b.bytes().begin()) &&
         (!a.IsV4() || (a.bytes()[whole] ^ b.bytes()[whole]) < 16);
}

// The id with which a fragment leaves for which another source answers is the programs' choice.
Expected WithIdOf(Expected expected, const Packet& packet, const Fate& seen) {
  if (IsPart(packet) && packet.IsV4() && expected.packet.source != packet.source) expected.packet.id = seen.packet.id;
  return expected;
}

}  // namespace

// A NodePort answers on the node's addresses, unless an address of its own has the same port.
const ModelFrontend* PacketModel::Find(const Tuple& tuple) const {
  const auto exact = tables_.frontends.find({tuple.protocol, tuple.to});
  if (exact != tables_.frontends.end()) return &exact->second;
  if (!tables_.node_addresses.contains(tuple.to.address)) return nullptr;
  const auto node_port = tables_.node_ports.find(
      {tuple.protocol, {model::IpAddress::Unspecified(tuple.to.address.family()), tuple.to.port}});
  return node_port == tables_.node_ports.end() ? nullptr : &node_port->second;
}

bool PacketModel::HasOpen(const Packet& packet) const {
  const auto found = by_request_.find(TupleOf(packet));
  return found != by_request_.end() && !found->second->IsClosed();
}

void PacketModel::Remove(const std::shared_ptr<Flow>& flow) {
  const std::shared_ptr<Flow> kept = flow;
  by_request_.erase(kept->request);
  by_reply_.erase(kept->onwards.Swapped());
}

Expected PacketModel::Expect(Hook hook, const std::string& device, const Packet& packet, const Fate& seen) {
  // The host would put it together.
  const bool is_sctp_part = packet.protocol == kSctp && IsPart(packet) && !IsLater(packet);
  if (is_sctp_part && hook == Hook::kIngress && !(packet.link && packet.link->vlan) &&
      (packet.destination_port == 0 || Find(TupleOf(packet)) != nullptr)) {
    return Drop();
  }
  if (!IsOfAFlow(packet)) return Pass(packet);
  const Datagram datagram = {packet.source, packet.destination, packet.protocol, packet.id};
  if (IsLater(packet)) return WithIdOf(ExpectLater(hook, device, packet), packet, seen);
  const Expected expected = ExpectWhole(hook, device, packet, seen);
  if (packet.fragment && packet.fragment->more) {
    firsts_[datagram] = {packet.source_port, packet.destination_port, expected.action};
  }
  return WithIdOf(expected, packet, seen);
}

// It goes with the flow of its first, if that is known and has one.
Expected PacketModel::ExpectLater(Hook hook, const std::string& device, const Packet& packet) {
  const auto first = firsts_.find({packet.source, packet.destination, packet.protocol, packet.id});
  if (first == firsts_.end()) {
    // It is kept for its first. Only on an address that is a Service's alone it can be nothing else.
    const bool is_services = std::any_of(tables_.cluster_ips.begin(), tables_.cluster_ips.end(),
                                         [&](const auto& ip) { return IsNear(ip, packet.destination); });
    return hook == Hook::kIngress && is_services ? Drop() : Pass(packet);
  }
  Tuple tuple = TupleOf(packet);
  tuple.from.port = first->second.source_port;
  tuple.to.port = first->second.destination_port;
  const bool is_cut = hook == Hook::kIngress && first->second.action == Action::kCut;
  if (const auto reply = by_reply_.find(tuple); reply != by_reply_.end()) {
    Flow& flow = *reply->second;
    if (is_cut) return {.action = Action::kCut, .packet = Translated(packet, flow.request.Swapped())};
    if (hook == Hook::kEgress) return Pass(flow.has_port ? packet : Translated(packet, flow.request.Swapped()));
    return flow.is_sent ? Follow(device, packet, flow, /*reverse=*/true) : Pass(packet);
  }
  const auto request = by_request_.find(tuple);
  if (hook == Hook::kEgress || request == by_request_.end()) return Pass(packet);
  if (is_cut) return {.action = Action::kCut, .packet = Translated(packet, request->second->onwards)};
  return Follow(device, packet, *request->second, /*reverse=*/false);
}

Expected PacketModel::ExpectWhole(Hook hook, const std::string& device, const Packet& packet, const Fate& seen) {
  const Tuple tuple = TupleOf(packet);
  const auto reply = by_reply_.find(tuple);
  if (hook == Hook::kEgress) {
    if (reply == by_reply_.end() || reply->second->has_port) return Pass(packet);
    Flow& flow = *reply->second;
    (void)Follow(device, packet, flow, /*reverse=*/true);  // for what it notes
    return Pass(Translated(packet, flow.request.Swapped()));
  }
  if (reply != by_reply_.end()) {
    // What goes through the stack is translated where it leaves.
    return reply->second->is_sent ? Follow(device, packet, *reply->second, /*reverse=*/true) : Pass(packet);
  }
  const auto request = by_request_.find(tuple);
  if (request == by_request_.end()) return Begin(device, packet, tuple, seen);
  if (!BeginsFlow(packet) || !request->second->IsClosed())
    return Follow(device, packet, *request->second, /*reverse=*/false);
  Remove(request->second);
  return Begin(device, packet, tuple, seen);
}

// An error comes from the frontend to a client, and from the device to a backend.
Expected PacketModel::Answer(const std::string& device, const Packet& packet, bool reverse, Packet error) const {
  if (!IsHost(packet.source) || IsLater(packet)) return Drop();
  const ModelDevice& in = tables_.devices.at(device);
  error.source = !reverse ? packet.destination : packet.IsV4() ? in.source_v4 : in.source_v6;
  error.destination = packet.source;
  return {.action = Action::kAnswer, .packet = error.QuotingWords(packet).DontFragment()};
}

Expected PacketModel::Follow(const std::string& device, const Packet& packet, Flow& flow, bool reverse) {
  if (packet.protocol == kTcp && !IsLater(packet) && (packet.tcp.flags & TcpHeader::kFin) != 0) {
    (reverse ? flow.fin_reverse : flow.fin_forward) = true;
  }
  if (!IsLater(packet) && EndsAtOnce(packet)) flow.reset = true;
  const Packet translated = Translated(packet, reverse ? flow.request.Swapped() : flow.onwards);
  if (!flow.is_sent) return Pass(translated);
  const std::string from = packet.destination.ToString(), to = packet.source.ToString();
  if (packet.ttl <= 1) return Answer(device, packet, reverse, TimeExceeded(from, to));
  const size_t mtu = tables_.devices.at(reverse ? flow.client_device : flow.way.device).mtu;
  if (LengthOf(packet) <= mtu) return Send(translated, flow, reverse);
  if (packet.IsV4() && !packet.dont_fragment) return {.action = Action::kCut, .packet = translated};
  return Answer(device, packet, reverse, TooBig(from, to, static_cast<uint32_t>(mtu)));
}

// Past the stack.
Expected PacketModel::Send(Packet packet, const Flow& flow, bool reverse) {
  if (packet.ttl <= 1) return Drop();
  packet.ttl -= 1;
  if (reverse) return {.action = Action::kSend, .packet = packet, .leaves = {flow.client_device, ""}};
  return {.action = Action::kSend, .packet = packet, .leaves = flow.way};
}

// About a request it goes as a reply, about a reply as a request, to the sender of what it quotes: the quoted packet
// becomes the one that this sender has sent. It bears the address to which that was sent, except where the flow does
// not change the other side's address: then it bears its own.
Expected PacketModel::ExpectError(Hook hook, const QuotingError& error) const {
  const Packet &packet = error.error, &quoted = error.quoted;
  const Tuple tuple = TupleOf(quoted).Swapped();
  const size_t headers = (quoted.IsV4() ? 20 + quoted.ip_options.size() : 40) + 8;
  const bool is_whole = error.bytes >= headers && quoted.extensions.empty() && !quoted.fragment;
  const bool is_read = packet.IsIcmpError() && !packet.fragment && is_whole && quoted.source == packet.destination;
  if (!is_read || (packet.link && packet.link->vlan)) return Pass(packet);
  const auto reply = by_reply_.find(tuple);
  const bool is_reply = reply != by_reply_.end();
  const auto found = is_reply ? reply : by_request_.find(tuple);
  if (!is_reply && found == by_request_.end()) return Pass(packet);
  const Flow& flow = *found->second;
  if (hook == Hook::kEgress ? !is_reply || flow.has_port : is_reply && !flow.is_sent) return Pass(packet);
  const Tuple to = is_reply ? flow.request.Swapped() : flow.onwards;
  QuotingError translated(packet, Translated(quoted, to.Swapped()), error.bytes);
  translated.error.destination = to.to.address;
  if (to.from.address != tuple.from.address) translated.error.source = to.from.address;
  const bool is_sent = hook == Hook::kIngress && flow.is_sent;
  return is_sent ? Send(translated.error, flow, is_reply) : Pass(translated.error);
}

Expected PacketModel::Begin(const std::string& device, const Packet& packet, const Tuple& tuple, const Fate& seen) {
  if (tuple.to.port == 0) return Pass(packet);
  const ModelFrontend* const frontend = Find(tuple);
  const bool is_node = tables_.node_addresses.contains(tuple.to.address);
  const bool is_inside = tables_.devices.at(device).is_pod;
  const bool is_outsiders = frontend != nullptr && frontend->is_cluster_ip && !is_inside;
  if (!BeginsFlow(packet)) return frontend == nullptr || is_node || is_outsiders ? Pass(packet) : Drop();
  const auto refuse = [&]() -> Expected {
    const bool plain = packet.ip_options.empty() && packet.extensions.empty() && (packet.IsV4() || !packet.fragment);
    if ((packet.protocol == kTcp && !plain) || !IsHost(packet.source)) return Drop();
    if (packet.protocol == kTcp) return {.action = Action::kRefuse};
    Packet error = PortUnreachable(packet.destination.ToString(), packet.source.ToString());
    return {.action = Action::kRefuse, .packet = error.QuotingWords(packet).DontFragment()};
  };
  if (frontend == nullptr) return tables_.cluster_ips.contains(tuple.to.address) ? refuse() : Pass(packet);
  if (is_outsiders) return Pass(packet);
  const ModelPool& pool = is_inside ? frontend->inside : frontend->outside;
  if (pool.backends.empty()) return pool.is_silent ? Drop() : refuse();
  std::string wrong = Create(device, tuple, *frontend, seen);
  if (wrong == "reply taken") return Drop();
  if (!wrong.empty()) return {.action = Action::kDrop, .wrong = std::move(wrong)};
  return Follow(device, packet, *by_request_.at(tuple), /*reverse=*/false);
}

// Returns whether the client has, by another frontend, a flow to a member of the pool that keeps its own address.
bool PacketModel::MayBeTaken(const Tuple& tuple, const ModelPool& pool) const {
  return std::any_of(pool.backends.begin(), pool.backends.end(), [&](const packets::End& backend) {
    const auto taken = by_reply_.find({tuple.protocol, backend, tuple.from});
    return taken != by_reply_.end() && !taken->second->IsClosed();
  });
}

// Returns what cannot be, or nothing.
std::string PacketModel::Create(const std::string& device, const Tuple& tuple, const ModelFrontend& frontend,
                                const Fate& seen) {
  const ModelDevice& in = tables_.devices.at(device);
  const ModelPool& pool = in.is_pod ? frontend.inside : frontend.outside;
  packets::End backend = {seen.packet.destination, seen.packet.destination_port};
  if (pool.backends.size() == 1) {
    backend = *pool.backends.begin();
  } else if (seen.verdict == TC_ACT_SHOT && MayBeTaken(tuple, pool)) {
    return "reply taken";  // by which backend is not to be seen
  }
  if (!pool.backends.contains(backend)) return absl::StrCat(ToString(seen.packet), " goes to no member of the pool");
  Flow flow = {.request = tuple, .onwards = {tuple.protocol, tuple.from, backend}, .client_device = device};
  flow.way = tables_.routes.at(backend.address);
  const ModelDevice* const out = flow.way.device.empty() ? nullptr : &tables_.devices.at(flow.way.device);
  const bool is_back = out != nullptr && (flow.way.device == device || flow.way.device == in.routes);
  if (is_back) {
    // At a bridge each port sees what its pod sends; otherwise the reply would not pass here without a port of ours.
    flow.has_port = flow.way.device == device || backend.address == tuple.from.address;
  } else if (out != nullptr && !out->is_pod) {
    flow.has_port = frontend.masquerades;
  }
  // Another flow of the client's port to the backend, by another frontend, leaves only a source of ours. A pod of this
  // node keeps to what the stack's filters know.
  const auto rival = by_reply_.find(flow.onwards.Swapped());
  if (!flow.has_port && rival != by_reply_.end() && !rival->second->IsClosed()) {
    flow.has_port = out != nullptr && (is_back || !out->is_pod);
  }
  flow.is_sent = is_back || flow.has_port;
  if (flow.has_port) {
    flow.onwards.from = {tuple.from.address.IsV4() ? out->source_v4 : out->source_v6, seen.packet.source_port};
    if (seen.packet.source_port < 49152) return absl::StrCat("port ", seen.packet.source_port, " is not ours");
  }
  const auto taken = by_reply_.find(flow.onwards.Swapped());
  if (taken != by_reply_.end()) {
    if (!taken->second->IsClosed()) return flow.has_port ? "a port that is taken" : "reply taken";
    Remove(taken->second);
  }
  const auto made = std::make_shared<Flow>(flow);
  by_reply_[flow.onwards.Swapped()] = made;
  by_request_[tuple] = made;
  return "";
}

}  // namespace shunt::packets
