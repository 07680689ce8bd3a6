// SPDX-License-Identifier: Apache-2.0
// Prints ns per lookup with a 20-byte and an 8-byte key, 100,000 keys, medians of interleaved rounds.
#include "bench/key_width.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "bpf/config.h"  // the skeleton needs it first
#include "key_width.skel.h"

namespace {

constexpr int kRounds = 21;
constexpr uint32_t kLookups = 1'000'000;

template <typename T>
T* Map(bpf_map* map, size_t rows) {
  void* const memory = mmap(nullptr, rows * sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
  if (memory == MAP_FAILED) {
    perror(bpf_map__name(map));
    exit(1);
  }
  return static_cast<T*>(memory);
}

void Insert(shunt_index_bucket* index, uint64_t hash, uint32_t row) {
  for (uint32_t bucket = hash & (KEY_WIDTH_BUCKETS - 1);; bucket = (bucket + 1) & (KEY_WIDTH_BUCKETS - 1)) {
    for (auto& entry : index[bucket].entry) {
      if (entry != 0) continue;
      entry = shunt_index_entry(hash, row);
      return;
    }
    ++index[bucket].passed_over;
  }
}

double MeasureNs(key_width* skeleton, bool narrow, uint64_t seed) {
  key_width_run run = {.seed = seed, .ns = 0, .count = kLookups, .narrow = narrow, .found = 0, .pad = 0};
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &run, .ctx_size_in = sizeof(run));
  if (bpf_prog_test_run_opts(bpf_program__fd(skeleton->progs.measure), &options) != 0) {
    perror("key_width: run");
    exit(1);
  }
  return static_cast<double>(run.ns) / kLookups;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main() {
  key_width* const skeleton = key_width__open();
  if (skeleton == nullptr) return 1;
  bpf_map__set_max_entries(skeleton->maps.frontend_index, KEY_WIDTH_BUCKETS);
  bpf_map__set_max_entries(skeleton->maps.frontend_rows, KEY_WIDTH_KEYS);
  skeleton->rodata->shunt_config.index_mask = KEY_WIDTH_BUCKETS - 1;
  if (key_width__load(skeleton) != 0) return 1;
  auto* const wide_index = Map<shunt_index_bucket>(skeleton->maps.frontend_index, KEY_WIDTH_BUCKETS);
  auto* const wide_rows = Map<shunt_frontend_row>(skeleton->maps.frontend_rows, KEY_WIDTH_KEYS);
  auto* const narrow_index = Map<shunt_index_bucket>(skeleton->maps.narrow_index, KEY_WIDTH_BUCKETS);
  auto* const narrow_rows = Map<narrow_row>(skeleton->maps.narrow_rows, KEY_WIDTH_KEYS);
  for (uint32_t i = 0; i < KEY_WIDTH_KEYS; ++i) {
    shunt_frontend_key wide = {};
    wide.address.word[2] = htonl(0xffff);
    wide.address.word[3] = htonl(0x0a600000 + i);
    wide.port = htons(80);
    wide.protocol = 6;
    wide_rows[i].key = wide;
    Insert(wide_index, shunt_key_hash(0, &wide), i);
    const narrow_key narrow = {.address = htonl(0x0a600000 + i), .port = htons(80), .protocol = 6, .pad = 0};
    narrow_rows[i].key = narrow;
    Insert(narrow_index, narrow_hash(0, &narrow), i);
  }
  std::vector<double> wide_ns, narrow_ns, difference_ns;
  for (int round = 0; round < kRounds; ++round) {
    wide_ns.push_back(MeasureNs(skeleton, false, round + 1));
    narrow_ns.push_back(MeasureNs(skeleton, true, round + 1));
    difference_ns.push_back(wide_ns.back() - narrow_ns.back());
  }
  printf("key_20_bytes_ns %.1f\nkey_8_bytes_ns %.1f\nkey_difference_ns %.1f\n", Median(wide_ns), Median(narrow_ns),
         Median(difference_ns));
  key_width__destroy(skeleton);
  return 0;
}
