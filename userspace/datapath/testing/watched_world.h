// SPDX-License-Identifier: Apache-2.0
// A datapath on memory tables under constant watch: after every single write, readers look at everything.
#ifndef SHUNT_DATAPATH_TESTING_WATCHED_WORLD_H_
#define SHUNT_DATAPATH_TESTING_WATCHED_WORLD_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "userspace/datapath/table_datapath.h"
#include "userspace/datapath/testing/manual_grace.h"
#include "userspace/datapath/testing/memory_table.h"
#include "userspace/datapath/testing/simulated_reader.h"
#include "userspace/datapath/testing/world.h"

namespace shunt::datapath {

// After every write each destination must read as one of the worlds asked for since the last one that was
// applied whole: its old set or its new one, never a mixture, a foreign one, or a dangling id. And readers that have
// stopped half-way, with a row or a pool word in hand, must find what they would have found at once, until a
// grace period that began later has passed; with a row in hand, a set that its Service had meanwhile. What is wrong
// goes to ADD_FAILURE, once.
class WatchedWorld {
 public:
  explicit WatchedWorld(const Limits& limits, uint32_t seed);
  // Takes over `maps`, which hold one of `worlds` for each destination.
  WatchedWorld(std::unique_ptr<MemoryMaps> maps, const std::vector<World>& worlds, uint32_t seed);
  ~WatchedWorld();

  // Asks for `world`: from now on its readings are allowed too.
  void Expect(const World& world);
  // The datapath holds the last world: from now on only its readings are.
  void Settle();
  // Every destination reads as in the last world, and the tables hold nothing else.
  void CheckHolds();

  // And nothing is left of what went: waits for a grace period and frees everything. REQUIRES: CheckHolds would pass.
  void CheckLeavesNothing();

  // Destroys the datapath and opens the tables again.
  void Restart();

  TableDatapath& datapath() { return *datapath_; }
  MemoryMaps& maps() { return *maps_; }
  ManualGrace& grace() { return grace_; }
  // Asked before every write; see WriteHooks.
  std::function<absl::Status(absl::string_view)>& before_write() { return maps_->hooks().before; }
  uint64_t writes() const { return writes_; }
  // While writes fail, some Services have their old plan and some their new one, so what they share, the facts
  // about addresses, may differ from both worlds: a destination that leads nowhere may do so for another reason.
  void set_writes_fail(bool fail) { writes_fail_ = fail; }
  // Names the step in hand, for failure messages.
  void set_step(std::string step) { step_ = std::move(step); }
  bool failed() const { return failed_; }

 private:
  // A pool that a late reader is about to read.
  struct PoolAhead {
    uint32_t pool;
    std::string service_port;
    ReadSet set;  // as last seen
  };
  struct LateReader {
    GracePeriod::Ticket asked;  // tickets given out when it began
    std::vector<std::pair<uint32_t, shunt_frontend_row>> rows;
    std::vector<std::pair<uint32_t, std::vector<model::IpPrefix>>> sources;  // by list
    std::vector<std::pair<uint64_t, ReadSet>> sets;                          // by pool word
    std::vector<PoolAhead> pools;
  };

  void Watch();
  void Allow(const World& world);
  void Look(absl::string_view table);
  void LookAtDestinations(absl::string_view table);
  void LookAsLateReaders(absl::string_view table);
  void LookAtPoolsAhead(absl::string_view table, LateReader& late);
  void BeginLateReader();
  bool IsAllowed(const Reading& reading, size_t destination) const;
  // Whether the service port has this set in a world that was asked for.
  bool IsAllowedSet(const std::string& service_port, const ReadSet& set) const;
  void Fail(const std::string& what);

  std::unique_ptr<MemoryMaps> maps_;
  Tables tables_;  // the readers' own handles
  SimulatedReader reader_;
  ManualGrace grace_;
  std::unique_ptr<TableDatapath> datapath_;
  World world_;
  std::vector<World> asked_;                                           // since the last one that was applied whole
  std::vector<std::pair<model::FrontendAddress, bool>> destinations_;  // and whether from the host's namespace
  std::vector<std::vector<Reading>> allowed_;                          // by destination
  std::multimap<std::string, ReadSet> allowed_sets_;                   // by service port
  std::vector<size_t> unused_ports_;  // by destination: the one with the same address and a port that no Service uses
  std::vector<LateReader> late_readers_;
  RandomWorld random_;
  std::string step_;
  uint64_t writes_ = 0;
  bool writes_fail_ = false;
  bool failed_ = false;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_TESTING_WATCHED_WORLD_H_
