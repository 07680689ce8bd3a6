// SPDX-License-Identifier: Apache-2.0
// For tests: a flow table of its own, the programs of flow_harness.bpf.c and the collector's, on the same maps.
#ifndef SHUNT_TESTS_BPF_FLOW_TABLE_H_
#define SHUNT_TESTS_BPF_FLOW_TABLE_H_

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bpf/packet/packet_config.h"
#include "bpf/packet/sweep.h"
#include "tests/bpf/flow_harness.h"
#include "userspace/datapath/kernel/object/bpf_object.h"

struct flow_harness;

namespace shunt::datapath {

// Far more than a kernel has, so that no flow grows old while a test runs: two seconds here are at least forty.
inline constexpr uint32_t kHz = 20'000;

// Rows, buckets and sets are powers of two. A bucket has seven entries, and a flow needs two.
struct FlowTableSize {
  uint32_t rows = 256;
  uint32_t buckets = 128;
  uint32_t snat_sets = 2;
  uint32_t reader_window = 0;
  uint32_t hz = kHz;
};

shunt_address Address(const char* text);
// A flow of a client to 10.96.0.1:80 at 10.244.0.7:8080.
shunt_flow MakeFlow(uint8_t protocol, const char* client, uint16_t client_port);
// The same with a source address of the node, 192.168.7.1.
shunt_flow MakeSnatFlow(uint8_t protocol, const char* client, uint16_t client_port);

class FlowTable {
 public:
  static constexpr uint16_t kFirstPort = 49152;

  // Needs root. The tables are empty.
  static absl::StatusOr<std::unique_ptr<FlowTable>> Open(const FlowTableSize& size);
  ~FlowTable();

  // Loads all programs again on the same maps, as an agent does that lends other ports.
  absl::Status Restart(uint16_t first_port);

  // ---- programs; each returns the order that it has executed ----
  flow_order Create(const shunt_flow& flow);
  flow_order Find(const shunt_flow_tuple& tuple);
  flow_order Retire(const shunt_flow_tuple& tuple);
  flow_order Note(const shunt_flow_tuple& tuple, uint8_t tcp_flags);
  // Runs a *_many program of the harness on the thread's own order. Thread-safe for different threads.
  flow_order Run(const char* program, uint32_t thread, const flow_order& order);
  // Goes over the whole table once; returns the kernel's clock.
  uint32_t Sweep();
  uint32_t Now() const;
  // Makes a row look as if it had been idle for these seconds.
  void Age(uint32_t row, uint32_t seconds);
  // Makes all retired rows rest long enough, and frees them.
  void FreeRested();

  // ---- what the maps hold ----
  std::span<shunt_flow> rows() const { return {rows_, size_.rows}; }
  std::span<shunt_flow_bucket> buckets() const { return {buckets_, size_.buckets}; }
  std::span<uint64_t> taken() const { return {taken_, size_.rows / 64}; }
  std::span<uint64_t> ports() const { return {ports_, size_t{size_.snat_sets} * SHUNT_SNAT_WORDS}; }
  std::span<const uint64_t> RowsGot(uint32_t thread) const {
    return {rows_got_ + size_t{thread} * FLOW_HARNESS_FLOWS, FLOW_HARNESS_FLOWS};
  }
  shunt_flow_level& level() const { return *level_; }
  bool IsTaken(uint32_t row) const { return taken_[row / 64] >> (row % 64) & 1; }
  uint32_t TakenRows() const;
  uint32_t TakenPorts() const;
  // Stores an entry as a program would, and returns it.
  uint64_t StoreEntry(const shunt_flow_tuple& tuple, uint32_t row, bool reverse);
  // Forgets everything.
  void Clear();

  // Compares rows, entries, ports, bits and counts with each other. Returns what does not agree, or "".
  std::string Disagreement() const;

  shunt_packet_config config() const { return config_; }
  // The descriptor of a map, which stays the table's.
  int MapFd(const char* map) const { return sweep_.MapFd(map); }
  // Opens another collector on this table, with a sweeper of its own. It is configured, and not loaded.
  absl::StatusOr<BpfObject> OpenCollector(const shunt_packet_config& config) const;

 private:
  FlowTable(const FlowTableSize& size, BpfObject sweep) : size_(size), sweep_(std::move(sweep)) {}
  absl::Status Load();
  absl::Status LoadHarness();
  template <typename T>
  absl::Status Map(int fd, size_t rows, T** memory);
  flow_order RunOne(const char* program, const flow_order& order) { return Run(program, 0, order); }

  FlowTableSize size_;
  shunt_packet_config config_ = {};
  BpfObject sweep_;
  flow_harness* harness_ = nullptr;
  shunt_flow* rows_ = nullptr;
  shunt_flow_bucket* buckets_ = nullptr;
  uint64_t* taken_ = nullptr;
  uint64_t* ports_ = nullptr;
  shunt_flow_level* level_ = nullptr;
  flow_order* orders_ = nullptr;
  uint64_t* rows_got_ = nullptr;
  std::vector<std::pair<void*, size_t>> mappings_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_TESTS_BPF_FLOW_TABLE_H_
