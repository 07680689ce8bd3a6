// SPDX-License-Identifier: Apache-2.0
// What nothing names any more and a program may still hold: rows, pools, slot runs and service port indexes
// that wait for their grace period.
#ifndef SHUNT_DATAPATH_QUARANTINE_H_
#define SHUNT_DATAPATH_QUARANTINE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "userspace/datapath/grace.h"
#include "userspace/datapath/slot_runs.h"

namespace shunt::datapath {

// One thing that was in use.
struct Retired {
  // kProof: what sockets remember of a pool that stays in use; see Inventory::RenewProof.
  enum class Kind : uint8_t { kFrontendRow, kPool, kSlotRun, kServicePort, kProof };

  Kind kind = Kind::kFrontendRow;
  uint32_t id = 0;                // row, pool (kProof too) or service port index
  SlotRun run;                    // kSlotRun; may be empty
  std::vector<uint32_t> members;  // kSlotRun: the backend ids that it references
};

// First in, first out. Not thread-safe.
class Quarantine {
 public:
  // Takes a thing back for good; gives each one exactly once, unless it fails.
  using TakeBack = std::function<absl::Status(Retired&)>;

  // `grace` must outlive the quarantine.
  explicit Quarantine(GracePeriod& grace) : grace_(grace) {}

  // REQUIRES: nothing names the things any more. Asks for one grace period for all of them; leaves `things` empty.
  void Add(std::vector<Retired>& things);
  // Things that need not wait, but to be taken back in their turn.
  void AddPassed(std::vector<Retired>& things);

  // Hands at most `limit` things whose grace period has passed to `take_back`, and returns how many it took. Stops at
  // the first error: that thing is tried again next time.
  size_t Reclaim(size_t limit, const TakeBack& take_back);
  // Blocks until everything in here may be reclaimed; the error if no grace period is to be had.
  absl::Status Wait();

  bool empty() const { return waiting_.empty(); }
  size_t size() const { return waiting_.size(); }

 private:
  struct Waiting {
    GracePeriod::Ticket ticket;
    Retired thing;
  };

  void AddWithTicket(GracePeriod::Ticket ticket, std::vector<Retired>& things);

  GracePeriod& grace_;
  GracePeriod::Ticket last_ticket_ = 0;
  std::deque<Waiting> waiting_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_QUARANTINE_H_
