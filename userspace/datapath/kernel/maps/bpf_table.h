// SPDX-License-Identifier: Apache-2.0
// A map of the kernel as a Table.
#ifndef SHUNT_DATAPATH_KERNEL_MAPS_BPF_TABLE_H_
#define SHUNT_DATAPATH_KERNEL_MAPS_BPF_TABLE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/datapath/kernel/object/map_spec.h"
#include "userspace/datapath/table.h"
#include "userspace/posix/unique_fd.h"

namespace shunt::datapath {

// What every kind of map shares. An operation that a kind does not have fails with kInternal.
class BpfTable : public Table {
 public:
  BpfTable(const MapSpec& spec, UniqueFd fd) : spec_(spec), fd_(std::move(fd)) {}

  absl::string_view name() const override { return spec_.name; }
  uint32_t key_size() const override { return spec_.key_size; }
  uint32_t value_size() const override { return spec_.value_size; }
  uint32_t capacity() const override { return spec_.max_entries; }

  absl::Status Store(uint32_t index, Bytes value) override;
  absl::Status StoreWord(uint32_t index, uint32_t word, uint64_t value) override;
  absl::Status Load(uint32_t index, absl::Span<std::byte> value) const override;
  absl::Status ForEach(const std::function<void(Bytes key, Bytes value)>& visit) const override;

 protected:
  int fd() const { return fd_.get(); }
  absl::Status Error(int error, absl::string_view operation) const;
  absl::Status NoSuchOperation(absl::string_view operation) const;
  // kInternal unless `index` is a row and `size` a row's size: either would be a bug above.
  absl::Status CheckRow(absl::string_view operation, uint32_t index, size_t size) const;

 private:
  MapSpec spec_;
  UniqueFd fd_;
};

// The Table for the map behind `fd`. REQUIRES: VerifyMap() has returned `spec` for it, and `fd` was opened
// for writing if `writable`.
absl::StatusOr<std::unique_ptr<Table>> OpenTable(const MapSpec& spec, UniqueFd fd, bool writable);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_MAPS_BPF_TABLE_H_
