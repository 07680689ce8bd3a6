// SPDX-License-Identifier: Apache-2.0
// What the agent's status says of its programs, its source, its HTTP servers, its snapshot and the ending of sockets.
#ifndef SHUNT_AGENT_LIVE_PARTS_H_
#define SHUNT_AGENT_LIVE_PARTS_H_

#include <vector>

#include "userspace/agent/cluster_source.h"
#include "userspace/agent/control/loop.h"
#include "userspace/agent/serve/http_servers.h"
#include "userspace/agent/serve/live_view.h"
#include "userspace/agent/snapshot_thread.h"
#include "userspace/agent/socket_ender_thread.h"
#include "userspace/datapath/kernel/kernel_datapath.h"

namespace shunt::agent {

class LiveParts final : public AgentParts {
 public:
  // All must outlive it. `snapshot` is null if no snapshot is kept; `served_before` says that the kernel held an
  // earlier agent's Services when this agent started.
  LiveParts(const datapath::KernelDatapath& datapath, const Loop& loop, bool served_before, const ClusterSource& source,
            const SnapshotThread* snapshot, const SocketEnderThread& socket_ender, const HttpServers& http)
      : datapath_(datapath),
        loop_(loop),
        served_before_(served_before),
        source_(source),
        snapshot_(snapshot),
        socket_ender_(socket_ender),
        http_(http) {}

  report::SocketSweeps socket_sweeps() const override { return socket_ender_.sweeps(); }
  report::SourceStatus source_status() const override { return source_.status(); }
  bool programs_current() const override { return datapath_.programs_current(); }
  report::DeviceReport devices() const override { return datapath_.devices(); }
  std::vector<report::StatusProblem> Problems() const override;

 private:
  const datapath::KernelDatapath& datapath_;
  const Loop& loop_;
  const bool served_before_;
  const ClusterSource& source_;
  const SnapshotThread* const snapshot_;
  const SocketEnderThread& socket_ender_;
  const HttpServers& http_;
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_LIVE_PARTS_H_
