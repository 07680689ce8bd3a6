// SPDX-License-Identifier: Apache-2.0
// The datapath as the rest of the agent sees it: give it plans, it makes the kernel obey them.
#ifndef SHUNT_DATAPATH_DATAPATH_H_
#define SHUNT_DATAPATH_DATAPATH_H_

#include <cstdint>
#include <vector>

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

// Whether the plans given to Apply are all there are.
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
  // kResourceExhausted: the plan does not fit, and which limit it met; kUnavailable and others: a write failed.
  absl::Status status;
};

// What an audit found that nobody had asked for: another hand, or a fault of ours, has changed the maps.
struct Drift {
  // Services whose rows differed from their plan; with those that no plan names and that were there all the same.
  std::vector<model::ObjectName> services;
  // Rows of no single Service that were repaired: words of the prefix filter, entries of the index that led nowhere,
  // addresses of the node.
  uint32_t shared = 0;
  // Of the repair: as from Apply.
  std::vector<ServiceFailure> failures;

  size_t differences() const { return services.size() + shared; }
};

// Not thread-safe: one thread owns it (the agent's loop).
class Datapath {
 public:
  virtual ~Datapath() = default;

  // Makes the kernel hold exactly the plan of every Service named, by the update protocol (docs/maps.md):
  // at every instant a connect sees the old or the new set of a pool. A plan that fits nowhere fails whole
  // and leaves what that Service had; the others are applied. Failed Services are returned, and applying
  // their plans again later is safe and completes them. A Service is removed by a plan without ports.
  // Idempotent: an unchanged plan causes no write.
  virtual std::vector<ServiceFailure> Apply(absl::Span<const model::ServicePlan* const> plans, ApplyScope scope) = 0;

  // Reads the maps back as at a start, and makes them obey `plans` (all there are) and `addresses` again, by the same
  // protocol as Apply. Takes as long as a start, and a grace period before. kUnavailable: rows of an earlier change
  // still wait for theirs, and nothing has been done. Other errors: the maps could not be read or what Services share
  // not be written; what was repaired by then stays, and Apply goes on as ever.
  virtual absl::StatusOr<Drift> Audit(absl::Span<const model::ServicePlan* const> plans,
                                      absl::Span<const NodeAddress> addresses) = 0;

  // Replaces the set of addresses on which NodePorts answer.
  virtual absl::Status SetNodeAddresses(absl::Span<const NodeAddress> addresses) = 0;

  // Takes back ids whose grace period has passed. Apply does it too; an idle agent calls this now and then.
  virtual void Reclaim() = 0;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_DATAPATH_H_
