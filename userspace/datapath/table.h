// SPDX-License-Identifier: Apache-2.0
// One map of the kernel: bytes in, bytes out, a limit. Everything above it (layout, ids, the update
// protocol, adoption) is the same code on pinned BPF maps and on memory with injected errors.
#ifndef SHUNT_DATAPATH_TABLE_H_
#define SHUNT_DATAPATH_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace shunt::datapath {

using Bytes = absl::Span<const std::byte>;

// Arrays have Store, StoreWord and Load: their key is a uint32_t index below capacity(). Hashes, and LPM tries with
// them, have Put, Remove and ForEach. Keys and values have exactly key_size() and value_size() bytes.
// Every operation returns kUnavailable if trying again may help and kInternal if it is a mistake of the caller's, such
// as an operation that the kind of map does not have; the message says which map, which operation and which errno.
// Not thread-safe.
class Table {
 public:
  virtual ~Table() = default;

  virtual absl::string_view name() const = 0;
  virtual uint32_t key_size() const = 0;
  virtual uint32_t value_size() const = 0;
  virtual uint32_t capacity() const = 0;

  // ---- arrays ----
  // Writes the whole row, in no particular order. REQUIRES: no published row refers to it yet.
  virtual absl::Status Store(uint32_t index, Bytes value) = 0;
  // Writes the row's 64-bit word number `word` by one aligned store with release order: everything stored
  // before is visible to every reader of the new word. This is how rows are published and withdrawn.
  // REQUIRES: (word + 1) * 8 <= value_size().
  virtual absl::Status StoreWord(uint32_t index, uint32_t word, uint64_t value) = 0;
  // Copies the row out. REQUIRES: value.size() == value_size().
  virtual absl::Status Load(uint32_t index, absl::Span<std::byte> value) const = 0;

  // ---- hashes ----
  // Puts the row of `key`, in place of the one that it has. Who looks `key` up finds a row before and after, the old
  // one or the new one. Who has found the old one reads it whole until the next Put, which may reuse its memory.
  // Returns kResourceExhausted if the map is full. REQUIRES: programs do not write the map; a key of an LPM trie has no
  // bit set beyond its prefix.
  virtual absl::Status Put(Bytes key, Bytes value) = 0;
  // Removes the row of `key`, if it has one. REQUIRES: as Put.
  virtual absl::Status Remove(Bytes key) = 0;
  // Calls `visit` with every row. Rows changed meanwhile by programs may be missed or seen twice.
  virtual absl::Status ForEach(const std::function<void(Bytes key, Bytes value)>& visit) const = 0;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_TABLE_H_
