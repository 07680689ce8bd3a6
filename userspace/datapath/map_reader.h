// SPDX-License-Identifier: Apache-2.0
// The tables in readable rows. Needs no agent and no state of one: only the tables.
#ifndef SHUNT_DATAPATH_MAP_READER_H_
#define SHUNT_DATAPATH_MAP_READER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "userspace/datapath/tables.h"
#include "userspace/report/map_rows.h"

struct shunt_meta;  // bpf/abi.h

namespace shunt::datapath {

// Returns what the row of `meta` says of the agent's last sign of life. `now_ns` is the time of CLOCK_BOOTTIME.
report::SignOfLife DecodeSignOfLife(const shunt_meta& meta, uint64_t now_ns);

// Reads while others write, so a row may name something that has just gone; an invalid row is left out. Not
// thread-safe.
class MapReader {
 public:
  using Visit = std::function<bool(const report::MapRow&)>;
  // Nanoseconds of CLOCK_BOOTTIME, in which programs note the last use of an affinity.
  using BootClock = std::function<uint64_t()>;

  // `tables` must outlive the reader.
  explicit MapReader(const Tables& tables, BootClock clock = &ReadBootClock, uint64_t jiffy_ns = ReadJiffy());

  // In the order of docs/maps.md.
  static std::vector<std::string> MapNames();
  // Visits the rows in use, in the order of their ids where they have one, until `visit` returns false.
  // Returns kNotFound if there is no such map.
  absl::Status Dump(absl::string_view map, const Visit& visit) const;
  // Counts the rows in use and decodes none (row_counts.h). memory_bytes is 0.
  std::vector<report::MapFill> FillLevels() const;

  static uint64_t ReadBootClock();
  // Returns the nanoseconds of one of the kernel's jiffies, in which programs note the last packet of a flow.
  static uint64_t ReadJiffy();

 private:
  const Tables& tables_;
  BootClock clock_;
  uint64_t jiffy_ns_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_MAP_READER_H_
