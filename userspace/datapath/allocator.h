// SPDX-License-Identifier: Apache-2.0
// Which resources of the tables are free.
#ifndef SHUNT_DATAPATH_ALLOCATOR_H_
#define SHUNT_DATAPATH_ALLOCATOR_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "bpf/abi.h"
#include "userspace/datapath/backend_registry.h"
#include "userspace/datapath/frontend_index.h"
#include "userspace/datapath/grace.h"
#include "userspace/datapath/id_pool.h"
#include "userspace/datapath/quarantine.h"
#include "userspace/datapath/resource.h"
#include "userspace/datapath/slot_runs.h"
#include "userspace/datapath/source_lists.h"
#include "userspace/datapath/tables.h"
#include "userspace/model/ip_address.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// How many rows of each map one change takes. It is counted to the end, also after a map has turned out to be full, so
// that the error names every map that is too small.
struct Need {
  uint32_t index_slots = 0;
  uint32_t index_slots_missing = 0;  // keys of which every slot is taken in which programs would look for them
  uint32_t frontend_rows = 0;
  uint32_t service_ports = 0;
  uint32_t pools = 0;
  uint32_t slots = 0;
  uint32_t longest_run = 0;  // of these slots
  uint32_t backends = 0;
  absl::flat_hash_set<model::SocketAddress> backends_missing;  // each is counted once, however many pools have it
  uint32_t source_ranges = 0;
  absl::flat_hash_set<std::vector<model::IpPrefix>> lists_missing;  // so is each list
  bool exceeded = false;                                            // some map is full
};

// Hands out resources and takes them back. Writes to the tables only to mark as free what was published, and to renew
// validity stamps. Not thread-safe.
class Allocator {
 public:
  // Starts with everything free: adoption takes what it finds in use. `meta` is the row of the map of that name. The
  // tables and `grace` must outlive the allocator.
  Allocator(Tables& tables, const shunt_meta& meta, GracePeriod& grace);

  // ---- taking ----
  // Each of these counts in `need` what it is asked for. If the map is full, it sets need.exceeded and returns kNoId
  // (kNoIndexSlot for an index slot, an incomplete set for a set, no list for a list).
  uint32_t TakeServicePort(Need& need);
  uint32_t TakePool(Need& need);
  uint32_t TakeFrontendRow(Need& need);
  uint32_t TakeIndexSlot(const shunt_frontend_key& key, Need& need);
  BackendSet TakeSet(const model::Pool& pool, Need& need);
  // REQUIRES: as SourceLists::Acquire.
  SourceList TakeList(absl::Span<const model::IpPrefix> ranges, Need& need);
  // Says which maps lack rows, how many, and what to do about it. REQUIRES: need.exceeded, and what was taken for it
  // has been given back.
  std::string Shortage(const Need& need) const;

  // ---- giving back ----
  // REQUIRES: the resource was taken, and no program can have seen it. An id that is kNoId is ignored.
  void GiveBack(FrontendRow row);
  void GiveBack(IndexSlot slot);
  void GiveBack(PoolId pool);
  void GiveBack(ServicePortIndex port);
  void GiveBack(BackendSet set);
  void GiveBack(SourceList list);
  // Frees retired resources whose grace period has passed, of `rows_max` rows together. Returns how many.
  size_t Reclaim(size_t rows_max);
  // Waits for the grace period of everything that is retired, and frees it. Returns false if nothing became free.
  bool WaitAndReclaim();

  // ---- validity stamps ----
  // Returns a generation for the word of a pool: a new one for every publication, and never 0.
  uint32_t NextGeneration();
  // Says in meta which generations are used up. To be called before a word with one of them is stored.
  absl::Status WriteGeneration();
  // Gives the pool's word another generation if the pool is in use, so that sockets that remember the pool look their
  // destination up again. It is called when a frontend leaves a pool that other frontends keep, and once more a grace
  // period later, for programs that had the old row in hand and remembered the renewed word.
  absl::Status RenewStamp(uint32_t pool);

  // ---- parts ----
  const Tables& tables() const { return tables_; }
  IdPool& service_ports() { return service_ports_; }
  IdPool& pools() { return pools_; }
  IdPool& frontend_rows() { return frontend_rows_; }
  SlotRuns& slots() { return slots_; }
  BackendRegistry& backends() { return backends_; }
  const BackendRegistry& backends() const { return backends_; }
  SourceLists& source_lists() { return source_lists_; }
  const SourceLists& source_lists() const { return source_lists_; }
  FrontendIndex& index() { return index_; }
  Quarantine& quarantine() { return quarantine_; }

 private:
  // These mark a retired resource as free in its table and free it. On an error the rest of it is still in the
  // argument.
  absl::Status TakeBack(FrontendRow row);
  absl::Status TakeBack(PoolId pool);
  absl::Status TakeBack(ServicePortIndex port);
  absl::Status TakeBack(BackendSet& set);
  absl::Status TakeBack(SourceList list) { return source_lists_.Release(list.id); }
  absl::Status TakeBack(ValidityStamp stamp) { return RenewStamp(stamp.pool); }

  Tables& tables_;
  IdPool service_ports_;
  IdPool pools_;
  IdPool frontend_rows_;
  SlotRuns slots_;
  BackendRegistry backends_;
  SourceLists source_lists_;
  FrontendIndex index_;
  Quarantine quarantine_;
  uint64_t generation_;          // the last one given out, before it is cut to the bits of a pool word
  uint64_t written_generation_;  // the last one that meta knows of
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_ALLOCATOR_H_
