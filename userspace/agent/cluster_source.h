// SPDX-License-Identifier: Apache-2.0
// The agent's one source of Services, EndpointSlices and its Node.
#ifndef SHUNT_AGENT_CLUSTER_SOURCE_H_
#define SHUNT_AGENT_CLUSTER_SOURCE_H_

#include <string>

#include "userspace/report/reflector_status.h"
#include "userspace/sources/source.h"

namespace shunt::agent {

class ClusterSource : public sources::Source {
 public:
  // "manifests /etc/shunt/manifests", "kubernetes https://10.0.0.1:6443".
  virtual std::string Description() const = 0;
  // The status has no reflectors if the source has none. It has a snapshot's time while what was delivered is that
  // snapshot's. Thread-safe.
  virtual report::SourceStatus status() const = 0;
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_CLUSTER_SOURCE_H_
