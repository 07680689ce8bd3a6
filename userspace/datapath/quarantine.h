// SPDX-License-Identifier: Apache-2.0
// Resources that nothing leads to any longer, while a program may still be using them: they wait for a grace period.
#ifndef SHUNT_DATAPATH_QUARANTINE_H_
#define SHUNT_DATAPATH_QUARANTINE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "userspace/datapath/grace.h"
#include "userspace/datapath/resource.h"

namespace shunt::datapath {

// First in, first out. Not thread-safe.
class Quarantine {
 public:
  // Frees a resource. It is called once for each resource, and again later if it returns an error.
  using TakeBack = std::function<absl::Status(Retired&)>;

  // `grace` must outlive the quarantine.
  explicit Quarantine(GracePeriod& grace) : grace_(grace) {}

  // Asks for one grace period for all of `retired`, and leaves it empty. REQUIRES: nothing leads to the resources.
  void Add(std::vector<Retired>& retired);
  // Adds resources that need not wait, and leaves `retired` empty.
  void AddPassed(std::vector<Retired>& retired);

  // Hands resources whose grace period has passed to `take_back`, until they had `rows_max` rows together, and returns
  // how many it has freed. Stops at the first error: that resource is tried again next time.
  size_t Reclaim(size_t rows_max, const TakeBack& take_back);
  // Blocks until everything in here may be freed. Returns an error if there are no grace periods on this host.
  absl::Status Wait();
  // Returns whether anything in here becomes free by itself. If the last attempt to wait has failed, asks for another
  // one and returns false. Never blocks.
  bool MayFree();

  // A mark of what is in here now.
  GracePeriod::Ticket Mark() const { return last_ticket_; }
  // Returns whether everything that was in here at the mark has been freed. Resources of AddPassed count as older than
  // every mark: it returns false while one of them is the first, although Reclaim may free it.
  bool HasFreed(GracePeriod::Ticket mark) const { return waiting_.empty() || waiting_.front().ticket > mark; }

  // Returns whether the last Reclaim has stopped at an error: what it left may become free nevertheless.
  bool stopped_at_error() const { return stopped_at_error_; }

  bool empty() const { return waiting_.empty(); }
  size_t size() const { return waiting_.size(); }

 private:
  struct Waiting {
    GracePeriod::Ticket ticket;
    Retired resource;
  };

  void AddWithTicket(GracePeriod::Ticket ticket, std::vector<Retired>& retired);

  GracePeriod& grace_;
  GracePeriod::Ticket last_ticket_ = 0;
  std::deque<Waiting> waiting_;
  bool stopped_at_error_ = false;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_QUARANTINE_H_
