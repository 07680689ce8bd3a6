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

  // Hands at most `limit` resources whose grace period has passed to `take_back`, and returns how many it has freed.
  // Stops at the first error: that resource is tried again next time.
  size_t Reclaim(size_t limit, const TakeBack& take_back);
  // Blocks until everything in here may be freed. Returns an error if there are no grace periods on this host.
  absl::Status Wait();

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
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_QUARANTINE_H_
