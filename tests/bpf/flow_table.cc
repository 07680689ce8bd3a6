// SPDX-License-Identifier: Apache-2.0
#include "tests/bpf/flow_table.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/config.h"  // the skeleton needs it first
#include "flow_harness.skel.h"
#include "userspace/datapath/kernel/kernel_error.h"

namespace shunt::datapath {
namespace {

absl::Status RunProgram(int program, void* context, uint32_t size) {
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = context, .ctx_size_in = size);
  if (int error = bpf_prog_test_run_opts(program, &options); error < 0) return KernelError(error, "run a program");
  return absl::OkStatus();
}

}  // namespace

shunt_address Address(const char* text) {
  shunt_address address = {};
  if (inet_pton(AF_INET6, text, address.word) == 1) return address;
  address.word[2] = htonl(0xffff);
  inet_pton(AF_INET, text, &address.word[3]);
  return address;
}

shunt_flow MakeFlow(uint8_t protocol, const char* client, uint16_t client_port) {
  shunt_flow flow = {};
  flow.protocol = protocol;
  flow.mode = SHUNT_FLOW_STACK;
  flow.client = flow.source = Address(client);
  flow.client_port = flow.source_port = htons(client_port);
  flow.frontend = Address("10.96.0.1");
  flow.frontend_port = htons(80);
  flow.backend_address = Address("10.244.0.7");
  flow.backend_port = htons(8080);
  return flow;
}

shunt_flow MakeSnatFlow(uint8_t protocol, const char* client, uint16_t client_port) {
  shunt_flow flow = MakeFlow(protocol, client, client_port);
  flow.mode = SHUNT_FLOW_REDIRECT;
  flow.flags = SHUNT_FLOW_SNAT;
  flow.source = Address("192.168.7.1");
  flow.source_port = 0;
  return flow;
}

absl::StatusOr<std::unique_ptr<FlowTable>> FlowTable::Open(const FlowTableSize& size) {
  absl::StatusOr<BpfObject> sweep = BpfObject::OpenSweep();
  if (!sweep.ok()) return sweep.status();
  auto table = std::unique_ptr<FlowTable>(new FlowTable(size, *std::move(sweep)));
  if (absl::Status status = table->Load(); !status.ok()) return status;
  return table;
}

FlowTable::~FlowTable() {
  for (const auto& [memory, bytes] : mappings_) munmap(memory, bytes);
  flow_harness__destroy(harness_);
}

template <typename T>
absl::Status FlowTable::Map(int fd, size_t rows, T** memory) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t bytes = (rows * sizeof(T) + page - 1) / page * page;
  void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) return absl::ErrnoToStatus(errno, "map a table");
  mappings_.emplace_back(mapped, bytes);
  *memory = static_cast<T*>(mapped);
  return absl::OkStatus();
}

absl::Status FlowTable::Load() {
  config_.flow_seed = 0x5eed;
  config_.index_mask = size_.buckets - 1;
  config_.flows = size_.rows;
  config_.snat_sets = size_.snat_sets;
  config_.hz = size_.hz;
  config_.snat_first_port = kFirstPort;
  config_.weakly_ordered = 1;  // right everywhere
  const std::map<std::string, uint32_t> sizes = {{"flow_rows", size_.rows},
                                                 {"flow_index", size_.buckets},
                                                 {"flow_taken", size_.rows / 64},
                                                 {"snat_ports", size_.snat_sets * SHUNT_SNAT_WORDS}};
  for (const auto& [map, rows] : sizes) {
    if (absl::Status status = sweep_.SetMaxEntries(map, rows); !status.ok()) return status;
  }
  if (absl::Status status = sweep_.SetPacketConfig(config_); !status.ok()) return status;
  if (absl::Status status = sweep_.Load(); !status.ok()) return status;
  if (absl::Status status = LoadHarness(); !status.ok()) return status;

  absl::Status status = Map(MapFd("flow_rows"), size_.rows, &rows_);
  status.Update(Map(MapFd("flow_index"), size_.buckets, &buckets_));
  status.Update(Map(MapFd("flow_taken"), taken().size(), &taken_));
  status.Update(Map(MapFd("snat_ports"), ports().size(), &ports_));
  status.Update(Map(MapFd("flow_level"), 1, &level_));
  return status;
}

absl::Status FlowTable::LoadHarness() {
  flow_harness__destroy(harness_);
  harness_ = flow_harness__open();
  if (harness_ == nullptr) return absl::ErrnoToStatus(errno, "open the harness");
  bpf_map* map;
  bpf_object__for_each_map(map, harness_->obj) {
    const int fd = bpf_map__is_internal(map) ? -1 : sweep_.MapFd(bpf_map__name(map));
    if (fd >= 0 && bpf_map__reuse_fd(map, fd) != 0) return absl::ErrnoToStatus(errno, bpf_map__name(map));
  }
  harness_->rodata->packet_config = config_;
  harness_->rodata->shunt_config.reader_window = size_.reader_window;
  if (int error = flow_harness__load(harness_); error < 0) return KernelError(error, "load the harness");

  absl::Status status = Map(bpf_map__fd(harness_->maps.orders), FLOW_HARNESS_ORDERS, &orders_);
  status.Update(Map(bpf_map__fd(harness_->maps.rows_got), FLOW_HARNESS_ORDERS * FLOW_HARNESS_FLOWS, &rows_got_));
  return status;
}

absl::Status FlowTable::Restart(uint16_t first_port) {
  config_.snat_first_port = first_port;
  absl::StatusOr<BpfObject> collector = OpenCollector(config_);
  if (!collector.ok()) return collector.status();
  if (absl::Status status = collector->Load(); !status.ok()) return status;
  sweep_ = *std::move(collector);
  return LoadHarness();
}

flow_order FlowTable::Run(const char* program, uint32_t thread, const flow_order& order) {
  orders_[thread] = order;
  flow_call call = {thread};
  const int fd = bpf_program__fd(bpf_object__find_program_by_name(harness_->obj, program));
  if (!RunProgram(fd, &call, sizeof(call)).ok()) orders_[thread].result = INT32_MIN;
  return orders_[thread];
}

flow_order FlowTable::Create(const shunt_flow& flow) {
  return RunOne("create_one", {.flow = flow});
}

flow_order FlowTable::Find(const shunt_flow_tuple& tuple) {
  return RunOne("find_one", {.tuple = tuple});
}

flow_order FlowTable::Retire(const shunt_flow_tuple& tuple) {
  return RunOne("retire_one", {.tuple = tuple});
}

flow_order FlowTable::Note(const shunt_flow_tuple& tuple, uint8_t tcp_flags) {
  return RunOne("note_one", {.tuple = tuple, .flags = tcp_flags});
}

uint32_t FlowTable::Sweep() {
  shunt_sweep_order order = {.rows = size_.rows};
  RunProgram(sweep_.ProgramFd("sweep_rows"), &order, sizeof(order)).IgnoreError();
  return static_cast<uint32_t>(order.jiffies);
}

uint32_t FlowTable::Now() const {
  shunt_sweep_order order = {};
  RunProgram(sweep_.ProgramFd("read_jiffies"), &order, sizeof(order)).IgnoreError();
  return static_cast<uint32_t>(order.jiffies);
}

void FlowTable::Age(uint32_t row, uint32_t seconds) {
  rows_[row].last_use = Now() - seconds * size_.hz;
}

void FlowTable::FreeRested() {
  for (uint32_t row = 0; row < size_.rows; ++row) {
    if (rows_[row].state & SHUNT_FLOW_RETIRED) Age(row, 2);
  }
  Sweep();
}

uint32_t FlowTable::TakenRows() const {
  uint32_t count = 0;
  for (const uint64_t word : taken()) count += static_cast<uint32_t>(std::popcount(word));
  return count;
}

uint32_t FlowTable::TakenPorts() const {
  uint32_t count = 0;
  for (const uint64_t word : ports()) count += static_cast<uint32_t>(std::popcount(word));
  return count;
}

uint64_t FlowTable::StoreEntry(const shunt_flow_tuple& tuple, uint32_t row, bool reverse) {
  const uint64_t hash = shunt_flow_hash(config_.flow_seed, &tuple);
  const uint64_t entry = shunt_flow_entry(hash, row, reverse);
  for (uint32_t probe = 0; probe < SHUNT_FLOW_PROBES; ++probe) {
    shunt_flow_bucket& bucket = buckets_[(static_cast<uint32_t>(hash) + probe) & config_.index_mask];
    for (auto& place : bucket.entry) {
      if (place != 0) continue;
      place = entry;
      return entry;
    }
    bucket.passed_over++;
  }
  return 0;
}

void FlowTable::Clear() {
  memset(rows_, 0, rows().size_bytes());
  memset(buckets_, 0, buckets().size_bytes());
  memset(taken_, 0, taken().size_bytes());
  memset(ports_, 0, ports().size_bytes());
}

std::string FlowTable::Disagreement() const {
  std::vector<uint32_t> entries(size_.rows * 2);     // by row and direction
  std::vector<uint64_t> passed_over(size_.buckets);  // as it should be
  for (uint32_t number = 0; number < size_.buckets; ++number) {
    for (const uint64_t entry : buckets_[number].entry) {
      if (entry == 0) continue;
      const uint32_t row = (static_cast<uint32_t>(entry) & ~SHUNT_FLOW_REVERSE) - 1;
      const bool reverse = entry & SHUNT_FLOW_REVERSE;
      if (row >= size_.rows) return absl::StrCat("an entry of bucket ", number, " leads to row ", row);
      const shunt_flow_tuple tuple = reverse ? shunt_reverse_tuple(&rows_[row]) : shunt_forward_tuple(&rows_[row]);
      const uint64_t hash = shunt_flow_hash(config_.flow_seed, &tuple);
      if (entry != shunt_flow_entry(hash, row, reverse)) return absl::StrCat("a wrong entry leads to row ", row);
      if (++entries[row * 2 + reverse] > 1) return absl::StrCat("row ", row, " has two entries of one direction");
      for (uint32_t home = static_cast<uint32_t>(hash) & config_.index_mask; home != number;
           home = (home + 1) & config_.index_mask)
        passed_over[home]++;
    }
  }
  for (uint32_t number = 0; number < size_.buckets; ++number) {
    if (buckets_[number].passed_over != passed_over[number])
      return absl::StrCat("bucket ", number, " says that ", buckets_[number].passed_over, " entries passed it, not ",
                          passed_over[number]);
  }
  uint32_t snat = 0;
  for (uint32_t row = 0; row < size_.rows; ++row) {
    const shunt_flow& flow = rows_[row];
    const uint32_t life = flow.state & (SHUNT_FLOW_SETTLED | SHUNT_FLOW_RETIRED | SHUNT_FLOW_WITHDRAWN);
    const bool lives = life == SHUNT_FLOW_SETTLED;
    if (!IsTaken(row) && flow.state != 0) return absl::StrCat("row ", row, " is free, with state ", flow.state);
    if (IsTaken(row) && !lives && !(life & SHUNT_FLOW_WITHDRAWN)) return absl::StrCat("row ", row, " is stuck");
    for (const uint32_t count : {entries[row * 2], entries[row * 2 + 1]}) {
      if (count != lives) return absl::StrCat("row ", row, " in state ", flow.state, " has ", count, " entries");
    }
    if (!IsTaken(row) || !(flow.flags & SHUNT_FLOW_SNAT)) continue;
    ++snat;
    const uint32_t bit = shunt_snat_bit(ntohs(flow.source_port));
    const uint32_t set = shunt_snat_set(config_.flow_seed, &flow, size_.snat_sets);
    if (!(ports_[set * SHUNT_SNAT_WORDS + bit / 64] >> (bit % 64) & 1))
      return absl::StrCat("row ", row, " has port ", ntohs(flow.source_port), ", which is not taken");
  }
  if (TakenPorts() != snat) return absl::StrCat(TakenPorts(), " ports are taken by ", snat, " rows");
  return "";
}

absl::StatusOr<BpfObject> FlowTable::OpenCollector(const shunt_packet_config& config) const {
  absl::StatusOr<BpfObject> collector = BpfObject::OpenSweep();
  if (!collector.ok()) return collector;
  for (const MapSpec& map : collector->Maps()) {
    if (map.name == "sweeper") continue;
    if (absl::Status status = collector->UseMap(map.name, MapFd(map.name.c_str())); !status.ok()) return status;
  }
  if (absl::Status status = collector->SetPacketConfig(config); !status.ok()) return status;
  return collector;
}

}  // namespace shunt::datapath
