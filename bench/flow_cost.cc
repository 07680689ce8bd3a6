// SPDX-License-Identifier: Apache-2.0
// Prints ns per flow that is found, per flow that begins and ends, and per source port that is claimed and freed, with
// the kernel's hash beside them: medians of interleaved rounds, the loop's own cost subtracted.
#include "bench/flow_cost.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "bpf/config.h"  // the skeleton needs them first
#include "bpf/packet/packet_config.h"
#include "flow_cost.skel.h"

namespace {

constexpr int kRounds = 11;
constexpr uint32_t kCount = 200'000;

[[noreturn]] void Fail(const std::string& what) {
  perror(("flow_cost: " + what).c_str());
  exit(1);
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

class Bench {
 public:
  Bench() {
    skeleton_ = flow_cost__open();
    if (skeleton_ == nullptr) Fail("open");
    bpf_map__set_max_entries(skeleton_->maps.flow_rows, FLOW_COST_ROWS);
    bpf_map__set_max_entries(skeleton_->maps.flow_index, FLOW_COST_BUCKETS);
    bpf_map__set_max_entries(skeleton_->maps.flow_taken, FLOW_COST_ROWS / 64);
    bpf_map__set_max_entries(skeleton_->maps.snat_ports, FLOW_COST_PORT_SETS * SHUNT_SNAT_WORDS);
    auto& config = skeleton_->rodata->packet_config;
    config.flow_seed = 42;
    config.index_mask = FLOW_COST_BUCKETS - 1;
    config.flows = FLOW_COST_ROWS;
    config.snat_sets = FLOW_COST_PORT_SETS;
    config.snat_first_port = 49152;
    config.hz = 250;
    if (flow_cost__load(skeleton_) != 0) Fail("load");
    shunt_flow flow = {};
    flow.protocol = 17;
    flow.client.word[2] = flow.frontend.word[2] = flow.backend_address.word[2] = htonl(0xffff);
    flow.frontend.word[3] = htonl(0x0a600001);
    flow.client_port = flow.source_port = htons(40000);
    flow.frontend_port = flow.backend_port = htons(80);
    const uint32_t zero = 0;
    bpf_map_update_elem(bpf_map__fd(skeleton_->maps.first_flow), &zero, &flow, BPF_ANY);
    ports_ = static_cast<uint64_t*>(
        mmap(nullptr, kPortBytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(skeleton_->maps.snat_ports), 0));
    if (ports_ == MAP_FAILED) Fail("map the ports");
  }
  ~Bench() { flow_cost__destroy(skeleton_); }

  // Returns ns per time. Ends the run if anything was not found or not made: that would cost less.
  double Run(flow_cost_work work, uint32_t flows, uint32_t count = kCount) {
    flow_cost_run run = {.ns = 0, .work = static_cast<__u32>(work), .count = count, .flows = flows, .done = 0};
    LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &run, .ctx_size_in = sizeof(run));
    if (bpf_prog_test_run_opts(bpf_program__fd(skeleton_->progs.measure), &options) != 0) Fail("run");
    if (run.done != count) Fail("work " + std::to_string(work) + " succeeded " + std::to_string(run.done) + " times");
    return static_cast<double>(run.ns) / count;
  }

  void FillPorts(double part) {
    std::mt19937_64 random(1);
    std::bernoulli_distribution taken(part);
    for (uint32_t i = 0; i < FLOW_COST_PORT_SETS * SHUNT_SNAT_WORDS; ++i) {
      ports_[i] = 0;
      for (int bit = 0; bit < 64; ++bit) ports_[i] |= uint64_t{taken(random)} << bit;
    }
  }

 private:
  static constexpr size_t kPortBytes = FLOW_COST_PORT_SETS * SHUNT_SNAT_WORDS * sizeof(uint64_t);
  flow_cost* skeleton_;
  uint64_t* ports_;
};

// Measures two kinds of work in turn.
void Compare(Bench& bench, const std::string& name, uint32_t flows, flow_cost_work ours, flow_cost_work hash) {
  std::vector<double> ours_ns, hash_ns;
  for (int round = 0; round < kRounds; ++round) {
    const double loop = bench.Run(FLOW_COST_NOTHING, flows);
    ours_ns.push_back(bench.Run(ours, flows) - loop);
    hash_ns.push_back(bench.Run(hash, flows) - loop);
  }
  printf("%s_%u_ns %.1f\n%s_hash_%u_ns %.1f\n", name.c_str(), flows, Median(ours_ns), name.c_str(), flows,
         Median(hash_ns));
}

}  // namespace

int main() {
  for (const uint32_t flows : {1u, 1000u, 100'000u}) {
    Bench bench;
    bench.Run(FLOW_COST_FILL, flows, flows);
    Compare(bench, "flow_find", flows, FLOW_COST_FIND, FLOW_COST_FIND_HASH);
  }
  Bench bench;
  for (const uint32_t flows : {1000u, 100'000u}) Compare(bench, "flow_new", flows, FLOW_COST_NEW, FLOW_COST_NEW_HASH);
  for (const int percent : {0, 50, 90, 99}) {
    bench.FillPorts(percent / 100.0);
    std::vector<double> ns;
    for (int round = 0; round < kRounds; ++round)
      ns.push_back(bench.Run(FLOW_COST_PORT, 1000) - bench.Run(FLOW_COST_NOTHING, 1000));
    printf("snat_port_%d_percent_full_ns %.1f\n", percent, Median(ns));
  }
  return 0;
}
