// SPDX-License-Identifier: Apache-2.0
// The datapath as the rest of the agent sees it: it takes plans and makes the kernel obey them.
#ifndef SHUNT_DATAPATH_DATAPATH_H_
#define SHUNT_DATAPATH_DATAPATH_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// An address of this node, on which NodePorts answer.
struct NodeAddress {
  model::IpAddress address;
  bool host_only = false;  // loopback: only for sockets of the host's network namespace

  friend auto operator<=>(const NodeAddress&, const NodeAddress&) = default;
};

// Says whether the plans given to Apply are all there are.
enum class ApplyScope {
  kChanged,  // Services not named stay as they are
  kAll,      // Services not named are removed: the first Apply after every source has synced
};

// Whether sockets may have lost the backend that they are connected to, by protocol. It is noted when a set is
// published
//  - that lacks a member of the set before it,
//  - that follows an empty set, because a socket may still remember the set before that one, or
//  - to which a frontend leads from now on.
struct Removals {
  bool tcp = false;
  bool udp = false;

  void Note(model::Protocol protocol) {
    tcp |= protocol == model::Protocol::kTcp;
    udp |= protocol == model::Protocol::kUdp;
  }
};

struct ServiceFailure {
  model::ObjectName service;
  // kResourceExhausted if the plan does not fit (the message names the limit); kUnavailable and others if a write
  // failed.
  absl::Status status;
  // The Services of the same Apply from which its plan takes a frontend, or to which it gives one, whether they failed
  // or not, in name order. They are to be applied again together: a frontend whose old holder is applied without the
  // new one is not served until the new one is.
  std::vector<model::ObjectName> partners;
  // The plan does not fit, but rows wait for their grace period, some 10 ms, into which it may: it is to be applied
  // again as soon as others have had their turn. Never with ApplyScope::kAll. It turns false when nothing waits, and
  // when several tries in a row have seen rows become free and none of the Services that were refused fit.
  bool may_fit_soon = false;
};

// What an audit has found in the maps that no plan asks for: another process, or a fault of ours, has changed them.
struct Drift {
  // Services whose rows differed from their plan, including Services that no plan names.
  std::vector<model::ObjectName> services;
  // Rows of no single Service that were repaired: words of the prefix filter, entries of the index that led nowhere,
  // addresses of the node.
  uint32_t shared = 0;
  // Failures of the repair, as Apply returns them.
  std::vector<ServiceFailure> failures;
  // Programs that were put back at their hooks, now or since the last audit, because another process had detached or
  // replaced them.
  std::vector<std::string> hooks;

  size_t differences() const { return services.size() + shared + hooks.size(); }
};

// What Datapath::Inspect has found so far.
enum class Inspected {
  kMore,     // a part is still to be compared
  kAgrees,   // everything has been compared, and nothing differs
  kDiffers,  // something differs; Audit says what, and repairs it
};

// Returns the plan that a Service has, null if it has none, or nothing if the Service is not to be judged, because a
// change of it waits to be applied.
using PlanOf = absl::FunctionRef<std::optional<const model::ServicePlan*>(const model::ObjectName& service)>;

// Not thread-safe: one thread owns it (the agent's loop).
class Datapath {
 public:
  virtual ~Datapath() = default;

  // Makes the kernel hold exactly the plan of every Service named, by the update protocol (docs/maps.md): at every
  // instant a connect sees the old or the new set of a pool. A plan that does not fit fails as a whole and leaves what
  // its Service had; the others are applied. Returns the Services that failed. Applying their plans again later is safe
  // and completes them. What belongs to none, such as the row of an address that its last Service has left, is no
  // Service's failure; if it cannot be written, every further Apply or Reclaim tries it again. A plan without ports
  // removes its Service. Idempotent: an unchanged plan causes no write.
  // With kChanged it never waits for a grace period: see ServiceFailure::may_fit_soon. With kAll it does, as long as
  // that makes room for more. At a start there is no change yet that this could hold up; in an audit of full maps it
  // holds up every change, for several grace periods in a row.
  virtual std::vector<ServiceFailure> Apply(absl::Span<const model::ServicePlan* const> plans, ApplyScope scope) = 0;

  // Compares the next part of what programs can reach, about `rows` rows, with what the plans ask for, and writes
  // nothing. A pass begins with the first call and after one that returned kAgrees or kDiffers. Apply may come between
  // two parts. A Service is compared as a whole.
  virtual Inspected Inspect(size_t rows, PlanOf plan_of) = 0;

  // Reads the maps back as at a start, and makes them obey `plans` (all there are) and `addresses` again, by the same
  // protocol as Apply with kAll. It takes as long as a start, and before that a grace period; no change is applied
  // meanwhile, so it is for maps in which Inspect has found a difference. Returns kUnavailable, having done
  // nothing, if rows of an earlier change still wait for their grace period. Returns another error if the maps cannot
  // be read, or if what Services share cannot be written; what is repaired by then stays, and Apply keeps working.
  virtual absl::StatusOr<Drift> Audit(absl::Span<const model::ServicePlan* const> plans,
                                      absl::Span<const NodeAddress> addresses) = 0;

  // Replaces the set of addresses on which NodePorts answer.
  virtual absl::Status SetNodeAddresses(absl::Span<const NodeAddress> addresses) = 0;

  // Tells the programs that an agent lives which keeps their plans, `boot_time` after the boot (CLOCK_BOOTTIME). They
  // may leave everything untranslated once that is too long ago (--stale-after). One aligned store; every second is
  // enough.
  virtual absl::Status GiveSignOfLife(std::chrono::milliseconds boot_time) = 0;

  // Frees ids whose grace period has passed, as many as take some milliseconds; the next call goes on. And writes what
  // could not be written earlier and belongs to no Service. Apply does both too; an idle agent calls this from time to
  // time.
  virtual void Reclaim() = 0;

  // Readable when FollowAnnouncements has something to do; negative as long as nothing is announced.
  virtual int announcements() const { return -1; }
  // Follows what the kernel announces of this node's devices. Reclaim follows what is not announced.
  virtual void FollowAnnouncements() {}
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_DATAPATH_H_
