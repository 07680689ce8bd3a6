// SPDX-License-Identifier: Apache-2.0
// The packet path's rules as plain C++, from the documents and not from the programs: tables and a packet in, what must
// become of it out. The programs are held against it with random packets.
#ifndef SHUNT_PACKETS_PACKET_MODEL_H_
#define SHUNT_PACKETS_PACKET_MODEL_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "tests/packets/packet.h"
#include "tests/packets/packet_node.h"
#include "userspace/model/ip_address.h"

namespace shunt::packets {

// An address and a port.
struct End {
  model::IpAddress address;
  uint16_t port = 0;

  auto operator<=>(const End&) const = default;
};

// What serves a kind of client of a frontend.
struct ModelPool {
  std::set<End> backends;
  bool is_silent = false;  // without backends: dropped instead of refused
};

struct ModelFrontend {
  bool is_cluster_ip = false;
  ModelPool inside;
  ModelPool outside;
  bool masquerades = false;  // clients that have no other reason for it too
};

struct ModelDevice {
  bool is_pod = false;
  std::string routes;  // the device that has addresses and routes: itself, or the bridge of which it is a port
  model::IpAddress source_v4;
  model::IpAddress source_v6;
  size_t mtu = 1500;
};

// Where the kernel sends a packet.
struct ModelRoute {
  std::string device;  // empty: the host itself
  std::string neighbour;
};

struct ModelTables {
  std::map<std::pair<uint8_t, End>, ModelFrontend> frontends;   // by protocol
  std::map<std::pair<uint8_t, End>, ModelFrontend> node_ports;  // on every address of the node: 0.0.0.0 or ::
  std::set<model::IpAddress> node_addresses;
  std::set<model::IpAddress> cluster_ips;
  std::map<std::string, ModelDevice> devices;
  std::map<model::IpAddress, ModelRoute> routes;  // to backends
};

// An ICMP error, and the packet that it quotes.
struct QuotingError {
  Packet error;  // its payload is what it quotes
  Packet quoted;
  size_t bytes = 0;  // of it that are quoted

  QuotingError(const Packet& without_payload, const Packet& about, size_t bytes_max)
      : error(without_payload), quoted(about), bytes(bytes_max) {
    error.Quoting(quoted, bytes);
  }
};

// What must become of a packet.
struct Expected {
  enum class Action { kPass, kDrop, kSend, kRefuse, kAnswer, kCut };
  Action action = Action::kPass;
  Packet packet;      // of kPass, kSend and kCut, with its old link-layer addresses; of kAnswer and kRefuse the error
  ModelRoute leaves;  // of kSend; no neighbour: back to where the client's first packet came from
  std::string wrong;  // what was seen cannot be: a backend that is no member, a port that is taken
};

class PacketModel {
 public:
  explicit PacketModel(ModelTables tables) : tables_(std::move(tables)) {}

  // `seen` is what has become of the packet. Only the choices that are theirs are taken from it: the
  // backend and the source port of a new flow.
  Expected Expect(Hook hook, const std::string& device, const Packet& packet, const Fate& seen);

  // An error changes nothing of the flow that it is about.
  Expected ExpectError(Hook hook, const QuotingError& error) const;

  struct Tuple {
    uint8_t protocol = 0;
    End from;
    End to;

    auto operator<=>(const Tuple&) const = default;
    Tuple Swapped() const { return {protocol, to, from}; }
  };

  struct Flow {
    Tuple request;  // client to frontend
    Tuple onwards;  // source to backend
    std::string client_device;
    ModelRoute way;
    bool is_sent = false;  // past the stack
    bool has_port = false;
    bool fin_forward = false;
    bool fin_reverse = false;
    bool reset = false;

    bool IsClosed() const { return reset || (fin_forward && fin_reverse); }
  };

  // Returns whether the packet is a request of a flow that has not ended.
  bool HasOpen(const Packet& packet) const;
  const std::map<Tuple, std::shared_ptr<Flow>>& flows() const { return by_request_; }

 private:
  // What its first fragment told of the datagram of a fragment.
  using Datagram = std::tuple<model::IpAddress, model::IpAddress, uint8_t, uint32_t>;
  struct FirstFragment {
    uint16_t source_port = 0;
    uint16_t destination_port = 0;
    Expected::Action action = Expected::Action::kPass;  // what became of it
  };

  Expected ExpectLater(Hook hook, const std::string& device, const Packet& packet);
  Expected ExpectWhole(Hook hook, const std::string& device, const Packet& packet, const Fate& seen);
  Expected Begin(const std::string& device, const Packet& packet, const Tuple& tuple, const Fate& seen);
  Expected Follow(const std::string& device, const Packet& packet, Flow& flow, bool reverse);
  Expected Answer(const std::string& device, const Packet& packet, bool reverse, Packet error) const;
  static Expected Send(Packet packet, const Flow& flow, bool reverse);
  std::string Create(const std::string& device, const Tuple& tuple, const ModelFrontend& frontend, const Fate& seen);
  const ModelFrontend* Find(const Tuple& tuple) const;
  bool MayBeTaken(const Tuple& tuple, const ModelPool& pool) const;
  void Remove(const std::shared_ptr<Flow>& flow);

  const ModelTables tables_;
  std::map<Tuple, std::shared_ptr<Flow>> by_request_;
  std::map<Tuple, std::shared_ptr<Flow>> by_reply_;
  std::map<Datagram, FirstFragment> firsts_;
};

}  // namespace shunt::packets

#endif  // SHUNT_PACKETS_PACKET_MODEL_H_
