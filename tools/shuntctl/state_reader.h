// SPDX-License-Identifier: Apache-2.0
// Where a command's answers come from: the agent, or the pins. Both are read as messages of the admin API.
#ifndef SHUNT_TOOLS_SHUNTCTL_STATE_READER_H_
#define SHUNT_TOOLS_SHUNTCTL_STATE_READER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "shunt/admin/v1/admin_service.pb.h"
#include "tools/shuntctl/options.h"
#include "userspace/report/agent_view.h"

namespace shunt::shuntctl {

namespace v1 = admin::v1;

// Not thread-safe. Errors are those of the admin API, or say why the state cannot be read and what to do.
class StateReader {
 public:
  virtual ~StateReader() = default;

  virtual absl::StatusOr<v1::AgentStatus> Status() = 0;
  // Compares the maps with what is planned, now. kUnimplemented if this state has no plans.
  virtual absl::StatusOr<v1::AuditReport> Audit() = 0;
  virtual absl::StatusOr<v1::ListServicesResponse> Services(const v1::ListServicesRequest& request) = 0;
  virtual absl::StatusOr<v1::Service> Service(const v1::GetServiceRequest& request) = 0;
  virtual absl::StatusOr<v1::ListBackendsResponse> Backends(const v1::ListBackendsRequest& request) = 0;
  virtual absl::StatusOr<v1::ListDevicesResponse> Devices() = 0;
  // Visits flows in the order of their rows; an error may come after some.
  virtual absl::Status Flows(const v1::ListFlowsRequest& request, const std::function<void(v1::Flow)>& visit) = 0;
  virtual absl::StatusOr<v1::FlowCounts> CountFlows(const v1::CountFlowsRequest& request) = 0;
  virtual absl::StatusOr<v1::ListSnatSetsResponse> SnatSets() = 0;
  // Visits every row; an error may come after some.
  virtual absl::Status DumpMap(const std::string& map, const std::function<void(v1::MapRow)>& visit) = 0;
};

// Returns a reader of the agent at `socket`. It connects at the first question; an agent that cannot be reached is the
// answer to every question: kUnavailable, kPermissionDenied, or kInvalidArgument if `socket` is not a socket's path.
std::unique_ptr<StateReader> ReadAgent(const std::string& socket);

// Returns a reader that answers from `view`, as the agent's server would.
std::unique_ptr<StateReader> ReadView(std::unique_ptr<const report::AgentView> view);

// Returns kFailedPrecondition, with the agent's reason, if the agent answered without having read the pins: then the
// status has no maps and no programs, whatever is attached.
absl::Status CheckPinsWereRead(const v1::AgentStatus& status);

// Returns the reader that the options ask for: of the agent, or with --offline or --bpffs of the pins.
std::unique_ptr<StateReader> OpenReader(const Options& options);

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_STATE_READER_H_
