// SPDX-License-Identifier: Apache-2.0
// Tables in memory: the same seam as pinned BPF maps, with limits, scripted errors and a watcher of every
// single write. For tests, and for whatever should run without a kernel.
#ifndef SHUNT_DATAPATH_TESTING_MEMORY_TABLE_H_
#define SHUNT_DATAPATH_TESTING_MEMORY_TABLE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "userspace/datapath/limits.h"
#include "userspace/datapath/table.h"
#include "userspace/datapath/tables.h"

namespace shunt::datapath {

// Called around every write of one row or word.
struct WriteHooks {
  // Before the write. An error is returned to the caller and the row stays as it was.
  std::function<absl::Status(absl::string_view table)> before;
  // After the write has happened.
  std::function<void(absl::string_view table)> after;
};

// An LPM trie is a hash here: only a program's lookup by the longest prefix tells them apart.
enum class TableKind : uint8_t { kArray, kHash };

// The rows of one table. They outlive the handles that are given out on them, as a pinned map does.
struct MemoryRows {
  std::string name;
  TableKind kind = TableKind::kArray;
  uint32_t key_size = 4;
  uint32_t value_size = 0;
  uint32_t capacity = 0;
  std::vector<std::byte> array;                        // arrays: capacity * value_size
  absl::flat_hash_map<std::string, std::string> hash;  // hashes
};

// A handle on `rows`. Not thread-safe. `rows` and `hooks` must outlive it; the hooks may change at any time.
class MemoryTable final : public Table {
 public:
  MemoryTable(MemoryRows& rows, const WriteHooks& hooks) : rows_(rows), hooks_(hooks) {}

  absl::string_view name() const override { return rows_.name; }
  uint32_t key_size() const override { return rows_.key_size; }
  uint32_t value_size() const override { return rows_.value_size; }
  uint32_t capacity() const override { return rows_.capacity; }

  absl::Status Store(uint32_t index, Bytes value) override;
  absl::Status StoreWord(uint32_t index, uint32_t word, uint64_t value) override;
  absl::Status Load(uint32_t index, absl::Span<std::byte> value) const override;
  absl::Status Put(Bytes key, Bytes value) override;
  absl::Status Remove(Bytes key) override;
  absl::Status ForEach(const std::function<void(Bytes key, Bytes value)>& visit) const override;

 private:
  absl::Status Check(TableKind kind, absl::string_view operation) const;
  absl::Status CheckRow(uint32_t index, size_t size) const;
  absl::Status CheckKey(absl::string_view operation, Bytes key) const;

  MemoryRows& rows_;
  const WriteHooks& hooks_;
};

// All maps of bpf/maps.h in memory, with the sizes that they get in the kernel. Handles from several Open() calls see
// the same rows, so an agent's restart is: destroy its datapath, Open() again.
class MemoryMaps {
 public:
  // `cpus`: blocks of rows that the counters have.
  explicit MemoryMaps(const Limits& limits, uint32_t cpus = 2);

  // The maps must outlive the handles.
  Tables Open();
  // Puts a row into a hash, as a program does: hooks are not called. REQUIRES: there is a hash of this name, and key
  // and value have its sizes.
  void PutRow(absl::string_view hash, Bytes key, Bytes value);
  // A copy of every row as it is now; without the hooks.
  std::unique_ptr<MemoryMaps> Clone() const;

  // Null: no such map.
  MemoryRows* rows(absl::string_view name);
  WriteHooks& hooks() { return hooks_; }

 private:
  MemoryMaps() = default;

  void MakePacketPath(uint32_t flows);

  std::vector<std::unique_ptr<MemoryRows>> maps_;  // in the order of struct Tables
  WriteHooks hooks_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_TESTING_MEMORY_TABLE_H_
