// SPDX-License-Identifier: Apache-2.0
// Reads the tables as the programs do, step by step (bpf/frontend.h, bpf/pool.h), and says where each step led.
#ifndef SHUNT_DATAPATH_TESTING_SIMULATED_READER_H_
#define SHUNT_DATAPATH_TESTING_SIMULATED_READER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bpf/abi.h"
#include "userspace/datapath/tables.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// One slot of a set, with addresses for ids.
struct ReadSlot {
  model::SocketAddress backend;
  model::SocketAddress alias;
  uint32_t threshold = 0;

  friend bool operator==(const ReadSlot&, const ReadSlot&) = default;
};

// A pool's set. If it takes no new connections, why; the slots are then of members that keep their flows.
struct ReadSet {
  std::vector<ReadSlot> slots;
  uint32_t empty_reason = SHUNT_EMPTY_NOT;
  // An id outside its map, or of a row that is not in use, or a backend whose packets endpoint_filter does not let
  // through.
  bool dangling = false;

  friend bool operator==(const ReadSet&, const ReadSet&) = default;
};

enum class Outcome : uint8_t { kNotAService, kHostOnly, kUnusedPort, kDangling, kFound };

// What a program would find for one dialled destination.
struct Reading {
  Outcome outcome = Outcome::kNotAService;
  // The rest only if kFound.
  std::string service_port;  // "default/web:http 80/TCP IPv4"
  model::FrontendKind kind = model::FrontendKind::kClusterIp;
  uint16_t flags = 0;
  std::vector<model::IpPrefix> source_ranges;  // sorted; those that the row's list has in the map
  uint32_t affinity_timeout_s = 0;
  uint32_t udp_idle_s = 0;
  ReadSet internal;
  ReadSet external;

  std::string ToString() const;
  friend bool operator==(const Reading&, const Reading&) = default;
};

class SimulatedReader {
 public:
  // `tables` must outlive the reader.
  explicit SimulatedReader(const Tables& tables) : tables_(tables) {}

  Reading Read(const model::FrontendAddress& dialled, bool on_host) const;

  // ---- the steps, for readers that stop half-way ----
  bool PassesFilter(const model::IpAddress& address) const;
  // Whether the packet path looks a packet to the frontend up, if the frontend's address is this node's.
  bool PassesNodePorts(const shunt_frontend_row& row) const;
  std::optional<uint32_t> FindRow(const shunt_frontend_key& key) const;
  shunt_frontend_row Row(uint32_t id) const;
  // "default/web:http 80/TCP IPv4"; nullopt for a row that names no Service.
  std::optional<std::string> ServicePort(uint32_t index) const;
  // The ranges that the map has under the id, sorted.
  std::vector<model::IpPrefix> Sources(uint32_t list) const;
  uint64_t PoolWord(uint32_t pool) const;
  ReadSet Set(uint64_t pool_word) const;
  // How many rows source_ranges has.
  size_t SourceCount() const;
  // Row ids of all entries of the index.
  std::vector<uint32_t> AllRows() const;

 private:
  bool PassesEndpointFilter(const shunt_backend& backend) const;
  Reading Follow(const shunt_frontend_row& row) const;

  const Tables& tables_;
};

// "{10.0.0.1:80|10.0.0.2:80<threshold ...}", "{empty(reason) ...}" or "dangling"
std::string SetText(const ReadSet& set);

// "default/web:http 80/TCP IPv4"
std::string ServicePortText(const model::ObjectName& service, const std::string& port_name, uint16_t port,
                            model::Protocol protocol, model::IpFamily family);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_TESTING_SIMULATED_READER_H_
